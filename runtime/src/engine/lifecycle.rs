//! One stage from its start to the ledger: its lock, its actions, what they gave.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use llmp_compiler::graph::{Producer, Stage, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_stage::{Error, shard_of};
use serde_json::json;

use super::action::{Effect, Job, Source, inputs_of, shard_source, store_error};
use super::history::{ShardInput, shard_key};
use super::scheduler::{Ended, Engine, Queue, Status, Task};
use crate::runs::log_name;
use crate::store::{Kind, Lock, Manifest, Record};
use crate::text;

/// A stage that has begun.
pub(super) struct Running {
    pub(super) key: Key,
    pub(super) digests: Vec<Digest>,
    pub(super) reasons: Vec<String>,
    pub(super) work: PathBuf,
    _lock: Lock,
    pub(super) shards: Vec<ShardInput>,
    pub(super) results: BTreeMap<usize, (Manifest, Record)>,
    pub(super) ran: usize,
    pub(super) open: usize,
    pub(super) failed: Option<Error>,
}

/// What came of starting a stage.
pub(super) enum Begun {
    /// Another run made it meanwhile.
    Done(Digest),
    /// Its actions are queued.
    Started(Box<Running>),
    /// Another run holds its lock.
    Busy,
}

impl Engine<'_> {
    /// Takes the key's lock and queues the stage's actions.
    pub(super) fn start(
        &self,
        id: StageId,
        key: &Key,
        digests: &[Digest],
        reasons: &[String],
        queue: &Queue,
    ) -> Result<Begun, Error> {
        let stage = self.graph.stage(id);
        let work = self.past.store().work(&key.digest.hex());
        fs::create_dir_all(&work).map_err(Error::io("cannot make the folder", &work))?;
        let Some(lock) = Lock::try_take(&work.join("lock")).map_err(store_error)? else {
            return Ok(Begun::Busy);
        };
        self.past.ledger().refresh().map_err(store_error)?;
        if !self.options.forced.contains(&id)
            && let Some(artifact) = llmp_compiler::plan::History::artifact(self.past, &key.digest)
        {
            // Another run made it while we waited.
            let _ = fs::remove_dir_all(&work);
            return Ok(Begun::Done(artifact));
        }
        // Whoever held the lock before us and left attempts behind is dead.
        for entry in fs::read_dir(&work).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("attempt-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let mut started = Running {
            key: key.clone(),
            digests: digests.to_vec(),
            reasons: reasons.to_vec(),
            work,
            _lock: lock,
            shards: vec![],
            results: BTreeMap::new(),
            ran: 0,
            open: 0,
            failed: None,
        };
        let resumes = if started.work.join("state").is_dir() { ", going on from its state" } else { "" };
        let because = reasons.first().map_or("", String::as_str);
        self.screen.line(&format!("> {:<26} {because}{resumes}", stage.name));
        self.screen.event(&json!({"event": "stage_started", "stage": stage.name, "kind": stage.kind,
            "key": key.digest.hex(), "reasons": reasons}));
        let sources = self.sources(stage, digests)?;
        let shared = Arc::new(stage.clone());
        let task = |started: &Running, shard: Option<usize>, name: Option<String>, inputs| Task {
            id,
            shard,
            job: Job {
                stage: Arc::clone(&shared),
                implementation: self.implementations.get(&stage.kind),
                inputs,
                folder: self.options.folder.clone(),
                work: started.work.clone(),
                log: self.log(stage),
                device: self.options.device.clone(),
                threads: self.options.threads,
                shard: name,
            },
        };
        let Some(role) = &stage.per_shard else {
            started.open = 1;
            queue.push(task(&started, None, None, sources));
            return Ok(Begun::Started(Box::new(started)));
        };
        let position = stage.inputs.iter().position(|input| input.role == *role).unwrap_or(0);
        let input = digests.get(position).copied().unwrap_or(Digest::of(b""));
        started.shards = self.past.shards_of(stage, role, &input).map_err(store_error)?;
        for (index, shard) in started.shards.clone().iter().enumerate() {
            let known = shard_key(key, role, shard);
            let record = {
                let ledger = self.past.ledger();
                if ledger.artifact(&known).is_some() {
                    ledger.record(&known).map_err(store_error)?
                } else {
                    None
                }
            };
            let reused = record.filter(|_| !self.options.forced.contains(&id)).and_then(|record| {
                let manifest = Manifest::parse(&known, record.manifest.as_deref()?).ok()?;
                let there = manifest
                    .files
                    .values()
                    .all(|file| self.past.store().objects.has(&file.digest, file.size));
                there.then_some((manifest, record))
            });
            if let Some(result) = reused {
                started.results.insert(index, result);
                continue;
            }
            let part = |(at, (role, label, source)): (usize, &(String, String, Source))| {
                let source = if at == position { shard_source(source, shard) } else { source.clone() };
                (role.clone(), label.clone(), source)
            };
            let inputs = sources.iter().enumerate().map(part).collect();
            started.open += 1;
            queue.push(task(&started, Some(index), Some(shard.name.clone()), inputs));
        }
        Ok(Begun::Started(Box::new(started)))
    }

    fn log(&self, stage: &Stage) -> PathBuf {
        self.options.run_folder.join("logs").join(log_name(&stage.name))
    }

    /// The inputs of a stage as sources, in the order of its inputs; path settings follow.
    fn sources(&self, stage: &Stage, digests: &[Digest]) -> Result<Vec<(String, String, Source)>, Error> {
        let mut sources = Vec::new();
        for (input, digest) in stage.inputs.iter().zip(digests) {
            let source = match &input.from {
                Producer::Files(pattern) => {
                    (pattern.clone(), Source::Files(self.past.find(pattern).map_err(Error::new)?))
                }
                Producer::Stage(from) => {
                    let producer = self.graph.stage(*from);
                    let manifest = self.past.store().objects.manifest(digest).map_err(store_error)?;
                    (producer.name.clone(), Source::Artifact(manifest, self.labels(*from, digest)))
                }
            };
            sources.push((input.role.clone(), source.0, source.1));
        }
        for setting in &stage.settings {
            for path in setting.paths() {
                let files = self.past.find(path).map_err(Error::new)?;
                sources.push((setting.name.clone(), path.to_owned(), Source::Files(files)));
            }
        }
        Ok(sources)
    }

    /// What people call the shards of the artifact that `from` made.
    fn labels(&self, from: StageId, artifact: &Digest) -> BTreeMap<String, String> {
        let Some((key, _)) = self.past.last(&self.graph.stage(from).name) else { return BTreeMap::new() };
        let ledger = self.past.ledger();
        if ledger.artifact(&key) != Some(*artifact) {
            return BTreeMap::new();
        }
        ledger.record(&key).ok().flatten().map(|record| record.labels).unwrap_or_default()
    }

    /// Takes in what one action gave.
    pub(super) fn receive(
        &self,
        id: StageId,
        running: &mut Running,
        shard: Option<usize>,
        outcome: Result<Effect, Error>,
    ) {
        running.open -= 1;
        let stage = self.graph.stage(id);
        match outcome {
            Ok(effect) => {
                running.ran += 1;
                let index = shard.unwrap_or(0);
                let mut record = self.stamp(effect.record);
                if let (Some(role), Some(shard)) = (&stage.per_shard, running.shards.get(index)) {
                    record.manifest = Some(effect.manifest.text());
                    let label = shard.files.first().map(|(name, _)| name.clone()).unwrap_or_default();
                    for name in effect.manifest.files.keys() {
                        record.labels.insert(shard_of(name).to_owned(), label.clone());
                    }
                    let key = shard_key(&running.key, role, shard);
                    let written =
                        self.past.ledger().append(Kind::Shard, &key, &effect.manifest.digest(), &record);
                    if let Err(error) = written {
                        running.failed.get_or_insert(store_error(error));
                    }
                }
                running.results.insert(index, (effect.manifest, record));
            }
            Err(error) => {
                let named = match shard
                    .and_then(|index| running.shards.get(index))
                    .and_then(|shard| shard.files.first())
                {
                    Some((label, _)) if !error.is_cancelled() => {
                        Error::new(format!("{label}: {error}")).help_if(error.help_text())
                    }
                    _ => error,
                };
                running.failed.get_or_insert(named);
            }
        }
    }

    fn stamp(&self, record: Record) -> Record {
        Record {
            run: self.options.run,
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..record
        }
    }

    /// Puts the parts together, writes the ledger, and says so.
    pub(super) fn finish(&self, id: StageId, running: Running) -> Ended {
        let stage = self.graph.stage(id);
        let key = running.key.digest;
        if let Some(error) = &running.failed {
            return self.failure(id, Some(key), error);
        }
        match self.publish(stage, &running) {
            Ok((artifact, record)) => {
                self.past.settle(&stage.name, key, self.options.run);
                let _ = fs::remove_dir_all(&running.work);
                let shards = record.shards;
                let told = told(&record);
                self.screen.line(&format!("+ {:<26} {told}", stage.name));
                self.screen.event(&json!({"event": "stage_finished", "stage": stage.name, "key": key.hex(),
                    "artifact": artifact.hex(), "seconds": record.seconds, "counts": record.counts,
                    "shards": shards.map(|(ran, all)| json!({"ran": ran, "all": all}))}));
                let status = Status::Ran { seconds: record.seconds, shards };
                Ended { status, key: Some(key), artifact: Some(artifact) }
            }
            Err(error) => self.failure(id, Some(key), &error),
        }
    }

    fn publish(&self, stage: &Stage, running: &Running) -> Result<(Digest, Record), Error> {
        let mut manifest = Manifest::default();
        let mut whole = Record { name: stage.name.clone(), kind: stage.kind.clone(), ..Record::default() };
        for (part, record) in running.results.values() {
            manifest.merge(part.clone()).map_err(store_error)?;
            for (name, count) in &record.counts {
                *whole.counts.entry(name.clone()).or_default() += count;
            }
            whole.labels.extend(record.labels.clone());
            whole.dropped.extend(&record.dropped);
            // Shards of earlier runs took their time then.
            if record.run == self.options.run {
                whole.seconds += record.seconds;
                whole.peak_memory = whole.peak_memory.max(record.peak_memory);
                if whole.started == 0.0 || record.started < whole.started {
                    whole.started = record.started;
                }
            }
            if whole.shown.is_empty() {
                whole.shown.clone_from(&record.shown);
            }
            whole.curves.extend(record.curves.clone());
            whole.device.clone_from(&record.device);
        }
        if running.shards.is_empty() && stage.per_shard.is_none() {
            // A whole stage that reads shards passes their labels on, where it keeps their names.
            let kept: BTreeSet<&str> = manifest.files.keys().map(|name| shard_of(name)).collect();
            for (input, digest) in stage.inputs.iter().zip(&running.digests) {
                if let Producer::Stage(from) = &input.from {
                    let labels = self.labels(*from, digest).into_iter();
                    whole.labels.extend(labels.filter(|(shard, _)| kept.contains(shard.as_str())));
                }
            }
        }
        whole.bytes = manifest.size();
        whole.components.clone_from(&running.key.components);
        whole.inputs = inputs_of(self.graph, stage, &running.digests, self.past);
        whole.reasons.clone_from(&running.reasons);
        if stage.per_shard.is_some() {
            whole.shards = Some((running.ran, running.shards.len()));
        }
        let whole = self.stamp(whole);
        let artifact = self.past.store().objects.put(manifest.text().as_bytes()).map_err(store_error)?;
        let mut ledger = self.past.ledger();
        ledger.append(Kind::Stage, &running.key.digest, &artifact, &whole).map_err(store_error)?;
        Ok((artifact, whole))
    }

    pub(super) fn failure(&self, id: StageId, key: Option<Digest>, error: &Error) -> Ended {
        let stage = self.graph.stage(id);
        if error.is_cancelled() {
            return Ended { status: Status::Stopped, key, artifact: None };
        }
        let message = error.to_string();
        self.screen.line(&format!("! {:<26} failed: {message}", stage.name));
        self.screen.event(&json!({"event": "stage_failed", "stage": stage.name, "message": message,
            "help": error.help_text()}));
        Ended {
            status: Status::Failed { message, help: error.help_text().map(str::to_owned) },
            key,
            artifact: None,
        }
    }
}

/// The machine's name.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// A stage's end in a few words: main counts, shards, time.
fn told(record: &Record) -> String {
    let mut parts: Vec<String> = Vec::new();
    let main = ["pages", "documents", "tokens", "steps", "conversations", "questions", "passages"];
    for name in main {
        if let Some(count) = record.counts.get(name) {
            parts.push(format!("{} {name}", text::count(*count)));
        }
    }
    for word in ["dropped", "skipped"] {
        let of_word = |name: &str| name.strip_prefix(word).is_some_and(|rule| rule.starts_with('.'));
        let sum: u64 = record.counts.iter().filter(|(name, _)| of_word(name)).map(|(_, count)| count).sum();
        if sum > 0 {
            parts.push(format!("{} {word}", text::count(sum)));
        }
    }
    if let Some((ran, all)) = record.shards
        && ran < all
    {
        parts.push(format!("{ran} of {all} shards"));
    }
    parts.push(text::duration(record.seconds));
    parts.join(" · ")
}
