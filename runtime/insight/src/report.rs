//! The report of a run: one value with everything it tells, and that value as JSON, HTML and Markdown.
//!
//! `runs/N/report.json` is the report as it was when the run ended; later runs and `llmp gc` do not change
//! it.

mod charts;
mod compare;
mod gather;
mod html;
mod markdown;
mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use llmp_compiler::artifact::{ArtifactKind, ArtifactType};
use llmp_compiler::key::{Component, Digest};
use llmp_compiler::plan::Reason;
use llmp_records::{self as records, Environment, Expectation, Kept, Run, RunStatus, StageStatus};
use llmp_stage::{Holds, Registry, Remark, Shown};
use llmp_store::{Ledger, Result, Store, StoreError, write_cache};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use compare::{Comparison, Gates, Measured, Price, Row, number};
pub use summary::{Came, Chain, RootCauses, Step, Training, chains, root_causes, trainings};

/// Pipelines of more stages are told in short: what was cached by its name only, and not in their lowered
/// form.
const MANY_STAGES: usize = 1_000;

/// Bytes that a stage takes in JSON, less its curves and its report.
const TYPICAL_STAGE: usize = 1_500;

/// What a run did, found and cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Raised when the form changes.
    pub format_version: u32,
    /// The run's number.
    pub run: u64,
    /// The main file as given.
    #[serde(with = "llmp_records::path")]
    pub pipeline: PathBuf,
    /// Profiles.
    pub profiles: Vec<String>,
    /// How far it went: names of stages and bindings; none for all of the pipeline.
    pub targets: Vec<String>,
    /// How it ended.
    pub status: RunStatus,
    /// Seconds since the Unix epoch.
    pub started: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device.
    pub device: String,
    /// What it ran in.
    pub environment: Environment,
    /// Stages in topological order.
    pub stages: Vec<StageReport>,
    /// What came of what the program expects of its reports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
    /// The lowered stages, as `llmp plan --lowered` prints them.
    pub lowered: Vec<Value>,
}

/// What one stage did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageReport {
    /// Its name.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// Its output's type; `None` where this version knows no such kind.
    #[serde(flatten, with = "llmp_compiler::artifact::recorded")]
    pub output: Option<ArtifactType>,
    /// How it ended.
    pub status: StageStatus,
    /// What went wrong, or what it waited for.
    pub message: Option<String>,
    /// Its key.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
    /// Roles and what fills them.
    pub inputs: Vec<(String, String)>,
    /// What made its result, where that is an older implementation whose result was kept with `--keep-old`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// Why it ran, root causes first; where it was cached, why it ran when its result was made.
    pub reasons: Vec<String>,
    /// The same for programs; none where an earlier version wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Reason>,
    /// When it began and ended, in seconds since the run's start; absent where it did not begin.
    pub span: Option<(f64, f64)>,
    /// Seconds of work when its result was made, those of its shards added up.
    pub seconds: f64,
    /// The run that made its result.
    pub made_by: Option<u64>,
    /// Shards that ran then, and all shards.
    pub shards: Option<(usize, usize)>,
    /// What it counted.
    pub counts: BTreeMap<String, u64>,
    /// Its curves: points (x, y).
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// Numbers that its result is judged by; that of a curve's name is what the curve came to.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// The device that made its result.
    pub device: String,
    /// The machine that made it.
    pub host: String,
    /// The version of the program that made it.
    pub version: String,
    /// Peak resident memory, in bytes; `None` where it is not known.
    #[serde(with = "llmp_records::unknown")]
    pub peak_memory: Option<u64>,
    /// Bytes of the result.
    pub bytes: u64,
    /// What its result is to be looked at for, said by the run that made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// What its key was made from.
    pub settings: Vec<Component>,
    /// For a `Report`: what `report.json` of its result says, less the single answers.
    pub report: Option<Value>,
    /// How that is shown, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// What its result is counted in, where it holds pages or documents.
    #[serde(skip)]
    pub unit: Option<&'static str>,
}

impl StageReport {
    /// Adds what the stage's implementation and the form of its result tell about it.
    fn explain(&mut self, registry: &Registry) {
        let form = self.output.as_ref().and_then(|output| registry.form(output.kind.name()));
        let follows = form.filter(|form| matches!(form.holds(), Holds::Pages | Holds::Documents));
        self.unit = follows.and_then(|form| form.unit());
        if self.shown.is_none()
            && let Some(report) = &self.report
        {
            self.shown = registry.shown(&self.kind, report);
        }
    }
}

impl StageReport {
    /// Whether it makes an artifact of this kind.
    #[must_use]
    pub fn makes(&self, kind: ArtifactKind) -> bool {
        self.output.as_ref().is_some_and(|output| output.kind == kind)
    }
}

impl Report {
    /// The report of run `number`: as kept, or made now where it was not.
    ///
    /// # Errors
    /// Where there is no such run.
    pub fn of(store: &Store, number: u64, registry: &Registry) -> Result<Self> {
        let path = store.run(number).join("report.json");
        let kept = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        if let Some(mut report) = kept {
            report.stages.iter_mut().for_each(|stage| stage.explain(registry));
            return Ok(report);
        }
        let run = store.read_run(number).ok_or_else(|| StoreError::Damaged {
            digest: store.run(number).display().to_string(),
            what: "it holds no record of a run".into(),
        })?;
        let mut report = gather::gather(store, &Ledger::open(&store.ledger_path())?, &run, registry);
        report.lowered =
            gather::lowered(store, number).map_or(vec![], |text| gather::first::<{ usize::MAX }>(&text));
        Ok(report)
    }

    /// `main.llmp to base`
    #[must_use]
    pub fn title(&self) -> String {
        records::title(&self.pipeline, &self.targets)
    }

    /// The stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageReport> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// How many remarks there are about its results.
    #[must_use]
    pub fn remarks(&self) -> usize {
        self.stages.iter().map(|stage| stage.remarks.len()).sum()
    }

    /// How many stages have this status.
    #[must_use]
    pub fn count(&self, status: StageStatus) -> usize {
        self.stages.iter().filter(|stage| stage.status == status).count()
    }

    /// As JSON; the form is described in `spec/`.
    ///
    /// # Errors
    /// Where a value has no JSON form.
    pub fn json(&self) -> serde_json::Result<String> {
        // What grows by doubling is copied, and takes twice the memory.
        let mut text = Vec::with_capacity(self.stages.len() * TYPICAL_STAGE);
        serde_json::to_writer(&mut text, self)?;
        text.push(b'\n');
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }

    /// As one page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }
}

/// Runs as one page that needs nothing else: their table, and their curves over each other. `reports` are
/// those of the rows.
#[must_use]
pub fn compared(comparison: &Comparison, reports: &[&Report]) -> String {
    html::compared(comparison, reports)
}

/// Writes `report.json`, `report.md` and `report.html` of a run that has ended; returns the page's path.
///
/// # Errors
/// Where the disk refuses, or, as text, where the report broke down.
pub fn write(
    store: &Store,
    ledger: &Ledger,
    run: &Run,
    registry: &Registry,
) -> std::result::Result<PathBuf, String> {
    let folder = store.run(run.run);
    let page = folder.join("report.html");
    let make = || {
        let mut report = gather::gather(store, ledger, run, registry);
        let mut json = report.json().map_err(|error| error.to_string())?;
        if let Some(lowered) = gather::lowered(store, run.run) {
            json = with_lowered(json, &lowered);
            report.lowered = gather::first::<{ html::MAX_LOWERED }>(&lowered);
        }
        let files = [
            ("report.json", json),
            ("report.md", markdown::page(store, &report)),
            ("report.html", report.html()),
        ];
        files.iter().try_for_each(|(name, text)| {
            write_cache(&folder.join(name), text.as_bytes()).map_err(|error| error.to_string())
        })
    };
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| Err("it broke down".into()))?;
    Ok(page)
}

/// A report's JSON with the lowered stages as their text says them: to read it only to write it again would
/// cost most of the report of many stages.
fn with_lowered(mut report: String, lowered: &str) -> String {
    let stages = lowered.strip_prefix(BEFORE_STAGES).and_then(|rest| rest.strip_suffix('}'));
    if let (Some(stages), true) = (stages, report.ends_with(NO_STAGES)) {
        report.truncate(report.len() - "[]}\n".len());
        report.push_str(stages);
        report.push_str("}\n");
    }
    report
}

/// How a report ends whose lowered stages are left out.
const NO_STAGES: &str = "\"lowered\":[]}\n";

/// How the lowered pipeline begins.
const BEFORE_STAGES: &str = "{\"format_version\":1,\"stages\":";

/// Keeps the lowered pipeline with a run, for its report.
///
/// # Errors
/// Where the disk refuses.
pub fn keep_lowered(folder: &Path, lowered: impl FnOnce() -> String, stages: usize) -> Result<()> {
    if stages > MANY_STAGES {
        return Ok(());
    }
    write_cache(&folder.join("lowered.json"), lowered().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowered_stages_stand_in_the_report_as_they_were_kept() {
        let registry = Registry::new(vec![], vec![]);
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join(".llmp")).unwrap();
        let ledger = Ledger::open(&store.ledger_path()).unwrap();
        let (number, folder) = store.new_run().unwrap();
        let stages: Vec<_> =
            (0..400).map(|at| serde_json::json!({"name": format!("s{at}"), "inputs": []})).collect();
        let text = serde_json::json!({"format_version": 1, "stages": stages}).to_string();
        keep_lowered(&folder, || text.clone(), 400).unwrap();
        let run = Run { run: number, ..Run::default() };
        store.write_run(&run).unwrap();
        write(&store, &ledger, &run, &registry).unwrap();
        let whole = Report::of(&store, number, &registry).unwrap();
        assert_eq!(whole.lowered, stages);
        fs::remove_file(folder.join("report.json")).unwrap();
        assert_eq!(Report::of(&store, number, &registry).unwrap().lowered, stages, "made anew");
        assert_eq!(gather::first::<3>(&text), stages[..3]);
        assert_eq!(gather::first::<3>("{}"), [] as [Value; 0]);
    }

    #[test]
    fn a_report_that_cannot_be_written_is_an_error_and_no_more() {
        let registry = Registry::new(vec![], vec![]);
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join(".llmp")).unwrap();
        let ledger = Ledger::open(&store.ledger_path()).unwrap();
        let (number, folder) = store.new_run().unwrap();
        let run = Run { run: number, status: RunStatus::Started, ..Run::default() };
        assert_eq!(write(&store, &ledger, &run, &registry), Ok(folder.join("report.html")));
        assert_eq!(Report::of(&store, number, &registry).unwrap().status, RunStatus::Started);
        // A folder stands where the page should go.
        fs::remove_file(folder.join("report.html")).unwrap();
        fs::create_dir_all(folder.join("report.html/x")).unwrap();
        assert!(write(&store, &ledger, &run, &registry).is_err_and(|error| error.contains("report.html")));
        assert!(Report::of(&store, 9, &registry).is_err());
    }
}
