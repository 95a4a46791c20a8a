//! The incremental engine: what lies on disk, what was done before, and doing the rest.

mod action;
mod budget;
mod command;
mod context;
mod estimate;
mod files;
mod guard;
mod history;
mod known;
mod lifecycle;
mod machine;
mod memory;
mod output;
mod perform;
mod plan;
mod queue;
mod scheduler;
mod worker;
mod workers;

pub use budget::free_memory;
pub use estimate::Estimate;
pub use files::{Files, Found};
pub use guard::{Guard, watch};
pub use history::{Past, pipeline_id};
pub use lifecycle::host_name;
pub use machine::{available_memory, capacity};
pub use perform::{Checked, Executor};
pub use plan::{Action, Row, needs, rows, rows_while};
pub use scheduler::{Ended, Engine, RunOptions, Status};
pub use worker::{Report, read_action, work};

#[cfg(test)]
mod tests;
