//! The seam between what decides and what does: an [`Executor`] takes actions and tells what became of them.
//! It knows nothing of keys that are claimed, the ledger, or what follows from an action.

use std::time::Duration;

use llmp_compiler::graph::StageId;

use super::action::{Action, Effect};
use super::perform::ActionError;
use super::queue::Demand;

/// Names an action while it is with an executor. Whoever submits it chooses the name, so that neither side
/// keeps a table of the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) stage: StageId,
    /// The shard's place among the stage's.
    pub(super) shard: Option<usize>,
}

/// An action on its way to an executor.
pub(super) struct Submission {
    pub(super) ticket: Ticket,
    pub(super) action: Action,
    /// What it takes; the same for all actions of a stage.
    pub(super) demand: Demand,
    /// The length of the way behind its stage: of two that could begin, the one with more goes first.
    pub(super) rank: u64,
}

/// An action that ended.
pub(super) struct Done {
    pub(super) ticket: Ticket,
    pub(super) outcome: Result<Effect, Failed>,
}

/// An action that gave nothing, and why.
pub(super) struct Failed {
    pub(super) trouble: ActionError,
    pub(super) action: Box<Action>,
}

/// Does actions: on threads, in other processes, on other machines. It binds each to a
/// [`Place`](super::action::Place) where the store can be reached, and everything that an [`Effect`] names is
/// in the store when it is told.
///
/// Every action that is submitted comes back exactly once: from [`next`](Executor::next), or from
/// [`cancel`](Executor::cancel).
pub(super) trait Executor {
    /// Takes an action, which begins when its turn comes.
    fn submit(&self, submission: Submission);

    /// The next action that ended, in the order in which they end; `None` where none does within `patience`.
    fn next(&self, patience: Duration) -> Option<Done>;

    /// Takes back what has not begun: stages and how many actions of each. What runs goes on.
    fn cancel(&self) -> Vec<(StageId, usize)>;
}
