//! What the newest reports say of what a program expects of them, where it stands in the text.
//!
//! As plans, this may be older than the text: an expectation is the same as long as it reads the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use llmp_compiler::compile::Compilation;
use llmp_compiler::diagnostic::{Diagnostic, Severity};
use llmp_compiler::source::Span;
use llmp_planning::Latest;
use llmp_records::Expectation;

use super::analysis::Analysis;

/// An expectation and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gate {
    outcome: Expectation,
    /// Whether the reports are those of the program as it is.
    current: bool,
    /// What is wrong, where it does not hold.
    failure: Option<Diagnostic>,
}

impl Gate {
    /// What is known of one in a program that was planned.
    pub(crate) fn new(latest: &Latest<'_>, compilation: &Compilation) -> Self {
        let Compilation { graph, sources, .. } = compilation;
        let failure = latest.verdict.as_ref().and_then(|verdict| latest.gate.failure(verdict, graph));
        let failure = failure.map(|failure| match latest.current {
            true => failure,
            // What a run would find is not known: its reports are made anew.
            false => Diagnostic {
                message: format!("in the last run, {}", failure.message),
                severity: Severity::Warning,
                ..failure
            },
        });
        Self { outcome: latest.expectation(graph, sources), current: latest.current, failure }
    }

    /// Where it stands now.
    fn span(&self, now: &Analysis) -> Option<Span> {
        let graph = &now.compilation.graph;
        let same = |gate: &&llmp_compiler::gate::Gate| {
            gate.text == self.outcome.text && gate.measured(graph) == self.outcome.measured
        };
        graph.gates.iter().find(same).map(|gate| gate.span)
    }

    /// `12%: failed`, `12% in the last run: failed`, `not measured yet`.
    fn hint(&self) -> String {
        let Expectation { holds, found, .. } = &self.outcome;
        if holds.is_none() {
            return "not measured yet".to_owned();
        }
        let found = found.as_deref().unwrap_or("no such number");
        let when = if self.current { "" } else { " in the last run" };
        format!("{found}{when}: {}", self.outcome.word())
    }

    /// What was found, in Markdown.
    fn details(&self) -> String {
        let mut out = format!("`{}`: {}", self.outcome.measured, self.outcome.outcome());
        if !self.outcome.guards.is_empty() {
            let names: Vec<String> = self.outcome.guards.iter().map(|name| format!("`{name}`")).collect();
            // Writing to a string cannot fail.
            let _ = write!(out, "\n\nWhere it fails, {} stays as it was in `out/`.", names.join(", "));
        }
        out
    }

    /// What is wrong with it, where it stands now.
    pub(crate) fn failure(&self, now: &Analysis) -> Option<Diagnostic> {
        let mut failure = self.failure.clone()?;
        let span = self.span(now)?;
        failure.labels.iter_mut().for_each(|label| label.span = span);
        Some(failure)
    }
}

/// What is said at each place where something is expected: a hint and more about it. Members of a family
/// stand at one place.
pub(crate) fn hints(gates: &[Gate], now: &Analysis) -> BTreeMap<Span, (String, String)> {
    let mut places = BTreeMap::<Span, Vec<&Gate>>::new();
    for gate in gates {
        if let Some(span) = gate.span(now) {
            places.entry(span).or_default().push(gate);
        }
    }
    let said = |gates: Vec<&Gate>| {
        let details: Vec<String> = gates.iter().map(|gate| gate.details()).collect();
        let hint = match gates.as_slice() {
            [one] => one.hint(),
            many => {
                let mut counts = BTreeMap::<&str, usize>::new();
                for gate in many {
                    *counts.entry(gate.outcome.word()).or_default() += 1;
                }
                let counts: Vec<String> =
                    counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
                counts.join(", ")
            }
        };
        (hint, details.join("\n\n"))
    };
    places.into_iter().map(|(span, gates)| (span, said(gates))).collect()
}
