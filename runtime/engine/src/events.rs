//! Events on their way: each is kept with its run, and goes on to who watches.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use llmp_records::{Event, LogEntry};
use llmp_stage::Bar;
use llmp_store::{Result, at};

use super::Observer;

/// How often a bar tells an event.
const EVENT_EVERY: Duration = Duration::from_secs(1);

/// Tells an observer everything that it is told itself, and progress as events, too.
pub struct Recorder(Arc<Sink>);

/// Where events go.
struct Sink {
    observer: Arc<dyn Observer>,
    file: Option<Mutex<File>>,
}

impl Recorder {
    /// Keeps nothing: for what happens outside of a run.
    #[must_use]
    pub fn new(observer: Arc<dyn Observer>) -> Self {
        Self(Arc::new(Sink { observer, file: None }))
    }

    /// Writes events to a file, too, one JSON object a line.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(super) fn create(observer: Arc<dyn Observer>, path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(at("write", path))?;
        Ok(Self(Arc::new(Sink { observer, file: Some(Mutex::new(file)) })))
    }
}

impl Observer for Recorder {
    fn event(&self, told: &LogEntry) {
        // What is only text and numbers has a JSON form.
        if let (Some(file), Ok(line)) = (&self.0.file, serde_json::to_string(told)) {
            // One write a line, so that who follows the file reads no half of one. The run goes on where its
            // event log cannot.
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all((line + "\n").as_bytes());
        }
        self.0.observer.event(told);
    }

    fn line(&self, line: &str) {
        self.0.observer.line(line);
    }

    fn bar(&self, stage: &str, shard: Option<&str>, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        Box::new(RecordedBar {
            shown: self.0.observer.bar(stage, shard, total, unit),
            recorder: Self(Arc::clone(&self.0)),
            stage: stage.to_owned(),
            shard: shard.map(str::to_owned),
            total,
            unit: unit.to_owned(),
            done: AtomicU64::new(0),
            before: AtomicU64::new(0),
            state: Mutex::new((Instant::now(), String::new())),
        })
    }
}

/// A bar whose progress is told as events, too.
struct RecordedBar {
    shown: Box<dyn Bar>,
    recorder: Recorder,
    stage: String,
    shard: Option<String>,
    total: Option<u64>,
    unit: String,
    done: AtomicU64,
    /// Units that were done before the bar began.
    before: AtomicU64,
    /// When the last event was told, and the note.
    state: Mutex<(Instant, String)>,
}

impl Bar for RecordedBar {
    fn add(&self, units: u64) {
        self.shown.add(units);
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        // Another thread that tells will do.
        let Ok(mut state) = self.state.try_lock() else { return };
        if state.0.elapsed() < EVENT_EVERY {
            return;
        }
        state.0 = Instant::now();
        let note = state.1.clone();
        drop(state);
        self.recorder.tell(Event::Progress {
            stage: self.stage.clone(),
            shard: self.shard.clone(),
            total: self.total,
            unit: self.unit.clone(),
            done,
            before: self.before.load(Ordering::Relaxed),
            note,
        });
    }

    fn resume(&self, units: u64) {
        self.shown.resume(units);
        self.done.fetch_add(units, Ordering::Relaxed);
        self.before.fetch_add(units, Ordering::Relaxed);
    }

    fn note(&self, text: &str) {
        self.shown.note(text);
        text.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1);
    }
}
