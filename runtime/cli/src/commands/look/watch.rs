//! The context in which a filter runs over a sample while somebody looks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use llmp_stage::{Asked, Bar, Context, Dropped, Input};

use super::Failure;

/// What rules saw, by the documents' ids.
pub(super) type Values = BTreeMap<String, Vec<(&'static str, Asked)>>;
/// By which rule documents were dropped, and the value as people read it.
pub(super) type Drops = BTreeMap<String, (String, String)>;

pub(super) struct Watching {
    output: PathBuf,
    state: PathBuf,
    inputs: BTreeMap<String, Vec<Input>>,
    shard: Option<&'static str>,
    seen: Mutex<(Values, Drops)>,
}

impl Watching {
    pub(super) fn new(
        folder: &Path,
        inputs: BTreeMap<String, Vec<Input>>,
        shard: Option<&'static str>,
    ) -> Result<Self, Failure> {
        let (output, state) = (folder.join("output"), folder.join("state"));
        std::fs::create_dir_all(&output)?;
        std::fs::create_dir_all(&state)?;
        Ok(Self { output, state, inputs, shard, seen: Mutex::default() })
    }

    pub(super) fn taken(self) -> (Values, Drops) {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, (Values, Drops)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context for Watching {
    fn inputs(&self, role: &str) -> &[Input] {
        self.inputs.get(role).map_or(&[], Vec::as_slice)
    }

    fn shard(&self) -> Option<&str> {
        self.shard
    }

    fn output(&self) -> &Path {
        &self.output
    }

    fn state(&self) -> &Path {
        &self.state
    }

    fn device(&self) -> &str {
        "cpu"
    }

    fn threads(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn start_bar(&self, _: Option<u64>, _: &str) -> Box<dyn Bar> {
        Box::new(Silent)
    }

    fn log(&self, _: &str) {}

    fn count(&self, _: &str, _: u64) {}

    fn point(&self, _: &str, _: f64, _: f64) {}

    fn measure(&self, _: &str, _: f64) {}

    fn resumed(&self, _: f64) {}

    fn dropped(&self, dropped: Dropped) {
        self.seen().1.insert(dropped.id, (dropped.rule, dropped.value));
    }

    fn looks(&self) -> bool {
        true
    }

    fn asked(&self, id: &str, rule: &'static str, asked: Asked) {
        self.seen().0.entry(id.to_owned()).or_default().push((rule, asked));
    }

    fn show(&self, _: &str) {}
}

struct Silent;

impl Bar for Silent {
    fn add(&self, _: u64) {}
    fn resume(&self, _: u64) {}
    fn note(&self, _: &str) {}
}
