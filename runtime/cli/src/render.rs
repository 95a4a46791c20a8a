//! Diagnostics for people and for programs: terminal, JSON, SARIF.

mod json;
mod sarif;
mod terminal;

pub(crate) use json::diagnostics as json_diagnostics;
pub(crate) use sarif::sarif;
pub(crate) use terminal::{page, terminal, use_colour};
