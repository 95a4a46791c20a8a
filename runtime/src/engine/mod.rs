//! The incremental engine: what lies on disk, what was done before, and doing the rest.

mod action;
mod command;
mod context;
mod estimate;
mod files;
mod history;
mod lifecycle;
mod memory;
mod plan;
mod scheduler;

pub use action::Effect;
pub use estimate::{Estimate, estimate, measured_rate};
pub use files::{Files, Found};
pub use history::{Past, pipeline_id};
pub use lifecycle::host_name;
pub use plan::{Action, Row, rows, rows_while};
pub use scheduler::{Ended, Engine, RunOptions, Status};

#[cfg(test)]
mod tests;
