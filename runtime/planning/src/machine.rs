//! This machine: what it has, for the question whether a plan is feasible, and what it is called.

use std::fs;
use std::path::Path;

use llmp_compiler::feasible::Capacity;
use llmp_records::Environment;

/// What stages that run on `device` and store below `folder` can use.
#[must_use]
pub fn capacity(device: &str, folder: &Path) -> Capacity {
    // A GPU's own memory is not asked for: that would need its driver.
    let memory = if device == "cpu" { memory() } else { None };
    let gpus = Some(gpus().len().max(1) as u32);
    Capacity { device: device.to_owned(), memory, disk: free_disk(folder), gpus }
}

/// The GPUs of this machine as programs know them: those that `CUDA_VISIBLE_DEVICES` leaves, or else those
/// whose device files are there. None where neither says anything, which does not mean that there is none.
#[must_use]
pub fn gpus() -> Vec<String> {
    let names = |folder| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let files = names("/dev").filter_map(|name| name.into_string().ok());
    visible(std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref(), files)
}

/// The GPUs that a list of them names, or else the files of a folder of devices.
fn visible(listed: Option<&str>, files: impl Iterator<Item = String>) -> Vec<String> {
    if let Some(listed) = listed.filter(|listed| !listed.trim().is_empty()) {
        return listed.split(',').map(|name| name.trim().to_owned()).collect();
    }
    let number = |name: String| name.strip_prefix("nvidia")?.parse::<u32>().ok();
    let mut numbers: Vec<u32> = files.filter_map(number).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// Bytes of memory of this machine, or of the control group that holds this process where that is less.
fn memory() -> Option<u64> {
    let machine = meminfo("MemTotal:");
    let group =
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min()
}

/// Bytes of memory that are free now, or can be freed at once.
#[must_use]
pub fn available_memory() -> Option<u64> {
    meminfo("MemAvailable:")
}

/// Threads that wanted to run in the last minute; `None` where the system does not say.
#[must_use]
pub(super) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// A line of Linux's account of memory, in bytes; other systems have none.
fn meminfo(name: &str) -> Option<u64> {
    line_of(&fs::read_to_string("/proc/meminfo").ok()?, name)
}

/// The bytes that a line of one of Linux's accounts gives in kB.
#[must_use]
pub fn line_of(account: &str, name: &str) -> Option<u64> {
    let line = account.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Bytes that this user may still write where `folder` lies or will lie.
fn free_disk(folder: &Path) -> Option<u64> {
    let folder = folder.ancestors().find(|folder| folder.exists()).filter(|folder| *folder != Path::new(""));
    let found = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// The machine's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What a run that starts now runs in; what the system does not say stays empty.
#[must_use]
pub fn environment() -> Environment {
    let name = rustix::system::uname();
    let of = |path: &str, field: &str| {
        let text = fs::read_to_string(path).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(field))?;
        Some(value.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    Environment {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: name.nodename().to_string_lossy().into_owned(),
        system: format!(
            "{} {} {}",
            name.sysname().to_string_lossy(),
            name.release().to_string_lossy(),
            std::env::consts::ARCH
        ),
        processor: of("/proc/cpuinfo", "model name").unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory: meminfo("MemTotal:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_those_that_are_visible() {
        let files =
            || ["nvidiactl", "nvidia10", "null", "nvidia2", "nvidia-uvm"].into_iter().map(str::to_owned);
        assert_eq!(visible(None, files()), ["2", "10"]);
        assert_eq!(visible(Some(""), files()), ["2", "10"]);
        assert_eq!(visible(Some("GPU-8a, 3"), files()), ["GPU-8a", "3"]);
        assert!(visible(None, std::iter::empty()).is_empty());
    }

    #[test]
    fn reads_what_linux_says() {
        let text = "MemTotal:       24050764 kB\nMemAvailable:    1024 kB\nBuffers: 1 kB\n";
        assert_eq!(line_of(text, "MemAvailable:"), Some(1 << 20));
        assert_eq!(line_of("nonsense", "MemAvailable:"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_lies_on_some_disk() {
        assert!(free_disk(Path::new("not/there/yet")).is_some());
        assert_eq!(capacity("cuda:0", Path::new(".")).memory, None);
    }
}
