//! What editors ask: cases in files, and snapshots of the answers.
//!
//! `--- name` begins a case, `=== path` another file of it, `$0` is the cursor, `$1` the end of a selection.

mod actions;
mod cases;
mod completion;
mod names;
mod places;
mod shape;
