//! Runs what has to run: decides stage by stage as inputs become known, and keeps all workers busy.
//!
//! One thread decides and writes the ledger; workers perform actions. The stages that end up running are those that
//! [`llmp_compiler::plan::plan`] names, less those that early cutoff saves.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use llmp_compiler::graph::{Graph, Producer, Stage, StageId};
use llmp_compiler::key::{Digest, Key};
use llmp_compiler::plan::{Blocked, Decision, Reason, State, decide};
use llmp_stage::Error;

use super::Past;
use super::action::{Effect, Job, perform};
use super::lifecycle::{Begun, Running};
use crate::library::Implementations;
use crate::progress::Screen;
use crate::reasons;

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

/// An action that waits for a worker.
pub(super) struct Task {
    pub(super) id: StageId,
    pub(super) shard: Option<usize>,
    pub(super) job: Job,
}

type Message = (StageId, Option<usize>, Result<Effect, Error>);

/// The workers' queue.
#[derive(Default)]
pub(super) struct Queue {
    tasks: Mutex<(VecDeque<Task>, bool)>,
    ready: Condvar,
}

impl Queue {
    pub(super) fn push(&self, task: Task) {
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

/// A stage whose key another process works on.
struct Waiting {
    key: Key,
    digests: Vec<Digest>,
    reasons: Vec<String>,
    told: bool,
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
                    return Some(self.finish(id, *stage));
                }
                running.insert(id, *stage);
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
