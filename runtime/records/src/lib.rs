//! What is written down about runs, as types, and how quantities are written for people.
//!
//! Everything here is plain data: nothing opens a file, asks a clock or knows the store. The crates that make
//! runs and those that look at them share it, and so nothing else of each other.
//!
//! * [`Run`]: `runs/N/run.json`, what a run was, and how each of its stages ended
//! * [`RunStatus`], [`StageStatus`]: how they ended
//! * [`Expectation`]: what came of what a program expects of its reports
//! * [`Event`]: what is told while a run goes on
//! * [`Record`]: what the ledger keeps about one action: what went in, what came out, what it took
//! * [`text`]: numbers, sizes and times as people read them
//!
//! Start reading at [`Run`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod event;
mod expectation;
mod notes;
mod record;
mod run;
mod status;
pub mod text;
pub mod unknown;

pub use event::{Event, LogEntry, Shards};
pub use expectation::Expectation;
pub use notes::Notes;
pub use record::{FileRecord, InputRecord, PACE, Record, Remarked, WentOn};
pub use run::{Environment, Kept, Run, StageRun, log_name, path, title};
pub use status::{RunStatus, StageStatus};
