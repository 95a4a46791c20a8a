//! Doing one action: a whole stage, or one shard of it, from inputs in the store to files in the store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use llmp_compiler::graph::{Graph, Producer, Stage};
use llmp_compiler::key::Digest;
use llmp_stage::{Error, Input, InputFile, shard_of};
use serde_json::{Map, Value};

use super::command;
use super::context::RunContext;
use super::history::ShardInput;
use super::memory::Peak;
use super::{Files, Past};
use crate::progress::Screen;
use crate::store::{Manifest, Record, Result as StoreResult, Store, StoreError};

/// What an input of an action is.
#[derive(Clone)]
pub(super) enum Source {
    /// Files of the user.
    Files(Arc<Files>),
    /// Files of the store, with the labels of its shards.
    Artifact(Manifest, BTreeMap<String, String>),
}

/// An action that can be performed anywhere: it borrows nothing.
pub(super) struct Job {
    pub(super) stage: Arc<Stage>,
    /// `None` for command stages.
    pub(super) implementation: Option<Arc<dyn llmp_stage::Stage>>,
    pub(super) inputs: Vec<(String, String, Source)>,
    /// The folder of the pipeline's main file, where commands run.
    pub(super) folder: PathBuf,
    pub(super) work: PathBuf,
    pub(super) log: PathBuf,
    pub(super) device: String,
    pub(super) threads: usize,
    /// The shard's name, and its key's folder below `work`.
    pub(super) shard: Option<String>,
}

/// What an action gave.
#[derive(Debug, Default)]
pub struct Effect {
    /// Its files, already in the store.
    pub manifest: Manifest,
    /// What it reported, as far as known.
    pub record: Record,
}

/// Performs an action.
pub(super) fn perform(job: &Job, store: &Store, screen: &Screen, stop: &AtomicBool) -> Result<Effect, Error> {
    static ATTEMPT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let attempt = ATTEMPT.fetch_add(1, Ordering::Relaxed);
    let name = job.shard.as_deref().unwrap_or("whole");
    let scratch = job.work.join(format!("attempt-{name}-{}-{attempt}", std::process::id()));
    let effect = attempt_in(&scratch, job, store, screen, stop);
    // What is finished has been moved out; a leftover is removed by the next holder of the lock.
    let _ = fs::remove_dir_all(&scratch);
    effect
}

fn attempt_in(
    scratch: &Path,
    job: &Job,
    store: &Store,
    screen: &Screen,
    stop: &AtomicBool,
) -> Result<Effect, Error> {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    let (clock, peak) = (Instant::now(), Peak::start());
    let output = scratch.join("out");
    let state = job.work.join("state");
    for folder in [&output, &state] {
        fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
    }
    let mut inputs = BTreeMap::<String, Vec<Input>>::new();
    for (role, label, source) in &job.inputs {
        let given = inputs.entry(role.clone()).or_default();
        let folder = scratch.join("in").join(format!("{role}-{}", given.len()));
        given.push(materialise(store, label, source, folder).map_err(store_error)?);
    }
    let log = fs::OpenOptions::new().create(true).append(true).open(&job.log).ok();
    let context = RunContext {
        stage: job.stage.name.clone(),
        shard: job.shard.clone(),
        inputs,
        output: output.clone(),
        state,
        device: &job.device,
        threads: job.threads,
        stop,
        screen,
        log: Mutex::new(log.map(BufWriter::<File>::new)),
        reported: Mutex::default(),
    };
    let run = || match &job.implementation {
        Some(implementation) => implementation.run(&context, &settings(&job.stage)),
        None => command::run(&context, &job.stage, &job.folder, scratch),
    };
    let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Error::new(format!("`{}` broke down: {text}", job.stage.kind))
            .help("this is a defect of llmp, not of the pipeline; please report it with the log"))
    });
    if let Err(error) = &outcome {
        llmp_stage::Context::log(&context, &format!("error: {error}"));
    }
    let reported = context.finish();
    outcome?;
    check_untouched(job)?;
    let manifest = store.objects.take_folder(&output).map_err(store_error)?;
    if manifest.files.is_empty() && job.shard.is_none() {
        return Err(Error::new(format!("`{}` wrote no files", job.stage.kind)));
    }
    let mut dropped = Vec::new();
    let lines = reported.dropped.lines();
    if !lines.is_empty() {
        dropped.push(store.objects.put(lines.as_bytes()).map_err(store_error)?);
    }
    let record = Record {
        name: job.stage.name.clone(),
        kind: job.stage.kind.clone(),
        counts: reported.counts,
        curves: reported.curves.into_iter().map(|(name, curve)| (name, curve.points)).collect(),
        shown: reported.shown,
        dropped,
        started,
        seconds: clock.elapsed().as_secs_f64(),
        peak_memory: peak.end(),
        bytes: manifest.size(),
        device: job.device.clone(),
        ..Record::default()
    };
    Ok(Effect { manifest, record })
}

/// The settings as the implementation takes them.
pub(super) fn settings(stage: &Stage) -> Value {
    let settings: Map<_, _> =
        stage.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
    Value::Object(settings)
}

/// Turns a store's error into a stage's.
pub(super) fn store_error(error: StoreError) -> Error {
    Error::new(error.to_string()).help_if(error.help())
}

fn materialise(store: &Store, label: &str, source: &Source, folder: PathBuf) -> StoreResult<Input> {
    match source {
        Source::Files(found) => {
            let files = found.found.iter().map(|file| InputFile {
                name: file.label.clone(),
                path: file.path.clone(),
                digest: file.digest.hex(),
                label: Some(file.label.clone()),
            });
            Ok(Input { label: label.to_owned(), files: files.collect(), folder })
        }
        Source::Artifact(manifest, labels) => {
            store.objects.link(manifest, &folder)?;
            let files = manifest.files.iter().map(|(name, entry)| InputFile {
                name: name.clone(),
                path: folder.join(name),
                digest: entry.digest.hex(),
                label: labels.get(shard_of(name)).cloned(),
            });
            Ok(Input { label: label.to_owned(), files: files.collect(), folder })
        }
    }
}

/// Files of the user that changed while they were read would give a result under the wrong key.
fn check_untouched(job: &Job) -> Result<(), Error> {
    for (_, _, source) in &job.inputs {
        let Source::Files(files) = source else { continue };
        for file in &files.found {
            if fs::metadata(&file.path).map(|meta| meta.len()).ok() != Some(file.size) {
                return Err(Error::new(format!("`{}` changed while it was read", file.label))
                    .help("run again once nothing writes to it"));
            }
        }
    }
    Ok(())
}

/// The inputs of a stage for a record.
pub(super) fn inputs_of(
    graph: &Graph,
    stage: &Stage,
    digests: &[Digest],
    past: &Past,
) -> Vec<crate::store::InputRecord> {
    use crate::store::{FileRecord, InputRecord};
    let mut records = Vec::new();
    for (input, digest) in stage.inputs.iter().zip(digests) {
        let (label, files) = match &input.from {
            Producer::Stage(from) => (graph.stage(*from).name.clone(), vec![]),
            Producer::Files(pattern) => {
                let found = past.find(pattern).unwrap_or_default();
                let kept = found.found.iter().take(10_000);
                let files = kept.map(|file| FileRecord { path: file.label.clone(), digest: file.digest });
                (pattern.clone(), files.collect())
            }
        };
        records.push(InputRecord { role: input.role.clone(), label, digest: *digest, files });
    }
    records
}

/// The files of one shard as a source.
pub(super) fn shard_source(source: &Source, shard: &ShardInput) -> Source {
    match source {
        Source::Files(files) => {
            // They are sorted by digest.
            let find = |(_, digest): &(String, Digest)| {
                let at = files.found.binary_search_by_key(digest, |file| file.digest).ok()?;
                files.found.get(at).cloned()
            };
            Source::Files(Arc::new(Files { found: shard.files.iter().filter_map(find).collect() }))
        }
        Source::Artifact(manifest, labels) => {
            let find = |(name, _): &(String, Digest)| Some((name.clone(), manifest.files.get(name)?.clone()));
            let files = shard.files.iter().filter_map(find).collect();
            let label = labels.get_key_value(&shard.name);
            let labels = label.map(|(shard, label)| (shard.clone(), label.clone())).into_iter().collect();
            Source::Artifact(Manifest { files }, labels)
        }
    }
}
