//! Diagnostics for people and for programs: terminal, JSON, SARIF.

mod json;
mod paint;
mod sarif;
mod terminal;

pub(crate) use json::diagnostics as json_diagnostics;
pub(crate) use paint::{cells, coloured, pad, paint, stdout_colour, stdout_width, wrapped};
pub(crate) use sarif::sarif;
pub(crate) use terminal::{page, terminal, use_colour};
