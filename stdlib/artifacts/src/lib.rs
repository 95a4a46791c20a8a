//! What artifacts are on disk: one module a kind, with its readers, writers and [`Form`](llmp_stage::Form);
//! and what stages share in reading and making them.

pub mod classifier;
pub mod conversations;
pub mod docs;
pub mod exact;
mod json;
pub mod lines;
pub mod model;
pub mod pointer;
pub mod preferences;
pub mod probe;
pub mod questions;
pub mod random;
pub mod report;
pub mod rows;
pub mod testing;
pub mod tokenizer;
pub mod tokens;
pub mod warc;
pub mod words;

use llmp_stage::{Files, Form};

/// The kinds of this crate, in the order in which data usually flows.
pub const FORMS: &[&dyn Form] = &[
    &Files,
    &warc::Pages,
    &docs::Docs,
    &classifier::Classifier,
    &tokenizer::TokenizerForm,
    &tokens::Tokens,
    &model::Model,
    &conversations::Conversations,
    &preferences::Preferences,
    &questions::Questions,
    &probe::Probe,
    &report::Report,
];
