//! A model that answers people: the chat template, search, and whether an answer is right.

pub mod assistant;
pub mod grade;
mod preview;
pub mod render;
pub mod search;
mod tools;
mod utf8;

use llmp_stage::Form;

pub use preview::preview;

/// The kinds of this crate.
pub const FORMS: &[&dyn Form] = &[&search::IndexForm];

llmp_stage::stages! { "assistant":
    "tools.search" = tools::search { cost, pace },
}
