//! The Tokenizer artifact: BPE vocabularies in Hugging Face's form.

mod bpe;
mod encoder;
mod layout;
mod pattern;
pub mod special;
mod table;
mod vocabulary;

use llmp_stage::{Form, Input, Result};

pub use bpe::{CONFIG_FILE, TOKENIZER_FILE, Tokenizer, read_bounded};
pub use pattern::{Pattern, Splitter};
pub use vocabulary::Vocabulary;

/// What Tokenizer artifacts are on disk.
pub struct TokenizerForm;

impl Form for TokenizerForm {
    fn kind(&self) -> &'static str {
        "Tokenizer"
    }

    fn expected(&self) -> &'static str {
        "`tokenizer.json` of a byte-level BPE, or of one that falls back to bytes"
    }

    fn check(&self, written: &Input) -> Result<()> {
        Tokenizer::load(written.folder()).map(drop)
    }
}
