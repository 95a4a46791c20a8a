//! Diagnostics for people and for programs: terminal, JSON, SARIF.

mod html;
mod json;
mod sarif;
mod terminal;

pub use html::html_head;
pub use json::{diagnostic as json_diagnostic, diagnostics as json_diagnostics};
pub use sarif::sarif;
pub use terminal::{terminal, use_colour};
