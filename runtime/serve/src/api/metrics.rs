//! Counts in Prometheus' text form.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use crate::engine::Engine;

/// Requests that were answered, by path and status.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<BTreeMap<(&'static str, u16), u64>>);

/// The paths that are counted by their names; others are `other`, so that nobody fills the memory with them.
const COUNTED: [&str; 7] =
    ["/", "/health", "/metrics", "/v1/models", "/v1/chat/completions", "/v1/completions", "/tokenize"];

impl Seen {
    pub(crate) fn count(&self, path: &str, status: u16) {
        let path = COUNTED.iter().find(|known| **known == path).copied().unwrap_or("other");
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen.entry((path, status)).or_default() += 1;
    }
}

pub(crate) fn text(engine: &Engine, seen: &Seen) -> String {
    let counts = &engine.counts;
    let mut text = String::new();
    let mut put = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string never fails.
        let _ = writeln!(text, "# HELP llmp_{name} {help}\n# TYPE llmp_{name} {kind}\nllmp_{name} {value}");
    };
    put("prompt_tokens_total", "counter", "Tokens of prompts.", counts.prompt.load(Ordering::Relaxed));
    put(
        "cached_prompt_tokens_total",
        "counter",
        "Tokens of prompts that were computed before.",
        counts.cached.load(Ordering::Relaxed),
    );
    put("generated_tokens_total", "counter", "Tokens written.", counts.written.load(Ordering::Relaxed));
    put("steps_total", "counter", "Steps of all rows together.", counts.steps.load(Ordering::Relaxed));
    put("rows", "gauge", "Texts that are being written.", counts.rows.load(Ordering::Relaxed) as u64);
    put("waiting_rows", "gauge", "Texts that wait.", counts.waiting.load(Ordering::Relaxed) as u64);
    put("models", "gauge", "Models that are served.", engine.models().len() as u64);
    let _ =
        writeln!(text, "# HELP llmp_requests_total Requests answered.\n# TYPE llmp_requests_total counter");
    for ((path, status), count) in seen.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = writeln!(text, "llmp_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}");
    }
    text
}
