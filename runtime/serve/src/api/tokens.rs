//! What a tokenizer makes of a text, and back; how tokens are shown.

use serde_json::{Value, json};

use super::Api;
use super::chat;
use super::fault::Fault;
use super::fields::Fields;
use crate::model::{Model, Scored};

/// `POST /tokenize`: of a text (`content`, or `prompt`), or of a conversation (`messages`).
pub(crate) fn tokenize(api: &Api, mut fields: Fields) -> Result<Value, Fault> {
    let model = api.named(fields.text("model")?.as_deref(), false)?;
    let specials = fields.flag("special")?.unwrap_or(false);
    let content = match fields.text("content")? {
        Some(content) => Some(content),
        None => fields.text("prompt")?,
    };
    let messages = fields.take("messages");
    fields.end()?;
    let tokens = match (content, messages) {
        (Some(text), None) => model.encode(&text, specials).map_err(|why| Fault::bad("special", why))?,
        (None, Some(messages)) => {
            let said = chat::said(&messages)?;
            let prompt = model.prompt(&said);
            prompt.map(|prompt| prompt.tokens).ok_or_else(|| {
                Fault::bad("messages", "the last message is longer than what the model reads")
            })?
        }
        _ => return Err(Fault::bad("content", "give either `content`, a text, or `messages`")),
    };
    let pieces: Vec<Value> = tokens.iter().map(|token| piece(&*model, *token)).collect();
    Ok(json!({
        "model": model.about().name, "count": tokens.len(), "max_model_len": model.about().context,
        "tokens": tokens, "pieces": pieces,
    }))
}

/// `POST /detokenize`.
pub(crate) fn detokenize(api: &Api, mut fields: Fields) -> Result<Value, Fault> {
    let model = api.named(fields.text("model")?.as_deref(), false)?;
    let tokens = fields.take("tokens").unwrap_or_default();
    fields.end()?;
    let tokens = ids(&tokens, &*model).ok_or_else(|| {
        let most = model.about().vocabulary;
        Fault::bad("tokens", format!("`tokens` must be token ids below {most}"))
    })?;
    let bytes: Vec<u8> =
        tokens.iter().flat_map(|token| model.bytes(*token).unwrap_or_default()).copied().collect();
    let text = String::from_utf8_lossy(&bytes);
    Ok(json!({"content": text, "prompt": text}))
}

/// A list of token ids of the model.
pub(crate) fn ids(value: &Value, model: &dyn Model) -> Option<Vec<u32>> {
    let id = |value: &Value| {
        u32::try_from(value.as_u64()?).ok().filter(|id| (*id as usize) < model.about().vocabulary)
    };
    value.as_array()?.iter().map(id).collect()
}

/// A token with what it stands for: `text` is null where its bytes are no whole characters.
pub(crate) fn piece(model: &dyn Model, token: u32) -> Value {
    let bytes = model.bytes(token).unwrap_or_default();
    json!({
        "id": token, "text": std::str::from_utf8(bytes).ok(), "bytes": bytes, "special": model.is_special(token),
    })
}

/// The text of a token by itself; `bytes:\xe4` where it is no whole characters, as OpenAI writes it.
pub(crate) fn name(model: &dyn Model, token: u32) -> String {
    let bytes = model.bytes(token).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |text, byte| format!("{text}\\x{byte:02x}")),
    }
}

/// A token with the likeliest in its place, ids and all: what a page shows.
pub(crate) fn detail(model: &dyn Model, scored: &Scored) -> Value {
    let top: Vec<Value> = (scored.top.iter())
        .map(|(id, logprob)| json!({"id": id, "text": name(model, *id), "logprob": logprob}))
        .collect();
    let mut detail = piece(model, scored.token);
    detail["logprob"] = json!(scored.logprob);
    detail["top"] = Value::Array(top);
    detail
}
