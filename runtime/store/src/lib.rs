//! The store: content-addressed objects, the ledger of what was done, locks and work folders.
//!
//! ```text
//! .llmp/
//!   version        format of the store
//!   objects/ab/…   contents by blake3, read-only; an artifact is an object that lists its files
//!   ledger         what was done: one checksummed frame an action, append-only
//!   ledger.index   where each key's newest frame lies, so that opening a long ledger does not read it
//!   stat           digests of the user's files by size, time and inode, so that unchanged ones are not read again
//!   work/KEY/      private to an action in progress: lock, attempts, state (checkpoints)
//!   idle/          what each pipeline was when it had nothing to do, so that this is found out again without compiling it
//!   rates          how quick each kind of stage was, for the times that plans foretell
//!   shared/        what several actions need and follows from content alone, such as compiled lists of hosts; may be deleted
//!   last/          what each pipeline's stages were when they last ran
//!   runs/N/        one folder a run: run.json, events.jsonl, logs/, report.*, notes.json
//!   out/           the newest results under their names, linked to objects
//!   pins/NAME      the number of a run that is kept
//!   in-use.lock    shared by whoever uses results; `llmp gc` takes it alone
//!   devices/       one lock for each device of each machine, held by the run that trains there
//! ```
//!
//! Nothing is visible before it is whole: files are written under a temporary name and renamed, objects
//! before the ledger's frame that names them. A crash at any instant loses at most work in progress.
//!
//! The store knows contents, keys and records; it knows no stage, no kind of artifact and no plan. Start
//! reading at [`Store`], [`Objects`] and [`Ledger`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

#[cfg(not(unix))]
compile_error!("llmp needs a Unix, for locks, inodes and process groups; on Windows, build it in WSL");

mod artifact;
mod disk;
pub mod downloads;
mod error;
mod frame;
mod hash;
mod index;
mod ledger;
mod lock;
mod objects;
mod results;
mod runs;
mod stat;
pub mod testing;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use disk::Disk;

pub use artifact::{Entry, Manifest};
pub use downloads::Downloads;
pub use error::{Result, StoreError, at, help_for};
pub use frame::Kind;
pub use hash::hash_file;
pub use ledger::Ledger;
pub use lock::Lock;
pub use objects::{ObjectStore, Objects};
pub use results::{are_linked, lie_in_out, link_results};
pub use runs::pipeline_id;
pub use stat::{Stamp, Stat};
pub use write::{copy_checked, write_atomically, write_cache};

/// The store's format; raised when a newer program could not read what an older one wrote.
const VERSION: &str = "1";

/// The name of the store's folder.
pub const FOLDER: &str = ".llmp";

/// An open store.
pub struct Store {
    root: PathBuf,
    /// Contents by digest.
    pub objects: Objects,
}

impl Store {
    /// Opens the store at `root`, making it where there is none.
    ///
    /// # Errors
    /// Where the folder cannot be made or holds a store of another version.
    pub fn open(root: &Path) -> Result<Self> {
        let version = root.join("version");
        match fs::read_to_string(&version) {
            Ok(found) if found.trim() == VERSION => {}
            Ok(found) => {
                return Err(StoreError::Version { path: root.to_owned(), found: found.trim().to_owned() });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                for folder in ["objects", "work", "last", "runs", "out"] {
                    let path = root.join(folder);
                    fs::create_dir_all(&path).map_err(at("make the folder", &path))?;
                }
                let ignore = root.join(".gitignore");
                fs::write(&ignore, "*\n").map_err(at("write", &ignore))?;
                write_atomically(&version, VERSION.as_bytes())?;
            }
            Err(error) => return Err(at("read", &version)(error)),
        }
        Ok(Self { root: root.to_owned(), objects: Objects::new(Disk::new(root.join("objects"))) })
    }

    /// The store at `root` to look at: nothing is made, and where there is none it is empty.
    ///
    /// # Errors
    /// Where the folder holds a store of another version, or cannot be read.
    pub fn look(root: &Path) -> Result<Self> {
        if root.join("version").is_file() {
            return Self::open(root);
        }
        Ok(Self { root: root.to_owned(), objects: Objects::new(Disk::new(root.join("objects"))) })
    }

    /// Whether the folder at `root` is a store.
    #[must_use]
    pub fn is_at(root: &Path) -> bool {
        // Few folders have a file of this name: the first look tells.
        root.join("version").is_file() && root.join("objects").is_dir() && root.join("runs").is_dir()
    }

    /// Finds the store for a pipeline: the nearest `.llmp` at or above its folder; else one in `otherwise`.
    #[must_use]
    pub fn find(folder: &Path, otherwise: &Path) -> PathBuf {
        let from = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let existing =
            from.ancestors().map(|folder| folder.join(FOLDER)).find(|store| store.join("version").is_file());
        existing.unwrap_or_else(|| otherwise.join(FOLDER))
    }

    /// The store's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ledger's file.
    #[must_use]
    pub fn ledger_path(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// Says that this process uses results, while the lock is held: `llmp gc` removes none meanwhile.
    ///
    /// # Errors
    /// Where the lock cannot be had.
    pub fn in_use(&self) -> Result<Option<Lock>> {
        Lock::share(&self.root.join("in-use.lock"))
    }

    /// Takes the store for this process alone, for `llmp gc`; `None` where another process uses it.
    ///
    /// # Errors
    /// Where the lock cannot be had.
    pub fn alone(&self) -> Result<Option<Lock>> {
        Lock::try_take(&self.root.join("in-use.lock"))
    }

    /// Takes a device of this machine for what has it for itself; `None` while another run has it.
    ///
    /// # Errors
    /// Where the lock cannot be made.
    pub fn device(&self, host: &str, device: &str) -> Result<Option<Lock>> {
        let folder = self.root.join("devices");
        fs::create_dir_all(&folder).map_err(at("make the folder", &folder))?;
        Lock::try_take(&folder.join(format!("{host}-{device}.lock")))
    }

    /// The private folder of the action with this key.
    #[must_use]
    pub fn work(&self, key: &str) -> PathBuf {
        self.root.join("work").join(key)
    }

    /// The folder of run `number`.
    #[must_use]
    pub fn run(&self, number: u64) -> PathBuf {
        self.root.join("runs").join(number.to_string())
    }

    /// The numbers of all runs, ascending.
    #[must_use]
    pub fn runs(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.root.join("runs")).into_iter().flatten().flatten();
        let mut runs: Vec<u64> =
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        runs.sort_unstable();
        runs
    }

    /// Makes the folder of a new run; numbers rise by one.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn new_run(&self) -> Result<(u64, PathBuf)> {
        let mut number = self.runs().last().copied().unwrap_or(0) + 1;
        loop {
            let path = self.run(number);
            match fs::create_dir(&path) {
                Ok(()) => return Ok((number, path)),
                // Another run took the number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(at("make the folder", &path)(error)),
            }
        }
    }
}
