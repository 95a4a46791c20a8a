//! Runs what has to run: decides stage by stage as inputs become known, and keeps all workers busy.
//!
//! One thread decides and writes the ledger; workers perform actions. The stages that end up running are those that
//! [`llmp_compiler::plan::plan`] names, less those that early cutoff saves.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use llmp_compiler::graph::{Graph, Producer, Stage, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_compiler::plan::{Blocked, Decision, Reason, State, decide};
use llmp_stage::Error;
use serde_json::json;

use super::Past;
use super::action::{Effect, Job, Source, inputs_of, perform, shard_source, store_error};
use super::history::{ShardInput, shard_key};
use crate::library::Implementations;
use crate::progress::Screen;
use crate::store::{Kind, Lock, Manifest, Record};
use crate::{reasons, text};

/// How a run is to be made.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Actions at the same time.
    pub jobs: usize,
    /// Threads each action may use.
    pub threads: usize,
    /// Go on with what does not depend on a failure.
    pub keep_going: bool,
    /// Tries after a failed one.
    pub retries: usize,
    /// Stages to run though they are cached.
    pub forced: Vec<StageId>,
    /// The device for model stages.
    pub device: String,
    /// The run's number and folder.
    pub run: u64,
    /// Where logs go.
    pub run_folder: PathBuf,
    /// The folder of the main file.
    pub folder: PathBuf,
}

/// How a stage ended.
#[derive(Clone, Debug)]
pub enum Status {
    /// Its result was there.
    Cached,
    /// It was planned to run, and its inputs turned out as they were.
    Skipped,
    /// It ran: seconds, and shards run of all.
    Ran {
        /// Wall-clock seconds.
        seconds: f64,
        /// Shards that ran, and all.
        shards: Option<(usize, usize)>,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// It could not start.
    Blocked(String),
    /// The run ended before it could.
    Stopped,
}

/// A stage at the end of the run.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// Its key, once known.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
}

/// The engine of one run.
pub struct Engine<'a> {
    /// The pipeline.
    pub graph: &'a Graph,
    /// What was done before.
    pub past: &'a Past,
    /// What the stages do.
    pub implementations: &'a Implementations,
    /// Where progress is shown.
    pub screen: &'a Screen,
    /// Set when the run is to stop.
    pub stop: &'a AtomicBool,
    /// How.
    pub options: &'a RunOptions,
}

struct Task {
    id: StageId,
    shard: Option<usize>,
    job: Job,
}

type Message = (StageId, Option<usize>, Result<Effect, Error>);

#[derive(Default)]
struct Queue {
    tasks: Mutex<(VecDeque<Task>, bool)>,
    ready: Condvar,
}

impl Queue {
    fn push(&self, task: Task) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).0.push_back(task);
        self.ready.notify_one();
    }

    fn close(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.ready.notify_all();
    }

    fn pop(&self) -> Option<Task> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = tasks.0.pop_front() {
                return Some(task);
            }
            if tasks.1 {
                return None;
            }
            tasks = self.ready.wait(tasks).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A stage that has begun.
struct Running {
    key: Key,
    digests: Vec<Digest>,
    reasons: Vec<String>,
    work: PathBuf,
    _lock: Lock,
    shards: Vec<ShardInput>,
    results: BTreeMap<usize, (Manifest, Record)>,
    ran: usize,
    open: usize,
    failed: Option<Error>,
}

/// A stage whose key another process works on.
struct Waiting {
    key: Key,
    digests: Vec<Digest>,
    reasons: Vec<String>,
    told: bool,
}

enum Begun {
    Done(Digest),
    Started(Running),
    Busy,
}

impl Engine<'_> {
    /// Runs to the end. The result's index is the stage's.
    #[must_use]
    pub fn run(&self) -> Vec<Ended> {
        let queue = Queue::default();
        let (send, receive) = mpsc::channel::<Message>();
        std::thread::scope(|scope| {
            for _ in 0..self.options.jobs.max(1) {
                let (queue, send) = (&queue, send.clone());
                let store = Arc::clone(self.past.store());
                let (screen, stop, retries) = (self.screen, self.stop, self.options.retries);
                scope.spawn(move || {
                    while let Some(task) = queue.pop() {
                        let mut outcome = perform(&task.job, &store, screen, stop);
                        for _ in 0..retries {
                            match &outcome {
                                Err(error) if !error.is_cancelled() => {
                                    screen.line(&format!(
                                        "  {} failed, trying again: {error}",
                                        task.job.stage.name
                                    ));
                                    outcome = perform(&task.job, &store, screen, stop);
                                }
                                _ => break,
                            }
                        }
                        if send.send((task.id, task.shard, outcome)).is_err() {
                            break;
                        }
                    }
                });
            }
            let ended = self.drive(&queue, &receive);
            queue.close();
            ended
        })
    }

    fn drive(&self, queue: &Queue, receive: &mpsc::Receiver<Message>) -> Vec<Ended> {
        let count = self.graph.stages.len();
        let mut ended: Vec<Option<Ended>> = vec![None; count];
        let mut running = BTreeMap::<StageId, Running>::new();
        let mut waiting = BTreeMap::<StageId, Waiting>::new();
        let mut open_inputs: Vec<usize> = vec![0; count];
        let mut users: Vec<Vec<StageId>> = vec![vec![]; count];
        for (id, stage) in self.graph.ids().zip(&self.graph.stages) {
            for input in &stage.inputs {
                if let Producer::Stage(from) = &input.from {
                    open_inputs[id.0 as usize] += 1;
                    users[from.0 as usize].push(id);
                }
            }
        }
        let mut ready: VecDeque<StageId> =
            self.graph.ids().filter(|id| open_inputs[id.0 as usize] == 0).collect();
        let mut failed = false;
        loop {
            while let Some(id) = ready.pop_front() {
                let stopping = self.stop.load(Ordering::Relaxed) || (failed && !self.options.keep_going);
                if let Some(end) = self.consider(id, stopping, &ended, &mut running, &mut waiting, queue) {
                    failed |= matches!(end.status, Status::Failed { .. });
                    settle(id, end, &mut ended, &mut open_inputs, &users, &mut ready);
                }
            }
            if running.is_empty() && waiting.is_empty() {
                break;
            }
            match receive.recv_timeout(Duration::from_millis(if waiting.is_empty() { 1000 } else { 100 })) {
                Ok((id, shard, outcome)) => {
                    let Some(stage) = running.get_mut(&id) else { continue };
                    self.receive(id, stage, shard, outcome);
                    if stage.open == 0
                        && let Some(stage) = running.remove(&id)
                    {
                        let end = self.finish(id, stage);
                        failed |= matches!(end.status, Status::Failed { .. });
                        settle(id, end, &mut ended, &mut open_inputs, &users, &mut ready);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            let ids: Vec<_> = waiting.keys().copied().collect();
            for id in ids {
                let stopping = self.stop.load(Ordering::Relaxed) || (failed && !self.options.keep_going);
                if let Some(end) = self.try_again(id, stopping, &mut running, &mut waiting, queue) {
                    settle(id, end, &mut ended, &mut open_inputs, &users, &mut ready);
                }
            }
        }
        let stopped = Ended { status: Status::Stopped, key: None, artifact: None };
        ended.into_iter().map(|end| end.unwrap_or_else(|| stopped.clone())).collect()
    }

    /// Decides what becomes of a stage whose inputs have all ended; `None` where it now runs or waits.
    fn consider(
        &self,
        id: StageId,
        stopping: bool,
        ended: &[Option<Ended>],
        running: &mut BTreeMap<StageId, Running>,
        waiting: &mut BTreeMap<StageId, Waiting>,
        queue: &Queue,
    ) -> Option<Ended> {
        let stage = self.graph.stage(id);
        let end = |id: StageId| ended.get(id.0 as usize).and_then(Option::as_ref);
        let state = |id: StageId| match end(id).and_then(|end| end.artifact) {
            Some(artifact) => State::Known(artifact),
            None => State::Blocked,
        };
        let forced = self.options.forced.contains(&id);
        match decide(self.graph, stage, &state, self.past, forced) {
            Decision::Cached { key, artifact } => {
                let changed = |input: &llmp_compiler::graph::Input| {
                    let Producer::Stage(from) = &input.from else { return false };
                    end(*from).is_some_and(|end| matches!(end.status, Status::Ran { .. } | Status::Skipped))
                };
                let status = if stage.inputs.iter().any(changed) { Status::Skipped } else { Status::Cached };
                self.past.settle(&stage.name, key.digest, self.options.run);
                if matches!(status, Status::Skipped) {
                    self.screen
                        .line(&format!("= {:<26} skipped: its inputs came out as they were", stage.name));
                }
                Some(Ended { status, key: Some(key.digest), artifact: Some(artifact) })
            }
            Decision::Blocked(Blocked::By(cause)) => {
                let stopped = end(cause).is_none_or(|end| matches!(end.status, Status::Stopped));
                let status = if stopped {
                    Status::Stopped
                } else {
                    Status::Blocked(format!("waits for `{}`", self.graph.stage(cause).name))
                };
                Some(Ended { status, key: None, artifact: None })
            }
            Decision::Blocked(Blocked::Files { message, .. }) => {
                self.screen.line(&format!("! {:<26} {message}", stage.name));
                let help = Some("paths are relative to the pipeline's folder".to_owned());
                Some(Ended { status: Status::Failed { message, help }, key: None, artifact: None })
            }
            Decision::Run { key: Some(key), reasons, .. } if !stopping => {
                let digests = self.digests(stage, &state);
                let reasons = self.explain(&reasons);
                self.begin(id, *key, digests, reasons, running, waiting, queue)
            }
            Decision::Run { .. } => Some(Ended { status: Status::Stopped, key: None, artifact: None }),
        }
    }

    fn digests(&self, stage: &Stage, state: &dyn Fn(StageId) -> State) -> Vec<Digest> {
        let digest = |input: &llmp_compiler::graph::Input| match &input.from {
            Producer::Stage(from) => match state(*from) {
                State::Known(digest) => digest,
                State::Pending | State::Blocked => Digest::of(b""),
            },
            Producer::Files(pattern) => {
                self.past.find(pattern).map_or(Digest::of(b""), |files| files.digest())
            }
        };
        stage.inputs.iter().map(digest).collect()
    }

    fn explain(&self, reasons: &[Reason]) -> Vec<String> {
        reasons.iter().map(|reason| reasons::text(reason, self.graph)).collect()
    }

    #[allow(clippy::too_many_arguments)]
    fn begin(
        &self,
        id: StageId,
        key: Key,
        digests: Vec<Digest>,
        reasons: Vec<String>,
        running: &mut BTreeMap<StageId, Running>,
        waiting: &mut BTreeMap<StageId, Waiting>,
        queue: &Queue,
    ) -> Option<Ended> {
        match self.start(id, &key, &digests, &reasons, queue) {
            Ok(Begun::Started(stage)) => {
                if stage.open == 0 {
                    return Some(self.finish(id, stage));
                }
                running.insert(id, stage);
                None
            }
            Ok(Begun::Done(artifact)) => {
                self.past.settle(&self.graph.stage(id).name, key.digest, self.options.run);
                Some(Ended { status: Status::Cached, key: Some(key.digest), artifact: Some(artifact) })
            }
            Ok(Begun::Busy) => {
                waiting.entry(id).or_insert(Waiting { key, digests, reasons, told: false });
                None
            }
            Err(error) => Some(self.failure(id, Some(key.digest), &error)),
        }
    }

    fn try_again(
        &self,
        id: StageId,
        stopping: bool,
        running: &mut BTreeMap<StageId, Running>,
        waiting: &mut BTreeMap<StageId, Waiting>,
        queue: &Queue,
    ) -> Option<Ended> {
        if stopping {
            waiting.remove(&id);
            return Some(Ended { status: Status::Stopped, key: None, artifact: None });
        }
        let mut wait = waiting.remove(&id)?;
        if !wait.told {
            wait.told = true;
            let name = &self.graph.stage(id).name;
            self.screen.line(&format!("  {name:<26} waits for another run that is making it"));
        }
        let told = wait.told;
        let end = self.begin(id, wait.key, wait.digests, wait.reasons, running, waiting, queue);
        if let Some(wait) = waiting.get_mut(&id) {
            wait.told = told;
        }
        end
    }

    /// Takes the key's lock and queues the stage's actions.
    fn start(
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
            return Ok(Begun::Started(started));
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
            let mut inputs = sources.clone();
            if let Some((_, _, source)) = inputs.get_mut(position) {
                *source = shard_source(source, shard);
            }
            started.open += 1;
            queue.push(task(&started, Some(index), Some(shard.name.clone()), inputs));
        }
        Ok(Begun::Started(started))
    }

    fn log(&self, stage: &Stage) -> PathBuf {
        self.options.run_folder.join("logs").join(format!("{}.log", stage.name.replace(['/', '\\'], "~")))
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
                    let key = self.past.last(&producer.name).map(|(key, _)| key);
                    let record = key.and_then(|key| self.past.ledger().record(&key).ok().flatten());
                    let labels = record.map(|record| record.labels).unwrap_or_default();
                    (producer.name.clone(), Source::Artifact(manifest, labels))
                }
            };
            sources.push((input.role.clone(), source.0, source.1));
        }
        for setting in stage.settings.iter().filter(|setting| setting.path) {
            if let Some(path) = setting.value.as_str() {
                let files = self.past.find(path).map_err(Error::new)?;
                sources.push((setting.name.clone(), path.to_owned(), Source::Files(files)));
            }
        }
        Ok(sources)
    }

    /// Takes in what one action gave.
    fn receive(
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
                        record.labels.insert(llmp_stage::shard_of(name).to_owned(), label.clone());
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
                        let help = error.help_text().map(str::to_owned);
                        let named = Error::new(format!("{label}: {error}"));
                        help.map_or(Error::new(format!("{label}: {error}")), |help| named.help(help))
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
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..record
        }
    }

    /// Puts the parts together, writes the ledger, and says so.
    fn finish(&self, id: StageId, running: Running) -> Ended {
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
            whole.seconds += record.seconds;
            whole.peak_memory = whole.peak_memory.max(record.peak_memory);
            if whole.started == 0.0 || record.started < whole.started {
                whole.started = record.started;
            }
            if whole.shown.is_empty() {
                whole.shown.clone_from(&record.shown);
            }
            whole.curves.extend(record.curves.clone());
            whole.device.clone_from(&record.device);
        }
        if running.shards.is_empty() && stage.per_shard.is_none() {
            // A whole stage that reads shards passes their labels on, where it keeps their names.
            for (input, digest) in stage.inputs.iter().zip(&running.digests) {
                if let Producer::Stage(from) = &input.from {
                    let name = &self.graph.stage(*from).name;
                    let Some((key, _)) = self.past.last(name) else { continue };
                    if self.past.ledger().artifact(&key) == Some(*digest)
                        && let Ok(Some(record)) = self.past.ledger().record(&key)
                    {
                        let kept = |shard: &str| {
                            manifest.files.keys().any(|name| llmp_stage::shard_of(name) == shard)
                        };
                        whole.labels.extend(record.labels.into_iter().filter(|(shard, _)| kept(shard)));
                    }
                }
            }
        }
        whole.bytes = manifest.size();
        whole.components.clone_from(&running.key.components);
        whole.inputs = inputs_of(stage, &running.digests, self.past);
        for (record, input) in whole.inputs.iter_mut().zip(&stage.inputs) {
            if let Producer::Stage(from) = &input.from {
                record.label.clone_from(&self.graph.stage(*from).name);
            }
        }
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

    fn failure(&self, id: StageId, key: Option<Digest>, error: &Error) -> Ended {
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

/// A stage's end in a few words: main counts, shards, time.
fn told(record: &Record) -> String {
    let mut parts: Vec<String> = Vec::new();
    let main = ["pages", "documents", "tokens", "steps", "conversations", "questions", "passages"];
    for name in main {
        if let Some(count) = record.counts.get(name) {
            parts.push(format!("{} {name}", text::count(*count)));
        }
    }
    let dropped: u64 =
        record.counts.iter().filter(|(name, _)| name.starts_with("dropped.")).map(|(_, count)| count).sum();
    if dropped > 0 {
        parts.push(format!("{} dropped", text::count(dropped)));
    }
    let skipped: u64 =
        record.counts.iter().filter(|(name, _)| name.starts_with("skipped.")).map(|(_, count)| count).sum();
    if skipped > 0 {
        parts.push(format!("{} skipped", text::count(skipped)));
    }
    if let Some((ran, all)) = record.shards
        && ran < all
    {
        parts.push(format!("{ran} of {all} shards"));
    }
    parts.push(text::duration(record.seconds));
    parts.join(" · ")
}

fn settle(
    id: StageId,
    end: Ended,
    ended: &mut [Option<Ended>],
    open_inputs: &mut [usize],
    users: &[Vec<StageId>],
    ready: &mut VecDeque<StageId>,
) {
    let index = id.0 as usize;
    if let Some(slot) = ended.get_mut(index) {
        *slot = Some(end);
    }
    for user in users.get(index).into_iter().flatten() {
        if let Some(open) = open_inputs.get_mut(user.0 as usize) {
            *open -= 1;
            if *open == 0 {
                ready.push_back(*user);
            }
        }
    }
}
