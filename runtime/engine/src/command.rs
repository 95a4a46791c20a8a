//! Command stages: the user's own program as a stage. It runs only under `llmp run` and `llmp worker`.
//!
//! The program runs in the pipeline's folder with a clean environment:
//!
//! | variable | is |
//! |---|---|
//! | `LLMP_INPUT_ROLE` | a folder with copies of the files of the input `role`, documents as JSON lines where the stage says `reads = jsonl`; several separated by `:` |
//! | `LLMP_OUTPUT` | the empty folder to write to |
//! | `LLMP_KIND_ROLE` | the kinds of these in the same order, `Docs:Questions` |
//! | `LLMP_SETTINGS` | a JSON file with the settings |
//! | `CUDA_VISIBLE_DEVICES` | the GPUs that it has for itself |
//!
//! Its standard output and error go to the stage's log. Its process group ends with it: by itself, when its
//! time is over, when the run is stopped, or when the run is killed ([`Guard`]).

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use llmp_records::text;
use llmp_stage::{Context, Error, Registry, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::action::Action;
use super::guard::{self, Guard};
use super::memory::Family;
use super::output;

/// Longest line of output that is kept whole.
const MAX_LINE: u64 = 64 << 10;

/// Bytes of one program's output that go to the log.
const MAX_LOG: usize = 16 << 20;

/// Last lines of standard error that an error message shows, and their length.
const TAIL: usize = 8;
const TAIL_LINE: usize = 300;

/// What files of the user are: a kind that no stage makes.
const FILES: &str = "Files";

/// How often a stop and the time limit are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Time to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the program of an action in the pipeline's `folder`; gives the peak memory of its processes, in
/// bytes, where the system says.
pub(super) fn run(
    ctx: &dyn Context,
    action: &Action,
    folder: &Path,
    registry: &Registry,
    scratch: &Path,
    guard: &Guard,
) -> Result<Option<u64>> {
    let command = action.stage.command.as_deref().unwrap_or_default();
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::new(format!("`{}` has no implementation in this program", action.stage.kind))
            .help("give it `run = [\"program\", …]`, or check the stage's name"));
    };
    // Left to the system, it would be looked up by the child, which takes a fork of all of this process's
    // memory map; a path can be started without.
    let found = if program.contains('/') { None } else { llmp_planning::program(program, folder) };
    let mut run = Command::new(found.unwrap_or_else(|| PathBuf::from(program)));
    run.arg0(program).args(arguments).current_dir(folder).stdin(Stdio::null());
    set_environment(&mut run, ctx, action, scratch)?;
    // Its own process group, so that stopping reaches its children too.
    run.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    guard.ready();
    let child = run.spawn().map_err(|error| {
        Error::new(format!("cannot start `{program}`"))
            .because(error)
            .help("the program of a command stage is looked up in PATH; it runs in the pipeline's folder")
    })?;
    let limit = action.stage.time_limit.map(Duration::from_secs_f64);
    let Finished { status, tail, memory } = Running::new(child, guard)?.wait(ctx, program, limit)?;
    if !status.success() {
        let ended = match (status.code(), status.signal()) {
            (Some(code), _) => format!("`{program}` ended with exit code {code}"),
            (None, Some(signal)) => format!("`{program}` was killed by signal {signal}"),
            (None, None) => format!("`{program}` ended with {status}"),
        };
        return Err(Error::new(ended + &said(&tail))
            .help(format!("all of its output is in the log: `llmp log {}`", action.stage.name)));
    }
    output::own(ctx.output())?;
    let output = action.stage.output.as_ref();
    let output =
        output.ok_or_else(|| Error::new("the output is of a kind that this version does not know"))?;
    output::take_dropped(ctx)?;
    output::check(registry.form(output.kind.name()), ctx)?;
    Ok(memory)
}

fn set_environment(run: &mut Command, ctx: &dyn Context, action: &Action, scratch: &Path) -> Result<()> {
    let settings = scratch.join("settings.json");
    fs::write(&settings, action.stage.settings.to_string()).map_err(Error::io("cannot write", &settings))?;
    run.env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            run.env(name, value);
        }
    }
    // Fixed, since order and forms of numbers and dates depend on them.
    run.env("LANG", "C.UTF-8").env("TZ", "UTC");
    run.env("TMPDIR", scratch).env("LLMP_OUTPUT", ctx.output()).env("LLMP_SETTINGS", &settings);
    run.env(guard::OWNER, std::process::id().to_string());
    if !action.gpus.is_empty() {
        run.env("CUDA_VISIBLE_DEVICES", action.gpus.join(","));
    }
    let roles: BTreeSet<&str> = action.inputs.iter().map(|given| given.role.as_str()).collect();
    for role in roles {
        let folders = ctx.inputs(role).iter().map(|given| &given.folder);
        let joined = std::env::join_paths(folders)
            .map_err(|error| Error::new("a folder's path cannot stand in a list of paths").because(error))?;
        let kinds = ctx.inputs(role).iter().map(|given| given.kind.as_deref().unwrap_or(FILES));
        let (kinds, role) = (kinds.collect::<Vec<_>>().join(":"), role.to_uppercase());
        run.env(format!("LLMP_KIND_{role}"), kinds).env(format!("LLMP_INPUT_{role}"), joined);
    }
    Ok(())
}

/// What comes from a running program.
enum Heard {
    Line { error: bool, line: Vec<u8> },
    Closed,
    Exited,
}

/// A program that has ended.
struct Finished {
    status: ExitStatus,
    /// The last lines of its standard error.
    tail: VecDeque<String>,
    /// Bytes that its processes took at the peak, where the system says.
    memory: Option<u64>,
}

/// A running program, which is killed with all of its group when this goes.
struct Running<'a> {
    child: Child,
    group: Pid,
    guard: &'a Guard,
    heard: Receiver<Heard>,
}

impl<'a> Running<'a> {
    fn new(mut child: Child, guard: &'a Guard) -> Result<Self> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let Some(group) = group else { return Err(Error::new("the system gave a process no number")) };
        guard.begin(group);
        // Threads of their own, not scoped ones: what a program leaves behind may keep its output open for
        // ever.
        let (send, heard) = sync_channel(64);
        if let Some(out) = child.stdout.take() {
            let send = send.clone();
            std::thread::spawn(move || lines(out, false, &send));
        }
        if let Some(err) = child.stderr.take() {
            let send = send.clone();
            std::thread::spawn(move || lines(err, true, &send));
        }
        std::thread::spawn(move || {
            // Left unreaped, so that the number keeps belonging to this group until the group has been
            // killed.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(group), options), Err(rustix::io::Errno::INTR)) {}
            let _ = send.send(Heard::Exited);
        });
        Ok(Self { child, group, guard, heard })
    }

    /// Waits for its end.
    fn wait(mut self, ctx: &dyn Context, program: &str, limit: Option<Duration>) -> Result<Finished> {
        let started = Instant::now();
        let mut family = Family::new(self.group);
        let mut tail = VecDeque::new();
        let (mut open, mut logged) = (2, 0);
        // When to stop listening, and why it was told to stop.
        let (mut end, mut exited, mut stopped) = (None, false, None);
        while open > 0 || !exited {
            family.look();
            match self.heard.recv_timeout(LOOK) {
                Ok(Heard::Line { error, line }) => {
                    let line = String::from_utf8_lossy(&line);
                    let line = line.trim_end();
                    log(ctx, line, &mut logged);
                    if error && !line.is_empty() {
                        tail.push_back(plain(line).chars().take(TAIL_LINE).collect());
                        if tail.len() > TAIL {
                            tail.pop_front();
                        }
                    }
                }
                Ok(Heard::Closed) => open -= 1,
                Ok(Heard::Exited) => {
                    exited = true;
                    // What it left running would go on writing to a finished result.
                    let _ = kill_process_group(self.group, Signal::KILL);
                    end = Some(Instant::now() + GRACE);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if stopped.is_none() && !exited {
                if ctx.cancelled() {
                    stopped = Some(Error::cancelled());
                } else if limit.is_some_and(|limit| started.elapsed() >= limit) {
                    let limit = text::duration(limit.unwrap_or_default().as_secs_f64());
                    stopped = Some(
                        Error::new(format!(
                            "`{program}` was stopped after its time limit of {limit}{}",
                            said(&tail)
                        ))
                        .help("raise `timeout` in the stage's declaration, or leave it out"),
                    );
                }
                if stopped.is_some() {
                    let _ = kill_process_group(self.group, Signal::TERM);
                    end = Some(Instant::now() + GRACE);
                }
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                if exited {
                    // Something that left the group holds the output open; it is not waited for.
                    break;
                }
                let _ = kill_process_group(self.group, Signal::KILL);
            }
        }
        let status =
            self.child.wait().map_err(|error| Error::new(format!("lost `{program}`")).because(error))?;
        match stopped {
            Some(error) => Err(error),
            None => Ok(Finished { status, tail, memory: family.peak() }),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(self.group, Signal::KILL);
            let _ = self.child.wait();
        }
        self.guard.end(self.group);
    }
}

fn lines(from: impl Read, error: bool, send: &SyncSender<Heard>) {
    let mut reader = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) if send.send(Heard::Line { error, line }).is_err() => return,
            Ok(_) => {}
        }
    }
    let _ = send.send(Heard::Closed);
}

/// Logs a line, as long as there are not too many.
fn log(ctx: &dyn Context, line: &str, logged: &mut usize) {
    let before = *logged;
    *logged = before.saturating_add(line.len() + 1);
    if *logged <= MAX_LOG {
        ctx.log(line);
    } else if before <= MAX_LOG {
        ctx.log("… it printed more than 16 MiB; the rest is left out");
    }
}

/// A line without colours and other commands to a terminal: a message must not move the cursor.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\u{1b}' => {
                // Such a command is `ESC [`, numbers, and a letter.
                if signs.as_str().starts_with('[') {
                    signs.by_ref().skip(1).find(|sign| ('@'..='~').contains(sign));
                }
            }
            '\t' => plain.push(sign),
            other if other.is_control() => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The end of a message: what the program printed last.
fn said(tail: &VecDeque<String>) -> String {
    if tail.is_empty() {
        return String::new();
    }
    tail.iter().fold(String::from("; it printed:"), |text, line| text + "\n    " + line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_commands_to_a_terminal() {
        assert_eq!(plain("\u{1b}[1;31mbad\u{1b}[0m\tvalue\u{7} \u{1b}c…"), "bad\tvalue c…");
        assert_eq!(plain("\u{1b}["), "");
    }
}
