//! How text is cut into pieces before byte pairs are merged; no token crosses such a cut.

use serde::Deserialize;

use super::byte_level;

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

    /// The pattern that a regular expression spells: as published, or as tiktoken spells it.
    pub(super) fn spelled(regex: &str) -> Option<Self> {
        const TIKTOKEN_CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
        let all = [Self::Cl100k, Self::Gpt2, Self::O200k, Self::Qwen2];
        all.into_iter()
            .find(|pattern| pattern.regex() == regex)
            .or_else(|| (regex == TIKTOKEN_CL100K).then_some(Self::Cl100k))
    }

    /// Calls `each` with every piece of `text`, in order.
    pub fn pieces(self, text: &str, each: impl FnMut(&str)) {
        byte_level::pieces(self, text, each);
    }
}
