//! The private folder of a key, and the lock that makes it private.
//!
//! A run takes its locks in one order: the store's `in-use.lock` (shared, for the whole run), a key's, the
//! device's, then, for moments, the ledger's. Those of keys and of the device are only tried: a stage that
//! does not get both gives back the one it has and comes again, so that no two runs wait for each other. The
//! ledger's and that of `out/` are waited for, which is safe: who holds one of them asks for no other.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use llmp_stage::Error;
use llmp_store::{Lock, Store, StoreError};

use super::perform::{ATTEMPT, store_error};

/// A key that is this run's to make, while it is held.
pub(super) struct Claim {
    /// The key's private folder.
    pub(super) work: PathBuf,
    /// For a stage that has the device for itself.
    pub(super) device: Option<Arc<Lock>>,
    _lock: Lock,
}

impl Claim {
    /// Takes the lock of a key's private folder, which is made where needed; `None` while another process has
    /// it.
    pub(super) fn take(work: PathBuf) -> Result<Option<Self>, Error> {
        loop {
            match fs::create_dir_all(&work) {
                // It was there, but its holder took it away before it was seen to be a folder.
                Err(error)
                    if error.kind() == std::io::ErrorKind::AlreadyExists
                        && fs::symlink_metadata(&work).map_or(true, |found| found.is_dir()) =>
                {
                    continue;
                }
                made => made.map_err(Error::io("cannot make the folder", &work))?,
            }
            match Lock::try_take(&work.join("lock")) {
                Ok(None) => return Ok(None),
                Ok(Some(lock)) => {
                    // Whoever held the lock before us and left attempts behind is dead.
                    for entry in fs::read_dir(&work).into_iter().flatten().flatten() {
                        if entry.file_name().to_string_lossy().starts_with(ATTEMPT) {
                            let _ = fs::remove_dir_all(entry.path());
                        }
                    }
                    return Ok(Some(Self { work, device: None, _lock: lock }));
                }
                // The holder before us took the folder away in between.
                Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(store_error(error)),
            }
        }
    }

    /// Whether an earlier attempt left a state to go on from.
    pub(super) fn resumes(&self) -> bool {
        fs::read_dir(self.work.join("state")).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Takes away the folder of a key that is done: at once, so that it is never seen half empty by the next
    /// holder.
    pub(super) fn retire(&self) {
        let gone = self.work.with_extension(format!("gone-{}", std::process::id()));
        // What stays behind is only garbage.
        let _ = fs::rename(&self.work, &gone).and_then(|()| fs::remove_dir_all(&gone));
    }
}

/// Removes what [`Claim::retire`] left behind where it was interrupted.
pub(super) fn sweep(store: &Store) {
    for entry in fs::read_dir(store.root().join("work")).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(".gone-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
