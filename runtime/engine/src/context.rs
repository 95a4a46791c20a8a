//! The context a stage runs in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{LineWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use llmp_records::PACE;
use llmp_stage::{Bar, Context, Dropped, Input};

use super::Observer;

/// Points of one curve that are kept; beyond it, every other point goes.
const MAX_POINTS: usize = 2_000;

/// Dropped documents that are kept per action: beyond it a sample, chosen by their ids. Their count is always
/// exact.
const MAX_DROPPED: usize = 20_000;

/// How often the speed of an action is noted.
const PACE_EVERY: Duration = Duration::from_millis(500);

/// What an action reported.
#[derive(Default)]
pub(super) struct Reported {
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) curves: BTreeMap<String, Curve>,
    pub(super) dropped: Sample,
    pub(super) shown: String,
    pub(super) measures: BTreeMap<String, f64>,
    /// Seconds that earlier attempts took.
    pub(super) before: f64,
    pace: Option<Pace>,
}

/// A sample of dropped documents that depends neither on their order nor on threads: those whose hashed ids
/// are least.
#[derive(Default)]
pub(super) struct Sample(BTreeMap<[u8; 16], Dropped>);

impl Sample {
    fn add(&mut self, dropped: Dropped) {
        let mut hasher = blake3::Hasher::new();
        for part in [&dropped.id, &dropped.url, &dropped.rule] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut rank = [0; 16];
        hasher.finalize_xof().fill(&mut rank);
        if self.0.len() < MAX_DROPPED || self.0.last_key_value().is_some_and(|(last, _)| rank < *last) {
            self.0.insert(rank, dropped);
            if self.0.len() > MAX_DROPPED {
                self.0.pop_last();
            }
        }
    }

    /// One JSON line a document; empty where nothing was dropped.
    pub(super) fn lines(&self) -> String {
        let lines = self.0.values().filter_map(|dropped| serde_json::to_string(dropped).ok());
        lines.map(|line| line + "\n").collect()
    }
}

/// Tokens at a moment, from which the speed since then follows.
struct Pace {
    since: Instant,
    tokens: u64,
}

/// A curve thinned to a bounded number of points.
#[derive(Default)]
pub(super) struct Curve {
    pub(super) points: Vec<(f64, f64)>,
    stride: usize,
    seen: usize,
}

impl Curve {
    fn push(&mut self, point: (f64, f64)) {
        let stride = self.stride.max(1);
        if self.seen.is_multiple_of(stride) {
            self.points.push(point);
        }
        self.seen += 1;
        if self.points.len() >= MAX_POINTS {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride = stride * 2;
        }
    }
}

/// The context of one action.
pub(super) struct RunContext<'a> {
    pub(super) stage: String,
    pub(super) shard: Option<String>,
    pub(super) inputs: BTreeMap<String, Vec<Input>>,
    pub(super) output: PathBuf,
    pub(super) state: PathBuf,
    pub(super) shared: PathBuf,
    pub(super) device: &'a str,
    pub(super) threads: usize,
    pub(super) stop: &'a AtomicBool,
    pub(super) screen: &'a dyn Observer,
    pub(super) log: Mutex<Option<LineWriter<File>>>,
    pub(super) reported: Mutex<Reported>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RunContext<'_> {
    /// Takes what was reported, and ends the log.
    pub(super) fn finish(&self) -> Reported {
        if let Some(mut log) = locked(&self.log).take() {
            // A log that cannot be written must not fail the stage.
            let _ = log.flush();
        }
        std::mem::take(&mut *locked(&self.reported))
    }
}

impl Context for RunContext<'_> {
    fn inputs(&self, role: &str) -> &[Input] {
        self.inputs.get(role).map_or(&[], Vec::as_slice)
    }

    fn shard(&self) -> Option<&str> {
        self.shard.as_deref()
    }

    fn output(&self) -> &Path {
        &self.output
    }

    fn state(&self) -> &Path {
        &self.state
    }

    fn shared(&self) -> Option<&Path> {
        Some(&self.shared)
    }

    fn device(&self) -> &str {
        self.device
    }

    fn threads(&self) -> usize {
        self.threads
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn start_bar(&self, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        self.screen.bar(&self.stage, self.shard.as_deref(), total, unit)
    }

    fn log(&self, line: &str) {
        if let Some(log) = locked(&self.log).as_mut() {
            let _ = writeln!(log, "{line}");
        }
    }

    fn count(&self, name: &str, add: u64) {
        let mut reported = locked(&self.reported);
        let reported = &mut *reported;
        let sum = reported.counts.entry(name.to_owned()).or_default();
        *sum += add;
        if name == "tokens" {
            let (now, tokens) = (Instant::now(), *sum);
            let pace = reported.pace.get_or_insert(Pace { since: now, tokens });
            let passed = now - pace.since;
            if passed >= PACE_EVERY {
                let speed = (tokens - pace.tokens) as f64 / passed.as_secs_f64();
                reported.curves.entry(PACE.to_owned()).or_default().push((tokens as f64, speed));
                *pace = Pace { since: now, tokens };
            }
        }
    }

    fn point(&self, curve: &str, x: f64, y: f64) {
        locked(&self.reported).curves.entry(curve.to_owned()).or_default().push((x, y));
    }

    fn measure(&self, name: &str, value: f64) {
        // What is no number has no JSON form.
        if value.is_finite() {
            locked(&self.reported).measures.insert(name.to_owned(), value);
        }
    }

    fn resumed(&self, seconds: f64) {
        locked(&self.reported).before += seconds.max(0.0);
    }

    fn dropped(&self, dropped: Dropped) {
        let mut reported = locked(&self.reported);
        *reported.counts.entry(format!("dropped.{}", dropped.rule)).or_default() += 1;
        reported.dropped.add(dropped);
    }

    fn show(&self, text: &str) {
        self.log(text);
        let mut reported = locked(&self.reported);
        if !reported.shown.is_empty() {
            reported.shown.push('\n');
        }
        reported.shown.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_dropped_documents_does_not_depend_on_their_order() {
        let dropped =
            |i: usize| Dropped { id: i.to_string(), url: String::new(), rule: "r".into(), value: "v".into() };
        let (mut one, mut two) = (Sample::default(), Sample::default());
        let all = MAX_DROPPED + 500;
        (0..all).for_each(|i| one.add(dropped(i)));
        (0..all).rev().for_each(|i| two.add(dropped(i)));
        assert_eq!(one.lines().lines().count(), MAX_DROPPED);
        assert!(one.lines() == two.lines());
    }

    #[test]
    fn curves_stay_bounded_and_evenly_spaced() {
        let mut curve = Curve::default();
        for i in 0..100_000 {
            curve.push((f64::from(i), 0.0));
        }
        assert!(curve.points.len() < MAX_POINTS);
        let step = curve.points[1].0 - curve.points[0].0;
        assert!(curve.points.windows(2).all(|pair| (pair[1].0 - pair[0].0 - step).abs() < 1e-9));
    }
}
