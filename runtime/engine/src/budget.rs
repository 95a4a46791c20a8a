//! How much memory there is for actions.

use std::fs;

use llmp_planning::machine::available_memory;

/// The share of what is free that actions may plan with; the rest is for what their estimates leave out.
const SHARE: f64 = 0.9;

/// Bytes of memory that are free for this process: on the machine, and in its control group. `None` where the
/// system does not say.
#[must_use]
pub fn free_memory() -> Option<u64> {
    let machine = available_memory();
    let group = || {
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
        };
        Some(number("memory.max")?.saturating_sub(number("memory.current")?))
    };
    let free = [machine, group()].into_iter().flatten().min();
    free.map(|bytes| (bytes as f64 * SHARE) as u64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn some_memory_is_free() {
        if !std::fs::exists("/proc/meminfo").unwrap_or(false) {
            eprintln!("skipped: the system does not tell its memory");
            return;
        }
        assert!(super::free_memory() > Some(0));
    }
}
