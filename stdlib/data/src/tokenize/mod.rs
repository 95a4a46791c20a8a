//! Text to tokens: byte-level BPE tokenizers, their training, and token sets on disk.

mod encode;
mod load;
mod merges;
mod pattern;
pub mod special;
mod table;
mod tokenizer;
mod tokens;
mod train;
mod vocabulary;

pub use pattern::Pattern;
pub use tokenizer::{CONFIG_FILE, TOKENIZER_FILE, Tokenizer};
pub use tokens::{Dtype, TOKENS_FILE, TokenSet, TokenWriter, TokensInfo};

use llmp_stage::{Signature, Stage, stage, stage_with_cost};

/// The signatures of this module's stages.
pub const SIGNATURES: &[Signature] = &[
    Signature { path: "data/tokenize/cl100k.llmp", text: include_str!("cl100k.llmp") },
    Signature { path: "data/tokenize/encode.llmp", text: include_str!("encode.llmp") },
    Signature { path: "data/tokenize/load.llmp", text: include_str!("load.llmp") },
    Signature { path: "data/tokenize/train.llmp", text: include_str!("train.llmp") },
];

/// The stages of this module.
#[must_use]
pub fn stages() -> Vec<Box<dyn Stage>> {
    vec![
        stage_with_cost("tokenize.cl100k", load::cl100k, load::cl100k_cost),
        stage_with_cost("tokenize.encode", encode::run, encode::cost),
        stage("tokenize.load", load::load),
        stage_with_cost("tokenize.train", train::run, train::cost),
    ]
}
