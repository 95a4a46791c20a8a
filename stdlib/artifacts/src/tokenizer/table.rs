//! What ids stand for, as a `tokenizer.json` says.

use std::collections::BTreeMap;

use llmp_stage::{Error, Result};
use serde_json::Value;

use super::characters::byte_of;
use super::layout::{Layout, Spelling};

/// The bytes that a token of the vocabulary stands for.
fn bytes_of(token: &str, layout: &Layout) -> Vec<u8> {
    let inner = token.strip_prefix(layout.prefix.as_str()).unwrap_or(token);
    let (inner, space) = match inner.strip_suffix(layout.suffix.as_str()) {
        // A word ends here, and a space stood behind it.
        Some(inner) if !layout.suffix.is_empty() => (inner, " "),
        _ => (inner, ""),
    };
    let mut bytes = match &layout.spelling {
        // Other characters stand for themselves, as in special tokens that are in the vocabulary alone.
        Spelling::Bytes => inner.chars().fold(Vec::new(), |mut bytes, character| {
            match byte_of(character) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            bytes
        }),
        Spelling::Pieces { space } => match (byte(inner), space) {
            (Some(byte), _) => vec![byte],
            (None, Some(space)) => inner.replace(space.as_str(), " ").into_bytes(),
            (None, None) => inner.as_bytes().to_vec(),
        },
    };
    bytes.extend_from_slice(space.as_bytes());
    bytes
}

/// The byte of `<0x0A>`.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// Ids stay below this: twenty times the largest published vocabulary.
const MAX_VOCABULARY: u64 = 1 << 22;

/// The id of a token, where it is one that vocabularies have.
pub(super) fn bounded(token: &str, id: &Value) -> Result<u32> {
    let bounded = id.as_u64().filter(|id| *id < MAX_VOCABULARY).and_then(|id| u32::try_from(id).ok());
    bounded.ok_or_else(|| {
        Error::new(format!("the token `{token}` has the id `{id}`, expected a number below {MAX_VOCABULARY}"))
    })
}

/// What ids stand for, as a tokenizer's file says.
pub(super) struct Table {
    /// Bytes by id; empty where unassigned.
    tokens: Vec<Vec<u8>>,
    /// Tokens that are matched in the text as a whole, special or not.
    pub(super) added: BTreeMap<String, u32>,
    pub(super) specials: BTreeMap<String, u32>,
}

impl Table {
    /// Reads the vocabulary and the added tokens of a `tokenizer.json`, whose ids are those that `id` gives.
    ///
    /// # Errors
    /// Where ids collide or are out of bounds, or an added token has no content.
    pub(super) fn read(document: &Value, layout: &Layout, id: impl Fn(&str) -> Option<u32>) -> Result<Self> {
        let vocab = document["model"]["vocab"]
            .as_object()
            .ok_or_else(|| Error::new("the tokenizer's `model.vocab` is no object"))?;
        let mut table = Self { tokens: Vec::new(), added: BTreeMap::new(), specials: BTreeMap::new() };
        for token in document["added_tokens"].as_array().into_iter().flatten() {
            let content = token["content"]
                .as_str()
                .filter(|content| !content.is_empty())
                .ok_or_else(|| Error::new("an added token has no `content`"))?;
            if !table.added.contains_key(content) {
                let id = id(content).ok_or_else(|| {
                    Error::new(format!("the added token `{content}` gets no id"))
                        .help("a normalizer makes it equal to another one")
                })?;
                table.assign(content, &id.into(), content.as_bytes().to_vec())?;
                table.added.insert(content.to_owned(), id);
            }
            if token["special"] == true {
                table.specials.insert(content.to_owned(), table.added[content]);
            }
        }
        for (token, id) in vocab {
            if table.added.get(token).is_some_and(|added| *id == *added) {
                continue;
            }
            let bytes = bytes_of(token, layout);
            table.assign(token, id, bytes)?;
        }
        Ok(table)
    }

    /// Gives `bytes` the id that the file names.
    fn assign(&mut self, token: &str, id: &Value, bytes: Vec<u8>) -> Result<u32> {
        let id = bounded(token, id)?;
        let index = id as usize;
        if index >= self.tokens.len() {
            self.tokens.resize(index + 1, Vec::new());
        }
        if !self.tokens[index].is_empty() {
            return Err(Error::new(format!("the id {id} is given to two tokens, one of them `{token}`")));
        }
        self.tokens[index] = bytes;
        Ok(id)
    }

    /// The bytes of all tokens one after another, and where each id's begin, the end as last entry.
    pub(super) fn pack(&self) -> (Vec<u8>, Vec<u32>) {
        let bytes = self.tokens.concat();
        let mut end = 0;
        let ends = self.tokens.iter().map(|token| {
            // A tokenizer's file has less than 2²⁸ bytes, and so do its tokens.
            end += token.len() as u32;
            end
        });
        let starts = std::iter::once(0).chain(ends).collect();
        (bytes, starts)
    }
}
