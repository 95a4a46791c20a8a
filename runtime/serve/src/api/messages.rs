//! A request's messages, in OpenAI's form.

use serde_json::Value;

use super::fault::Fault;
use crate::model::{Said, Speaker};

/// Messages of a conversation, at most.
const MAX_MESSAGES: usize = 10_000;

/// The one tool that models are taught.
pub(crate) const SEARCH: &str = "search";

/// Reads `messages`.
pub(crate) fn said(messages: &Value) -> Result<Vec<Said>, Fault> {
    let list = messages.as_array().filter(|list| !list.is_empty() && list.len() <= MAX_MESSAGES);
    let list =
        list.ok_or_else(|| Fault::bad("messages", "`messages` must be a list of at least one message"))?;
    let said: Vec<Said> = list
        .iter()
        .enumerate()
        .map(|(at, one)| message(one, &format!("messages[{at}]")))
        .collect::<Result<_, _>>()?;
    let mut searching = false;
    for (at, one) in said.iter().enumerate() {
        if searching != (one.by == Speaker::Tool) {
            return Err(Fault::bad(
                &format!("messages[{at}].role"),
                match searching {
                    true => "a message that calls the tool must be followed by one of the role `tool`",
                    false => "a `tool` message must follow an `assistant` message with `tool_calls`",
                },
            ));
        }
        searching = one.query.is_some();
    }
    match said.last() {
        Some(last) if last.by == Speaker::Assistant => Err(Fault::bad(
            "messages",
            "the last message is the assistant's already: there is nothing to answer",
        )),
        _ => Ok(said),
    }
}

fn message(value: &Value, place: &str) -> Result<Said, Fault> {
    let role = format!("{place}.role");
    let by = match value.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Speaker::System,
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        Some("tool") => Speaker::Tool,
        _ => {
            return Err(Fault::bad(
                &role,
                format!("`{role}` must be system, developer, user, assistant or tool"),
            ));
        }
    };
    let query = match value.get("tool_calls") {
        None | Some(Value::Null) => None,
        Some(Value::Array(calls)) if calls.is_empty() => None,
        Some(calls) if by == Speaker::Assistant => Some(query(calls, &format!("{place}.tool_calls"))?),
        Some(_) => {
            let param = format!("{place}.tool_calls");
            return Err(Fault::bad(&param, "only an assistant calls tools"));
        }
    };
    let text = content(
        value.get("content"),
        &format!("{place}.content"),
        query.is_some() || by == Speaker::Assistant,
    )?;
    Ok(Said { by, text, query })
}

/// A text, or parts of which each is one.
fn content(value: Option<&Value>, place: &str, may_lack: bool) -> Result<String, Fault> {
    match value {
        None | Some(Value::Null) if may_lack => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => (parts.iter().enumerate())
            .map(|(at, part)| {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                match (kind, part.get("text").and_then(Value::as_str)) {
                    ("text", Some(text)) => Ok(text),
                    ("text", None) => {
                        let place = format!("{place}[{at}].text");
                        Err(Fault::bad(&place, format!("`{place}` must be a text")))
                    }
                    (kind, _) => {
                        let place = format!("{place}[{at}].type");
                        Err(Fault::unsupported(
                            &place,
                            format!("parts of the type `{kind}` are not supported: models read text"),
                        ))
                    }
                }
            })
            .collect(),
        _ => Err(Fault::bad(place, format!("`{place}` must be a text, or a list of parts that are texts"))),
    }
}

/// What a call looks up.
fn query(calls: &Value, place: &str) -> Result<String, Fault> {
    let bad = |why: &str| Fault::bad(place, format!("`{place}`: {why}"));
    let [call] = calls.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err(bad("models call one tool at a time"));
    };
    let function = call.get("function").ok_or_else(|| bad("a call needs a `function`"))?;
    if function.get("name").and_then(Value::as_str) != Some(SEARCH) {
        return Err(bad("the one tool that models know is `search`"));
    }
    let arguments = function.get("arguments").and_then(Value::as_str).unwrap_or_default();
    let arguments: Value = serde_json::from_str(arguments).map_err(|_| bad("`arguments` is no JSON"))?;
    match arguments.get("query").and_then(Value::as_str) {
        Some(query) => Ok(query.to_owned()),
        None => Err(bad("`arguments` must hold `query`, a text")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_read() {
        let call = json!([{"id": "x", "type": "function", "function": {"name": "search", "arguments": "{\"query\":\"Lae\"}"}}]);
        let read = said(&json!([
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where "}, {"type": "text", "text": "is Lae?"}]},
            {"role": "assistant", "content": null, "tool_calls": call},
            {"role": "tool", "tool_call_id": "x", "content": "In Papua."},
        ]))
        .unwrap();
        let told: Vec<_> = read.iter().map(|it| (it.by, it.text.as_str(), it.query.as_deref())).collect();
        let expected = [
            (Speaker::System, "Be brief.", None),
            (Speaker::User, "Where is Lae?", None),
            (Speaker::Assistant, "", Some("Lae")),
            (Speaker::Tool, "In Papua.", None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_be_said_is_refused_at_its_place() {
        let user = json!({"role": "user", "content": "x"});
        for (messages, param) in [
            (json!([]), "messages"),
            (json!("x"), "messages"),
            (json!([{"role": "robot", "content": "x"}]), "messages[0].role"),
            (json!([user, {"role": "user"}]), "messages[1].content"),
            (json!([{"role": "user", "content": [{"type": "image_url"}]}]), "messages[0].content[0].type"),
            (json!([user, {"role": "tool", "content": "x"}]), "messages[1].role"),
            (json!([user, {"role": "assistant", "content": "x"}]), "messages"),
            (
                json!([user, {"role": "assistant", "tool_calls": [{"function": {"name": "rm"}}]}]),
                "messages[1].tool_calls",
            ),
        ] {
            assert_eq!(said(&messages).unwrap_err().to_json()["error"]["param"], param, "{messages}");
        }
    }
}
