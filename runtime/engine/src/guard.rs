//! No command outlives the run that started it, even where the run is killed.
//!
//! Nothing runs in a process that gets SIGKILL, so another one watches: `llmp guard`, started with the first
//! command. It reads the process groups that begin and end from its standard input, which closes when the run
//! ends, however it ends; then it kills the groups that are left, and what carries the run's number in its
//! environment: commands that had just started, and what left its group.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Kills the commands of this process should it be killed.
pub struct Guard {
    /// This program; without it, nothing is guarded.
    program: Option<PathBuf>,
    watcher: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// A guard that starts `program guard` when the first command starts; `None` guards nothing.
    #[must_use]
    pub fn new(program: Option<PathBuf>) -> Self {
        Self { program, watcher: Mutex::new(None) }
    }

    /// Has somebody watching, so that nothing lies between a command's start and [`Guard::begin`].
    pub(super) fn ready(&self) {
        let Some(program) = &self.program else { return };
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if watcher.is_none() {
            // A group of its own, so that Ctrl-C in the terminal does not reach it.
            let child = Command::new(program)
                .args(["guard", &std::process::id().to_string()])
                .process_group(0)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            // Where no process can be started, commands can't either, and say so.
            *watcher = child.ok().and_then(|mut child| child.stdin.take());
        }
    }

    /// A process group begins.
    pub(super) fn begin(&self, group: Pid) {
        tell(&mut self.watcher.lock().unwrap_or_else(PoisonError::into_inner), '+', group);
    }

    /// A process group has ended.
    pub(super) fn end(&self, group: Pid) {
        tell(&mut self.watcher.lock().unwrap_or_else(PoisonError::into_inner), '-', group);
    }
}

fn tell(watcher: &mut Option<ChildStdin>, sign: char, group: Pid) {
    if let Some(stdin) = watcher
        && writeln!(stdin, "{sign}{}", group.as_raw_nonzero()).is_err()
    {
        // It was killed itself; the next command starts another.
        *watcher = None;
    }
}

/// The variable that tells the processes of commands apart: the number of the process that started them.
pub(super) const OWNER: &str = "LLMP_RUN";

/// What `llmp guard` does: waits for the end of `input`, then kills the process groups that have begun and
/// not ended, and all that process `owner` started.
pub fn watch(input: impl BufRead, owner: u32) {
    let mut groups = BTreeSet::new();
    for line in input.lines().map_while(Result::ok) {
        let Some(group) = line.get(1..).and_then(|id| id.parse().ok()) else { continue };
        match line.as_bytes().first() {
            Some(b'+') => groups.insert(group),
            _ => groups.remove(&group),
        };
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        // One that has ended by itself needs no killing.
        let _ = kill_process_group(group, Signal::KILL);
    }
    // A second time for what was between its parent's end and its own start.
    for _ in 0..2 {
        for process in owned(owner) {
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Processes that `owner` started, directly or not; none where the system has no `/proc`.
fn owned(owner: u32) -> impl Iterator<Item = Pid> {
    let mark = format!("{OWNER}={owner}");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let process = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes()).then_some(process)
    })
}
