//! Stages that turn pages into documents.

mod charset;
mod render;
pub mod text;
mod whitespace;
mod workers;

use llmp_stage::{Signature, Stage, stage};

/// The stages of this module.
pub(crate) fn stages() -> Vec<Box<dyn Stage>> {
    vec![stage("extract.text", text::run)]
}

/// Their signatures.
pub(crate) const SIGNATURES: &[Signature] =
    &[Signature { path: "data/extract/text.llmp", text: include_str!("text.llmp") }];
