//! How text is cut into pieces before byte pairs are merged; no token crosses such a cut.

use serde::Deserialize;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::pipeline::{PreTokenizer as _, PreTokenizerScratch, Span};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

use llmp_stage::{Error, Result};

/// A published pre-tokenization pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// GPT-4 and Llama 3: digits in groups of up to three.
    Cl100k,
    /// GPT-2: digits in runs.
    Gpt2,
    /// GPT-4o: words also end where the case changes; contractions stay with their word.
    O200k,
    /// Qwen 2 and 3: as `cl100k`, with every digit on its own.
    Qwen2,
}

impl Pattern {
    /// The pattern as published, a regular expression in Oniguruma's dialect.
    #[must_use]
    pub fn regex(self) -> &'static str {
        match self {
            Self::Cl100k => {
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
            Self::Qwen2 => {
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
            Self::Gpt2 => r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            Self::O200k => {
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
        }
    }
}

/// Cuts text by a [`Pattern`]. Holds scratch memory, so each thread has its own.
pub struct Splitter {
    split: Split,
    scratch: PreTokenizerScratch,
    spans: Vec<Span>,
}

impl Splitter {
    ///
    /// # Errors
    /// Where the pattern cannot be compiled.
    pub fn new(pattern: Pattern) -> Result<Self> {
        let regex = SplitPattern::Regex(pattern.regex().to_owned());
        let split = Split::native(regex, SplitDelimiterBehavior::Isolated, false)
            .map_err(|error| Error::new("cannot prepare the split pattern").because(error))?;
        Ok(Self { split, scratch: PreTokenizerScratch::default(), spans: Vec::new() })
    }

    /// Calls `each` with every piece of `text`, in order. `text` is shorter than 4 GiB.
    pub fn for_each(&mut self, text: &str, mut each: impl FnMut(&str)) -> Result<()> {
        self.spans.clear();
        self.split
            .pre_tokenize(text, &mut self.scratch, &mut self.spans)
            .map_err(|error| Error::new("cannot split text into pieces").because(error))?;
        for span in &self.spans {
            each(&text[span.range()]);
        }
        Ok(())
    }
}
