//! The memory that actions take: the process's peak while each ran.
//!
//! The system keeps one peak for the whole process, which Linux lets a process set back. So the peak is read and set back
//! whenever an action starts or ends, and counts for all that ran meanwhile. Where it cannot be set back, it is the peak
//! since the process started.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};

/// Peaks of the actions that run, by number.
static RUNNING: Mutex<(u64, BTreeMap<u64, u64>)> = Mutex::new((0, BTreeMap::new()));

/// Watches the memory of one action, from [`Peak::start`] to [`Peak::end`].
pub(super) struct Peak(u64);

impl Peak {
    pub(super) fn start() -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut running.1);
        running.0 += 1;
        let number = running.0;
        running.1.insert(number, 0);
        Self(number)
    }

    /// The peak of resident memory meanwhile, in bytes; 0 where the system does not say.
    pub(super) fn end(self) -> u64 {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut running.1);
        running.1.remove(&self.0).unwrap_or(0)
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        // An action that fails ends here.
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.0);
    }
}

/// Counts the peak so far for all that run, and sets it back.
fn note(running: &mut BTreeMap<u64, u64>) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    let peak = peak.map_or(0, |kib| kib * 1024);
    for most in running.values_mut() {
        *most = (*most).max(peak);
    }
    // `5` sets the peak back to what is resident now (proc(5)); where that is forbidden, peaks are only larger.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (before, during) = (before.end(), during.end());
        assert!(before >= 256 << 20 && during > 0, "{before} {during}");
    }
}
