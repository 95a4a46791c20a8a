//! The executor that a run has by itself: threads of this process that perform actions in the order that the
//! queue says.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use llmp_compiler::graph::StageId;

use super::action::{Action, Effect};
use super::executor::{Done, Executor, Failed, Submission, Ticket};
use super::perform::{ActionError, Performer};
use super::queue::{Limits, Queue};

/// How the threads go about it.
#[derive(Clone, Copy)]
pub(super) struct Policy<'a> {
    /// One thread a slot.
    pub(super) limits: Limits,
    /// The machine's GPUs, by number.
    pub(super) gpus: &'a [String],
    /// Nothing begins after a failure.
    pub(super) strict: bool,
    /// Tries after a failed one.
    pub(super) retries: usize,
}

/// Calls `decide` with threads that do what it submits, and ends them with it.
pub(super) fn with_threads<T>(
    performer: &Performer<'_>,
    policy: Policy<'_>,
    decide: impl FnOnce(&dyn Executor) -> T,
) -> T {
    let workers = Workers::new(policy.limits, policy.strict);
    let (send, done) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..policy.limits.slots.max(1) {
            let (workers, send) = (&workers, send.clone());
            scope.spawn(move || workers.work(performer, policy, &send));
        }
        let decided = decide(&Threads { workers: &workers, done });
        workers.close();
        decided
    })
}

/// The threads, as the one sees them that decides.
struct Threads<'a> {
    workers: &'a Workers,
    done: mpsc::Receiver<Done>,
}

impl Executor for Threads<'_> {
    fn submit(&self, submission: Submission) {
        self.workers.push(submission);
    }

    fn next(&self, patience: Duration) -> Option<Done> {
        self.done.recv_timeout(patience).ok()
    }

    fn cancel(&self) -> Vec<(StageId, usize)> {
        self.workers.drain()
    }
}

/// An action that waits for a thread.
struct Task {
    ticket: Ticket,
    action: Action,
}

/// The threads' common queue.
struct Workers {
    state: Mutex<State>,
    changed: Condvar,
    /// Nothing begins after a failure.
    strict: bool,
}

struct State {
    queue: Queue<Task>,
    /// No more actions come.
    closed: bool,
    /// No more actions begin.
    halted: bool,
}

impl Workers {
    fn new(limits: Limits, strict: bool) -> Self {
        let state = State { queue: Queue::new(limits), closed: false, halted: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), strict }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an action wait for its turn.
    fn push(&self, Submission { ticket, action, demand, rank }: Submission) {
        self.state().queue.push(ticket.stage, demand, rank, Task { ticket, action });
        self.changed.notify_one();
    }

    /// Takes out everything that waits: stages and how many actions of each. What runs goes on.
    fn drain(&self) -> Vec<(StageId, usize)> {
        self.state().queue.drain()
    }

    /// Lets the threads end once nothing waits.
    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// What each thread does until the queue is closed and empty.
    fn work(&self, performer: &Performer<'_>, policy: Policy<'_>, done: &mpsc::Sender<Done>) {
        let mut state = self.state();
        loop {
            let next = if state.halted { None } else { state.queue.take() };
            if let Some((mut task, grant)) = next {
                drop(state);
                task.action.threads = grant.threads;
                task.action.gpus = grant.devices().filter_map(|at| policy.gpus.get(at).cloned()).collect();
                let outcome = with_retries(performer, &task.action, policy.retries);
                state = self.state();
                state.queue.release(&grant);
                state.halted |= self.strict && matches!(&outcome, Err(ActionError::Failed(_)));
                if !state.queue.is_empty() {
                    // What it held may be what others waited for.
                    self.changed.notify_all();
                }
                let outcome = outcome.map_err(|trouble| Failed { trouble, action: Box::new(task.action) });
                if done.send(Done { ticket: task.ticket, outcome }).is_err() {
                    return;
                }
            } else if state.closed && (state.queue.is_empty() || state.halted) {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn with_retries(performer: &Performer<'_>, action: &Action, retries: usize) -> Result<Effect, ActionError> {
    let mut outcome = performer.perform(action);
    for retry in 1..=retries {
        match &outcome {
            Err(ActionError::Failed(error)) if !error.is_cancelled() => {
                let name = &action.stage.name;
                performer
                    .harness
                    .observer
                    .line(&format!("  {name} failed, trying again ({retry} of {retries}): {error}"));
                outcome = performer.perform(action);
            }
            _ => break,
        }
    }
    outcome
}
