//! The language, from text to graph: cases in `right/` and `wrong/`, properties, bounds, explanations.

#![allow(missing_docs, reason = "tests")]

mod bounds;
mod explained;
mod fixtures;
mod properties;
mod render;
mod support;
