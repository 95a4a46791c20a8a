//! What a `tokenizer.json` says of itself: whether it is a kind that is read, and how its tokens are spelled.

use llmp_stage::{Error, Result};
use serde_json::{Map, Value};

use super::table::bounded;

/// How the tokens of a vocabulary stand for bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// One character a byte, as GPT-2 writes them: a space is `Ġ`.
    Bytes,
    /// Characters, and `<0x0A>` for the bytes of those that have no token, as SentencePiece writes them.
    Pieces {
        /// What stands for a space, `▁`, where something does.
        space: Option<String>,
    },
}

/// A `tokenizer.json` that is read.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) spelling: Spelling,
    /// `##`, which tokens inside a word begin with; mostly empty.
    pub(super) prefix: String,
    /// `</w>`, which tokens at the end of a word end with; mostly empty.
    pub(super) suffix: String,
    /// Whether the decoder takes the space away that a text begins with.
    pub(super) strips_space: bool,
}

impl Layout {
    /// Looks at a whole document.
    ///
    /// # Errors
    /// Names what is not read: another model than BPE, one that loses text, or merges that lead nowhere.
    pub(super) fn of(document: &Value) -> Result<Self> {
        let model = &document["model"];
        let kind = model["type"].as_str().unwrap_or(if model["merges"].is_array() { "BPE" } else { "none" });
        if kind != "BPE" {
            return Err(Error::new(format!("the tokenizer's model is `{kind}`, expected `BPE`")).help(
                "use a tokenizer in the manner of GPT-2, Llama or Qwen, or train one with `tokenize.train`",
            ));
        }
        if model["dropout"].as_f64().is_some_and(|dropout| dropout != 0.0) {
            return Err(Error::new("the tokenizer's `dropout` is not 0, so that a text has no certain ids")
                .help("set `model.dropout` to null"));
        }
        let text = |name: &str| model[name].as_str().unwrap_or("").to_owned();
        let (prefix, suffix) = (text("continuing_subword_prefix"), text("end_of_word_suffix"));
        check_vocab(model)?;
        check_merges(model, &prefix)?;
        let steps = Steps::of(document);
        let spelling = if model["byte_level"] == true || steps.has("ByteLevel") {
            Spelling::Bytes
        } else if model["byte_fallback"] == true {
            Spelling::Pieces { space: steps.space() }
        } else {
            return Err(Error::new("the tokenizer is neither byte-level nor does it fall back to bytes")
                .help("characters that it does not know would be lost; use one in the manner of GPT-2, Llama or Qwen"));
        };
        Ok(Self { spelling, prefix, suffix, strips_space: strips_space(&document["decoder"]) })
    }
}

/// The normalizers and pre-tokenizers of a document, sequences unfolded.
struct Steps<'a>(Vec<&'a Map<String, Value>>);

impl<'a> Steps<'a> {
    fn of(document: &'a Value) -> Self {
        let mut steps = Self(Vec::new());
        steps.add(&document["normalizer"]);
        steps.add(&document["pre_tokenizer"]);
        steps
    }

    fn add(&mut self, step: &'a Value) {
        let Some(fields) = step.as_object() else { return };
        match fields.get("normalizers").or_else(|| fields.get("pretokenizers")).and_then(Value::as_array) {
            Some(steps) => steps.iter().for_each(|step| self.add(step)),
            None => self.0.push(fields),
        }
    }

    fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|step| step.get("type").is_some_and(|found| found == kind))
    }

    /// What stands for a space in the vocabulary.
    fn space(&self) -> Option<String> {
        self.0.iter().find_map(|step| {
            let text = |name: &str| step.get(name).and_then(Value::as_str).map(str::to_owned);
            match step.get("type")?.as_str()? {
                "Metaspace" | "MetaspaceNormalizer" => text("replacement").or_else(|| text("str_rep")),
                "Replace" if step.get("pattern")?.get("String")? == " " => text("content"),
                _ => None,
            }
        })
    }
}

/// Whether a decoder takes away the space that the first token begins with.
fn strips_space(decoder: &Value) -> bool {
    match decoder["type"].as_str() {
        Some("Sequence") => {
            decoder["decoders"].as_array().is_some_and(|steps| steps.iter().any(strips_space))
        }
        Some("Strip") => {
            decoder["content"] == " " && decoder["start"].as_u64().is_some_and(|start| start > 0)
        }
        Some("Metaspace") => decoder["prepend_scheme"]
            .as_str()
            .map_or(decoder["add_prefix_space"] != false, |scheme| scheme != "never"),
        _ => false,
    }
}

/// Checks that ids are in bounds and given once, before a library makes tables of so many entries.
fn check_vocab(model: &Value) -> Result<()> {
    let vocab =
        model["vocab"].as_object().ok_or_else(|| Error::new("the tokenizer's `model.vocab` is no object"))?;
    let mut given = Vec::new();
    for (token, id) in vocab {
        let id = bounded(token, id)? as usize;
        if id >= given.len() {
            given.resize(id + 1, false);
        }
        if std::mem::replace(&mut given[id], true) {
            return Err(Error::new(format!("the id {id} is given to two tokens, one of them `{token}`")));
        }
    }
    Ok(())
}

/// Checks that every merge joins two tokens to a third, which libraries rely on.
fn check_merges(model: &Value, prefix: &str) -> Result<()> {
    let vocab =
        model["vocab"].as_object().ok_or_else(|| Error::new("the tokenizer's `model.vocab` is no object"))?;
    let merges =
        model["merges"].as_array().ok_or_else(|| Error::new("the tokenizer's `model.merges` is no list"))?;
    let mut joined = String::new();
    for (number, merge) in (1..).zip(merges) {
        let wrong = |why: String| Error::new(format!("merge {number} of the tokenizer {why}"));
        let (left, right) = match merge {
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => line.split_once(' '),
            pair => pair[0].as_str().zip(pair[1].as_str()),
        }
        .ok_or_else(|| wrong(format!("is `{merge}`, expected two tokens")))?;
        let rest = right
            .get(prefix.len()..)
            .ok_or_else(|| wrong(format!("has `{right}`, which does not begin with `{prefix}`")))?;
        joined.clear();
        joined.push_str(left);
        joined.push_str(rest);
        if let Some(token) = [left, right, &joined].into_iter().find(|token| !vocab.contains_key(*token)) {
            return Err(wrong(format!("needs the token `{token}`, which is not in the vocabulary")));
        }
    }
    Ok(())
}
