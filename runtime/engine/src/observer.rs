//! Who watches a run.

use std::time::{SystemTime, UNIX_EPOCH};

use llmp_records::{Event, LogEntry};
use llmp_stage::Bar;

/// Is told what a run does, from all of its threads.
pub trait Observer: Send + Sync {
    /// Something happened, for programs; the form is described in `spec/`.
    fn event(&self, told: &LogEntry);

    /// Says that something happens now.
    fn tell(&self, event: Event) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        self.event(&LogEntry { event, at });
    }

    /// The same as a line for people.
    fn line(&self, line: &str);

    /// The progress of a stage, or of one shard of it, which ends when the bar is dropped. `total` is in
    /// units, where it is known.
    fn bar(&self, stage: &str, shard: Option<&str>, total: Option<u64>, unit: &str) -> Box<dyn Bar>;
}

/// Nobody watches.
pub struct Unwatched;

impl Observer for Unwatched {
    fn event(&self, _told: &LogEntry) {}

    fn line(&self, _line: &str) {}

    fn bar(&self, _stage: &str, _shard: Option<&str>, _total: Option<u64>, _unit: &str) -> Box<dyn Bar> {
        Box::new(Unwatched)
    }
}

impl Bar for Unwatched {
    fn add(&self, _units: u64) {}

    fn resume(&self, _units: u64) {}

    fn note(&self, _text: &str) {}
}
