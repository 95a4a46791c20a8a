//! Runs what has to run: decides stage by stage as inputs become known, and keeps all workers busy.
//!
//! One thread decides and writes the ledger; workers perform actions. The stages that end up running are those that
//! [`llmp_compiler::plan::plan`] names, less those that early cutoff saves, and those whose results turn out to be damaged
//! when they are used: these are forgotten, and a second round makes them again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use llmp_compiler::graph::{Graph, Input, Producer, Stage, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_compiler::plan::{Blocked, Decision, State, decide};
use llmp_planning::{Costs, Past, reasons};
use llmp_records::Record;
use llmp_stage::{Error, Registry};
use llmp_store::{Kind, Lock, StoreError};

use super::Observer;
use super::guard::Guard;
use super::lifecycle::{Begun, Running};
use super::perform::{Checked, Executor, help_of};
use super::queue::{Demand, Limits};
use super::workers::{Outcome, Workers};

/// How a run is to be made.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Actions at the same time.
    pub jobs: usize,
    /// Cores they share.
    pub cores: usize,
    /// Bytes of memory they share.
    pub memory: u64,
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

impl Ended {
    pub(super) fn stopped(key: Option<Digest>) -> Self {
        Self { status: Status::Stopped, key, artifact: None }
    }

    fn failed(&self) -> bool {
        matches!(self.status, Status::Failed { .. })
    }
}

/// The engine of one run.
pub struct Engine<'a> {
    /// The pipeline.
    pub graph: &'a Graph,
    /// What was done before.
    pub past: &'a Past,
    /// What the stages do.
    pub registry: &'a Registry,
    /// Where progress is shown.
    pub screen: &'a dyn Observer,
    /// Set when the run is to stop.
    pub stop: &'a AtomicBool,
    /// Kills commands should this process be killed.
    pub guard: &'a Guard,
    /// How.
    pub options: &'a RunOptions,
}

impl Engine<'_> {
    /// Runs to the end. The result's index is the stage's. `before` is how the stages ended when this was called before in
    /// the same run, else empty.
    #[must_use]
    pub fn run(&self, before: Vec<Ended>) -> Vec<Ended> {
        let RunOptions { jobs, cores, memory, retries, keep_going, .. } = *self.options;
        let workers = Workers::new(Limits { slots: jobs, cores: cores.max(jobs), memory }, !keep_going);
        let (send, receive) = mpsc::channel::<Outcome>();
        let store = Arc::clone(self.past.store());
        let executor = Executor {
            store: &store,
            registry: self.registry,
            screen: self.screen,
            stop: self.stop,
            guard: self.guard,
            checked: Checked::default(),
            attempts: super::perform::ATTEMPT,
        };
        super::lifecycle::sweep(&store);
        std::thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                let (workers, executor, send) = (&workers, &executor, send.clone());
                scope.spawn(move || workers.work(executor, retries, &send));
            }
            let ended = self.rounds(&workers, &executor.checked, &receive, before);
            workers.close();
            ended
        })
    }

    /// Goes through the graph until no result turned out to be damaged.
    fn rounds(
        &self,
        workers: &Workers,
        checked: &Checked,
        receive: &mpsc::Receiver<Outcome>,
        mut before: Vec<Ended>,
    ) -> Vec<Ended> {
        let ranks = ranks(self.graph);
        let mut seen = BTreeSet::new();
        loop {
            let mut round = Round::new(self, workers, checked, &ranks, before);
            round.drive(receive);
            let Round { ended, damaged, before: earlier, .. } = round;
            let mut ended: Vec<Ended> =
                ended.into_iter().map(|end| end.unwrap_or_else(|| Ended::stopped(None))).collect();
            for (end, earlier) in ended.iter_mut().zip(&earlier) {
                // What an earlier round ran is found cached by a later one.
                if matches!(end.status, Status::Cached | Status::Skipped)
                    && matches!(earlier.status, Status::Ran { .. })
                {
                    end.status = earlier.status.clone();
                }
            }
            let stopping = self.stop.load(Ordering::Relaxed)
                || (!self.options.keep_going && ended.iter().any(Ended::failed));
            // Every stage meets a damaged object once at most: equal objects may be results of several stages.
            let news = damaged.iter().filter(|met| seen.insert(**met)).count();
            if damaged.is_empty() || stopping {
                return ended;
            }
            if news == 0 {
                for (user, object) in damaged {
                    let message = format!("the object {object} is damaged again, right after it was made");
                    let help = Some("the disk may be failing: look at the system's log".to_owned());
                    if let Some(end) = ended.get_mut(user.0 as usize) {
                        end.status = Status::Failed { message, help };
                    }
                }
                return ended;
            }
            before = ended;
        }
    }

    /// Notes that a stage's result is not to be used any more, since something of it is missing or damaged.
    pub fn forget(&self, end: &Ended) {
        if let (Some(key), Some(artifact)) = (&end.key, &end.artifact) {
            // Where the ledger can't be written, the run can't do anything either, and says so.
            let _ = self.past.ledger().append(Kind::Forgotten, key, artifact, &Record::default());
        }
    }

    /// What each action of a stage takes.
    pub(super) fn demand(&self, stage: &Stage, costs: &Costs<'_>) -> Demand {
        let estimate = || {
            // On a GPU it is the device's memory that the estimate speaks of.
            let here = self.options.device == "cpu";
            here.then(|| costs.of(stage)).flatten().map(|cost| cost.memory)
        };
        Demand {
            cores: stage.needs.cores.map(|cores| cores as usize),
            memory: stage.needs.memory.or_else(estimate).unwrap_or(0),
            device: stage.needs.devices.is_some(),
        }
    }
}

/// The length of the longest way behind each stage, where a stage that has the device for itself, which means training,
/// counts for many others.
fn ranks(graph: &Graph) -> Vec<u64> {
    let mut ranks = vec![0_u64; graph.stages.len()];
    for (index, stage) in graph.stages.iter().enumerate().rev() {
        let own = if stage.needs.devices.is_some() { 1_000 } else { 1 };
        let rank = ranks.get(index).copied().unwrap_or(0) + own;
        if let Some(slot) = ranks.get_mut(index) {
            *slot = rank;
        }
        for input in &stage.inputs {
            if let Producer::Stage(from) = &input.from
                && let Some(slot) = ranks.get_mut(from.0 as usize)
            {
                *slot = rank.max(*slot);
            }
        }
    }
    ranks
}

/// A stage whose key another process works on.
struct Waiting {
    key: Key,
    digests: Vec<Digest>,
    reasons: Vec<String>,
}

/// Once through the graph.
pub(super) struct Round<'e> {
    pub(super) engine: &'e Engine<'e>,
    pub(super) workers: &'e Workers,
    pub(super) checked: &'e Checked,
    pub(super) ranks: &'e [u64],
    pub(super) costs: Costs<'e>,
    /// How the stages ended in the round before; empty in the first.
    before: Vec<Ended>,
    pub(super) ended: Vec<Option<Ended>>,
    running: BTreeMap<StageId, Running>,
    waiting: BTreeMap<StageId, Waiting>,
    /// Inputs of each stage that have not ended.
    open_inputs: Vec<usize>,
    users: Vec<Vec<StageId>>,
    ready: VecDeque<StageId>,
    pub(super) failed: bool,
    /// The device's lock, while a stage of this run has it.
    pub(super) device: Weak<Lock>,
    /// Stages that met a damaged object in an input, and the object.
    damaged: Vec<(StageId, Digest)>,
}

impl<'e> Round<'e> {
    fn new(
        engine: &'e Engine<'e>,
        workers: &'e Workers,
        checked: &'e Checked,
        ranks: &'e [u64],
        before: Vec<Ended>,
    ) -> Self {
        let graph = engine.graph;
        let count = graph.stages.len();
        let mut open_inputs: Vec<usize> = vec![0; count];
        let mut users: Vec<Vec<StageId>> = vec![vec![]; count];
        for (id, stage) in graph.ids().zip(&graph.stages) {
            for input in &stage.inputs {
                if let Producer::Stage(from) = &input.from {
                    open_inputs[id.0 as usize] += 1;
                    users[from.0 as usize].push(id);
                }
            }
        }
        let ready = graph.ids().filter(|id| open_inputs[id.0 as usize] == 0).collect();
        Self {
            engine,
            workers,
            checked,
            ranks,
            costs: Costs::new(graph, engine.past, engine.registry),
            before,
            ended: vec![None; count],
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open_inputs,
            users,
            ready,
            failed: false,
            device: Weak::new(),
            damaged: Vec::new(),
        }
    }

    fn drive(&mut self, receive: &mpsc::Receiver<Outcome>) {
        loop {
            if self.stopping() {
                self.drain();
            }
            while let Some(id) = self.ready.pop_front() {
                if let Some(end) = self.consider(id) {
                    self.settle(id, end);
                }
            }
            if self.running.is_empty() && self.waiting.is_empty() {
                return;
            }
            match receive.recv_timeout(Duration::from_millis(if self.waiting.is_empty() { 200 } else { 20 }))
            {
                Ok((id, shard, outcome)) => {
                    let Some(mut stage) = self.running.remove(&id) else { continue };
                    self.receive(id, &mut stage, shard, outcome);
                    self.keep_or_finish(id, stage);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.try_waiting(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn stopping(&self) -> bool {
        self.engine.stop.load(Ordering::Relaxed) || (self.failed && !self.engine.options.keep_going)
    }

    /// Takes back what has not started.
    fn drain(&mut self) {
        for (id, actions) in self.workers.drain() {
            let Some(mut stage) = self.running.remove(&id) else { continue };
            stage.open -= actions;
            stage.stopped = true;
            self.keep_or_finish(id, stage);
        }
        for id in std::mem::take(&mut self.waiting).into_keys() {
            self.settle(id, Ended::stopped(None));
        }
    }

    fn keep_or_finish(&mut self, id: StageId, stage: Running) {
        if stage.open > 0 {
            self.running.insert(id, stage);
        } else {
            let end = self.finish(id, stage);
            self.settle(id, end);
        }
    }

    fn settle(&mut self, id: StageId, end: Ended) {
        self.failed |= end.failed();
        let index = id.0 as usize;
        if let Some(slot) = self.ended.get_mut(index) {
            *slot = Some(end);
        }
        for user in self.users.get(index).into_iter().flatten() {
            if let Some(open) = self.open_inputs.get_mut(user.0 as usize) {
                *open -= 1;
                if *open == 0 {
                    self.ready.push_back(*user);
                }
            }
        }
    }

    pub(super) fn end(&self, id: StageId) -> Option<&Ended> {
        self.ended.get(id.0 as usize).and_then(Option::as_ref)
    }

    fn state(&self, id: StageId) -> State {
        match self.end(id).and_then(|end| end.artifact) {
            Some(artifact) => State::Known(artifact),
            None => State::Blocked,
        }
    }

    fn before(&self, id: StageId) -> Option<&Ended> {
        self.before.get(id.0 as usize)
    }

    /// Whether a stage is to run though its result is there: asked for, and not done in an earlier round.
    pub(super) fn forced(&self, id: StageId) -> bool {
        self.engine.options.forced.contains(&id)
            && !self.before(id).is_some_and(|end| matches!(end.status, Status::Ran { .. }))
    }

    /// Decides what becomes of a stage whose inputs have all ended; `None` where it now runs or waits.
    fn consider(&mut self, id: StageId) -> Option<Ended> {
        if let Some(failed) = self.before(id).filter(|end| end.failed()) {
            return Some(failed.clone());
        }
        let Engine { graph, past, screen, options, .. } = self.engine;
        let stage = graph.stage(id);
        match decide(graph, stage, &|id| self.state(id), *past, self.forced(id)) {
            Decision::Cached { key, artifact } => {
                let changed = |input: &Input| {
                    let Producer::Stage(from) = &input.from else { return false };
                    self.end(*from)
                        .is_some_and(|end| matches!(end.status, Status::Ran { .. } | Status::Skipped))
                };
                let skipped = stage.inputs.iter().any(changed);
                past.settle(&stage.name, key.digest, options.run);
                if skipped && self.before.is_empty() {
                    screen.line(&format!("= {:<26} skipped: its inputs came out as they were", stage.name));
                }
                let status = if skipped { Status::Skipped } else { Status::Cached };
                Some(Ended { status, key: Some(key.digest), artifact: Some(artifact) })
            }
            Decision::Blocked(Blocked::By(cause)) => {
                let stopped = self.end(cause).is_none_or(|end| matches!(end.status, Status::Stopped));
                let status = if stopped {
                    Status::Stopped
                } else {
                    Status::Blocked(format!("waits for `{}`", graph.stage(cause).name))
                };
                Some(Ended { status, key: None, artifact: None })
            }
            Decision::Blocked(Blocked::Files { message, .. }) => {
                screen.line(&format!("! {:<26} {message}", stage.name));
                let help = Some("paths are relative to the pipeline's folder".to_owned());
                Some(Ended { status: Status::Failed { message, help }, key: None, artifact: None })
            }
            Decision::Run { key: Some(key), reasons, .. } if !self.stopping() => {
                let digests = self.digests(stage);
                let reasons = reasons.iter().map(reasons::text).collect();
                self.begin(id, Waiting { key: *key, digests, reasons }, true)
            }
            Decision::Run { .. } => Some(Ended::stopped(None)),
        }
    }

    fn digests(&self, stage: &Stage) -> Vec<Digest> {
        let digest = |input: &Input| match &input.from {
            Producer::Stage(from) => match self.state(*from) {
                State::Known(digest) => digest,
                State::Pending | State::Blocked => Digest::of(b""),
            },
            Producer::Files(files) => {
                self.engine.past.find(files).map_or(Digest::of(b""), |files| files.digest())
            }
        };
        stage.inputs.iter().map(digest).collect()
    }

    /// Starts a stage, or lets it wait for the process that works on its key.
    fn begin(&mut self, id: StageId, stage: Waiting, first: bool) -> Option<Ended> {
        let (name, key) = (&self.engine.graph.stage(id).name, stage.key.digest);
        match self.start(id, &stage.key, &stage.digests, &stage.reasons) {
            Ok(Begun::Started(running)) if running.open == 0 => Some(self.finish(id, *running)),
            Ok(Begun::Started(running)) => {
                self.running.insert(id, *running);
                None
            }
            Ok(Begun::Done(artifact)) => {
                self.engine.past.settle(name, key, self.engine.options.run);
                Some(Ended { status: Status::Cached, key: Some(key), artifact: Some(artifact) })
            }
            Ok(Begun::Busy(what)) => {
                if first {
                    self.engine.screen.line(&format!("  {name:<26} waits for another run that {what}"));
                }
                self.waiting.insert(id, stage);
                None
            }
            Ok(Begun::Damaged { input, object, error }) => {
                self.damage(id, input, object, &error);
                Some(Ended::stopped(Some(key)))
            }
            Err(error) => Some(self.failure(id, Some(key), &error)),
        }
    }

    fn try_waiting(&mut self) {
        for id in self.waiting.keys().copied().collect::<Vec<_>>() {
            if let Some(stage) = self.waiting.remove(&id)
                && let Some(end) = self.begin(id, stage, false)
            {
                self.settle(id, end);
            }
        }
    }

    /// Notes that an object of an input is damaged: its stage's result is forgotten, so that the next round makes it again.
    pub(super) fn damage(&mut self, id: StageId, input: usize, object: Digest, error: &StoreError) {
        let graph = self.engine.graph;
        let producer = match graph.stage(id).inputs.get(input).map(|input| &input.from) {
            Some(Producer::Stage(from)) => *from,
            Some(Producer::Files(_)) | None => return,
        };
        let name = &graph.stage(producer).name;
        self.checked.forget(&object);
        self.damaged.push((id, object));
        self.engine.screen.line(&format!("! {name:<26} {error}: it is made again"));
        self.engine
            .screen
            .event(&serde_json::json!({"event": "damage", "stage": name, "object": object.hex(),
            "message": error.to_string()}));
        if let Some(end) = self.end(producer) {
            self.engine.forget(end);
        }
    }

    pub(super) fn failure(&self, id: StageId, key: Option<Digest>, error: &Error) -> Ended {
        if error.is_cancelled() {
            return Ended::stopped(key);
        }
        let name = &self.engine.graph.stage(id).name;
        let help = help_of(error);
        let (message, help) = (error.to_string(), help.map(str::to_owned));
        self.engine.screen.line(&format!("! {name:<26} failed: {message}"));
        self.engine.screen.event(
            &serde_json::json!({"event": "stage_failed", "stage": name, "message": message, "help": help}),
        );
        Ended { status: Status::Failed { message, help }, key, artifact: None }
    }
}
