//! Runs what has to run.
//!
//! [`Engine::run`] goes through a graph: one thread decides, stage by stage as inputs become known, and writes the ledger; workers
//! perform actions. It knows the store, the plan and the registry of stages that it is given; who watches is an
//! [`Observer`], and what is made of a finished run is no matter of its own.
//!
//! * `scheduler`: who is due; `lifecycle`: one stage from its lock to the ledger; `queue`: which action runs next
//! * `action`: work as data; `perform`: doing it, on a thread of this process or by `llmp worker` from a file
//! * `command`, `guard`, `memory`: the user's programs, and what holds and measures them
//!
//! Start reading at [`Engine`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod action;
mod budget;
mod command;
mod context;
mod guard;
mod lifecycle;
mod memory;
mod observer;
mod output;
mod perform;
mod queue;
mod record;
mod scheduler;
mod worker;
mod workers;

pub use budget::free_memory;
pub use guard::{Guard, watch};
pub use observer::{Observer, Unwatched};
pub use perform::{Checked, Executor, help_of};
pub use record::end;
pub use scheduler::{Ended, Engine, RunOptions, Status};
pub use worker::{Report, read_action, work};

#[cfg(test)]
mod tests;
