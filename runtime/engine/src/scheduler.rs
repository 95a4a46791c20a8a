//! Runs what has to run: decides stage by stage as inputs become known, and keeps all workers busy.
//!
//! One thread decides and writes the ledger; workers perform actions. The stages that end up running are
//! those that [`llmp_compiler::plan::plan`] names, less those that early cutoff saves, and those whose
//! results turn out to be damaged when they are used: these are forgotten, and a second round makes them
//! again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use llmp_compiler::graph::{Graph, Input, Producer, Stage, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::{Blocked, Decision, State, decide};
use llmp_records::Event;

use super::executor::{Done, Executor, Ticket};
use super::job::{Harness, Job, Planned, RunOptions};
use super::lifecycle::{Damage, Lifecycle, NotStarted, Received, Running};
use super::outcome::{StageOutcome, Status};
use super::perform::{ATTEMPT, Checked, Performer};
use super::queue::Limits;
use super::remarks;
use super::slurm::{Slurm, Surroundings};
use super::workers::{Policy, with_threads};

/// Runs to the end. The result's index is the stage's. `before` is how the stages ended when this was called
/// before in the same run, else empty.
pub(super) fn run(job: &Job<'_>, before: Vec<StageOutcome>) -> Vec<StageOutcome> {
    let RunOptions { jobs, cores, memory, retries, keep_going, ref gpus, .. } = *job.options;
    let devices = gpus.len().clamp(1, 64) as u32;
    let limits = Limits { slots: jobs, cores: cores.max(jobs), memory, devices };
    let (store, place, checked) = (job.past.store(), job.place(), Checked::default());
    let performer =
        Performer { store, place: &place, harness: job.harness, checked: &checked, attempts: ATTEMPT };
    super::claim::sweep(store);
    if let Some(slurm) = &job.options.slurm {
        let Harness { observer, stop, .. } = job.harness;
        let around = Surroundings { place: &place, run: &job.run_folder, observer, stop, retries };
        let executor = Slurm::new(slurm.clone(), around);
        return run_on(&executor, job, &checked, before);
    }
    let policy = Policy { limits, gpus, strict: !keep_going, retries };
    with_threads(&performer, policy, |executor| run_on(executor, job, &checked, before))
}

/// Goes through the graph until no result turned out to be damaged; `executor` does the actions.
///
/// What is damaged is found out when it is used, by a stage that was decided on the belief that its input is
/// there. Nothing that was decided is taken back: the damaged result is forgotten in the ledger, the round
/// goes to its end with what does not need it, and the next one decides anew. It finds what ran done, and
/// makes again what was forgotten.
pub(super) fn run_on(
    executor: &dyn Executor,
    job: &Job<'_>,
    checked: &Checked,
    mut before: Vec<StageOutcome>,
) -> Vec<StageOutcome> {
    let ranks = ranks(job.graph);
    let mut seen = BTreeSet::new();
    loop {
        let lifecycle = Lifecycle::new(job, executor, checked, &ranks);
        let mut round = Round::new(job, executor, checked, lifecycle, before);
        round.drive();
        let Round { ended, damaged, before: earlier, .. } = round;
        let mut ended: Vec<StageOutcome> =
            ended.into_iter().map(|end| end.unwrap_or_else(|| StageOutcome::stopped(None))).collect();
        for (end, earlier) in ended.iter_mut().zip(&earlier) {
            // What an earlier round ran is found cached by a later one.
            if matches!(end.status, Status::Cached | Status::Skipped)
                && matches!(earlier.status, Status::Ran { .. })
            {
                end.status = earlier.status.clone();
            }
        }
        let stopping = job.harness.stop.load(Ordering::Relaxed)
            || (!job.options.keep_going && ended.iter().any(StageOutcome::failed));
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

/// The length of the longest way behind each stage, where a stage that has the device for itself, which means
/// training, counts for many others.
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

/// Once through the graph.
struct Round<'e> {
    job: &'e Job<'e>,
    executor: &'e dyn Executor,
    checked: &'e Checked,
    lifecycle: Lifecycle<'e>,
    /// How the stages ended in the round before; empty in the first.
    before: Vec<StageOutcome>,
    ended: Vec<Option<StageOutcome>>,
    running: BTreeMap<StageId, Running>,
    /// Stages whose key another process works on.
    waiting: BTreeMap<StageId, Planned>,
    /// Inputs of each stage that have not ended.
    open_inputs: Vec<usize>,
    users: Vec<Vec<StageId>>,
    ready: VecDeque<StageId>,
    failed: bool,
    /// Stages that met a damaged object in an input, and the object.
    damaged: Vec<(StageId, Digest)>,
}

impl<'e> Round<'e> {
    fn new(
        job: &'e Job<'e>,
        executor: &'e dyn Executor,
        checked: &'e Checked,
        lifecycle: Lifecycle<'e>,
        before: Vec<StageOutcome>,
    ) -> Self {
        let graph = job.graph;
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
            job,
            executor,
            checked,
            lifecycle,
            before,
            ended: vec![None; count],
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open_inputs,
            users,
            ready,
            failed: false,
            damaged: Vec::new(),
        }
    }

    fn drive(&mut self) {
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
            let patience = Duration::from_millis(if self.waiting.is_empty() { 200 } else { 20 });
            match self.executor.next(patience) {
                Some(Done { ticket: Ticket { stage: id, shard }, outcome }) => {
                    let Some(mut stage) = self.running.remove(&id) else { continue };
                    match self.lifecycle.receive(id, &mut stage, shard, outcome) {
                        Received::Taken => {}
                        // From here on nothing new begins, its own other shards included.
                        Received::Failed => self.failed = true,
                        Received::Damaged(damage) => self.damage(id, &damage),
                    }
                    self.keep_or_finish(id, stage);
                }
                None => self.try_waiting(),
            }
        }
    }

    fn stopping(&self) -> bool {
        self.job.harness.stop.load(Ordering::Relaxed) || (self.failed && !self.job.options.keep_going)
    }

    /// Takes back what has not started.
    fn drain(&mut self) {
        for (id, actions) in self.executor.cancel() {
            let Some(mut stage) = self.running.remove(&id) else { continue };
            stage.take_back(actions);
            self.keep_or_finish(id, stage);
        }
        for id in std::mem::take(&mut self.waiting).into_keys() {
            self.settle(id, StageOutcome::stopped(None));
        }
    }

    fn keep_or_finish(&mut self, id: StageId, stage: Running) {
        if stage.is_over() {
            let end = self.lifecycle.finish(id, &stage);
            self.settle(id, end);
        } else {
            self.running.insert(id, stage);
        }
    }

    fn settle(&mut self, id: StageId, end: StageOutcome) {
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

    fn end(&self, id: StageId) -> Option<&StageOutcome> {
        self.ended.get(id.0 as usize).and_then(Option::as_ref)
    }

    fn state(&self, id: StageId) -> State {
        match self.end(id).and_then(|end| end.artifact) {
            Some(artifact) => State::Known(artifact),
            None => State::Blocked,
        }
    }

    fn before(&self, id: StageId) -> Option<&StageOutcome> {
        self.before.get(id.0 as usize)
    }

    /// Whether a stage is to run though its result is there: asked for, and not done in an earlier round.
    fn forced(&self, id: StageId) -> bool {
        self.job.options.forced.contains(&id)
            && !self.before(id).is_some_and(|end| matches!(end.status, Status::Ran { .. }))
    }

    /// Decides what becomes of a stage whose inputs have all ended; `None` where it now runs or waits.
    fn consider(&mut self, id: StageId) -> Option<StageOutcome> {
        if let Some(failed) = self.before(id).filter(|end| end.failed()) {
            return Some(failed.clone());
        }
        let Job { graph, past, harness, run, .. } = self.job;
        let stage = graph.stage(id);
        match decide(graph, stage, &|id| self.state(id), *past, self.forced(id)) {
            Decision::Cached { key, artifact } => {
                let changed = |input: &Input| {
                    let Producer::Stage(from) = &input.from else { return false };
                    self.end(*from)
                        .is_some_and(|end| matches!(end.status, Status::Ran { .. } | Status::Skipped))
                };
                let skipped = stage.inputs.iter().any(changed);
                past.settle(&stage.name, key.digest, *run);
                if skipped && self.before.is_empty() {
                    harness
                        .observer
                        .line(&format!("= {:<26} skipped: its inputs came out as they were", stage.name));
                }
                if let Some(end) = remarks::strictly(self.job, key.digest) {
                    return Some(end);
                }
                let status = if skipped { Status::Skipped } else { Status::Cached };
                Some(StageOutcome { status, key: Some(key.digest), artifact: Some(artifact) })
            }
            Decision::Blocked(Blocked::By(cause)) => {
                let stopped = self.end(cause).is_none_or(|end| matches!(end.status, Status::Stopped));
                let status = if stopped {
                    Status::Stopped
                } else {
                    Status::Blocked(format!("waits for `{}`", graph.stage(cause).name))
                };
                Some(StageOutcome { status, key: None, artifact: None })
            }
            Decision::Blocked(Blocked::Files { message, found, .. }) => {
                harness.observer.line(&format!("! {:<26} {message}", stage.name));
                let help = (!found).then(|| "paths are relative to the pipeline's folder".to_owned());
                Some(StageOutcome { status: Status::Failed { message, help }, key: None, artifact: None })
            }
            Decision::Run { key: Some(key), reasons, .. } if !self.stopping() => {
                let digests = self.digests(stage);
                let forced = self.forced(id);
                self.begin(id, Planned { key: *key, digests, reasons, forced }, true)
            }
            Decision::Run { key: None, .. } if !self.stopping() => {
                let message = "what it reads is not fetched yet".to_owned();
                let help = Some("`llmp fetch` gets it".to_owned());
                Some(StageOutcome { status: Status::Failed { message, help }, key: None, artifact: None })
            }
            Decision::Run { .. } => Some(StageOutcome::stopped(None)),
        }
    }

    fn digests(&self, stage: &Stage) -> Vec<Digest> {
        let digest = |input: &Input| match &input.from {
            Producer::Stage(from) => match self.state(*from) {
                State::Known(digest) => digest,
                State::Pending | State::Blocked => Digest::of(b""),
            },
            Producer::Files(files) => {
                self.job.past.find(files).map_or(Digest::of(b""), |files| files.digest())
            }
        };
        stage.inputs.iter().map(digest).collect()
    }

    /// Starts a stage, or lets it wait for the process that works on its key.
    fn begin(&mut self, id: StageId, planned: Planned, first: bool) -> Option<StageOutcome> {
        let (name, key) = (&self.job.graph.stage(id).name, planned.key.digest);
        match self.lifecycle.start(id, &planned) {
            Ok(running) if running.is_over() => Some(self.lifecycle.finish(id, &running)),
            Ok(running) => {
                self.running.insert(id, running);
                None
            }
            Err(NotStarted::Done(artifact)) => {
                self.job.past.settle(name, key, self.job.run);
                Some(StageOutcome { status: Status::Cached, key: Some(key), artifact: Some(artifact) })
            }
            Err(NotStarted::Busy(what)) => {
                if first {
                    let line = format!("  {name:<26} waits for another run that {what}");
                    self.job.harness.observer.line(&line);
                }
                self.waiting.insert(id, planned);
                None
            }
            Err(NotStarted::Damaged(damage)) => {
                self.damage(id, &damage);
                Some(StageOutcome::stopped(Some(key)))
            }
            Err(NotStarted::Failed(error)) => Some(self.lifecycle.failure(id, Some(key), &error)),
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

    /// Notes that an object of an input is damaged: its stage's result is forgotten, so that the next round
    /// makes it again.
    fn damage(&mut self, id: StageId, damage: &Damage) {
        let Job { graph, harness, .. } = self.job;
        let Damage { input, object, error } = damage;
        let producer = match graph.stage(id).inputs.get(*input).map(|input| &input.from) {
            Some(Producer::Stage(from)) => *from,
            Some(Producer::Files(_)) | None => return,
        };
        let name = &graph.stage(producer).name;
        self.checked.forget(object);
        self.damaged.push((id, *object));
        harness.observer.line(&format!("! {name:<26} {error}: it is made again"));
        let (stage, message) = (name.clone(), error.to_string());
        harness.observer.tell(Event::Damage { stage, object: *object, message });
        if let Some(end) = self.end(producer) {
            self.job.forget(end);
        }
    }
}
