//! Text to ids by the libraries `tokenizers`: its released version, which gives a `tokenizer.json` its meaning, and the
//! candidate of the next one, several times as fast, for the documents of which it reads all.

use llmp_stage::{Error, Result};
use serde_json::Value;
use tokenizers::pipeline::{EncodeOptions, PipelineToken, PipelineTokenizer};
use tokenizers::utils::{Grammar, is_deepseek, recognize};
use tokenizers_release::Tokenizer as Released;

/// Cuts text and merges its bytes. Never gives a special token.
pub(super) enum Encoder {
    Fast(PipelineTokenizer, EncodeOptions),
    Released(Box<Released>),
}

impl Encoder {
    /// The encoder that a document describes.
    ///
    /// # Errors
    /// Where the library refuses it, or finds no use for it.
    pub(super) fn new(document: &Value) -> Result<Self> {
        let fast = fast(document);
        // The candidate's own form, which the released version does not read.
        if document["version"] == "2.0" {
            return fast;
        }
        match fast {
            Ok(encoder) => Ok(encoder),
            Err(_) => released(document),
        }
    }

    /// The id of an added token.
    pub(super) fn id(&self, content: &str) -> Option<u32> {
        match self {
            Self::Fast(encoder, _) => encoder.get_added_vocabulary().token_to_id(content),
            Self::Released(encoder) => encoder.token_to_id(content),
        }
    }

    /// The ids of `text`, which is shorter than 4 GiB once it is normalized.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::Fast(encoder, options) => {
                let mut tokens: Vec<PipelineToken> = Vec::with_capacity(text.len() / 4 + 1);
                encoder.encode_into(text, options, &mut tokens).map_err(failed)?;
                ids.extend(tokens.into_iter().map(u32::from));
            }
            Self::Released(encoder) => {
                ids.extend_from_slice(encoder.encode_fast(text, false).map_err(failed)?.get_ids());
            }
        }
        Ok(())
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new("the tokenizer cannot encode").because(error)
}

/// A document of which only encoding is asked: no padding, no tokens put around a text.
fn without_frame(document: &Value) -> Value {
    let mut document = document.clone();
    for part in ["post_processor", "decoder", "truncation", "padding"] {
        document[part] = Value::Null;
    }
    document
}

fn released(document: &Value) -> Result<Encoder> {
    let mut encoder = Released::from_bytes(without_frame(document).to_string())
        .map_err(|error| Error::new("the tokenizer cannot be built").because(error))?;
    // Special tokens that stand in a text are encoded as text.
    encoder.set_encode_special_tokens(true);
    Ok(Encoder::Released(Box::new(encoder)))
}

/// The fast encoder, where it gives the same ids as the released one.
fn fast(document: &Value) -> Result<Encoder> {
    let no = |what: &str| Error::new(format!("the fast encoder has no {what}"));
    let mut canonical = without_frame(document);
    tokenizers::canonicalize_value(&mut canonical)
        .map_err(|error| Error::new("this is no tokenizer file that is understood").because(error))?;
    let model = &canonical["model"];
    let affix = ["continuing_subword_prefix", "end_of_word_suffix"]
        .into_iter()
        .find(|name| !matches!(&model[*name], Value::Null) && model[*name] != "");
    if model["byte_level"] != true || affix.is_some() {
        return Err(no("characters"));
    }
    if !canonical["normalizer"].is_null() && canonical["normalizer"]["type"] != "NFC" {
        return Err(no("such normalizer"));
    }
    if !knows_cut(&canonical["pre_tokenizer"]) {
        return Err(no("such pre-tokenizer"));
    }
    let encoder = tokenizers::from_json(&canonical.to_string())
        .map_err(|error| Error::new("the tokenizer cannot be built").because(error))?;
    let options =
        EncodeOptions { add_special_tokens: false, encode_special_tokens: true, ..EncodeOptions::default() };
    let encoder = Encoder::Fast(encoder, options);
    // It numbers added tokens in the order of their ids, the released version in that of the file.
    for token in document["added_tokens"].as_array().into_iter().flatten() {
        let (content, id) = (token["content"].as_str().unwrap_or(""), token["id"].as_u64());
        if encoder.id(content).map(u64::from) != id {
            return Err(no("such numbers"));
        }
    }
    Ok(encoder)
}

/// Whether the fast encoder cuts text itself, as the pattern says: the patterns of published models.
fn knows_cut(step: &Value) -> bool {
    match step["pretokenizers"].as_array().map(Vec::as_slice) {
        Some([one]) => knows_cut(one),
        Some([a, b, c]) => match [a, b, c].map(isolating) {
            [Some(a), Some(b), Some(c)] => is_deepseek(a, b, c),
            _ => false,
        },
        Some(_) => false,
        None => isolating(step).and_then(recognize).is_some_and(|grammar| match grammar {
            // Of the lengths that it recognizes it has these two; others it cuts as if they were 3.
            Grammar::Cl100k { digit_cap } => matches!(digit_cap, 1 | 3),
            _ => true,
        }),
    }
}

/// The pattern of a `Split` that keeps all of a text, matches and what is between them.
fn isolating(step: &Value) -> Option<&str> {
    let behavior = step["behavior"].as_str().unwrap_or("Isolated");
    let isolates = behavior == "Isolated" && step["invert"] != true;
    // tiktoken's converter writes it so; the patterns leave nothing between their matches.
    let removes = behavior == "Removed" && step["invert"] == true;
    (step["type"] == "Split" && (isolates || removes)).then(|| step["pattern"]["Regex"].as_str())?
}
