//! Runs what has to run.
//!
//! One run is one [`Session`]: it has a number and a record, goes through the graph, links the results, and
//! gives an [`Outcome`]. One thread decides, stage by stage as inputs become known, and writes the ledger;
//! workers perform actions. It knows the store, the plan and the registry of stages that it is given; who
//! watches is an [`Observer`], and what is made of a finished run is no matter of its own.
//!
//! * `session`: a whole run; `scheduler`: who is due; `lifecycle`: one stage from its claim to the ledger;
//!   `queue`: which action runs next
//! * `action`: work as data; `executor`: who does it; `workers`: the threads of this process; `perform`:
//!   doing it, on one of them or by `llmp worker` from a file; `slurm`: tasks of a cluster that do so
//! * `command`, `guard`, `memory`: the user's programs, and what holds and measures them
//!
//! Start reading at [`Session`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod action;
mod budget;
mod claim;
mod command;
mod context;
mod events;
mod executor;
mod guard;
mod job;
mod lifecycle;
mod memory;
mod observer;
mod outcome;
mod output;
mod perform;
mod publish;
mod queue;
mod record;
mod remarks;
mod scheduler;
mod session;
mod slurm;
mod worker;
mod workers;

pub use action::Order;
pub use budget::free_memory;
pub use events::Recorder;
pub use guard::{Guard, watch};
pub use job::{Harness, RunOptions};
pub use observer::{Observer, Unwatched};
pub use outcome::{StageOutcome, Status};
pub use perform::{Checked, Performer, help_of};
pub use session::{Counts, Outcome, Program, Session, failures, is_remarked, nothing_to_do};
pub use slurm::{SlurmOptions, check_slurm};
pub use worker::{Report, read_order, work};

#[cfg(test)]
mod tests;
