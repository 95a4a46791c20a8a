//! How the stages of a run ended.

use llmp_compiler::key::Digest;

/// How a stage ended.
#[derive(Clone, Debug)]
pub enum Status {
    /// Its result was there.
    Cached,
    /// It was planned to run, and its inputs turned out as they were.
    Skipped,
    /// It ran: seconds, and shards run of all.
    Ran {
        /// Wall-clock seconds.
        seconds: f64,
        /// Shards that ran, and all.
        shards: Option<(usize, usize)>,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// It could not start.
    Blocked(String),
    /// The run ended before it could.
    Stopped,
}

/// A stage at the end of the run.
#[derive(Clone, Debug)]
pub struct StageOutcome {
    /// How.
    pub status: Status,
    /// Its key, once known.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
}

impl StageOutcome {
    pub(super) fn stopped(key: Option<Digest>) -> Self {
        Self { status: Status::Stopped, key, artifact: None }
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.status, Status::Failed { .. })
    }
}
