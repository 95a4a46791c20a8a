//! A byte-level BPE vocabulary, and the two files that hold one: tiktoken's ranks and Hugging Face's
//! `tokenizer.json`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llmp_stage::{Error, Result};
use serde_json::{Map, Value, json};

use super::Pattern;
use super::characters::character_of;

/// Longer tokens occur in no published vocabulary.
const MAX_TOKEN_BYTES: usize = 1_024;

/// Tokens by id, the merges that make them, and the special tokens besides.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// The bytes of ordinary tokens; the index is the id.
    pub tokens: Vec<Vec<u8>>,
    /// Pairs of ids in the order in which they are merged.
    pub merges: Vec<(u32, u32)>,
    /// How text is cut before.
    pub pattern: Pattern,
    /// Special tokens with their ids, in the order of ids, none below `tokens.len()`.
    pub specials: Vec<(String, u32)>,
}

impl Vocabulary {
    /// A vocabulary given as tiktoken gives it: tokens in the order of their ranks. The merges follow from
    /// the ranks.
    ///
    /// # Errors
    /// Where a byte has no token of its own, or a token cannot be reached by merges, so that no BPE encoder
    /// finds it.
    pub(super) fn from_ranks(
        tokens: Vec<Vec<u8>>,
        pattern: Pattern,
        specials: Vec<(String, u32)>,
    ) -> Result<Self> {
        let ranks: HashMap<&[u8], u32> =
            (0..).zip(&tokens).map(|(rank, token)| (token.as_slice(), rank)).collect();
        if ranks.len() != tokens.len() {
            return Err(Error::new("the vocabulary holds a token twice"));
        }
        if let Some(byte) = (0..=u8::MAX).find(|byte| !ranks.contains_key([*byte].as_slice())) {
            return Err(Error::new(format!("the vocabulary has no token for the byte {byte:#04x}"))
                .help("byte-level BPE needs one token for each of the 256 bytes"));
        }
        let mut merges = Vec::with_capacity(tokens.len() - 256);
        for (rank, token) in (0..).zip(&tokens).filter(|(_, token)| token.len() > 1) {
            let pair = last_merge(token, rank, &ranks).ok_or_else(|| {
                Error::new(format!("no merges lead to token {rank}, `{}`", String::from_utf8_lossy(token)))
                    .help("the ranks are not those of a byte pair encoding")
            })?;
            merges.push(pair);
        }
        Ok(Self { tokens, merges, pattern, specials })
    }

    /// The content of Hugging Face's `tokenizer.json`, version 1.0, which `tokenizers` 0.20 and later read.
    pub(super) fn to_json(&self) -> Value {
        let names: Vec<String> = self.tokens.iter().map(|token| byte_level(token)).collect();
        let mut vocab: Map<String, Value> =
            (0_u32..).zip(&names).map(|(id, name)| (name.clone(), Value::from(id))).collect();
        // Hugging Face numbers added tokens anew unless the vocabulary names their ids.
        vocab.extend(self.specials.iter().map(|(name, id)| (name.clone(), Value::from(*id))));
        let name = |id: u32| names[id as usize].as_str();
        let merges: Vec<Value> =
            self.merges.iter().map(|&(left, right)| json!([name(left), name(right)])).collect();
        let added: Vec<Value> = self.specials.iter().map(|(name, id)| added_token(name, *id)).collect();
        json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": null,
            "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                    {
                        "type": "Split",
                        "pattern": { "Regex": self.pattern.regex() },
                        "behavior": "Isolated",
                        "invert": false,
                    },
                    { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
                ],
            },
            "post_processor": null,
            "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
            "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": null,
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": vocab,
                "merges": merges,
            },
        })
    }
}

/// A special token as `tokenizer.json` lists it.
pub(super) fn added_token(content: &str, id: u32) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": true,
    })
}

/// Bytes as GPT-2 writes them in files: one printable character a byte.
fn byte_level(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| character_of(byte)).collect()
}

/// The two parts of `token` that byte pair encoding joins last, using only tokens of lower rank.
fn last_merge(token: &[u8], rank: u32, ranks: &HashMap<&[u8], u32>) -> Option<(u32, u32)> {
    // Where parts start, the last entry being the token's end, and the rank of each part joined with the
    // next.
    let mut starts: Vec<usize> = (0..=token.len()).collect();
    let rank_of = |start: usize, end: usize| ranks.get(&token[start..end]).copied().unwrap_or(u32::MAX);
    let mut joined: Vec<u32> = (0..token.len() - 1).map(|at| rank_of(at, at + 2)).collect();
    while joined.len() > 1 {
        let (lowest, at) = joined.iter().copied().zip(0_usize..).min()?;
        if lowest >= rank {
            return None;
        }
        joined.remove(at);
        starts.remove(at + 1);
        if at > 0 {
            joined[at - 1] = rank_of(starts[at - 1], starts[at + 1]);
        }
        if at < joined.len() {
            joined[at] = rank_of(starts[at], starts[at + 2]);
        }
    }
    let part = |at: usize| ranks.get(&token[starts[at]..starts[at + 1]]).copied();
    Some((part(0)?, part(1)?))
}

/// Reads tiktoken's rank file: a line holds a token in base64, a space and its rank; ranks count up from 0.
///
/// # Errors
/// Names the line that is none.
pub(super) fn read_tiktoken(text: &str) -> Result<Vec<Vec<u8>>> {
    let mut tokens = Vec::new();
    for (line, content) in (1..).zip(text.lines()).filter(|(_, content)| !content.is_empty()) {
        let wrong = |why: &str| {
            Error::new(format!("line {line} of the rank file {why}"))
                .help("a line of a .tiktoken file is a token in base64, a space and its rank, counted from 0")
        };
        let (token, rank) = content.split_once(' ').ok_or_else(|| wrong("has no space"))?;
        let token = STANDARD.decode(token).map_err(|error| wrong("is not base64").because(error))?;
        if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
            return Err(wrong("holds a token that is empty or longer than 1,024 bytes"));
        }
        if rank.trim().parse() != Ok(tokens.len()) {
            return Err(wrong(&format!("has the rank `{}`, expected {}", rank.trim(), tokens.len())));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

/// Writes tiktoken's rank file.
pub(super) fn write_tiktoken<'a>(tokens: impl Iterator<Item = (u32, &'a [u8])>) -> String {
    tokens.map(|(rank, token)| format!("{} {rank}\n", STANDARD.encode(token))).collect()
}
