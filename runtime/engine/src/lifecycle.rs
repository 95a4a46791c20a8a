//! One stage from its start to the ledger: its lock, its actions, what they gave.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::graph::{FileSet, Graph, Producer, Stage, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_planning::{Past, ShardInput, host_name, shard_key};
use llmp_records::{FileRecord, InputRecord, Record, log_name, text};
use llmp_stage::{Error, shard_of};
use llmp_store::{Kind, Lock, Manifest, Store, StoreError};
use serde_json::json;

use super::action::{Action, Effect, Given, Place, Recipe, absolute};
use super::perform::{ATTEMPT, Trouble, help_of, store_error};
use super::scheduler::{Ended, Engine, Round, Status};
use super::workers::Failed;

/// A stage that has begun.
pub(super) struct Running {
    key: Key,
    digests: Vec<Digest>,
    reasons: Vec<String>,
    work: PathBuf,
    _lock: Lock,
    /// For a stage that has the device for itself.
    _device: Option<Arc<Lock>>,
    shards: Vec<ShardInput>,
    results: BTreeMap<usize, (Manifest, Record)>,
    ran: usize,
    /// Actions that have not ended.
    pub(super) open: usize,
    /// Some actions were taken back before they started, or could not start.
    pub(super) stopped: bool,
    failed: Option<(Error, Action)>,
    /// The ledger did not take a shard's result.
    unwritten: Option<Error>,
}

/// What came of starting a stage.
pub(super) enum Begun {
    /// Another run made it meanwhile.
    Done(Digest),
    /// Its actions are queued.
    Started(Box<Running>),
    /// Another run holds its lock, or has the device: what that does.
    Busy(&'static str),
    /// The list of an input's files is missing or damaged.
    Damaged { input: usize, object: Digest, error: StoreError },
}

impl Round<'_> {
    /// Takes the key's lock and queues the stage's actions.
    pub(super) fn start(
        &mut self,
        id: StageId,
        key: &Key,
        digests: &[Digest],
        reasons: &[String],
    ) -> Result<Begun, Error> {
        let Engine { graph, past, screen, options, .. } = self.engine;
        let stage = graph.stage(id);
        let work = past.store().work(&key.digest.hex());
        let Some(lock) = claim(&work)? else { return Ok(Begun::Busy("is making it")) };
        past.ledger().refresh().map_err(store_error)?;
        if !self.forced(id)
            && let Some(artifact) = llmp_compiler::plan::History::artifact(*past, &key.digest)
        {
            // Another run made it while we waited.
            retire(&work);
            return Ok(Begun::Done(artifact));
        }
        let mut device = None;
        if stage.needs.devices.is_some() {
            device = self.device().map_err(store_error)?;
            if device.is_none() {
                return Ok(Begun::Busy("trains on this device"));
            }
        }
        let inputs = match self.inputs(stage, digests)? {
            Ok(inputs) => inputs,
            Err((input, error)) => {
                let object = digests.get(input).copied().unwrap_or(Digest::of(b""));
                return Ok(Begun::Damaged { input, object, error });
            }
        };
        let because = reasons.first().map_or("", String::as_str);
        let resumes = if is_filled(&work.join("state")) { ", going on from its state" } else { "" };
        screen.line(&format!("> {:<26} {because}{resumes}", stage.name));
        screen.event(&json!({"event": "stage_started", "stage": stage.name, "kind": stage.kind,
            "key": key.digest.hex(), "reasons": reasons}));
        let mut started = Running {
            key: key.clone(),
            digests: digests.to_vec(),
            reasons: reasons.to_vec(),
            work: work.clone(),
            _lock: lock,
            _device: device,
            shards: vec![],
            results: BTreeMap::new(),
            ran: 0,
            open: 0,
            stopped: false,
            failed: None,
            unwritten: None,
        };
        let recipe = Arc::new(Recipe::of(graph, stage));
        let place = Arc::new(Place {
            store: absolute(past.store().root()),
            folder: absolute(&options.folder),
            work: absolute(&work),
            log: absolute(&options.run_folder.join("logs").join(log_name(&stage.name))),
            device: options.device.clone(),
        });
        let (demand, rank) =
            (self.engine.demand(stage, &self.costs), self.ranks.get(id.0 as usize).copied().unwrap_or(0));
        let action = |key: Digest, shard: Option<String>, inputs: Vec<Given>| Action {
            format_version: super::action::FORMAT,
            key,
            stage: Arc::clone(&recipe),
            place: Arc::clone(&place),
            shard,
            inputs,
            threads: 1,
        };
        let Some(role) = &stage.per_shard else {
            let action = action(key.digest, None, inputs);
            match self.delivered(id, &action) {
                Some(effect) => self.take_in(stage, &mut started, 0, effect),
                None => {
                    started.open = 1;
                    self.workers.push(id, None, demand, rank, action);
                }
            }
            return Ok(Begun::Started(Box::new(started)));
        };
        let position = stage.inputs.iter().position(|input| input.role == *role).unwrap_or(0);
        let input = digests.get(position).copied().unwrap_or(Digest::of(b""));
        let shards = past.shards_of(stage, role, &input).map_err(store_error)?;
        started.shards.clone_from(&shards);
        let at = inputs.get(position).map(Given::positions).unwrap_or_default();
        for (index, shard) in shards.iter().enumerate() {
            let known = shard_key(key, role, shard);
            if let Some(result) = self.reused(id, &known)? {
                started.results.insert(index, result);
                continue;
            }
            let part = |(number, given): (usize, &Given)| {
                if number == position { given.shard(shard, &at) } else { given.clone() }
            };
            let action =
                action(known, Some(shard.name.clone()), inputs.iter().enumerate().map(part).collect());
            match self.delivered(id, &action) {
                Some(effect) => self.take_in(stage, &mut started, index, effect),
                None => {
                    started.open += 1;
                    self.workers.push(id, Some(index), demand, rank, action);
                }
            }
        }
        Ok(Begun::Started(Box::new(started)))
    }

    /// The device, which all stages of this run that need it have together: the queue lets one of them at a time. `None` while
    /// another run has it.
    fn device(&mut self) -> Result<Option<Arc<Lock>>, StoreError> {
        if let Some(lock) = self.device.upgrade() {
            return Ok(Some(lock));
        }
        let Engine { past, options, .. } = self.engine;
        let lock = past.store().device(&host_name(), &options.device)?.map(Arc::new);
        self.device = lock.as_ref().map(Arc::downgrade).unwrap_or_default();
        Ok(lock)
    }

    /// The result of a shard that was made before.
    fn reused(&self, id: StageId, key: &Digest) -> Result<Option<(Manifest, Record)>, Error> {
        if self.forced(id) {
            return Ok(None);
        }
        let ledger = self.engine.past.ledger();
        if ledger.artifact(key).is_none() {
            return Ok(None);
        }
        let record = ledger.record(key).map_err(store_error)?;
        let objects = &self.engine.past.store().objects;
        Ok(record.and_then(|record| {
            let manifest = Manifest::parse(key, record.manifest.as_deref()?).ok()?;
            let there = manifest.files.values().all(|file| objects.has(&file.digest, file.size));
            there.then_some((manifest, record))
        }))
    }

    /// What a worker has made of an action in another process, where its objects are all there.
    fn delivered(&self, id: StageId, action: &Action) -> Option<Effect> {
        if self.forced(id) {
            return None;
        }
        let effect = super::worker::read_result(action)?;
        let objects = &self.engine.past.store().objects;
        effect.manifest.files.values().all(|file| objects.has(&file.digest, file.size)).then_some(effect)
    }

    /// What goes into a stage, in the order of its inputs; files that settings name follow. The inner error names the input
    /// whose list of files is missing or damaged.
    #[allow(clippy::type_complexity)]
    fn inputs(
        &self,
        stage: &Stage,
        digests: &[Digest],
    ) -> Result<Result<Vec<Given>, (usize, StoreError)>, Error> {
        let Engine { graph, past, .. } = self.engine;
        let mut inputs = Vec::new();
        for (index, (input, digest)) in stage.inputs.iter().zip(digests).enumerate() {
            inputs.push(match &input.from {
                Producer::Files(set) => {
                    let files = past.find(set).map_err(Error::new)?;
                    Given::of_files(&input.role, &set.to_string(), &files)
                }
                Producer::Stage(from) => {
                    let objects = &past.store().objects;
                    let manifest =
                        self.checked.check(past.store(), digest).and_then(|()| objects.manifest(digest));
                    match manifest {
                        Ok(manifest) => {
                            let labels = self.labels(*from, digest);
                            Given::of_artifact(&input.role, &graph.stage(*from).name, &manifest, &labels)
                        }
                        Err(error @ (StoreError::Missing { .. } | StoreError::Damaged { .. })) => {
                            return Ok(Err((index, error)));
                        }
                        Err(error) => return Err(store_error(error)),
                    }
                }
            });
        }
        for setting in &stage.settings {
            for path in setting.paths() {
                let files = past.find(&FileSet::of([path])).map_err(Error::new)?;
                inputs.push(Given::of_files(&setting.name, path, &files));
            }
        }
        Ok(Ok(inputs))
    }

    /// What people call the shards of the artifact that `from` made.
    fn labels(&self, from: StageId, artifact: &Digest) -> BTreeMap<String, String> {
        let Engine { graph, past, .. } = self.engine;
        let Some((key, _)) = past.last(&graph.stage(from).name) else { return BTreeMap::new() };
        let ledger = past.ledger();
        if ledger.artifact(&key) != Some(*artifact) {
            return BTreeMap::new();
        }
        ledger.record(&key).ok().flatten().map(|record| record.labels).unwrap_or_default()
    }

    /// Takes in what became of one action.
    pub(super) fn receive(
        &mut self,
        id: StageId,
        running: &mut Running,
        shard: Option<usize>,
        outcome: Result<Effect, Failed>,
    ) {
        running.open -= 1;
        let stage = self.engine.graph.stage(id);
        match outcome {
            Ok(effect) => self.take_in(stage, running, shard.unwrap_or(0), effect),
            Err(Failed { trouble: Trouble::Damaged { input, object, error }, .. }) => {
                running.stopped = true;
                self.damage(id, input, object, &error);
            }
            Err(Failed { trouble: Trouble::Failed(error), .. }) if error.is_cancelled() => {
                running.stopped = true
            }
            Err(Failed { trouble: Trouble::Failed(error), action }) => {
                let source =
                    shard.and_then(|index| running.shards.get(index)).and_then(|shard| shard.files.first());
                let error = match source {
                    Some((label, _)) if !error.to_string().contains(label.as_str()) => {
                        Error::new(format!("{label}: {error}")).help_if(help_of(&error))
                    }
                    _ => error,
                };
                running.failed.get_or_insert((error, *action));
                // From here on nothing new begins, its own other shards included.
                self.failed = true;
            }
        }
    }

    /// Keeps what an action gave: a shard's result is in the ledger from now on.
    fn take_in(&self, stage: &Stage, running: &mut Running, index: usize, effect: Effect) {
        running.ran += 1;
        let mut record = self.stamp(effect.record);
        if let (Some(role), Some(shard)) = (&stage.per_shard, running.shards.get(index)) {
            record.manifest = Some(effect.manifest.text());
            let label = shard.files.first().map(|(name, _)| name.clone()).unwrap_or_default();
            for name in effect.manifest.files.keys() {
                record.labels.insert(shard_of(name).to_owned(), label.clone());
            }
            let key = shard_key(&running.key, role, shard);
            let written =
                self.engine.past.ledger().append(Kind::Shard, &key, &effect.manifest.digest(), &record);
            if let Err(error) = written {
                running.unwritten.get_or_insert(store_error(error));
            }
        }
        running.results.insert(index, (effect.manifest, record));
    }

    fn stamp(&self, record: Record) -> Record {
        Record {
            run: self.engine.options.run,
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..record
        }
    }

    /// Puts the parts together, writes the ledger, and says so.
    pub(super) fn finish(&mut self, id: StageId, running: Running) -> Ended {
        let Engine { graph, past, screen, options, .. } = self.engine;
        let stage = graph.stage(id);
        let key = running.key.digest;
        if let Some(error) = &running.unwritten {
            return self.failure(id, Some(key), error);
        }
        if let Some((error, action)) = &running.failed {
            super::worker::keep(action, &options.run_folder);
            return self.failure(id, Some(key), error);
        }
        if running.stopped {
            return Ended::stopped(Some(key));
        }
        match self.publish(stage, &running) {
            Ok((artifact, record)) => {
                past.settle(&stage.name, key, options.run);
                retire(&running.work);
                let shards = record.shards;
                let told = told(&record, self.engine.registry.units());
                screen.line(&format!("+ {:<26} {told}", stage.name));
                screen.event(&json!({"event": "stage_finished", "stage": stage.name, "key": key.hex(),
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
            if record.run == self.engine.options.run {
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
        whole.inputs = inputs_of(self.engine.graph, stage, &running.digests, self.engine.past);
        whole.reasons.clone_from(&running.reasons);
        if stage.per_shard.is_some() {
            whole.shards = Some((running.ran, running.shards.len()));
        }
        let whole = self.stamp(whole);
        let artifact =
            self.engine.past.store().objects.put(manifest.text().as_bytes()).map_err(store_error)?;
        let mut ledger = self.engine.past.ledger();
        ledger.append(Kind::Stage, &running.key.digest, &artifact, &whole).map_err(store_error)?;
        Ok((artifact, whole))
    }
}

/// Takes the lock of a key's private folder, which is made where needed; `None` while another process has it.
pub(super) fn claim(work: &Path) -> Result<Option<Lock>, Error> {
    loop {
        match fs::create_dir_all(work) {
            // It was there, but its holder took it away before it was seen to be a folder.
            Err(error)
                if error.kind() == std::io::ErrorKind::AlreadyExists
                    && fs::symlink_metadata(work).map_or(true, |found| found.is_dir()) =>
            {
                continue;
            }
            made => made.map_err(Error::io("cannot make the folder", work))?,
        }
        match Lock::try_take(&work.join("lock")) {
            Ok(None) => return Ok(None),
            Ok(Some(lock)) => {
                // Whoever held the lock before us and left attempts behind is dead.
                for entry in fs::read_dir(work).into_iter().flatten().flatten() {
                    if entry.file_name().to_string_lossy().starts_with(ATTEMPT) {
                        let _ = fs::remove_dir_all(entry.path());
                    }
                }
                return Ok(Some(lock));
            }
            // The holder before us took the folder away in between.
            Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(store_error(error)),
        }
    }
}

/// Takes away the private folder of a key that is done: at once, so that it is never seen half empty by the next holder.
fn retire(work: &Path) {
    let gone = work.with_extension(format!("gone-{}", std::process::id()));
    // What stays behind is only garbage.
    let _ = fs::rename(work, &gone).and_then(|()| fs::remove_dir_all(&gone));
}

/// Removes what [`retire`] left behind where it was interrupted.
pub(super) fn sweep(store: &Store) {
    for entry in fs::read_dir(store.root().join("work")).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(".gone-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_filled(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// A stage's end in a few words: main counts, shards, time.
fn told(record: &Record, units: impl Iterator<Item = &'static str>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for name in units {
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

/// The inputs of a stage for a record.
fn inputs_of(graph: &Graph, stage: &Stage, digests: &[Digest], past: &Past) -> Vec<InputRecord> {
    let mut records = Vec::new();
    for (input, digest) in stage.inputs.iter().zip(digests) {
        let (label, files) = match &input.from {
            Producer::Stage(from) => (graph.stage(*from).name.clone(), vec![]),
            Producer::Files(set) => {
                let found = past.find(set).unwrap_or_default();
                let kept = found.found.iter().take(10_000);
                let files = kept.map(|file| FileRecord { path: file.label.clone(), digest: file.digest });
                (set.to_string(), files.collect())
            }
        };
        records.push(InputRecord { role: input.role.clone(), label, digest: *digest, files });
    }
    records
}
