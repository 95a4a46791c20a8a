//! What the ledger keeps about an action.

use std::collections::BTreeMap;

use llmp_compiler::key::{Component, Digest};
use llmp_compiler::plan::Reason;
use llmp_stage::Remark;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Everything that is kept about an action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The stage's name at the time.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// The run's number.
    pub run: u64,
    /// The table its key was made from; empty for shards.
    pub components: Vec<Component>,
    /// What it read.
    pub inputs: Vec<InputRecord>,
    /// What people call the source of each output file, where it has a name of its own.
    pub labels: BTreeMap<String, String>,
    /// Counts the stage reported.
    pub counts: BTreeMap<String, u64>,
    /// Curves the stage reported: points (x, y).
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// Numbers that the result is judged by; that of a curve's name is what the curve came to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// What the stage showed on the screen.
    pub shown: String,
    /// Objects with what it dropped, one JSON line a document.
    pub dropped: Vec<Digest>,
    /// The shard's files in the form of a manifest, for shards; a stage's is an object.
    pub manifest: Option<String>,
    /// Seconds since the Unix epoch at its start.
    pub started: f64,
    /// Wall-clock seconds, those of earlier attempts that it went on from included.
    pub seconds: f64,
    /// Peak resident memory of the process while it ran, in bytes; for a command, that of its own processes.
    /// `None` where the system did not say.
    #[serde(with = "crate::unknown")]
    pub peak_memory: Option<u64>,
    /// Bytes of the result.
    pub bytes: u64,
    /// The device it ran on.
    pub device: String,
    /// The machine.
    pub host: String,
    /// The program's version.
    pub version: String,
    /// Shards that ran, and all shards.
    pub shards: Option<(usize, usize)>,
    /// Why it ran, as people read it, root causes first.
    pub reasons: Vec<String>,
    /// The same for programs; none where an earlier version wrote it, and for shards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Reason>,
    /// What its result is to be looked at for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// The work it was expected to be when it began, in floating-point operations, by the stage's own
    /// estimate, that of earlier attempts that it went on from included, as in `seconds`; `None` where there
    /// was none. Times are foretold from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<f64>,
    /// Bytes of what its actions of that run were given; `None` where an earlier version wrote it. Times are
    /// foretold from it where there is no `work`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    /// What another training had left that it went on from; `None` where it began at its first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub went_on: Option<WentOn>,
    /// Why its result is gone, for one that is forgotten.
    pub lost: String,
}

/// As much of a [`Record`] as says how many things its result is to be looked at for: the rest is passed
/// over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Remarked {
    /// One for each.
    pub remarks: Vec<IgnoredAny>,
}

/// The stem of another training, see [`llmp_stage::Stem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WentOn {
    /// Steps that it had done.
    pub step: u64,
    /// The run that left it.
    pub run: u64,
}

/// An input as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The parameter of the signature.
    pub role: String,
    /// The stage's name, or the pattern.
    pub label: String,
    /// The artifact's digest.
    pub digest: Digest,
    /// The files, for inputs that are files; at most 10,000 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRecord>,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path, relative to the pipeline's folder.
    pub path: String,
    /// Its content.
    pub digest: Digest,
}

/// The curve of a stage's speed over the tokens it has done; the engine draws it for whoever counts tokens.
pub const PACE: &str = "tokens per second";
