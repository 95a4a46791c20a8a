//! What can go wrong for whom a file is fetched.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use llmp_store::{Entry, StoreError};

/// Why something was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no `http` or `https` address, or it carries a password.
    #[error("`{url}` cannot be fetched: {reason}")]
    Url {
        /// As it was given, or as a redirect gave it.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It leads to an address that only this machine or its network can see.
    #[error("`{url}` leads to {address}, which is {what}")]
    Private {
        /// What was asked for, behind redirects.
        url: String,
        /// What its name stands for.
        address: std::net::IpAddr,
        /// Such as `this machine`.
        what: &'static str,
    },
    /// The server will not give it; asking again would not help.
    #[error("`{url}` answers {status}: {}", words(*.status))]
    Status {
        /// What was asked for, behind redirects.
        url: String,
        /// HTTP's status code.
        status: u16,
    },
    /// It was tried as often, or as long, as is decent.
    #[error("`{url}` could not be fetched in {tries} tries: {last}")]
    GaveUp {
        /// What was asked for.
        url: String,
        /// How often it was asked for.
        tries: u32,
        /// How the last try ended.
        last: String,
    },
    /// The server asks to come back later than anybody waits.
    #[error("`{url}` asks to come back in {} s", .wait.as_secs())]
    Later {
        /// What was asked for.
        url: String,
        /// As the server says.
        wait: Duration,
    },
    /// There is more than was allowed.
    #[error("`{url}` has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// It took longer than was allowed.
    #[error("`{url}` takes longer than {} s", .limit.as_secs())]
    TooLong {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// Each redirect leads to another.
    #[error("`{url}` leads on more than {limit} times")]
    Redirects {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u32,
    },
    /// What came is no whole file.
    #[error("what came from `{url}` {what}")]
    Garbage {
        /// What was asked for.
        url: String,
        /// What is wrong, as a verb and its object.
        what: &'static str,
    },
    /// What came is another file than the one that is expected.
    #[error(
        "`{url}` is another file now: {} bytes with the blake3 {}…, where {} bytes with {}… are expected",
        .found.size, short(.found), .due.size, short(.due)
    )]
    Other {
        /// What was asked for.
        url: String,
        /// What is expected.
        due: Box<Entry>,
        /// What came.
        found: Box<Entry>,
    },
    /// The download cache cannot be used.
    #[error(transparent)]
    Cache(#[from] StoreError),
    /// Whoever takes pages cannot keep them.
    #[error("{message}")]
    Keep {
        /// Why.
        message: String,
    },
    /// What was fetched cannot be stored.
    #[error("cannot write `{}`: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The observer asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Private { .. } => Some("if this server is yours, allow its host"),
            Self::Status { status: 401 | 403, .. } => Some(
                "the server wants somebody it knows, or has had too many questions: asking again at once makes it worse",
            ),
            Self::Status { status: 404 | 410, .. } => {
                Some("look whether the address is right and still in use")
            }
            Self::GaveUp { .. } | Self::Later { .. } => Some("run again later; what has come so far is kept"),
            Self::Other { .. } => Some(
                "if that is meant, remove its line from the lock file; else ask a server that still has the file",
            ),
            Self::Garbage { .. } => {
                Some("look at what is there with a browser; it is fetched anew the next time")
            }
            Self::Cache(error) => error.help(),
            _ => None,
        }
    }
}

/// The beginning of a digest, enough to tell two apart.
fn short(entry: &Entry) -> String {
    entry.digest.hex().chars().take(12).collect()
}

/// What a status means, for people.
fn words(status: u16) -> &'static str {
    match status {
        401 => "it wants a password",
        403 => "it refuses",
        404 => "there is nothing at this address",
        410 => "it is gone for good",
        451 => "it is withheld for legal reasons",
        400..=499 => "it does not accept the question",
        500..=599 => "it fails",
        _ => "that is no answer to the question",
    }
}
