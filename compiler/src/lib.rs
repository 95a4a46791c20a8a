//! From `.llmp` text to a checked, content-hashed plan.
//!
//! ```text
//! text ──syntax──▶ tree ──resolve──▶ names ──check──▶ types, units, ranges ──lower──▶ graph ──key──▶ keys ──plan──▶ plan
//! ```
//!
//! Each phase is a function from its input to its output plus a list of diagnostics, and none stops at the
//! first error. The compiler is pure: files arrive through [`source::World`], and what has been done before
//! through [`plan::History`].

#![deny(clippy::disallowed_methods)]
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod artifact;
pub mod ast;
pub mod check;
pub mod code;
pub mod compile;
pub mod diagnostic;
pub mod explain;
pub mod feasible;
mod follow;
pub mod format;
pub mod gate;
pub mod graph;
pub mod ide;
pub mod key;
pub mod lint;
pub mod lower;
pub mod names;
pub mod place;
pub mod plan;
pub mod resolve;
pub mod signature;
pub mod source;
pub mod syntax;
pub mod types;
pub mod units;
pub mod value;

pub use compile::{Compilation, Options, compile};
pub use signature::Library;
