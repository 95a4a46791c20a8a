//! Locks between processes. The system releases them when a process ends, however it ends.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{Result, at};

/// An exclusive lock on a file, released when dropped.
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, waiting for its holder.
    ///
    /// # Errors
    /// Where the file cannot be made or locked.
    pub fn wait(path: &Path) -> Result<Self> {
        let file = open(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(at("lock", path)(error.into())),
            }
        }
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// Where the file cannot be made or locked.
    pub fn try_take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // The holder before us removes the file when done; a lock on a removed file guards nothing.
                let current = fs::metadata(path).ok();
                let mine = file.metadata().map_err(at("read", path))?;
                use std::os::unix::fs::MetadataExt;
                if current.is_some_and(|current| current.ino() == mine.ino()) {
                    Ok(Some(Self { file }))
                } else {
                    Ok(None)
                }
            }
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(at("lock", path)(error.into())),
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(at("open", path))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock; this only makes it explicit.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
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
}
