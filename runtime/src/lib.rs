//! Compiles `.llmp` pipelines and runs them incrementally: store, ledger, scheduler, command line.
//!
//! ```text
//! file ──compile──▶ graph ──decide (with the store's past)──▶ what to do ──engine──▶ artifacts in the store
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod cli;
pub mod drawing;
pub mod engine;
pub mod following;
pub mod hints;
pub mod library;
pub mod live;
pub mod lsp;
pub mod progress;
pub mod reach;
pub mod reasons;
pub mod render;
pub mod report;
pub mod runs;
pub mod store;
pub mod text;
pub mod trace;
pub mod watching;
pub mod why;
pub mod world;
