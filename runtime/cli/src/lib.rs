//! The `llmp` program: the command line.
//!
//! ```text
//! file ──compile──▶ graph ──plan (with the store's past)──▶ what to do ──engine──▶ artifacts in the store
//! ```
//!
//! It has the last word only: arguments, what the screen shows, exit codes; and it is the only crate that
//! names every stage, in [`library`]. What it does is done by `llmp-planning`, `llmp-engine`, `llmp-insight`,
//! `llmp-lsp` and `llmp-serve`.
//!
//! Start reading at `commands`: one file a command.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod commands;
pub mod library;
mod output;
mod progress;
mod render;

pub use commands::main;
