//! What editors ask: cases in files, and snapshots of the answers.
//!
//! `--- name` begins a case, `=== path` another file of it, `$0` is the cursor, `$1` the end of a selection.

#![allow(clippy::disallowed_methods, reason = "tests read fixtures")]

mod actions;
mod cases;
mod completion;
mod names;
mod places;
mod shape;
