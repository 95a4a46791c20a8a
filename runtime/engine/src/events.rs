//! Events on their way: each gets its time, is kept with its run, and goes on to who watches.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use llmp_stage::Bar;
use llmp_store::{Result, at};
use serde_json::{Value, json};

use super::Observer;

/// How often a bar tells an event.
const EVENT_EVERY: Duration = Duration::from_secs(1);

/// Tells an observer everything that it is told itself: events with their time, and progress as events, too.
pub struct Recorder(Arc<Sink>);

/// Where events go.
struct Sink {
    observer: Arc<dyn Observer>,
    file: Option<Mutex<File>>,
}

impl Sink {
    fn tell(&self, event: &Value) {
        let mut event = event.clone();
        if let Some(fields) = event.as_object_mut() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
            fields.insert("at".into(), json!(now));
        }
        if let Some(file) = &self.file {
            // One write a line, so that who follows the file reads no half of one. The run goes on where its event log cannot.
            let line = format!("{event}\n");
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
        self.observer.event(&event);
    }
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
    fn event(&self, event: &Value) {
        self.0.tell(event);
    }

    fn line(&self, line: &str) {
        self.0.observer.line(line);
    }

    fn bar(&self, stage: &str, shard: Option<&str>, total: u64, unit: &str) -> Box<dyn Bar> {
        Box::new(RecordedBar {
            shown: self.0.observer.bar(stage, shard, total, unit),
            sink: Arc::clone(&self.0),
            event: json!({"event": "progress", "stage": stage, "shard": shard, "total": total, "unit": unit}),
            done: AtomicU64::new(0),
            state: Mutex::new((Instant::now(), String::new())),
        })
    }
}

/// A bar whose progress is told as events, too.
struct RecordedBar {
    shown: Box<dyn Bar>,
    sink: Arc<Sink>,
    event: Value,
    done: AtomicU64,
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
        let mut event = self.event.clone();
        if let Some(fields) = event.as_object_mut() {
            fields.insert("done".into(), json!(done));
            fields.insert("note".into(), json!(state.1));
        }
        drop(state);
        self.sink.tell(&event);
    }

    fn note(&self, text: &str) {
        self.shown.note(text);
        text.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1);
    }
}
