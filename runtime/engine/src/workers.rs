//! The threads that perform actions, in the order that the queue says.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

use llmp_compiler::graph::StageId;

use super::action::{Action, Effect};
use super::perform::{Executor, Trouble};
use super::queue::{Demand, Limits, Queue};

/// What became of an action: its stage, its shard's place, and what it gave.
pub(super) type Outcome = (StageId, Option<usize>, Result<Effect, Failed>);

/// An action that gave nothing, and why.
pub(super) struct Failed {
    pub(super) trouble: Trouble,
    pub(super) action: Box<Action>,
}

/// An action that waits for a thread.
struct Task {
    id: StageId,
    shard: Option<usize>,
    action: Action,
}

/// The threads' common queue.
pub(super) struct Workers {
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
    /// With `strict`, nothing begins after a failure.
    pub(super) fn new(limits: Limits, strict: bool) -> Self {
        let state = State { queue: Queue::new(limits), closed: false, halted: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), strict }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an action wait for its turn.
    pub(super) fn push(&self, id: StageId, shard: Option<usize>, demand: Demand, rank: u64, action: Action) {
        self.state().queue.push(id, demand, rank, Task { id, shard, action });
        self.changed.notify_one();
    }

    /// Takes out everything that waits: stages and how many actions of each. What runs goes on.
    pub(super) fn drain(&self) -> Vec<(StageId, usize)> {
        self.state().queue.drain()
    }

    /// Lets the threads end once nothing waits.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// What each thread does until the queue is closed and empty.
    pub(super) fn work(&self, executor: &Executor<'_>, retries: usize, done: &mpsc::Sender<Outcome>) {
        let mut state = self.state();
        loop {
            let next = if state.halted { None } else { state.queue.take() };
            if let Some((mut task, grant)) = next {
                drop(state);
                task.action.threads = grant.threads;
                let outcome = with_retries(executor, &task.action, retries);
                state = self.state();
                state.queue.release(&grant);
                state.halted |= self.strict && matches!(&outcome, Err(Trouble::Failed(_)));
                if !state.queue.is_empty() {
                    // What it held may be what others waited for.
                    self.changed.notify_all();
                }
                let outcome = outcome.map_err(|trouble| Failed { trouble, action: Box::new(task.action) });
                if done.send((task.id, task.shard, outcome)).is_err() {
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

fn with_retries(executor: &Executor<'_>, action: &Action, retries: usize) -> Result<Effect, Trouble> {
    let mut outcome = executor.perform(action);
    for retry in 1..=retries {
        match &outcome {
            Err(Trouble::Failed(error)) if !error.is_cancelled() => {
                let name = &action.stage.name;
                executor
                    .harness
                    .observer
                    .line(&format!("  {name} failed, trying again ({retry} of {retries}): {error}"));
                outcome = executor.perform(action);
            }
            _ => break,
        }
    }
    outcome
}
