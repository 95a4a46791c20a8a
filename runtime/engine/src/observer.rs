//! Who watches a run.

use llmp_stage::Bar;
use serde_json::Value;

/// Is told what a run does, from all of its threads.
pub trait Observer: Send + Sync {
    /// Something happened, for programs; the form is described in `spec/`. A [`Recorder`](super::Recorder) adds the time.
    fn event(&self, event: &Value);

    /// The same as a line for people.
    fn line(&self, line: &str);

    /// The progress of a stage, or of one shard of it, which ends when the bar is dropped. `total` is in units, 0 where it is
    /// not known.
    fn bar(&self, stage: &str, shard: Option<&str>, total: u64, unit: &str) -> Box<dyn Bar>;
}

/// Nobody watches.
pub struct Unwatched;

impl Observer for Unwatched {
    fn event(&self, _event: &Value) {}

    fn line(&self, _line: &str) {}

    fn bar(&self, _stage: &str, _shard: Option<&str>, _total: u64, _unit: &str) -> Box<dyn Bar> {
        Box::new(Unwatched)
    }
}

impl Bar for Unwatched {
    fn add(&self, _units: u64) {}

    fn note(&self, _text: &str) {}
}
