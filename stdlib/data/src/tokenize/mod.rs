//! Text to tokens: byte-level BPE tokenizers, their training, and token sets on disk.

mod pattern;
pub mod special;
mod tokenizer;
mod vocabulary;

pub use pattern::Pattern;
pub use tokenizer::{CONFIG_FILE, TOKENIZER_FILE, Tokenizer};

use llmp_stage::{Signature, Stage};

/// The signatures of this module's stages.
pub const SIGNATURES: &[Signature] = &[];

/// The stages of this module.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    vec![]
}
