//! Whether the programs of command stages are there. Nothing is started.

use std::path::{Path, PathBuf};

use llmp_compiler::code;
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::graph::Graph;
use rustix::fs::{Access, access};

/// Programs that run the script which their first argument names, as their names begin.
const INTERPRETERS: [&str; 12] =
    ["python", "pypy", "sh", "bash", "dash", "zsh", "node", "perl", "ruby", "Rscript", "julia", "lua"];
/// Letters of options that take no value and may stand before the script: `python3 -u`, `sh -eu`.
const SWITCHES: &str = "uBEIsSOqvex";

/// Where the program lies that a command in `folder` begins with; `None` where there is none.
#[must_use]
pub fn program(name: &str, folder: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if name.contains('/') {
        return Some(folder.join(name)).filter(is_program);
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|entry| folder.join(entry).join(name)).find(is_program)
}

/// Why a command cannot be started in `folder`, in words; `None` where nothing speaks against it.
#[must_use]
pub(crate) fn unstartable(command: &[String], folder: &Path) -> Option<String> {
    let (name, arguments) = command.split_first()?;
    if program(name, folder).is_none() {
        return Some(match (name.contains('/'), folder.join(name).is_file()) {
            (true, true) => format!("`{name}` is no program: it may not be executed"),
            (true, false) => format!("there is no program `{name}`"),
            (false, _) => format!("there is no program `{name}` in PATH"),
        });
    }
    let script = script(name, arguments)?;
    (!folder.join(script).exists())
        .then(|| format!("there is no script `{script}`, which `{name}` is to run"))
}

/// The script that an interpreter is told to run, where that is certain.
fn script<'a>(program: &str, arguments: &'a [String]) -> Option<&'a str> {
    let name = program.rsplit('/').next().unwrap_or(program);
    // `python3.12` is one, `shuf` is none.
    let is_version = |rest: &str| rest.chars().all(|next| next.is_ascii_digit() || next == '.');
    let is_one = INTERPRETERS.iter().filter_map(|one| name.strip_prefix(one)).any(is_version);
    let is_switch = |word: &&String| {
        word.strip_prefix('-').is_some_and(|letters| {
            !letters.is_empty() && letters.chars().all(|letter| SWITCHES.contains(letter))
        }) && !matches!(name, "perl" | "ruby" | "node" | "julia" | "lua" | "Rscript")
    };
    let first = arguments.iter().find(|word| !is_switch(word)).filter(|_| is_one)?;
    (!first.starts_with('-')).then_some(first.as_str())
}

/// What is wrong with the commands of a pipeline whose main file lies in `folder`.
#[must_use]
pub fn unstartable_commands(graph: &Graph, folder: &Path) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for stage in &graph.stages {
        let Some(message) = stage.command.as_ref().and_then(|command| unstartable(command, folder)) else {
            continue;
        };
        let span = stage.command_span.unwrap_or(stage.span);
        // A stage may be called often.
        if !found.iter().any(|one| one.span() == span) {
            found.push(missing(message, span));
        }
    }
    found
}

fn missing(message: String, span: llmp_compiler::source::Span) -> Diagnostic {
    Diagnostic::error(code::COMMAND_MISSING, message, span)
        .help("commands run in the main file's folder; programs without `/` are looked up in PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(folder: &Path, command: &[&str]) -> Option<String> {
        unstartable(&command.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), folder)
    }

    #[test]
    fn what_is_missing_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there.sh"), "true\n").unwrap();
        let told = |command: &[&str]| fault(folder.path(), command);
        for right in [
            &["sh", "there.sh"][..],
            &["sh", "-eu", "there.sh", "not-a-script.sh"],
            &["sh", "-c", "gone.sh"],
            &["sh"],
            &["cp", "gone.py"],
            &["/bin/sh", "there.sh"],
            &[],
        ] {
            assert_eq!(told(right), None, "{right:?}");
        }
        for (wrong, words) in [
            (&["sh", "gone.sh"][..], "no script `gone.sh`"),
            (&["sh", "-eu", "gone.sh"], "no script `gone.sh`"),
            (&["/bin/sh", "gone.sh"], "no script `gone.sh`"),
            (&["no-such-program-anywhere"], "`no-such-program-anywhere` in PATH"),
            (&["./gone"], "no program `./gone`"),
            (&["./there.sh"], "may not be executed"),
        ] {
            let told = told(wrong);
            assert!(told.as_ref().is_some_and(|told| told.contains(words)), "{wrong:?}: {told:?}");
        }
    }
}
