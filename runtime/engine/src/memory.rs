//! The memory that actions take: the process's peak while each ran; for a command, what its processes took.
//!
//! The system keeps one peak for the whole process, which Linux lets a process set back. So the peak is read
//! and set back whenever an action starts or ends, and counts for all that ran meanwhile. Where it cannot be
//! set back, it is the peak since the process started.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use llmp_planning::machine::line_of;
use rustix::process::Pid;

/// Peaks of the actions that run, by number.
static RUNNING: Mutex<(u64, BTreeMap<u64, Option<u64>>)> = Mutex::new((0, BTreeMap::new()));

/// Watches the memory of one action, from [`Peak::start`] to [`Peak::end`].
pub(super) struct Peak(u64);

impl Peak {
    pub(super) fn start() -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut running.1);
        running.0 += 1;
        let number = running.0;
        running.1.insert(number, None);
        Self(number)
    }

    /// The peak of resident memory meanwhile, in bytes; `None` where the system does not say.
    pub(super) fn end(self) -> Option<u64> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut running.1);
        running.1.remove(&self.0).flatten()
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        // An action that fails ends here.
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.0);
    }
}

/// Counts the peak so far for all that run, and sets it back.
fn note(running: &mut BTreeMap<u64, Option<u64>>) {
    let peak = peak_of("self");
    for most in running.values_mut() {
        *most = (*most).max(peak);
    }
    // `5` sets the peak back to what is resident now (proc(5)); where that is forbidden, peaks are only
    // larger.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak of a process's resident memory, in bytes; `None` where the system does not say.
fn peak_of(process: &str) -> Option<u64> {
    line_of(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, "VmHWM:")
}

/// How often a command's processes are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Most processes of a command that are looked at.
const MAX_PROCESSES: usize = 1_000;

/// Watches the memory of a process and of those it started: the peaks of those that lived at the same time,
/// together. What ends before it is looked at does not count.
pub(super) struct Family {
    first: Pid,
    most: Option<u64>,
    looked: Option<Instant>,
}

impl Family {
    pub(super) fn new(first: Pid) -> Self {
        Self { first, most: None, looked: None }
    }

    /// Looks, where that is due.
    pub(super) fn look(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return;
        }
        let mut open = vec![self.first.as_raw_nonzero().to_string()];
        let (mut sum, mut seen) = (None, 0);
        while let Some(process) = open.pop().filter(|_| seen < MAX_PROCESSES) {
            sum = [sum, peak_of(&process)].into_iter().flatten().reduce(u64::saturating_add);
            seen += 1;
            for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
                let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
                open.extend(children.split_whitespace().map(str::to_owned));
            }
        }
        self.most = self.most.max(sum);
        self.looked = Some(Instant::now());
    }

    /// Bytes at the peak; `None` where nothing was seen.
    pub(super) fn peak(&self) -> Option<u64> {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use rustix::process::{Signal, kill_process_group};

    use super::*;

    #[test]
    fn a_command_takes_what_its_children_take() {
        if !fs::exists("/proc/thread-self/children").unwrap_or(false) {
            eprintln!("skipped: the system does not tell a process's children");
            return;
        }
        // `tail` holds all it was given, and waits for one who does not read.
        let mut child = Command::new("sh")
            .args(["-c", "head -c 67108864 /dev/zero | tail -c 67108864 | sleep 600; true"])
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Pid::from_child(&child);
        let mut family = Family::new(group);
        let end = Instant::now() + Duration::from_secs(60);
        while family.peak() < Some(64 << 20) && Instant::now() < end {
            family.look();
            std::thread::sleep(Duration::from_millis(10));
        }
        kill_process_group(group, Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!((64 << 20..256 << 20).contains(&family.peak().unwrap()), "{:?}", family.peak());
        family.looked = None;
        family.look();
        assert!(family.peak() >= Some(64 << 20), "it stays when all have ended");
    }

    #[test]
    fn a_peak_belongs_to_those_who_ran_meanwhile() {
        if !fs::exists("/proc/self/clear_refs").unwrap_or(false) {
            eprintln!("skipped: the system does not tell a process's peak memory");
            return;
        }
        let before = Peak::start();
        let filled = std::hint::black_box(vec![1_u8; 256 << 20]);
        let during = Peak::start();
        drop(filled);
        let (before, during) = (before.end().unwrap(), during.end().unwrap());
        assert!(before >= 256 << 20 && during > 0, "{before} {during}");
    }
}
