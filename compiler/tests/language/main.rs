//! The language, from text to graph: cases in `right/` and `wrong/`, properties, bounds, explanations.

#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests read fixtures and the clock")]

mod bounds;
mod editors;
mod explained;
mod fixtures;
mod laws;
#[path = "../syntax/mutate.rs"]
mod mutate;
mod properties;
mod render;
mod steps;
mod support;
mod words;
