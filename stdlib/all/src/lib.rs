//! The standard library: every stage, every kind of artifact. The only crate that names them all.

use std::sync::OnceLock;

use llmp_artifacts::{conversations, docs, model, probe, questions, report, tokenizer, tokens, warc};
use llmp_assistant::search;
use llmp_stage::{Files, Form, Registry};

/// The kinds of artifacts, in the order in which data usually flows.
const FORMS: &[&dyn Form] = &[
    &Files,
    &warc::Pages,
    &docs::Docs,
    &tokenizer::TokenizerForm,
    &tokens::Tokens,
    &model::Model,
    &conversations::Conversations,
    &questions::Questions,
    &probe::Probe,
    &search::IndexForm,
    &report::Report,
];

/// All of it; made once.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let crates = [
            llmp_data::stages(),
            llmp_model::stages(),
            llmp_learn::stages(),
            llmp_assistant::stages(),
            llmp_eval::stages(),
        ];
        Registry::new(crates.into_iter().flatten().collect(), FORMS)
    })
}
