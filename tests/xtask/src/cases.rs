//! Runs cases that were collected elsewhere: a folder with a folder each, what it needs and a `case.md` that
//! tells the story.
//!
//! `cases.sh` says for each, by its number, what is right: shell commands that succeed. They run in a copy of
//! the case, with `llmp` and the functions at the beginning of that file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = include_str!("../cases.sh");

/// Prints a table; whether all are right.
///
/// # Errors
///
/// If the folder has no cases, or the program is not built.
pub fn run(root: &Path, folder: &Path, wanted: &[&str]) -> Result<bool, String> {
    let program = root.join("target/release/llmp");
    if !program.exists() {
        return Err("there is no `target/release/llmp`; build it with `cargo build --release`".into());
    }
    let cases = names(folder)?;
    let (common, checks) = checks();
    let work = std::env::temp_dir().join(format!("llmp-cases-{}", std::process::id()));
    let (mut right, mut wrong) = (0, 0);
    for name in cases.iter().filter(|name| wanted.is_empty() || wanted.iter().any(|it| name.starts_with(it)))
    {
        let number = name.split('-').next().unwrap_or(name);
        let Some((_, check)) = checks.iter().find(|(of, _)| *of == number) else {
            println!("no check {name}");
            wrong += 1;
            continue;
        };
        let place = work.join(name);
        copy(&folder.join(name), &place)?;
        let bin = program.parent().unwrap_or(root);
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&paths));
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &format!("{common}\n{check}")])
            .current_dir(&place)
            .env("PATH", std::env::join_paths(paths).map_err(|error| error.to_string())?)
            .output()
            .map_err(|error| format!("cannot start bash: {error}"))?;
        if output.status.success() {
            println!("right    {name}");
            right += 1;
        } else {
            println!("WRONG    {name}");
            let said =
                [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
            let lines: Vec<&str> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(4)..] {
                println!("         | {line}");
            }
            wrong += 1;
        }
    }
    drop(fs::remove_dir_all(&work));
    println!("{right} right, {wrong} wrong");
    Ok(wrong == 0)
}

/// The folders that have a `case.md`, by name.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("cannot read `{}`: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("case.md").exists() {
            names.extend(path.file_name().and_then(|it| it.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    if names.is_empty() {
        Err(format!("`{}` has no folder with a `case.md`", folder.display()))
    } else {
        Ok(names)
    }
}

/// What all checks share, and the checks by number.
fn checks() -> (&'static str, Vec<(&'static str, &'static str)>) {
    let mut parts = SCRIPT.split("\n#--- ");
    let common = parts.next().unwrap_or_default();
    (common, parts.filter_map(|part| part.split_once('\n')).map(|(head, text)| (head.trim(), text)).collect())
}

/// A copy that may be written to, links as links.
fn copy(from: &Path, to: &PathBuf) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| error.to_string())?;
    let status = Command::new("cp").arg("-R").arg("-P").arg(from.join(".")).arg(to).status();
    match status {
        Ok(status) if status.success() => {
            let status = Command::new("chmod").args(["-R", "u+w"]).arg(to).status();
            status.map(drop).map_err(|error| error.to_string())
        }
        _ => Err(format!("cannot copy `{}`", from.display())),
    }
}
