//! The forms in which datasets write conversations, read as one.
//!
//! OpenAI's (`messages`), ShareGPT's (`conversations`) and minimind's between them, nanochat's (the row is
//! the list of messages), Alpaca's (`instruction`, `input`, `output`, `history`), Dolly's (`instruction`,
//! `context`, `response`), TRL's (`prompt`, `completion`), trees of OASST, and transcripts under `text`. What
//! a row is not understood for is said by the name of the field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::message::{self, Message, Role};
use super::{transcript, tree};

/// Fields of messages that say something which is not taken over, and how often they do.
pub type Ignored = BTreeMap<String, u64>;

/// Different fields that are counted by name.
const MAX_IGNORED: usize = 20;

type Fault<T> = Result<T, String>;

/// The conversations of a row; several only where it is a tree.
///
/// # Errors
/// What the row is not understood for.
pub fn conversations(row: &Value, ignored: &mut Ignored) -> Result<Vec<Vec<Message>>, String> {
    if row.is_array() {
        return Ok(vec![messages(row, "row", ignored)?]);
    }
    let fields = row.as_object().ok_or("a row is an object or a list of messages")?;
    let there = |name: &str| fields.get(name).filter(|value| !value.is_null());
    for name in ["messages", "conversations", "conversation"] {
        if let Some(list) = there(name) {
            let mut all = system(there("system").or_else(|| there("system_prompt")))?;
            all.extend(read(list, name, ignored)?);
            return checked(all);
        }
    }
    if let Some(root) = there("prompt").filter(|prompt| prompt.get("replies").is_some()) {
        return tree::conversations(root);
    }
    if there("parent_id").is_some() || there("message_tree_id").is_some() {
        return Err(
            "this is a single message of a tree (`message_tree_id`); give the file of whole trees".into()
        );
    }
    if there("instruction").is_some() {
        return checked(alpaca(fields, ignored)?);
    }
    if let (Some(prompt), Some(answer)) = (there("prompt"), there("completion").or_else(|| there("response")))
    {
        let mut all = system(there("system").or_else(|| there("system_prompt")))?;
        all.extend(side(prompt, "prompt", Role::User, ignored)?);
        all.extend(side(answer, "completion", Role::Assistant, ignored)?);
        return checked(all);
    }
    if let Some(text) = there("text") {
        let text = text.as_str().ok_or("`text` is not text")?;
        let mut talks = Vec::new();
        for talk in transcript::talks(text) {
            talks.push(talk.map_err(|(line, fault)| format!("line {line} of `text`: {fault}"))?.1);
        }
        return if talks.is_empty() { Err("`text` is empty".into()) } else { Ok(talks) };
    }
    let names: Vec<String> = fields.keys().take(8).map(|name| format!("`{name}`")).collect();
    Err(match names.as_slice() {
        [] => "the row is empty".into(),
        names => format!("found {}, which is no form of conversations that is known", names.join(", ")),
    })
}

/// The messages of a conversation, checked.
pub(crate) fn messages(list: &Value, name: &str, ignored: &mut Ignored) -> Fault<Vec<Message>> {
    let all = read(list, name, ignored)?;
    message::check(&all)?;
    Ok(all)
}

fn checked(messages: Vec<Message>) -> Fault<Vec<Vec<Message>>> {
    message::check(&messages)?;
    Ok(vec![messages])
}

/// A list of messages. A message with several calls becomes one for each, before its result.
fn read(list: &Value, name: &str, ignored: &mut Ignored) -> Fault<Vec<Message>> {
    let list = list.as_array().ok_or_else(|| format!("`{name}` is not a list"))?;
    let mut all = Vec::new();
    // Calls whose results have not come yet, and what was said before them.
    let mut waiting: Vec<(Option<String>, Message)> = Vec::new();
    let mut said = String::new();
    for (number, entry) in (1..).zip(list) {
        let Turn { message, calls, answers } =
            turn(entry, ignored).map_err(|fault| format!("message {number}: {fault}"))?;
        if message.role == Role::Tool && !waiting.is_empty() {
            let answered = waiting.iter().position(|(id, _)| answers.is_some() && *id == answers);
            let (_, call) = waiting.remove(answered.unwrap_or(0));
            all.push(Message { content: std::mem::take(&mut said), ..call });
        } else if message.role != Role::Tool {
            all.extend(waiting.drain(..).map(|(_, call)| call));
        }
        if calls.is_empty() {
            all.push(message);
        } else if message.role == Role::Assistant {
            let learned = message.learned;
            waiting = calls.into_iter().map(|(id, call)| (id, Message { learned, ..call })).collect();
            said = message.content;
        } else {
            return Err(format!("message {number}: only an `assistant` can call a tool"));
        }
    }
    all.extend(waiting.into_iter().map(|(_, call)| call));
    Ok(all)
}

/// One entry of a list of messages.
struct Turn {
    message: Message,
    /// The tools that it calls, with the calls' ids.
    calls: Vec<(Option<String>, Message)>,
    /// The id of the call that a tool's message answers.
    answers: Option<String>,
}

fn turn(entry: &Value, ignored: &mut Ignored) -> Fault<Turn> {
    let fields = entry.as_object().ok_or("it is no object")?;
    let role = role_of(entry)?;
    let mut calls = match ["tool_calls", "function_call"]
        .iter()
        .find_map(|name| fields.get(*name).filter(|calls| !calls.is_null()))
    {
        None => Vec::new(),
        Some(Value::Array(calls)) => calls.iter().map(call).collect::<Fault<_>>()?,
        Some(one @ Value::Object(_)) => vec![call(one)?],
        Some(_) => return Err("`tool_calls` is not a list".into()),
    };
    let (name, content) = ["content", "value", "text"]
        .into_iter()
        .find_map(|name| Some((name, fields.get(name)?)))
        .unwrap_or(("content", &Value::Null));
    let mut content = match content {
        Value::Null if !calls.is_empty() => String::new(),
        Value::Null => return Err("there is no text, neither `content` nor `value`".into()),
        content => text_of(content, name)?,
    };
    // ShareGPT writes a call as a turn of its own.
    if is_call(fields) && calls.is_empty() {
        let value: Value =
            serde_json::from_str(&content).map_err(|_| "a `function_call` is not JSON".to_owned())?;
        calls = match &value {
            Value::Array(calls) => calls.iter().map(call).collect::<Fault<_>>()?,
            one => vec![call(one)?],
        };
        content = String::new();
    }
    count_ignored(fields, ignored);
    let learned = learned(fields)?;
    let answers = fields.get("tool_call_id").and_then(Value::as_str).map(str::to_owned);
    Ok(Turn { message: Message { learned, ..Message::new(role, content) }, calls, answers })
}

fn speaker(entry: &Value) -> Option<&Value> {
    ["role", "from", "speaker"].into_iter().find_map(|name| entry.get(name)).filter(|role| !role.is_null())
}

fn is_call(fields: &Map<String, Value>) -> bool {
    ["role", "from"].into_iter().any(|name| {
        fields
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|role| matches!(role, "function_call" | "tool_call"))
    })
}

fn role_of(entry: &Value) -> Fault<Role> {
    match speaker(entry) {
        Some(Value::String(name)) => role(name)
            .ok_or_else(|| format!("`{name}` is no role, expected `system`, `user`, `assistant` or `tool`")),
        Some(_) => Err("`role` is not text".into()),
        None => Err("it does not say who speaks, neither by `role` nor by `from`".into()),
    }
}

/// Who speaks, by any name that datasets use.
pub(crate) fn role(name: &str) -> Option<Role> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "system" | "developer" => Role::System,
        "user" | "human" | "prompter" => Role::User,
        "assistant" | "gpt" | "chatgpt" | "bot" | "chatbot" | "ai" | "model" | "function_call"
        | "tool_call" => Role::Assistant,
        "tool" | "function" | "observation" | "tool_response" | "function_response" | "ipython" => Role::Tool,
        _ => return None,
    })
}

/// Whether a message is learned, by the marks of OpenAI (`weight`), axolotl (`train`) and XTuner (`loss`).
fn learned(fields: &Map<String, Value>) -> Fault<bool> {
    for (name, value) in ["weight", "train", "training", "loss"].map(|name| (name, fields.get(name))) {
        match value {
            None | Some(Value::Null | Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(false),
            Some(value) if value.as_f64() == Some(1.0) => {}
            Some(value) if value.as_f64() == Some(0.0) => return Ok(false),
            Some(value) => return Err(format!("`{name}` is {value}, expected 0 or 1, false or true")),
        }
    }
    match fields.get("train_detail").or_else(|| fields.get("training_detail")) {
        None | Some(Value::Null) => Ok(true),
        Some(_) => Err("`train_detail` marks parts of a message, which is not supported".into()),
    }
}

fn count_ignored(fields: &Map<String, Value>, ignored: &mut Ignored) {
    const KNOWN: [&str; 15] = [
        "role",
        "from",
        "speaker",
        "content",
        "value",
        "text",
        "tool_calls",
        "function_call",
        "tool_call_id",
        "weight",
        "train",
        "training",
        "loss",
        "id",
        "type",
    ];
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    for (name, value) in fields {
        let known = KNOWN.contains(&name.as_str()) || empty(value);
        if !known && (ignored.contains_key(name) || ignored.len() < MAX_IGNORED) {
            *ignored.entry(name.clone()).or_default() += 1;
        }
    }
}

/// A text, or the texts of a list of parts one after another.
fn text_of(content: &Value, name: &str) -> Fault<String> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => parts.iter().map(|part| part_of(part, name)).collect(),
        Value::Object(_) => part_of(content, name),
        _ => Err(format!("`{name}` is neither text nor a list of parts")),
    }
}

fn part_of(part: &Value, name: &str) -> Fault<String> {
    if let Value::String(text) = part {
        return Ok(text.clone());
    }
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
    let field = match kind {
        "text" | "input_text" | "output_text" => "text",
        "refusal" => "refusal",
        other => return Err(format!("a part of `{name}` is of the type `{other}`, and only text is read")),
    };
    match part.get(field).or_else(|| part.get("content")) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(format!("a part of `{name}` has no text under `{field}`")),
    }
}

/// A call, `{"name": …, "arguments": {…}}`, perhaps below `function`; OpenAI writes the arguments as a text.
fn call(call: &Value) -> Fault<(Option<String>, Message)> {
    let id = call.get("id").and_then(Value::as_str).map(str::to_owned);
    let function = call.get("function").filter(|function| function.is_object()).unwrap_or(call);
    let name =
        function.get("name").and_then(Value::as_str).ok_or_else(|| "a tool call has no `name`".to_owned())?;
    let parsed;
    let arguments = match function.get("arguments").or_else(|| function.get("parameters")) {
        Some(Value::String(arguments)) => {
            parsed = serde_json::from_str::<Value>(arguments)
                .map_err(|_| format!("the `arguments` of the tool `{name}` are not JSON"))?;
            &parsed
        }
        Some(arguments) => arguments,
        None => return Err(format!("the call of the tool `{name}` has no `arguments`")),
    };
    match arguments {
        Value::Object(_) => Ok((id, Message::call(name, arguments))),
        _ => Err(format!("the `arguments` of the tool `{name}` are no object")),
    }
}

fn system(content: Option<&Value>) -> Fault<Vec<Message>> {
    Ok(match content {
        None => Vec::new(),
        Some(content) => match text_of(content, "system")? {
            empty if empty.is_empty() => Vec::new(),
            text => vec![Message::new(Role::System, text)],
        },
    })
}

/// One side of `prompt` and `completion`: a text, or messages.
fn side(value: &Value, name: &str, role: Role, ignored: &mut Ignored) -> Fault<Vec<Message>> {
    match value {
        Value::String(text) => Ok(vec![Message::new(role, text.as_str())]),
        Value::Array(_) => read(value, name, ignored),
        _ => Err(format!("`{name}` is neither text nor a list of messages")),
    }
}

/// Alpaca's form, with the earlier turns that `history` holds, and Dolly's.
fn alpaca(fields: &Map<String, Value>, ignored: &mut Ignored) -> Fault<Vec<Message>> {
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()));
        found.map(|value| value.as_str().ok_or_else(|| format!("`{}` is not text", names[0]))).transpose()
    };
    let mut all = system(fields.get("system").filter(|system| !system.is_null()))?;
    match fields.get("history") {
        None | Some(Value::Null) => {}
        Some(Value::Array(turns)) => {
            for turn in turns {
                match turn.as_array().map(Vec::as_slice) {
                    Some([Value::String(asked), Value::String(answered)]) => {
                        all.push(Message::new(Role::User, asked.as_str()));
                        all.push(Message::new(Role::Assistant, answered.as_str()));
                    }
                    Some(_) => return Err("a turn of `history` is not a pair of texts".into()),
                    None => all.extend(read(&Value::Array(vec![turn.clone()]), "history", ignored)?),
                }
            }
        }
        Some(_) => return Err("`history` is not a list".into()),
    }
    let instruction = text(&["instruction"])?.unwrap_or_default();
    let input = text(&["input", "context"])?.unwrap_or_default().trim();
    let asked = match (instruction, input) {
        (instruction, "") => instruction.to_owned(),
        ("", input) => input.to_owned(),
        (instruction, input) => format!("{instruction}\n\n{input}"),
    };
    all.push(Message::new(Role::User, asked));
    let answer = text(&["output", "response", "completion"])?.ok_or("`output` is missing")?;
    all.push(Message::new(Role::Assistant, answer));
    Ok(all)
}

#[cfg(test)]
mod tests;
