//! What differs between two runs, causes first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use llmp_compiler::key::{Component, ComponentName};
use llmp_planning::reasons::file_changes;
use llmp_records::{StageStatus, text};
use llmp_stage::Shown;
use llmp_store::Ledger;
use serde_json::{Value, json};

use crate::report::{Report, StageReport, chains, trainings};

/// Names of files that are shown of each kind.
const MAX_FILES: usize = 4;

/// A value then and now; `None` where there was or is none.
#[derive(Debug, PartialEq)]
struct Change {
    /// The stage, or the head of the run where it is empty.
    stage: String,
    name: String,
    old: Option<String>,
    new: Option<String>,
    /// More about it.
    note: Option<String>,
}

impl Change {
    fn of(stage: &str, name: &str, old: Option<String>, new: Option<String>) -> Option<Self> {
        // A setting that an earlier version did not have, and that is not set now, differs in nothing that is
        // seen.
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
        let differs = old != new && shown(&old) != shown(&new);
        differs.then(|| Self { stage: stage.to_owned(), name: name.to_owned(), old, new, note: None })
    }

    fn text(&self) -> String {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
        let name =
            if self.stage.is_empty() { self.name.clone() } else { format!("{}.{}", self.stage, self.name) };
        let note = self.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        format!("{name}  {} → {}{note}", shown(&self.old), shown(&self.new))
    }

    fn json(&self) -> Value {
        let stage = (!self.stage.is_empty()).then_some(&self.stage);
        json!({"stage": stage, "name": self.name, "old": self.old, "new": self.new, "note": self.note})
    }
}

/// All that differs.
#[derive(Debug, Default)]
pub struct Difference {
    /// Of the runs themselves: profile, device, program.
    head: Vec<Change>,
    settings: Vec<Change>,
    inputs: Vec<Change>,
    /// Stages that only the new run has, and only the old one.
    added: Vec<String>,
    removed: Vec<String>,
    /// Counts of documents and tokens.
    counts: Vec<Change>,
    /// Losses and shares of answers.
    metrics: Vec<Change>,
    /// What came of what the program expects of its reports.
    gates: Vec<Change>,
    /// How stages ended, where both ran or one did.
    status: Vec<Change>,
}

impl Difference {
    /// Between an `old` and a `new` run. The ledger knows which files their stages read.
    #[must_use]
    pub fn between(ledger: &Ledger, old: &Report, new: &Report) -> Self {
        let mut difference = Self { head: head(old, new), ..Self::default() };
        let before: BTreeMap<&str, &StageReport> =
            old.stages.iter().map(|stage| (stage.name.as_str(), stage)).collect();
        for stage in &new.stages {
            match before.get(stage.name.as_str()) {
                Some(then) => difference.compare(ledger, then, stage),
                None => difference.added.push(stage.name.clone()),
            }
        }
        let gone = old.stages.iter().filter(|stage| new.stage(&stage.name).is_none());
        difference.removed = gone.map(|stage| stage.name.clone()).collect();
        difference.metrics = metrics(old, new);
        difference.gates = gates(old, new);
        difference
    }

    fn compare(&mut self, ledger: &Ledger, old: &StageReport, new: &StageReport) {
        let name = &new.name;
        let status = |stage: &StageReport| Some(stage.status.word().to_owned());
        self.status.extend(Change::of(name, "status", status(old), status(new)));
        // A stage without a result in one of the runs has nothing else to compare.
        if old.artifact.is_none() || new.artifact.is_none() {
            return;
        }
        let kind = |stage: &StageReport| {
            let of_kind = |component: &&Component| component.name == ComponentName::Kind;
            stage.settings.iter().find(of_kind).map(|component| component.value.clone())
        };
        if let (Some(then), Some(now)) = (kind(old), kind(new))
            && then != now
        {
            // Two signatures' settings have nothing to do with each other.
            self.settings.push(Change {
                stage: name.clone(),
                name: "stage".to_owned(),
                old: Some(then),
                new: Some(now),
                note: Some("another stage, with settings of its own".to_owned()),
            });
            self.count(old, new);
            return;
        }
        let files = files(ledger, old, new);
        for (component, old, new) in components(&old.settings, &new.settings) {
            match component {
                // The consequence of another stage's change.
                ComponentName::Input(_) => {}
                ComponentName::Files(role) => {
                    // A command's file is named by its role already.
                    let rest = |value: Option<String>| {
                        value.map(|value| match value.strip_prefix(role.as_str()) {
                            Some(rest) if rest.starts_with(" (") => rest.trim_start().to_owned(),
                            _ => value,
                        })
                    };
                    let change = Change::of(name, role, rest(old), rest(new));
                    let note = files.get(role).cloned();
                    self.inputs.extend(change.map(|change| Change { note, ..change }));
                }
                ComponentName::Epoch => self.settings.extend(Change::of(name, "implementation", old, new)),
                ComponentName::Kind | ComponentName::Command | ComponentName::Setting(_) => {
                    self.settings.extend(Change::of(name, &component.text(), old, new));
                }
            }
        }
        self.count(old, new);
    }

    /// What stages counted.
    fn count(&mut self, old: &StageReport, new: &StageReport) {
        let name = &new.name;
        let names: BTreeSet<&String> = old.counts.keys().chain(new.counts.keys()).collect();
        for count in names {
            let of = |stage: &StageReport| Some(text::count(stage.counts.get(count).copied().unwrap_or(0)));
            self.counts.extend(Change::of(name, count, of(old), of(new)));
        }
    }

    fn is_empty(&self) -> bool {
        let lists = [&self.head, &self.settings, &self.inputs, &self.counts, &self.metrics, &self.gates];
        lists.iter().all(|list| list.is_empty()) && self.added.is_empty() && self.removed.is_empty()
    }

    /// For programs; the form is described in `spec/`.
    #[must_use]
    pub fn json(&self, old: &Report, new: &Report) -> Value {
        let times: Vec<_> = times(old, new)
            .iter()
            .map(|time| json!({"stage": time.stage, "old": time.old, "new": time.new}))
            .collect();
        let list = |changes: &[Change]| changes.iter().map(Change::json).collect::<Vec<_>>();
        json!({"format_version": 1, "old": old.run, "new": new.run,
            "run": list(&self.head), "settings": list(&self.settings), "inputs": list(&self.inputs),
            "added": self.added, "removed": self.removed, "counts": list(&self.counts),
            "metrics": list(&self.metrics), "gates": list(&self.gates), "status": list(&self.status),
            "seconds": {"old": old.seconds, "new": new.seconds}, "times": times})
    }

    /// For people: one screen.
    ///
    /// # Errors
    /// Where `out` refuses.
    pub fn print(&self, out: &mut impl Write, old: &Report, new: &Report) -> io::Result<()> {
        let head = |report: &Report| {
            format!(
                "{} {} in {}: {} ran, {} cached, {} failed",
                report.title(),
                report.status,
                text::duration(report.seconds),
                report.count(StageStatus::Ran),
                report.count(StageStatus::Cached) + report.count(StageStatus::Skipped),
                report.count(StageStatus::Failed)
            )
        };
        writeln!(out, "run {:<4} {}", old.run, head(old))?;
        writeln!(out, "run {:<4} {}", new.run, head(new))?;
        if self.is_empty() {
            writeln!(out, "\nNo setting, input or result differs.")?;
        }
        section(out, "Run", &self.head)?;
        section(out, "Settings", &self.settings)?;
        section(out, "Files", &self.inputs)?;
        for (title, names) in [("New stages", &self.added), ("Gone", &self.removed)] {
            if !names.is_empty() {
                writeln!(out, "\n{title}\n  {}", names.join(", "))?;
            }
        }
        section(out, "Results", &self.counts)?;
        section(out, "Metrics", &self.metrics)?;
        section(out, "Gates", &self.gates)?;
        let times = times(old, new);
        let both = times.iter().filter(|time| time.notable && time.old.is_some() && time.new.is_some());
        let both: Vec<_> = both.collect();
        if !both.is_empty() {
            writeln!(out, "\nTime")?;
            for time in both.iter().take(MAX_LINES) {
                let shown = |seconds: Option<f64>| seconds.map_or("–".into(), text::duration);
                writeln!(out, "  {:<28} {} → {}", time.stage, shown(time.old), shown(time.new))?;
            }
            more(out, both.len())?;
        }
        let only = |wanted: fn(&Time<'_>) -> bool| -> Vec<&str> {
            times.iter().filter(|time| wanted(time)).map(|time| time.stage).collect()
        };
        let saved = only(|time| time.old.is_some() && time.new.is_none());
        let again = only(|time| time.old.is_none() && time.new.is_some());
        for (title, stages) in [("Ran only then", saved), ("Ran only now", again)] {
            if !stages.is_empty() {
                let more = stages.len().saturating_sub(MAX_LINES);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let stages: Vec<_> = stages.into_iter().take(MAX_LINES).collect();
                writeln!(out, "\n{title}\n  {}{more}", stages.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Lines of one section that are shown; JSON has all.
const MAX_LINES: usize = 10;

fn section(out: &mut impl Write, title: &str, changes: &[Change]) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for change in changes.iter().take(MAX_LINES) {
        writeln!(out, "  {}", change.text())?;
    }
    more(out, changes.len())
}

fn more(out: &mut impl Write, all: usize) -> io::Result<()> {
    if all > MAX_LINES {
        writeln!(out, "  and {} more (`--json` has all)", all - MAX_LINES)?;
    }
    Ok(())
}

fn head(old: &Report, new: &Report) -> Vec<Change> {
    let rows = |report: &Report| {
        let environment = &report.environment;
        [
            ("pipeline", report.pipeline.display().to_string()),
            ("profile", report.profiles.join(", ")),
            ("to", report.targets.join(", ")),
            ("device", report.device.clone()),
            ("host", environment.host.clone()),
            ("llmp", environment.version.clone()),
        ]
    };
    let given = |value: String| Some(value).filter(|value| !value.is_empty());
    let changes = rows(old).into_iter().zip(rows(new));
    changes.filter_map(|((name, old), (_, new))| Change::of("", name, given(old), given(new))).collect()
}

/// Components that differ, by name.
fn components<'a>(
    old: &'a [Component],
    new: &'a [Component],
) -> Vec<(&'a ComponentName, Option<String>, Option<String>)> {
    let find =
        |table: &'a [Component], name: &ComponentName| table.iter().find(|component| component.name == *name);
    let mut found = Vec::new();
    for component in new {
        let then = find(old, &component.name);
        if then.is_none_or(|then| then.digest != component.digest) {
            found.push((&component.name, then.map(|then| then.value.clone()), Some(component.value.clone())));
        }
    }
    let gone = old.iter().filter(|component| find(new, &component.name).is_none());
    found.extend(gone.map(|component| (&component.name, Some(component.value.clone()), None)));
    found
}

/// Which files were added, removed or changed, by role.
fn files(ledger: &Ledger, old: &StageReport, new: &StageReport) -> BTreeMap<String, String> {
    let inputs = |stage: &StageReport| {
        let record = stage.key.and_then(|key| ledger.record(&key).ok()?);
        record.map(|record| record.inputs).unwrap_or_default()
    };
    if old.key == new.key {
        return BTreeMap::new();
    }
    let before = inputs(old);
    let changed = inputs(new).into_iter().filter_map(|input| {
        let then = before.iter().find(|then| then.role == input.role)?;
        let changes = file_changes(&then.files, &input.files).lines(MAX_FILES);
        (!changes.is_empty()).then(|| (input.role.clone(), changes.join("; ")))
    });
    changed.collect()
}

/// Losses, rates of answers and shares of documents kept.
fn metrics(old: &Report, new: &Report) -> Vec<Change> {
    let (then, now) = (measures(old), measures(new));
    let names: BTreeSet<_> = then.keys().chain(now.keys()).collect();
    let change =
        |at: &(String, String)| Change::of(&at.0, &at.1, then.get(at).cloned(), now.get(at).cloned());
    names.into_iter().filter_map(change).collect()
}

/// Expectations whose outcome is another, or that only one of the runs had. One whose bound alone has changed
/// is told, too.
fn gates(old: &Report, new: &Report) -> Vec<Change> {
    // A measure may be held between two bounds.
    let outcomes = |report: &Report| {
        let mut outcomes = BTreeMap::<String, Vec<String>>::new();
        for one in &report.expectations {
            outcomes.entry(one.measured.clone()).or_default().push(one.outcome());
        }
        outcomes
    };
    let (then, now) = (outcomes(old), outcomes(new));
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let of = |all: &BTreeMap<String, Vec<String>>, name: &String| {
        all.get(name).map(|outcomes| outcomes.join("; "))
    };
    names.into_iter().filter_map(|name| Change::of("", name, of(&then, name), of(&now, name))).collect()
}

fn measures(report: &Report) -> BTreeMap<(String, String), String> {
    let mut measures = BTreeMap::new();
    for training in trainings(report) {
        for came in training.came_to() {
            measures.insert((training.stage.name.clone(), came.label), format!("{:.3}", came.value));
        }
    }
    for chain in chains(report) {
        if let (Some(first), Some(last)) = (chain.steps.first(), chain.steps.last())
            && first.given > 0
        {
            let share = 100.0 * last.kept as f64 / first.given as f64;
            measures.insert((last.stage.name.clone(), "share kept".into()), format!("{share:.1} %"));
        }
    }
    for stage in &report.stages {
        for one in stage.shown.iter().flat_map(Shown::compared) {
            let of = one.keys.first().map_or("", String::as_str);
            let at = (stage.name.clone(), format!("{of} {}", one.measure).trim().to_owned());
            measures.insert(at, one.unit.text(one.value));
        }
    }
    measures
}

/// Seconds of a stage in two runs; `None` where it did not run.
struct Time<'a> {
    stage: &'a str,
    old: Option<f64>,
    new: Option<f64>,
    /// Whether they differ by a tenth, and by a tenth of a second.
    notable: bool,
}

/// Of the stages that ran in at least one of the runs.
fn times<'a>(old: &Report, new: &'a Report) -> Vec<Time<'a>> {
    let took = |stage: &StageReport| {
        let span = stage.span.map(|(began, ended)| ended - began);
        span.or(Some(stage.seconds)).filter(|_| stage.status == StageStatus::Ran)
    };
    let time = |stage: &'a StageReport| {
        let (old, new) = (took(old.stage(&stage.name)?), took(stage));
        let notable = match (old, new) {
            (None, None) => return None,
            (Some(old), Some(new)) => (old - new).abs() > 0.1_f64.max(old * 0.1),
            _ => true,
        };
        Some(Time { stage: &stage.name, old, new, notable })
    };
    new.stages.iter().filter_map(time).collect()
}
