//! Writing files so that they are either absent, or as they were, or whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use llmp_compiler::key::Digest;

use super::hash::hash_file;
use super::{Result, at};

/// Files from this size on are synced one by one; smaller ones with the run's end.
pub(super) const SYNC_FROM: u64 = 1 << 20;

/// Ends the names of files that are being written.
pub(super) const TEMPORARY: &str = "tmp";

/// Writes a file. Large ones are on the disk before they get their name.
///
/// # Errors
/// Where the disk refuses.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o666, bytes.len() as u64 >= SYNC_FROM).map_err(at("write", path))
}

/// Writes a file that cannot be made again, so that it is on the disk before it gets its name.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o666, true).map_err(at("write", path))
}

/// Writes a file that can be made again; a power cut may lose it.
///
/// # Errors
/// Where the disk refuses.
pub fn write_cache(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o666, false).map_err(at("write", path))
}

/// Writes an object, which is never changed.
pub(super) fn write_object(path: &Path, bytes: &[u8]) -> Result<()> {
    let sync = bytes.len() as u64 >= SYNC_FROM;
    in_folder(path, || write(path, bytes, 0o444, sync)).map_err(at("write", path))
}

/// Moves a file to `path`, which is a copy where they are on different devices.
pub(super) fn move_object(file: &Path, path: &Path) -> Result<()> {
    match in_folder(path, || fs::rename(file, path)) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let temporary = temporary(path);
            let copy = || {
                fs::copy(file, &temporary)?;
                File::open(&temporary)?.sync_data()?;
                fs::rename(&temporary, path)
            };
            copy()
                .inspect_err(|_| drop(fs::remove_file(&temporary)))
                .map_err(at("copy into the store", file))?;
            fs::remove_file(file).map_err(at("remove", file))
        }
        moved => moved.map_err(at("move into the store", file)),
    }
}

/// Copies a file; whether the copy has this digest.
///
/// # Errors
/// Where the file cannot be read, or the disk refuses.
pub fn copy_checked(file: &Path, copy: &Path, digest: &Digest) -> Result<bool> {
    let mut open = File::open(file).map_err(at("open", file))?;
    let meta = open.metadata().map_err(at("read", file))?;
    if meta.len() >= SYNC_FROM {
        // The system may let both share their blocks.
        fs::copy(file, copy).map_err(at("copy to", copy))?;
        return Ok(hash_file(copy)? == *digest);
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
    open.read_to_end(&mut bytes).map_err(at("read", file))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(meta.permissions().mode());
    options.open(copy).and_then(|mut copy| copy.write_all(&bytes)).map_err(at("copy to", copy))?;
    Ok(Digest::of(&bytes) == *digest)
}

/// Does something in the folder of `path`, which is made where it is missing: most often it is there. Whether
/// it was that which was missing is not asked: somebody else may have made it meanwhile.
fn in_folder(path: &Path, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match (work(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            work()
        }
        (done, _) => done,
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32, sync: bool) -> io::Result<()> {
    let (temporary, mut file) = loop {
        let temporary = temporary(path);
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary) {
            Ok(file) => break (temporary, file),
            // Left behind by a process that was killed and had our number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    };
    let mut write = || {
        file.write_all(bytes)?;
        if sync {
            file.sync_data()?;
        }
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// A name beside `path` that nobody else uses.
fn temporary(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{number}.{TEMPORARY}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write_atomically(&path, b"one").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert!(write_atomically(&root.path().join("absent/f"), b"one").is_err());
    }

    #[test]
    fn objects_are_read_only_and_get_their_folder() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ab/cd");
        write_object(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
        let other = root.path().join("ef/01");
        move_object(&path, &other).unwrap();
        assert_eq!((fs::read(&other).unwrap(), path.exists()), (b"one".to_vec(), false));
        assert!(move_object(&path, &other).is_err());
    }

    #[test]
    fn many_make_the_same_folder_at_once() {
        let root = tempfile::tempdir().unwrap();
        for round in 0..200 {
            let folder = root.path().join(round.to_string());
            std::thread::scope(|scope| {
                for name in ["a", "b", "c", "d"] {
                    let path = folder.join(name);
                    scope.spawn(move || write_object(&path, b"one").unwrap());
                }
            });
        }
    }

    #[test]
    fn copies_tell_what_they_are() {
        let root = tempfile::tempdir().unwrap();
        let (file, copy) = (root.path().join("f"), root.path().join("c"));
        for size in [0, 10, SYNC_FROM as usize + 1] {
            let bytes = vec![7; size];
            fs::write(&file, &bytes).unwrap();
            for (digest, same) in [(Digest::of(&bytes), true), (Digest([0; 32]), false)] {
                assert_eq!(copy_checked(&file, &copy, &digest).unwrap(), same);
                assert_eq!(fs::read(&copy).unwrap(), bytes);
                fs::remove_file(&copy).unwrap();
            }
        }
        assert!(copy_checked(&root.path().join("absent"), &copy, &Digest([0; 32])).is_err());
    }

    #[test]
    fn files_come_from_other_devices() {
        let other = Path::new("/dev/shm");
        let root = tempfile::tempdir().unwrap();
        let device = |path: &Path| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(path).map(|meta| meta.dev()).ok()
        };
        if device(other).is_none() || device(other) == device(root.path()) {
            eprintln!("skipped: there is no second device");
            return;
        }
        let file = tempfile::NamedTempFile::new_in(other).unwrap();
        fs::write(file.path(), "one").unwrap();
        let path = root.path().join("ab/cd");
        move_object(file.path(), &path).unwrap();
        assert_eq!((fs::read(&path).unwrap(), file.path().exists()), (b"one".to_vec(), false));
    }
}
