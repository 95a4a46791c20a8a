//! What lies on disk and what was done before, and so what a run would do, why, and at what cost.
//!
//! `plan`, `run`, `why`, the editor and the live page share it: each asks [`rows`] and gets the same answer.
//! It reads files, the store and this machine's figures; it writes nothing but caches, runs no stage and
//! knows none: implementations come in as an [`llmp_stage::Registry`].
//!
//! * [`Toolkit`]: what a program knows, handed on
//! * [`Folder`]: program texts for the compiler
//! * [`Past`]: the compiler's questions about the store and the user's files, answered
//! * [`was_idle`]: whether what had nothing to do is as it was, without compiling it
//! * [`LockFile`]: what was fetched for a pipeline; [`lacks`]: what is to be fetched before it runs
//! * [`rows`]: the dry run: a decision and an [`Estimate`] for every stage
//! * [`Calibration`]: how quick this machine is; runs measure it, the others read it
//! * [`verdicts`]: what came of what a program expects of its reports
//! * [`reasons`]: why a stage runs, in words
//! * [`capacity`]: what this machine has
//!
//! Start reading at [`Past`], then [`rows`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod bundles;
pub mod calibration;
mod command;
mod estimate;
mod fetches;
mod files;
pub mod forget;
mod gates;
mod history;
mod idle;
mod known;
mod lockfile;
pub mod machine;
mod place;
mod probe;
mod rates;
pub mod reasons;
mod rows;
mod stems;
mod toolkit;
mod upgrade;
mod walk;
mod world;

pub use calibration::Calibration;
pub use command::{program, unstartable_commands};
pub use estimate::Estimate;
pub use fetches::{BYTES_A_SECOND, Fetch, Lack, Lacking, damaged, lacks};
pub use files::{Files, Found, Surroundings};
pub use gates::{Latest, expectations, latest, promoted, verdicts};
pub use history::{Past, ShardInput, shard_key};
pub use idle::{keep_idle, was_idle};
pub use known::{Costs, settings};
pub use lockfile::{ADDRESSES, LockFile, Locked, Request};
pub use machine::{capacity, gpus, host_name};
pub use place::store_root;
pub use rates::note_rates;
pub use rows::{Action, Row, needs, rows, rows_while, worn_data};
pub use stems::{GoesOn, goes_on, keep as keep_stem};
pub use toolkit::Toolkit;
pub use upgrade::{Upgrade, keep_old, upgrades};
pub use world::{Folder, Remembering, folder_of};
