//! What a plan comes to: time, memory and disk of the stages that will run.

use llmp_compiler::feasible::Capacity;
use llmp_compiler::graph::Producer;
use llmp_compiler::plan::Decision;
use llmp_planning::Row;
use llmp_planning::machine::available_memory;
use llmp_records::text;
use serde_json::{Value, json};

use super::super::pipeline::Pipeline;

/// Sums over the stages that will run.
pub(super) struct Totals {
    /// Seconds of those whose time is known.
    seconds: f64,
    /// Seconds of the longest way through the graph, where one stage has the device at a time.
    critical: f64,
    /// Stages whose time is not known, by their names.
    unknown: Vec<String>,
    /// Bytes of the stage that needs most.
    memory: Option<u64>,
    /// Bytes of all results.
    disk: u64,
}

impl Totals {
    pub(super) fn of(pipeline: &Pipeline, rows: &[Row]) -> Self {
        let graph = &pipeline.compilation.graph;
        let busy = || rows.iter().filter(|row| matches!(row.decision, Decision::Run { .. }));
        // When each stage ends, if all that can run at the same time does.
        let mut ends: Vec<f64> = Vec::with_capacity(rows.len());
        let mut device = 0.0;
        for row in rows {
            let stage = graph.stage(row.id);
            let inputs = stage.inputs.iter().filter_map(|input| match input.from {
                Producer::Stage(from) => ends.get(from.0 as usize).copied(),
                Producer::Files(_) => None,
            });
            let begins = inputs.fold(0.0, f64::max);
            let seconds = row.estimate.seconds.unwrap_or(0.0);
            let end = if stage.needs.devices.is_some() && matches!(row.decision, Decision::Run { .. }) {
                device = f64::max(begins, device) + seconds;
                device
            } else {
                begins + seconds
            };
            ends.push(end);
        }
        Self {
            seconds: busy().filter_map(|row| row.estimate.seconds).fold(0.0, |all, each| all + each),
            critical: ends.into_iter().fold(0.0, f64::max),
            unknown: busy()
                .filter(|row| row.estimate.seconds.is_none())
                .map(|row| graph.stage(row.id).name.clone())
                .collect(),
            memory: busy().filter_map(|row| row.estimate.memory).max(),
            disk: busy().filter_map(|row| row.estimate.disk).sum(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({"seconds": self.seconds, "critical_path": self.critical, "partial": !self.unknown.is_empty(),
            "unknown": self.unknown, "memory": self.memory, "disk": self.disk})
    }

    /// `about 2h 01m (critical path 1h 52m) · peak 3.2 GiB of 23.4 GiB (21.0 GiB free) · +3.1 GiB disk (61
    /// GiB free)`
    pub(super) fn text(&self, capacity: &Capacity) -> String {
        let mut parts = Vec::new();
        if self.seconds > 0.0 {
            let bound = if self.unknown.is_empty() { "about" } else { "at least" };
            // What runs at the same time shortens the way by more than an estimate's error.
            let critical = match self.critical < 0.95 * self.seconds {
                true => format!(" (critical path {})", text::duration(self.critical)),
                false => String::new(),
            };
            parts.push(format!("{bound} {}{critical}", text::duration(self.seconds)));
        }
        if let Some(memory) = self.memory {
            let of = capacity.memory.map_or(String::new(), |all| format!(" of {}", text::bytes(all)));
            let free = available_memory().filter(|_| capacity.memory.is_some());
            let free = free.map_or(String::new(), |free| format!(" ({} free)", text::bytes(free)));
            parts.push(format!("peak {}{of}{free}", text::bytes(memory)));
        }
        if self.disk > 0 {
            let free = capacity.disk.map_or(String::new(), |free| format!(" ({} free)", text::bytes(free)));
            parts.push(format!("+{} disk{free}", text::bytes(self.disk)));
        }
        parts.extend(self.unknown_text());
        parts.join(" · ")
    }

    /// `5 stages unknown: docs, vocab, tokens and 2 more`; nothing where all are known.
    fn unknown_text(&self) -> Option<String> {
        const NAMED: usize = 3;
        let named = self.unknown.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match self.unknown.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let stages = text::plural(self.unknown.len() as u64, "stage");
        (!self.unknown.is_empty()).then(|| format!("{stages} of unknown time: {named}{more}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_names_what_is_unknown() {
        let capacity = Capacity::default();
        let totals = |unknown: &[&str]| Totals {
            seconds: 29.0,
            critical: 29.0,
            unknown: unknown.iter().map(|name| (*name).to_owned()).collect(),
            memory: None,
            disk: 0,
        };
        assert_eq!(totals(&[]).text(&capacity), "about 29s");
        assert_eq!(totals(&["docs"]).text(&capacity), "at least 29s · 1 stage of unknown time: docs");
        let many = totals(&["a", "b", "c", "d", "e"]).text(&capacity);
        assert_eq!(many, "at least 29s · 5 stages of unknown time: a, b, c and 2 more");
    }
}
