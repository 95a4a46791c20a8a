//! Text to ids: by [`ByteLevel`] where a `tokenizer.json` says what it knows, else by the library
//! `tokenizers`, which gives such files their meaning.

use std::collections::HashMap;

use llmp_stage::{Error, Result};
use regex::Regex;
use serde_json::Value;
use tokenizers_release::Tokenizer as Released;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::Pattern;
use super::byte_level::ByteLevel;
use super::characters::{byte_of, character_of};

/// Cuts text and merges its bytes. Never gives a special token.
pub(super) enum Encoder {
    ByteLevel(Box<ByteLevelFile>),
    Released(Box<Released>),
}

/// What a file adds to the encoder of its vocabulary.
pub(super) struct ByteLevelFile {
    encoder: ByteLevel,
    /// Whether texts are brought into Unicode's form NFC before.
    composes: bool,
    added: HashMap<String, u32>,
    /// Finds added tokens that are not special, which are matched in texts as a whole.
    plain: Option<Regex>,
}

impl Encoder {
    /// The encoder of a vocabulary.
    pub(super) fn byte_level(encoder: ByteLevel, specials: &[(String, u32)]) -> Self {
        let added = specials.iter().cloned().collect();
        Self::ByteLevel(Box::new(ByteLevelFile { encoder, composes: false, added, plain: None }))
    }

    /// The encoder that a document describes.
    ///
    /// # Errors
    /// Where the library refuses it.
    pub(super) fn new(document: &Value) -> Result<Self> {
        match ByteLevelFile::read(document) {
            Some(file) => Ok(Self::ByteLevel(Box::new(file))),
            None => released(document),
        }
    }

    /// The id of an added token.
    pub(super) fn id(&self, content: &str) -> Option<u32> {
        match self {
            Self::ByteLevel(file) => file.added.get(content).copied(),
            Self::Released(encoder) => encoder.token_to_id(content),
        }
    }

    /// Appends the ids of `text`, which is shorter than 4 GiB once it is normalized.
    ///
    /// # Errors
    /// Where the library cannot encode: as it turns out with the first text, whatever that is.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::ByteLevel(file) => file.encode(text, ids),
            Self::Released(encoder) => {
                let encoded = encoder
                    .encode_fast(text, false)
                    .map_err(|error| Error::new("the tokenizer cannot encode").because(error))?;
                ids.extend_from_slice(encoded.get_ids());
            }
        }
        Ok(())
    }
}

/// A document of which only encoding is asked: no padding, no tokens put around a text.
fn released(document: &Value) -> Result<Encoder> {
    let mut document = document.clone();
    for part in ["post_processor", "decoder", "truncation", "padding"] {
        document[part] = Value::Null;
    }
    let mut encoder = Released::from_bytes(document.to_string())
        .map_err(|error| Error::new("the tokenizer cannot be built").because(error))?;
    // Special tokens that stand in a text are encoded as text.
    encoder.set_encode_special_tokens(true);
    Ok(Encoder::Released(Box::new(encoder)))
}

impl ByteLevelFile {
    /// Reads a document. `None` where it says something that is left to the library.
    fn read(document: &Value) -> Option<Self> {
        let model = &document["model"];
        let affixed = ["continuing_subword_prefix", "end_of_word_suffix"]
            .into_iter()
            .any(|name| !matches!(model[name].as_str(), None | Some("")));
        let normalizer = &document["normalizer"];
        let composes = normalizer["type"] == "NFC";
        if affixed || !(normalizer.is_null() || composes) {
            return None;
        }
        let pattern = pattern(&document["pre_tokenizer"])?;
        let vocab = model["vocab"].as_object()?;
        let id = |token: &str| vocab.get(token).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let mut bytes = [0; 256];
        for (byte, token) in (0..=u8::MAX).zip(&mut bytes) {
            *token = id(character_of(byte).encode_utf8(&mut [0; 4]))?;
        }
        let mut merges = Vec::new();
        let mut joined = String::new();
        for merge in model["merges"].as_array()? {
            let (left, right) = match merge {
                Value::String(line) if line.starts_with("#version") => continue,
                Value::String(line) => line.split_once(' ')?,
                pair => pair[0].as_str().zip(pair[1].as_str())?,
            };
            joined.clear();
            joined.push_str(left);
            joined.push_str(right);
            merges.push((id(left)?, id(right)?, id(&joined)?));
        }
        let tokens: Vec<(Vec<u8>, u32)> =
            vocab.keys().filter_map(|token| Some((spelled(token)?, id(token)?))).collect();
        let whole = (model["ignore_merges"] == true).then(|| tokens.iter().cloned().collect());
        let tokens = tokens.iter().map(|(token, _)| token.as_slice());
        let (added, plain) = added_tokens(document, vocab.len(), id)?;
        let encoder = ByteLevel::new(pattern, bytes, merges.into_iter(), tokens, whole);
        Some(Self { encoder, composes, added, plain })
    }

    fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let Some(plain) = &self.plain else { return self.encode_composed(text, ids) };
        let mut done = 0;
        for found in plain.find_iter(text) {
            self.encode_composed(&text[done..found.start()], ids);
            ids.push(self.added[found.as_str()]);
            done = found.end();
        }
        self.encode_composed(&text[done..], ids);
    }

    fn encode_composed(&self, text: &str, ids: &mut Vec<u32>) {
        let as_it_is = !self.composes || text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes;
        if as_it_is {
            self.encoder.encode(text, ids);
        } else {
            self.encoder.encode(&text.nfc().collect::<String>(), ids);
        }
    }
}

/// The bytes that a token stands for, where it is spelled in characters for bytes.
fn spelled(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

type Added = (HashMap<String, u32>, Option<Regex>);

/// The added tokens with their ids, and what finds those that are not special. `None` where the library would
/// give other ids than the file, or matches them by rules of its own.
fn added_tokens(document: &Value, vocabulary: usize, id: impl Fn(&str) -> Option<u32>) -> Option<Added> {
    let mut added = HashMap::new();
    let mut plain: Vec<&str> = Vec::new();
    // Those that are not in the vocabulary are numbered behind it, one after another.
    let mut next = u32::try_from(vocabulary).ok()?;
    for token in document["added_tokens"].as_array().into_iter().flatten() {
        let content = token["content"].as_str().filter(|content| !content.is_empty())?;
        let given = id(content).unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        if token["id"].as_u64() != Some(given.into()) || added.insert(content.to_owned(), given).is_some() {
            return None;
        }
        if token["special"] != true {
            let particular = ["single_word", "lstrip", "rstrip", "normalized"];
            if particular.into_iter().any(|rule| token[rule] == true) {
                return None;
            }
            plain.push(content);
        }
    }
    Some((added, if plain.is_empty() { None } else { Some(any_of(plain)?) }))
}

/// Finds names in a text, of those that begin at a place the longest. `None` where they are too many.
pub(super) fn any_of(mut names: Vec<&str>) -> Option<Regex> {
    names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
    let any: Vec<String> = names.into_iter().map(regex::escape).collect();
    Regex::new(&any.join("|")).ok()
}

/// The published pattern by which a pre-tokenizer cuts, where it does that and spells bytes, and nothing
/// else.
fn pattern(step: &Value) -> Option<Pattern> {
    let kind = |step: &Value, kind: &str| step["type"] == kind;
    match step["pretokenizers"].as_array().map(Vec::as_slice) {
        Some([only]) => pattern(only),
        Some([split, bytes]) if kind(split, "Split") && kind(bytes, "ByteLevel") => {
            let spells_only = bytes["add_prefix_space"] == false && bytes["use_regex"] == false;
            let behavior = split["behavior"].as_str()?;
            let isolates = behavior == "Isolated" && split["invert"] != true;
            // tiktoken's converter writes it so; the patterns leave nothing between their matches.
            let removes = behavior == "Removed" && split["invert"] == true;
            let regex = split["pattern"]["Regex"].as_str()?;
            (spells_only && (isolates || removes)).then(|| Pattern::spelled(regex))?
        }
        Some(_) => None,
        None => (kind(step, "ByteLevel") && step["add_prefix_space"] == false && step["use_regex"] != false)
            .then_some(Pattern::Gpt2),
    }
}
