//! What the screen says while work goes on: bars in a terminal, plain lines elsewhere, JSON events on
//! request.
//!
//! Progress goes to standard error, results to standard output.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use llmp_engine::Observer;
use llmp_records::{LogEntry, text};
use llmp_stage::Bar;

use crate::output::stdout;

/// How often a plain bar prints a line.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Bars,
    Plain,
    Json,
    Silent,
}

/// Where progress is shown.
pub(crate) struct Screen {
    mode: Mode,
    bars: MultiProgress,
    /// What first kept an event from standard output.
    failed: Mutex<Option<std::io::Error>>,
}

impl Screen {
    /// Bars where standard error is a terminal, plain lines elsewhere; `json` prints events to standard
    /// output.
    #[must_use]
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let mode = match (json, quiet) {
            (true, _) => Mode::Json,
            (_, true) => Mode::Silent,
            _ if std::io::stderr().is_terminal() => Mode::Bars,
            _ => Mode::Plain,
        };
        Self { mode, bars: MultiProgress::new(), failed: Mutex::new(None) }
    }

    /// Whether all events have been told.
    ///
    /// # Errors
    /// What kept the first one from standard output, other than that nobody reads it.
    pub(crate) fn told(&self) -> std::io::Result<()> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// Whether events go to standard output, so that nothing else may.
    #[must_use]
    pub(crate) fn is_json(&self) -> bool {
        self.mode == Mode::Json
    }

    fn shown(&self, title: String, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        match self.mode {
            Mode::Bars => {
                let template = if total.is_none() {
                    format!("  {{prefix:<24}} {{spinner}} {{human_pos}} {unit}  {{per_sec}}  {{msg}}")
                } else {
                    format!(
                        "  {{prefix:<24}} {{wide_bar:.cyan/dim}} {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}} left  {{msg}}"
                    )
                };
                let style =
                    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
                // What was done before the bar began is no speed, which the library would take it for.
                let before = Arc::new(AtomicU64::new(0));
                let known = Arc::clone(&before);
                let rate = move |state: &ProgressState| match known.load(Ordering::Relaxed) {
                    0 => state.per_sec(),
                    before => {
                        let now = state.pos().saturating_sub(before) as f64;
                        now / state.elapsed().as_secs_f64().max(1e-9)
                    }
                };
                let (speed, left) = (rate.clone(), rate);
                let style = style
                    .with_key("per_sec", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                        let _ = write!(out, "{}/s", text::count(speed(state) as u64));
                    })
                    .with_key("eta", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                        let (rate, rest) =
                            (left(state), state.len().unwrap_or(0).saturating_sub(state.pos()));
                        if rate > 0.0 {
                            let _ = write!(out, "{}", text::duration(rest as f64 / rate));
                        }
                    });
                let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
                let bar = self.bars.add(bar);
                bar.set_style(style);
                bar.set_prefix(title);
                bar.enable_steady_tick(Duration::from_millis(200));
                Box::new(Drawn { bar, before })
            }
            Mode::Plain => Box::new(Plain {
                title,
                unit: unit.to_owned(),
                total,
                done: AtomicU64::new(0),
                before: AtomicU64::new(0),
                started: Instant::now(),
                state: Mutex::new((Instant::now(), String::new())),
            }),
            Mode::Json | Mode::Silent => Box::new(Hidden),
        }
    }
}

impl Observer for Screen {
    fn event(&self, told: &LogEntry) {
        if self.mode == Mode::Json {
            let line = serde_json::to_string(told).map_err(Into::into);
            // The run goes on; it says at its end that somebody missed something.
            if let Err(error) = line.and_then(|line| stdout().write_all((line + "\n").as_bytes())) {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }

    fn line(&self, line: &str) {
        match self.mode {
            Mode::Bars => {
                // A closed terminal is no reason to stop.
                let _ = self.bars.println(line);
            }
            Mode::Plain => {
                let _ = writeln!(std::io::stderr().lock(), "{line}");
            }
            Mode::Json | Mode::Silent => {}
        }
    }

    fn bar(&self, stage: &str, shard: Option<&str>, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        let title = match shard {
            Some(shard) => format!("{stage} {}", shard.get(..6).unwrap_or(shard)),
            None => stage.to_owned(),
        };
        self.shown(title, total, unit)
    }
}

struct Drawn {
    bar: ProgressBar,
    /// Units that were done before it began.
    before: Arc<AtomicU64>,
}

impl Bar for Drawn {
    fn add(&self, units: u64) {
        self.bar.inc(units);
    }
    fn resume(&self, units: u64) {
        self.before.fetch_add(units, Ordering::Relaxed);
        self.bar.inc(units);
    }
    fn note(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Hidden;

impl Bar for Hidden {
    fn add(&self, _units: u64) {}
    fn resume(&self, _units: u64) {}
    fn note(&self, _text: &str) {}
}

struct Plain {
    title: String,
    unit: String,
    total: Option<u64>,
    done: AtomicU64,
    /// Units of them that were done before it began.
    before: AtomicU64,
    started: Instant,
    /// When the last line was printed, and the note.
    state: Mutex<(Instant, String)>,
}

impl Bar for Plain {
    fn add(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.elapsed() < PLAIN_EVERY {
            return;
        }
        state.0 = Instant::now();
        let now = done.saturating_sub(self.before.load(Ordering::Relaxed));
        let rate = now as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let mut line = format!("  {:<24} {}", self.title, text::count(done));
        if let Some(total) = self.total {
            line += &format!("/{}", text::count(total));
        }
        line += &format!(" {}  {}/s", self.unit, text::count(rate as u64));
        if let Some(left) = self.total.and_then(|total| total.checked_sub(done)).filter(|&left| left > 0)
            && rate > 0.0
        {
            line += &format!("  {} left", text::duration(left as f64 / rate));
        }
        if !state.1.is_empty() {
            line += &format!("  {}", state.1);
        }
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    fn resume(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
        self.before.fetch_add(units, Ordering::Relaxed);
    }

    fn note(&self, text: &str) {
        text.clone_into(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).1);
    }
}
