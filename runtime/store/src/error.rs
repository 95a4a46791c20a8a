//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A store made by another version of the program.
    #[error("the store `{}` has format {found}; this program reads format 1", path.display())]
    Version {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// An object that the ledger names is not there.
    #[error("the object {digest} is missing from the store")]
    Missing {
        /// Its digest.
        digest: String,
    },
    /// An object whose content is not what its name says.
    #[error("the object {digest} is damaged: {what}")]
    Damaged {
        /// Its digest.
        digest: String,
        /// What is wrong.
        what: String,
    },
    /// A stage made something that is no artifact.
    #[error("{0}")]
    Output(String),
}

impl StoreError {
    /// What the user can do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } => help_for(source.kind()),
            Self::Version { .. } => {
                Some("use the program that made it, or choose another store with `--store DIR`")
            }
            Self::Missing { .. } | Self::Damaged { .. } => {
                Some("`llmp verify` finds all damaged results; the next `llmp run` makes them again")
            }
            Self::Output(_) => None,
        }
    }
}

/// What the user can do about an error of the system.
#[must_use]
pub fn help_for(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
            "the disk is full: free some space (`llmp du`, `llmp gc`) or use another store (`--store DIR`), and run \
                 again; what is finished is kept",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose a writable store with `--store DIR`")
        }
        _ => None,
    }
}

/// For `map_err`: names the operation and the path.
pub fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { what, path, source }
}
