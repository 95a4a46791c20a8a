//! From the run's record, its events and the ledger to a report.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use llmp_compiler::artifact::ArtifactKind;
use llmp_records::{Run, StageRun};
use llmp_stage::Registry;
use llmp_store::{Ledger, Store};
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
        let known = short && matches!(stage.status.as_str(), "cached" | "skipped");
        stage_report(store, if known { None } else { Some(ledger) }, stage, moment, registry)
    });
    Report {
        format_version: 1,
        run: run.run,
        pipeline: run.pipeline.clone(),
        profiles: run.profiles.clone(),
        targets: run.targets.clone(),
        status: run.status.clone(),
        started: run.started,
        seconds: run.seconds,
        device: run.device.clone(),
        environment: run.environment.clone(),
        stages: stages.collect(),
        lowered: lowered(store, run).unwrap_or_default(),
    }
}

/// When a stage began and ended, and why.
#[derive(Default)]
struct Moment {
    began: Option<f64>,
    ended: Option<f64>,
    reasons: Vec<String>,
}

fn moments(store: &Store, run: &Run) -> BTreeMap<String, Moment> {
    let mut moments = BTreeMap::<String, Moment>::new();
    let Ok(file) = File::open(store.run(run.run).join("events.jsonl")) else { return moments };
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let Some(stage) = text("stage") else { continue };
        let moment = moments.entry(stage.to_owned()).or_default();
        let at = event.get("at").and_then(Value::as_f64).map(|at| (at - run.started).max(0.0));
        match text("event") {
            Some("stage_started") => {
                moment.began = moment.began.or(at);
                let reasons = event.get("reasons").and_then(Value::as_array);
                let reasons = reasons.into_iter().flatten().filter_map(Value::as_str);
                moment.reasons = reasons.map(str::to_owned).collect();
            }
            Some("stage_finished" | "stage_failed") => moment.ended = at,
            _ => {}
        }
    }
    moments
}

fn lowered(store: &Store, run: &Run) -> Option<Vec<Value>> {
    let text = fs::read(store.run(run.run).join("lowered.json")).ok()?;
    let Value::Object(mut whole) = serde_json::from_slice(&text).ok()? else { return None };
    match whole.remove("stages")? {
        Value::Array(stages) => Some(stages),
        _ => None,
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
        status: stage.status.clone(),
        message: stage.message.clone(),
        key: stage.key,
        artifact: stage.artifact,
        inputs: stage.inputs.clone(),
        seconds: stage.seconds.unwrap_or(0.0),
        ..StageReport::default()
    };
    // A stage that failed may have a result from an earlier time under the same key: that is not what it did.
    if let Some(record) = record.filter(|_| stage.artifact.is_some()) {
        report.reasons = record.reasons;
        report.seconds = record.seconds;
        report.made_by = Some(record.run);
        report.shards = record.shards;
        report.counts = record.counts;
        report.curves = record.curves;
        report.device = record.device;
        report.host = record.host;
        report.version = record.version;
        report.peak_memory = record.peak_memory;
        report.bytes = record.bytes;
        report.settings = record.components;
    }
    if let Some(moment) = moment {
        report.span = moment.began.map(|began| (began, moment.ended.unwrap_or(began).max(began)));
        if !moment.reasons.is_empty() {
            report.reasons.clone_from(&moment.reasons);
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
