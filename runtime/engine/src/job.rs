//! What all parts of one run share, borrowed by each of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use llmp_compiler::graph::{Graph, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_compiler::plan::Reason;
use llmp_planning::{Past, host_name};
use llmp_records::{Kept, Record};
use llmp_stage::Registry;
use llmp_store::Kind;

use super::Observer;
use super::action::Place;
use super::guard::Guard;
use super::outcome::StageOutcome;
use super::slurm::SlurmOptions;

/// How a run is to be made.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Actions at the same time.
    pub jobs: usize,
    /// Cores they share.
    pub cores: usize,
    /// Bytes of memory they share; `None` where that is not known, and then nothing waits for memory.
    pub memory: Option<u64>,
    /// Go on with what does not depend on a failure.
    pub keep_going: bool,
    /// Tries after a failed one.
    pub retries: usize,
    /// Stop at a result that is to be looked at, as at a failure.
    pub strict: bool,
    /// Stages to run though they are cached.
    pub forced: Vec<StageId>,
    /// Stages whose results of an older implementation are kept, and what made them.
    pub kept: Vec<(StageId, Kept)>,
    /// The device for model stages.
    pub device: String,
    /// The cluster that does the actions; `None` for threads of this process.
    pub slurm: Option<SlurmOptions>,
    /// The GPUs of this machine as programs know them, `0`, for stages that have some for themselves. None
    /// where nobody knows of any: then it counts as having one.
    pub gpus: Vec<String>,
    /// The program that kills commands should this process be killed, see [`Guard::new`].
    pub guard: Option<PathBuf>,
    /// When the run was asked for: its seconds count from here, so that planning is a part of them.
    pub asked: Instant,
}

/// What actions are performed with, in a run and in a worker alike.
#[derive(Clone, Copy)]
pub struct Harness<'a> {
    /// What the stages do.
    pub registry: &'a Registry,
    /// Is told what happens.
    pub observer: &'a dyn Observer,
    /// Set when everything is to stop.
    pub stop: &'a AtomicBool,
    /// Kills commands should this process be killed.
    pub guard: &'a Guard,
}

/// One run: what of, with what, and where it leaves its traces.
pub(super) struct Job<'a> {
    pub(super) graph: &'a Graph,
    /// What was done before.
    pub(super) past: &'a Past,
    pub(super) harness: Harness<'a>,
    pub(super) options: &'a RunOptions,
    /// The run's number.
    pub(super) run: u64,
    /// The run's folder, for logs and failed actions.
    pub(super) run_folder: PathBuf,
    /// The folder of the main file, which paths of the program are relative to.
    pub(super) folder: PathBuf,
}

/// A stage that is to run: all its inputs are known.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) key: Key,
    /// What its inputs are, in their order.
    pub(super) digests: Vec<Digest>,
    pub(super) reasons: Vec<Reason>,
    /// It runs though its result is there.
    pub(super) forced: bool,
}

impl Job<'_> {
    /// Where this run's actions are done, on this machine.
    pub(super) fn place(&self) -> Place {
        let logs = self.run_folder.join("logs");
        Place::new(self.past.store().root(), &self.folder, &logs, &self.options.device)
    }

    /// Notes that a stage's result is not to be used any more, since something of it is missing or damaged.
    pub(super) fn forget(&self, end: &StageOutcome) {
        if let (Some(key), Some(artifact)) = (&end.key, &end.artifact) {
            // Where the ledger can't be written, the run can't do anything either, and says so.
            let _ = self.past.ledger().append(Kind::Forgotten, key, artifact, &Record::default());
        }
    }

    /// What people call the shards of the artifact that `from` made.
    pub(super) fn labels(&self, from: StageId, artifact: &Digest) -> BTreeMap<String, String> {
        let Self { graph, past, .. } = self;
        let Some((key, _)) = past.last(&graph.stage(from).name) else { return BTreeMap::new() };
        let ledger = past.ledger();
        if ledger.artifact(&key) != Some(*artifact) {
            return BTreeMap::new();
        }
        ledger.record(&key).ok().flatten().map(|record| record.labels).unwrap_or_default()
    }

    /// A record that says which run made it, where and with what.
    pub(super) fn stamp(&self, record: Record) -> Record {
        Record { run: self.run, host: host_name(), version: env!("CARGO_PKG_VERSION").to_owned(), ..record }
    }
}
