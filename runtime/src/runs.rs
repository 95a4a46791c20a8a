//! What is kept of a run: its record, its report, and links to its results under their names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use llmp_compiler::compile::Compilation;
use llmp_compiler::graph::{Graph, Producer};
use llmp_compiler::key::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Ended, Past, Status, pipeline_id};
use crate::store::{Result, Store, at, write_atomically};
use crate::text;

/// The name of a stage's log below `runs/N/logs/`.
#[must_use]
pub fn log_name(stage: &str) -> String {
    format!("{}.log", stage.replace(['/', '\\'], "~"))
}

/// `runs/N/run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Raised when the form changes.
    pub format_version: u32,
    /// Its number.
    pub run: u64,
    /// The main file as given.
    pub pipeline: PathBuf,
    /// Profiles.
    pub profiles: Vec<String>,
    /// Seconds since the Unix epoch.
    pub started: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device.
    pub device: String,
    /// Stages in topological order.
    pub stages: Vec<StageRun>,
}

/// One stage of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageRun {
    /// Its name.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// Its output's type.
    pub output: String,
    /// `ran`, `cached`, `skipped`, `failed`, `blocked`, `stopped`.
    pub status: String,
    /// What went wrong, or what it waited for.
    pub message: Option<String>,
    /// Its key.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
    /// Wall-clock seconds, where it ran.
    pub seconds: Option<f64>,
    /// Roles and the names of the stages that fill them.
    pub inputs: Vec<(String, String)>,
}

impl Run {
    /// The record of a run that has ended.
    #[allow(clippy::too_many_arguments)]
    #[must_use]
    pub fn new(
        compilation: &Compilation,
        main: &Path,
        profiles: &[String],
        run: u64,
        started: f64,
        seconds: f64,
        ended: &[Ended],
        device: &str,
    ) -> Self {
        let graph = &compilation.graph;
        let stages = graph.stages.iter().zip(ended).map(|(stage, end)| {
            let (status, message, seconds) = match &end.status {
                Status::Cached => ("cached", None, None),
                Status::Skipped => ("skipped", None, None),
                Status::Ran { seconds, .. } => ("ran", None, Some(*seconds)),
                Status::Failed { message, .. } => ("failed", Some(message.clone()), None),
                Status::Blocked(message) => ("blocked", Some(message.clone()), None),
                Status::Stopped => ("stopped", None, None),
            };
            let inputs = stage.inputs.iter().map(|input| {
                let from = match &input.from {
                    Producer::Stage(from) => graph.stage(*from).name.clone(),
                    Producer::Files(pattern) => format!("\"{pattern}\""),
                };
                (input.role.clone(), from)
            });
            StageRun {
                name: stage.name.clone(),
                kind: stage.kind.clone(),
                output: stage.output.clone(),
                status: status.into(),
                message,
                key: end.key,
                artifact: end.artifact,
                seconds,
                inputs: inputs.collect(),
            }
        });
        Self {
            format_version: 1,
            run,
            pipeline: main.to_owned(),
            profiles: profiles.to_vec(),
            started,
            seconds,
            device: device.to_owned(),
            stages: stages.collect(),
        }
    }

    /// Reads the record of run `number`.
    #[must_use]
    pub fn read(store: &Store, number: u64) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(store.run(number).join("run.json")).ok()?).ok()
    }

    /// The newest runs first.
    pub fn all(store: &Store) -> impl Iterator<Item = Self> + '_ {
        store.runs().into_iter().rev().filter_map(|number| Self::read(store, number))
    }

    /// The stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().find(|stage| stage.name == name)
    }
}

/// Links the results of named bindings to `out/PIPELINE/NAME`, where they changed.
///
/// # Errors
/// Where the disk refuses.
pub fn link_results(past: &Past, graph: &Graph, main: &Path, ended: &[Ended]) -> Result<()> {
    let store = past.store();
    let root = store.root().join("out").join(pipeline_id(store, main));
    fs::create_dir_all(&root).map_err(at("make the folder", &root))?;
    let index = root.join(".artifacts.json");
    let mut known: BTreeMap<String, String> =
        fs::read_to_string(&index).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let mut changed = false;
    for (stage, end) in graph.stages.iter().zip(ended) {
        let Some(artifact) = end.artifact.filter(|_| !stage.name.contains('/')) else { continue };
        let hex = artifact.hex();
        if known.get(&stage.name) == Some(&hex) && root.join(&stage.name).exists() {
            continue;
        }
        let target = root.join(&stage.name);
        let fresh = root.join(format!(".new-{}", std::process::id()));
        let _ = fs::remove_dir_all(&fresh);
        store.objects.link(&store.objects.manifest(&artifact)?, &fresh)?;
        let _ = fs::remove_dir_all(&target);
        fs::rename(&fresh, &target).map_err(at("write", &target))?;
        known.insert(stage.name.clone(), hex);
        changed = true;
    }
    if changed {
        write_atomically(&index, serde_json::to_string_pretty(&known).unwrap_or_default().as_bytes())?;
    }
    Ok(())
}

/// Writes `report.json` and `report.md` of a run: what every stage did, the document funnel, curves and tables.
///
/// # Errors
/// Where the disk refuses.
pub fn write_report(past: &Past, run: &Run, folder: &Path) -> Result<()> {
    let mut stages = Vec::new();
    let mut markdown = format!(
        "# Run {}: {}\n\n{} on {}, {}.\n\n## Stages\n\n| stage | kind | status | time | result |\n|---|---|---|---|---|\n",
        run.run,
        run.pipeline.display(),
        text::plural(run.stages.len() as u64, "stage"),
        run.device,
        text::duration(run.seconds),
    );
    let mut funnel = String::new();
    let mut tables = String::new();
    for stage in &run.stages {
        let record = match stage.key {
            Some(key) => past.ledger().record(&key)?,
            None => None,
        };
        let counts = record.as_ref().map(|record| record.counts.clone()).unwrap_or_default();
        let told: Vec<_> = counts
            .iter()
            .filter(|(name, _)| !name.contains('.'))
            .take(4)
            .map(|(name, count)| format!("{} {name}", text::count(*count)))
            .collect();
        let seconds = record.as_ref().map_or(0.0, |record| record.seconds);
        let _ = writeln!(
            markdown,
            "| {} | {} | {} | {} | {} |",
            stage.name,
            stage.kind,
            stage.status,
            text::duration(seconds),
            told.join(", ")
        );
        for (name, count) in &counts {
            if let Some(rule) = name.strip_prefix("dropped.").or_else(|| name.strip_prefix("skipped.")) {
                let _ = writeln!(funnel, "| {} | {rule} | {} |", stage.name, text::count(*count));
            }
        }
        let mut value = json!({"name": stage.name, "kind": stage.kind, "status": stage.status, "key": stage.key,
            "artifact": stage.artifact});
        if let (Some(record), Some(fields)) = (&record, value.as_object_mut()) {
            fields.insert("seconds".into(), json!(record.seconds));
            fields.insert("counts".into(), json!(record.counts));
            fields.insert("curves".into(), json!(record.curves));
            fields.insert("device".into(), json!(record.device));
            fields.insert("peak_memory".into(), json!(record.peak_memory));
            fields.insert("bytes".into(), json!(record.bytes));
            fields.insert("settings".into(), json!(record.components));
        }
        if stage.output == "Report"
            && let Some(artifact) = stage.artifact
        {
            let manifest = past.store().objects.manifest(&artifact)?;
            let read = |name: &str| {
                let entry = manifest.files.get(name)?;
                fs::read_to_string(past.store().objects.path(&entry.digest)).ok()
            };
            if let Some(text) = read("report.md") {
                let _ = write!(tables, "\n## {}\n\n{}\n", stage.name, text.trim());
            }
            let report: Option<Value> = read("report.json").and_then(|text| serde_json::from_str(&text).ok());
            if let (Some(report), Some(fields)) = (report, value.as_object_mut()) {
                fields.insert("report".into(), report);
            }
        }
        stages.push(value);
    }
    if !funnel.is_empty() {
        let _ = write!(
            markdown,
            "\n## What was left out\n\n| stage | rule | documents |\n|---|---|---|\n{funnel}"
        );
    }
    markdown += &tables;
    let whole = json!({"format_version": 1, "run": run.run, "pipeline": run.pipeline, "profiles": run.profiles,
        "device": run.device, "started": run.started, "seconds": run.seconds, "stages": stages});
    write_atomically(&folder.join("report.json"), format!("{whole:#}\n").as_bytes())?;
    write_atomically(&folder.join("report.md"), markdown.as_bytes())
}
