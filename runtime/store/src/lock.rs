//! Locks between processes. The system releases them when a process ends, however it ends.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{Result, at};

/// An exclusive lock on a file, released when dropped.
pub struct Lock {
    file: File,
}

impl Lock {
    /// Shares the lock with others that share it, waiting for one that holds it alone; `None` where the file
    /// cannot be made, as in a store that is read-only: there nobody needs to be kept away.
    ///
    /// # Errors
    /// Where the file cannot be locked.
    pub fn share(path: &Path) -> Result<Option<Self>> {
        let Ok(file) = open_lock(path) else { return Ok(None) };
        loop {
            match flock(&file, FlockOperation::LockShared) {
                Ok(()) => return Ok(Some(Self { file })),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(at("lock", path)(error.into())),
            }
        }
    }

    /// Takes the lock of a file that stays, waiting for its holder.
    ///
    /// # Errors
    /// Where the file cannot be made or locked.
    pub fn wait(path: &Path) -> Result<Self> {
        let file = open_lock(path)?;
        take(&file, path)?;
        Ok(Self { file })
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// Where the file cannot be made or locked.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open_lock(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // The holder before us removes the file when done; a lock on a removed file guards nothing.
                let current = fs::metadata(path).ok();
                let mine = file.metadata().map_err(at("read", path))?;
                Ok(current.is_some_and(|current| current.ino() == mine.ino()).then_some(Self { file }))
            }
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(at("lock", path)(error.into())),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock; this only makes it explicit.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// A lock that is held while this lives.
pub(super) struct Held<'a>(&'a File);

/// Takes the lock of an open file that stays, waiting for its holder; `path` is named where that fails.
pub(super) fn wait<'a>(file: &'a File, path: &Path) -> Result<Held<'a>> {
    take(file, path)?;
    Ok(Held(file))
}

fn take(file: &File, path: &Path) -> Result<()> {
    loop {
        match flock(file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(at("lock", path)(error.into())),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // An open file is always unlocked.
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

pub(super) fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(at("open", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(first);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }

    #[test]
    fn those_who_share_keep_the_one_who_does_not_away() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let shared = (Lock::share(&path).unwrap(), Lock::share(&path).unwrap());
        assert!(shared.0.is_some() && shared.1.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(shared);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
