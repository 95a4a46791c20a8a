//! A full disk, and a store that cannot be written to. Both need a file system of their own, so root
//! (`mount`).

use std::path::{Path, PathBuf};

use crate::pipeline::{Finished, Random, check_whole, finish, fresh, times, undisturbed, works};
use crate::world::World;

/// A small tmpfs below a test's folder; unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with a line that says so, where it cannot be mounted.
    fn mount(world: &World, kib: u64) -> Option<Self> {
        let path = world.path().join("disk");
        std::fs::create_dir(&path).expect("make the folder");
        let options = format!("size={kib}k");
        if works("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &path.to_string_lossy()]) {
            return Some(Self(path));
        }
        eprintln!("skipped: a tmpfs cannot be mounted here (it takes root)");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(works("mount", &["-o", &options, &self.0.to_string_lossy()]), "mount -o {options}");
    }

    fn store(&self) -> PathBuf {
        self.0.join("store")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        works("umount", &["-l", &self.0.to_string_lossy()]);
    }
}

fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&entry.path()) + 4,
            // In whole pages, as tmpfs counts.
            Ok(meta) => meta.len().div_ceil(4096) * 4,
            Err(_) => 0,
        })
        .sum()
}

#[test]
fn a_full_disk_is_told_and_then_goes_on() {
    let mut random = Random::new(2);
    let whole = {
        let world = fresh();
        world.ok(&["run", "main.llmp"]);
        size_of(&world.path().join(".llmp"))
    };
    for round in 0..times(3).min(100) {
        let world = fresh();
        let Some(disk) = Disk::mount(&world, 48) else { return };
        let (mut before, mut failures, mut size) = (Finished::new(), 0, 48);
        loop {
            let said =
                world.llmp(&["run", "main.llmp", "--store", "disk/store", "--keep-going", "--ignore-limits"]);
            assert!(!said.err.contains("panicked"), "{}", said.err);
            if said.code == 0 {
                break;
            }
            failures += 1;
            // Where it is the user's own program that finds no room, the message is the program's.
            let whose = ["free some space", "it printed:"];
            let told = said.err.contains("No space left on device")
                && whose.iter().any(|part| said.err.contains(part));
            assert!(told, "round {round}, {size} KiB: {}\n{}", said.out, said.err);
            if disk.store().join("ledger").exists() {
                before = check_whole(&disk.store(), &before);
            }
            size += 1 + random.below(whole / 4);
            disk.remount(&format!("size={size}k"));
        }
        assert!(failures > 0, "the disk was never full");
        disk.remount("size=64m");
        finish(&world, "disk/store", &before);
        println!("full {failures} times up to {size} KiB");
    }
}

#[test]
fn a_store_that_cannot_be_written_to_says_so_and_still_answers() {
    let world = fresh();
    let Some(disk) = Disk::mount(&world, 65_536) else { return };
    let run: &[&str] = &["run", "main.llmp", "--store", "disk/store"];
    // Half a pipeline first.
    world.ok(run);
    disk.remount("ro");
    let same = world.ok(run);
    assert!(same.out.contains("nothing to do"), "{}", same.out);
    let plan = world.llmp(&["plan", "main.llmp", "--store", "disk/store", "--set", "base.seed=2"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    let refused = world.llmp(&["run", "main.llmp", "--store", "disk/store", "--set", "base.seed=2"]);
    assert_eq!(refused.code, 1);
    for part in ["Read-only file system", "disk/store", "--store DIR"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    disk.remount("rw");
    world.ok(&["run", "main.llmp", "--store", "disk/store", "--set", "base.seed=2"]);
    world.ok(run);
    assert_eq!(crate::pipeline::results(&disk.store()), undisturbed().files);
}
