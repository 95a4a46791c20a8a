//! How much memory there is for actions.

use std::fs;

/// The share of what is free that actions may plan with; the rest is for what their estimates leave out.
const SHARE: f64 = 0.9;

/// Bytes of memory that are free for this process: on the machine, and in its control group. Everything, where the system
/// does not say.
#[must_use]
pub fn free_memory() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let group = || {
        let number = |name: &str| -> Option<u64> {
            fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
        };
        Some(number("memory.max")?.saturating_sub(number("memory.current")?))
    };
    let free = [machine, group()].into_iter().flatten().min();
    free.map_or(u64::MAX, |bytes| (bytes as f64 * SHARE) as u64)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_what_linux_says() {
        let text = "MemTotal:       24050764 kB\nMemAvailable:    1024 kB\nBuffers: 1 kB\n";
        assert_eq!(super::available(text), Some(1 << 20));
        assert_eq!(super::available("nonsense"), None);
        assert!(super::free_memory() > 0);
    }
}
