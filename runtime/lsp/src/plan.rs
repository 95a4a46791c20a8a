//! What a run would do with a program, as far as it is known, and where that is shown in the text.
//!
//! A plan may be older than the text: it is tied to stages by their names, and places move with their stage.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{Diagnostic, DiagnosticSeverity};
use llmp_compiler::diagnostic;
use llmp_compiler::feasible::feasible;
use llmp_compiler::graph::{Stage, StageId};
use llmp_compiler::plan::{Blocked, Decision};
use llmp_compiler::source::Span;
use llmp_insight::drawing::State;
use llmp_insight::following::Going;
use llmp_insight::hints;
use llmp_insight::peek::peek;
use llmp_planning::{Row, capacity, needs, reasons};
use llmp_records::text;

use super::analysis::Analysis;
use super::client::Client;
use super::convert;
use super::diagnostics::ByFile;
use super::gates::{self, Gate};

/// What a run would do with one program.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What was planned.
    pub(crate) analysis: Arc<Analysis>,
    /// One row for each of its stages.
    pub(crate) rows: Vec<Row>,
    /// What stands against running it on this machine.
    against: Vec<diagnostic::Diagnostic>,
    /// The store that was looked at.
    pub(crate) store: PathBuf,
    stages: HashMap<String, StageId>,
    /// What is said at each stage; two plans that say the same look the same.
    hints: Vec<String>,
    /// What the newest reports say of what the program expects.
    pub(crate) gates: Vec<Gate>,
}

impl Plan {
    /// The plan with these rows.
    pub(crate) fn new(analysis: Arc<Analysis>, rows: Vec<Row>, gates: Vec<Gate>, store: PathBuf) -> Self {
        let graph = &analysis.compilation.graph;
        let against = feasible(graph, &needs(&rows), &capacity(analysis.toolkit().device, &store));
        let stages = graph.ids().map(|id| (graph.stage(id).name.clone(), id)).collect();
        let hints = rows.iter().map(|row| hints::hint(row, graph)).collect();
        Self { analysis, rows, against, store, stages, hints, gates }
    }

    /// Whether both say the same at the same stages.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let names = |plan: &Self| -> Vec<String> {
            plan.analysis.compilation.graph.stages.iter().map(|stage| stage.name.clone()).collect()
        };
        let against =
            |plan: &Self| -> Vec<String> { plan.against.iter().map(|one| one.message.clone()).collect() };
        let same = self.hints == other.hints && self.gates == other.gates;
        same && against(self) == against(other) && names(self) == names(other)
    }

    /// The row of the stage with this name.
    pub(crate) fn row(&self, stage: &str) -> Option<&Row> {
        self.rows.get(self.stages.get(stage)?.0 as usize)
    }

    /// `cached`, `re-run: lr 1e-3 → 3e-4 · 12m 00s · 2.1 GiB`, `blocked: there is no file …`.
    pub(crate) fn hint(&self, stage: &str) -> Option<&str> {
        self.hints.get(self.stages.get(stage)?.0 as usize).map(String::as_str)
    }

    /// State, reasons and cost of a stage, in Markdown.
    pub(crate) fn details(&self, stage: &str) -> Option<String> {
        let row = self.row(stage)?;
        let (graph, sources) = (&self.analysis.compilation.graph, &self.analysis.compilation.sources);
        let mut out = format!("**{}**", row.action().word());
        match &row.decision {
            Decision::Cached { key, .. } => {
                let run = row.last_run.map_or_else(String::new, |run| format!(", run {run}"));
                let _ = write!(out, ": key {}{run}", key.digest.short());
            }
            Decision::Blocked(_) => {
                let _ = write!(out, ": {}", hints::blocked(row, graph).unwrap_or_default());
            }
            Decision::Run { reasons, may_skip, shards, .. } => {
                for reason in reasons {
                    let place = reasons::place(reason, sources);
                    let place = place.map_or_else(String::new, |place| format!(" (`{place}`)"));
                    let _ = write!(out, "\n- {}{place}", reasons::text(reason));
                }
                if *may_skip {
                    out += "\n- it is skipped if what it waits for comes out as it was";
                }
                if let Some((todo, all)) = shards {
                    let _ = write!(out, "\n- {todo} of {all} shards have to run");
                }
                let estimate = &row.estimate;
                let mut line = |name: &str, value: &str| {
                    let _ = write!(out, "\n- {name}: {value}");
                };
                if !estimate.work.is_empty() {
                    line("work", &estimate.work);
                }
                if let Some(seconds) = estimate.seconds {
                    let (time, band) = (text::duration(seconds), estimate.band * 100.0);
                    line("time", &format!("{time} ±{band:.0}% ({})", estimate.basis));
                }
                if let Some(memory) = estimate.memory {
                    line("memory", &text::bytes(memory));
                }
                if let Some(disk) = estimate.disk {
                    line("disk", &text::bytes(disk));
                }
            }
        }
        Some(out)
    }

    /// What the stage made when it last ran: counts, what was dropped, the first rows.
    pub(crate) fn seen(&self, stage: &Stage) -> Option<String> {
        let run = self.row(&stage.name)?.last_run?;
        let graph = &self.analysis.compilation.graph;
        let kind = graph.artifact_type(stage)?.kind.name();
        peek(&self.store, self.analysis.toolkit().registry, &stage.name, kind, run)
    }

    /// All in one line: `nothing to do`, `3 to re-run, about 12m 00s`.
    pub(crate) fn summary(&self) -> String {
        hints::summary(&self.rows)
    }

    /// Where something that the plan says about a stage stands in a newer text.
    fn moved(&self, span: Span, stage: &Stage, now: &Analysis) -> Option<Span> {
        if std::ptr::eq(now, &*self.analysis) {
            return Some(span);
        }
        let found = now.compilation.graph.stages.iter().find(|one| one.name == stage.name)?;
        if span.file != stage.span.file {
            return None;
        }
        let at = |offset: u32| (found.span.start + offset).saturating_sub(stage.span.start);
        Some(Span::new(found.span.file, at(span.start), at(span.end)))
    }

    /// A diagnostic about a stage, where that stands in a newer text.
    fn moved_with_its_stage(
        &self,
        one: &diagnostic::Diagnostic,
        now: &Analysis,
    ) -> Option<diagnostic::Diagnostic> {
        let mut one = one.clone();
        for label in &mut one.labels {
            let before =
                self.analysis.compilation.graph.stages.iter().filter(|stage| {
                    stage.span.file == label.span.file && stage.span.start <= label.span.start
                });
            label.span = self.moved(label.span, before.max_by_key(|stage| stage.span.start)?, now)?;
        }
        Some(one)
    }

    /// Adds what keeps stages from running, or is too much for the machine, on the expression that causes it.
    pub(crate) fn collect(&self, now: &Analysis, client: &Client, all: &mut ByFile) {
        let graph = &self.analysis.compilation.graph;
        let gates = self.gates.iter().filter_map(|gate| gate.failure(now));
        let against = self.against.iter().filter_map(|one| self.moved_with_its_stage(one, now));
        for one in against.chain(gates) {
            let Some(path) = now.path(one.span().file) else { continue };
            let Some(diagnostic) = convert::diagnostic(&one, now, client) else { continue };
            let list = all.entry(path.to_owned()).or_default();
            if !list.contains(&diagnostic) {
                list.push(diagnostic);
            }
        }
        for row in &self.rows {
            let Decision::Blocked(Blocked::Files { message, span, .. }) = &row.decision else { continue };
            let stage = graph.stage(row.id);
            let Some(span) = self.moved(*span, stage, now) else { continue };
            let (Some(path), Some(range)) = (now.path(span.file), now.range(span, client.encoding)) else {
                continue;
            };
            let diagnostic = Diagnostic {
                range,
                severity: Some(DiagnosticSeverity::Error),
                source: Some("llmp plan".to_owned()),
                message: format!("`{}` cannot run: {message}", stage.name).into(),
                ..Diagnostic::default()
            };
            let list = all.entry(path.to_owned()).or_default();
            if !list.contains(&diagnostic) {
                list.push(diagnostic);
            }
        }
    }
}

/// What is known of all programs: plans, and runs that are going on, by main file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plans {
    pub(crate) plans: BTreeMap<PathBuf, Arc<Plan>>,
    pub(crate) going: BTreeMap<PathBuf, Arc<Going>>,
}

impl Plans {
    /// The plan of a program, which may be of an older text.
    pub(crate) fn of(&self, analysis: &Analysis) -> Option<&Arc<Plan>> {
        self.plans.get(&analysis.main)
    }

    /// What is said at a stage: how far it is, or what the plan says.
    pub(crate) fn hint(&self, analysis: &Analysis, stage: &str) -> Option<String> {
        let work = self.going.get(&analysis.main).and_then(|going| going.working.get(stage));
        match work {
            Some(work) => Some(work.text()),
            None => self.of(analysis)?.hint(stage).map(str::to_owned),
        }
    }

    /// What is said where something is expected of reports.
    pub(crate) fn gates(&self, analysis: &Analysis) -> BTreeMap<Span, (String, String)> {
        self.of(analysis).map_or_else(BTreeMap::new, |plan| gates::hints(&plan.gates, analysis))
    }

    /// The state that a stage is drawn in.
    pub(crate) fn state(&self, analysis: &Analysis, stage: &str) -> State {
        let row = self.of(analysis).and_then(|plan| plan.row(stage));
        State::of(stage, row, self.going.get(&analysis.main).map(AsRef::as_ref))
    }

    /// State, reasons and cost of a stage, in Markdown, for a hover.
    pub(crate) fn details(&self, analysis: &Analysis, stage: &str) -> Option<String> {
        let details = self.of(analysis).and_then(|plan| plan.details(stage));
        let work = self.going.get(&analysis.main).and_then(|going| going.working.get(stage));
        match work {
            Some(work) => Some(format!("{}\n\n{}", work.text(), details.unwrap_or_default())),
            None => details,
        }
    }

    /// What a stage made when it last ran, in Markdown, for a hover.
    pub(crate) fn seen(&self, analysis: &Analysis, stage: &Stage) -> Option<String> {
        self.of(analysis)?.seen(stage)
    }
}
