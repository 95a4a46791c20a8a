//! Stages that leave pages and documents out, or change them.

mod fasttext;
pub mod language;
pub mod pii;
pub mod quality;
mod url_words;
pub mod urls;

use llmp_stage::{Signature, Stage, stage};

/// The stages of this module.
pub(crate) fn stages() -> Vec<Box<dyn Stage>> {
    vec![
        stage("filter.urls", urls::run),
        stage("filter.language", language::run),
        stage("filter.pii", pii::run),
        stage("filter.quality", quality::run),
    ]
}

/// Their signatures.
pub(crate) const SIGNATURES: &[Signature] = &[
    Signature { path: "data/filter/urls.llmp", text: include_str!("urls.llmp") },
    Signature { path: "data/filter/language.llmp", text: include_str!("language.llmp") },
    Signature { path: "data/filter/pii.llmp", text: include_str!("pii.llmp") },
    Signature { path: "data/filter/quality.llmp", text: include_str!("quality.llmp") },
];
