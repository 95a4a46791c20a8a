//! From the run's record, its events and the ledger to a report.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::plan::Reason;
use llmp_records::{Event, LogEntry, Run, StageRun, StageStatus};
use llmp_stage::Registry;
use llmp_store::{Ledger, Store};
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::{MANY_STAGES, Report, StageReport};

/// Single answers stay in the result itself.
const LEFT_OUT: &str = "answers";

/// The largest `report.json` of a stage that is taken in.
const MAX_REPORT: u64 = 16 << 20;

/// What cannot be read is left out: a report tells what is known.
pub(super) fn gather(store: &Store, ledger: &Ledger, run: &Run, registry: &Registry) -> Report {
    let moments = moments(store, run);
    let short = run.stages.len() > MANY_STAGES;
    let stages = run.stages.iter().map(|stage| {
        let moment = moments.get(&stage.name);
        let known = short && matches!(stage.status, StageStatus::Cached | StageStatus::Skipped);
        stage_report(store, if known { None } else { Some(ledger) }, stage, moment, registry)
    });
    Report {
        format_version: 1,
        run: run.run,
        pipeline: run.pipeline.clone(),
        profiles: run.profiles.clone(),
        targets: run.targets.clone(),
        status: run.status,
        started: run.started,
        seconds: run.seconds,
        device: run.device.clone(),
        environment: run.environment.clone(),
        stages: stages.collect(),
        expectations: run.expectations.clone(),
        lowered: Vec::new(),
    }
}

/// When a stage began and ended, and why.
#[derive(Default)]
struct Moment {
    began: Option<f64>,
    ended: Option<f64>,
    reasons: Vec<String>,
    causes: Vec<Reason>,
}

fn moments(store: &Store, run: &Run) -> BTreeMap<String, Moment> {
    let mut moments = BTreeMap::<String, Moment>::new();
    let Ok(file) = File::open(store.run(run.run).join("events.jsonl")) else { return moments };
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        let Ok(LogEntry { event, at }) = serde_json::from_str(&line) else { continue };
        let at = (at - run.started).max(0.0);
        match event {
            Event::StageStarted { stage, reasons, causes, .. } => {
                let moment = moments.entry(stage).or_default();
                moment.began.get_or_insert(at);
                (moment.reasons, moment.causes) = (reasons, causes);
            }
            Event::StageFinished { stage, .. } | Event::StageFailed { stage, .. } => {
                moments.entry(stage).or_default().ended = Some(at);
            }
            Event::RunStarted { .. }
            | Event::Progress { .. }
            | Event::Remark { .. }
            | Event::Damage { .. }
            | Event::Expectation(_)
            | Event::RunFinished { .. } => {}
        }
    }
    moments
}

/// The lowered pipeline as it was kept with a run.
pub(super) fn lowered(store: &Store, run: u64) -> Option<String> {
    fs::read_to_string(store.run(run).join("lowered.json")).ok()
}

/// The first stages of a lowered pipeline, `N` of them at most; none where it cannot be read.
pub(super) fn first<const N: usize>(lowered: &str) -> Vec<Value> {
    serde_json::from_str::<Lowered<N>>(lowered).map_or(vec![], |lowered| lowered.stages.0)
}

#[derive(serde::Deserialize)]
struct Lowered<const N: usize> {
    stages: First<N>,
}

/// The first items of a list; the others are passed over.
struct First<const N: usize>(Vec<Value>);

impl<'de, const N: usize> Deserialize<'de> for First<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self(Vec::new()))
    }
}

impl<'de, const N: usize> Visitor<'de> for First<N> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Self, A::Error> {
        while self.0.len() < N
            && let Some(item) = items.next_element()?
        {
            self.0.push(item);
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

fn stage_report(
    store: &Store,
    ledger: Option<&Ledger>,
    stage: &StageRun,
    moment: Option<&Moment>,
    registry: &Registry,
) -> StageReport {
    let record = stage.key.and_then(|key| ledger?.record(&key).ok()?);
    let mut report = StageReport {
        name: stage.name.clone(),
        kind: stage.kind.clone(),
        output: stage.output.clone(),
        status: stage.status,
        message: stage.message.clone(),
        key: stage.key,
        artifact: stage.artifact,
        inputs: stage.inputs.clone(),
        kept: stage.kept.clone(),
        seconds: stage.seconds.unwrap_or(0.0),
        ..StageReport::default()
    };
    // A stage that failed may have a result from an earlier time under the same key: that is not what it did.
    if let Some(record) = record.filter(|_| stage.artifact.is_some()) {
        report.reasons = record.reasons;
        report.causes = record.causes;
        report.seconds = record.seconds;
        report.made_by = Some(record.run);
        report.shards = record.shards;
        report.counts = record.counts;
        report.curves = record.curves;
        report.measures = record.measures;
        report.device = record.device;
        report.host = record.host;
        report.version = record.version;
        report.peak_memory = record.peak_memory;
        report.bytes = record.bytes;
        report.remarks = record.remarks;
        report.settings = record.components;
    }
    if let Some(moment) = moment {
        report.span = moment.began.map(|began| (began, moment.ended.unwrap_or(began).max(began)));
        if !moment.reasons.is_empty() {
            report.reasons.clone_from(&moment.reasons);
            report.causes.clone_from(&moment.causes);
        }
    }
    if stage.makes(ArtifactKind::Report)
        && let Some(mut value) = result(store, stage)
    {
        report.shown = registry.shown(&stage.kind, &value);
        if let Some(fields) = value.as_object_mut() {
            fields.remove(LEFT_OUT);
        }
        report.report = Some(value);
    }
    report.explain(registry);
    report
}

/// What the stage's own report says.
fn result(store: &Store, stage: &StageRun) -> Option<Value> {
    let manifest = store.objects.manifest(&stage.artifact?).ok()?;
    let entry = manifest.files.get("report.json").filter(|entry| entry.size <= MAX_REPORT)?;
    serde_json::from_slice(&store.objects.read(&entry.digest).ok()?).ok()
}
