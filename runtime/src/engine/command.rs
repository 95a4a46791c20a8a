//! Command stages: the user's own program as a stage. It runs only under `llmp run`.
//!
//! The program runs in the pipeline's folder with a clean environment:
//!
//! | variable | is |
//! |---|---|
//! | `LLMP_INPUT_ROLE` | a folder with copies of the files of the input `role`; several separated by `:` |
//! | `LLMP_OUTPUT` | the empty folder to write to |
//! | `LLMP_SETTINGS` | a JSON file with the settings |
//!
//! Its standard output and error go to the stage's log.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use llmp_compiler::graph::Stage;
use llmp_stage::{Context, Error, Result};

use super::action::settings;

/// Longest line of output that is kept whole.
const MAX_LINE: u64 = 64 << 10;

pub(super) fn run(ctx: &dyn Context, stage: &Stage, folder: &Path, scratch: &Path) -> Result<()> {
    let command = stage.command.as_deref().unwrap_or_default();
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::new(format!("`{}` has no implementation in this program", stage.kind))
            .help("give it `run = [\"program\", …]`, or check the stage's name"));
    };
    let file = scratch.join("settings.json");
    fs::write(&file, settings(stage).to_string()).map_err(Error::io("cannot write", &file))?;
    let absolute = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut run = Command::new(program);
    run.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "LANG", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            run.env(name, value);
        }
    }
    run.env("LLMP_OUTPUT", absolute(ctx.output())).env("LLMP_SETTINGS", absolute(&file));
    for input in &stage.inputs {
        let mut folders: Vec<PathBuf> = Vec::new();
        for (number, given) in ctx.inputs(&input.role).iter().enumerate() {
            let folder = scratch.join("given").join(format!("{}-{number}", input.role));
            copy_to(given, &folder)?;
            folders.push(absolute(&folder));
        }
        let joined = std::env::join_paths(folders)
            .map_err(|error| Error::new("a folder's path cannot stand in a list of paths").because(error))?;
        run.env(format!("LLMP_INPUT_{}", input.role.to_uppercase()), joined);
    }
    // Its own process group, so that stopping reaches its children too.
    run.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = run.spawn().map_err(|error| {
        Error::new(format!("cannot start `{program}`"))
            .because(error)
            .help("the program of a command stage is looked up in PATH; it runs in the pipeline's folder")
    })?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let status = std::thread::scope(|scope| {
        if let Some(out) = out {
            scope.spawn(move || copy_lines(ctx, out));
        }
        if let Some(err) = err {
            scope.spawn(move || copy_lines(ctx, err));
        }
        loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) => {}
                Err(error) => break Err(Error::new(format!("lost `{program}`")).because(error)),
            }
            if ctx.cancelled() {
                if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
                }
                std::thread::sleep(Duration::from_millis(200));
                let _ = child.kill();
                let _ = child.wait();
                break Err(Error::cancelled());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!("`{program}` ended with {status}"))
            .help(format!("its output is in the log: `llmp log {}`", stage.name)))
    }
}

/// Exactly the input's files, as copies: what the program does to them reaches neither the store nor the user's folder.
fn copy_to(input: &llmp_stage::Input, folder: &Path) -> Result<()> {
    for file in &input.files {
        let relative = Path::new(&file.name);
        let inside = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        // A file from outside the pipeline's folder is given under its last name.
        let name = if inside { relative } else { Path::new(relative.file_name().unwrap_or_default()) };
        let target = folder.join(name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
        }
        fs::copy(&file.path, &target).map_err(Error::io("cannot copy", &file.path))?;
    }
    Ok(())
}

fn copy_lines(ctx: &dyn Context, from: impl Read) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => ctx.log(String::from_utf8_lossy(&line).trim_end()),
        }
    }
}
