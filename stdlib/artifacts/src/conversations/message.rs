//! Messages of a conversation, and the forms in which datasets write them.

use serde_json::{Map, Value, json};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// What a search found.
    Tool,
}

impl Role {
    /// The name in `messages` and in the chat template.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; empty where an assistant only searches.
    pub content: String,
    /// What an assistant looks up; its turn goes on after the tool's message.
    pub query: Option<String>,
}

/// The name of the one tool that models are taught.
const SEARCH: &str = "search";

/// Messages read from one row of a dataset, or what is wrong with it.
pub type Parsed = std::result::Result<Vec<Message>, String>;

impl Message {
    /// A message that calls no tool.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), query: None }
    }

    /// An assistant's search.
    pub fn search(query: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: String::new(), query: Some(query.into()) }
    }

    fn to_openai(&self) -> Value {
        let mut object = Map::new();
        object.insert("role".into(), self.role.name().into());
        object.insert("content".into(), self.content.as_str().into());
        if let Some(query) = &self.query {
            let arguments = json!({ "query": query }).to_string();
            let function = json!({ "name": SEARCH, "arguments": arguments });
            object.insert("tool_calls".into(), json!([{ "type": "function", "function": function }]));
        }
        Value::Object(object)
    }
}

/// A conversation as a row in OpenAI's form, `{"messages": […]}`.
#[must_use]
pub fn to_row(messages: &[Message]) -> Value {
    json!({ "messages": messages.iter().map(Message::to_openai).collect::<Vec<_>>() })
}

/// Reads a row in OpenAI's (`messages`), ShareGPT's (`conversations`) or Alpaca's (`instruction`) form.
///
/// # Errors
/// What is wrong with the row.
pub fn from_row(row: &Value) -> Parsed {
    let messages = if let Some(messages) = row.get("messages") {
        list(messages, "messages")?.iter().map(openai).collect::<std::result::Result<Vec<_>, _>>()?
    } else if let Some(turns) = row.get("conversations") {
        let mut messages = system(row.get("system"));
        for turn in list(turns, "conversations")? {
            messages.push(sharegpt(turn)?);
        }
        messages
    } else if row.get("instruction").is_some() {
        alpaca(row)?
    } else {
        return Err("found no `messages`, `conversations` or `instruction`".into());
    };
    check(&messages)?;
    Ok(messages)
}

fn openai(message: &Value) -> std::result::Result<Message, String> {
    let role = match text(message, "role")? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            return Err(format!("`{other}` is no role, expected `system`, `user`, `assistant` or `tool`"));
        }
    };
    let query = match message.get("tool_calls").filter(|calls| !calls.is_null()) {
        None => None,
        Some(calls) => match list(calls, "tool_calls")? {
            [] => None,
            [call] => Some(search_query(call.get("function").unwrap_or(call))?),
            several => {
                return Err(format!("found {} `tool_calls` in one message, expected one", several.len()));
            }
        },
    };
    let content = match message.get("content") {
        None | Some(Value::Null) if query.is_some() => "",
        _ => text(message, "content")?,
    };
    Ok(Message { role, content: content.to_owned(), query })
}

fn sharegpt(turn: &Value) -> std::result::Result<Message, String> {
    let value = text(turn, "value")?;
    Ok(match text(turn, "from")? {
        "system" => Message::new(Role::System, value),
        "human" | "user" => Message::new(Role::User, value),
        "gpt" | "assistant" | "chatgpt" => Message::new(Role::Assistant, value),
        "observation" | "tool" => Message::new(Role::Tool, value),
        "function_call" => {
            let call = serde_json::from_str(value).map_err(|_| "a `function_call` is not JSON".to_owned())?;
            Message::search(search_query(&call)?)
        }
        other => return Err(format!("`{other}` is no speaker")),
    })
}

fn alpaca(row: &Value) -> Parsed {
    let mut messages = system(row.get("system"));
    let instruction = text(row, "instruction")?;
    let input = row.get("input").and_then(Value::as_str).unwrap_or("").trim();
    let asked = if input.is_empty() { instruction.to_owned() } else { format!("{instruction}\n\n{input}") };
    messages.push(Message::new(Role::User, asked));
    messages.push(Message::new(Role::Assistant, text(row, "output")?));
    Ok(messages)
}

fn system(content: Option<&Value>) -> Vec<Message> {
    let content = content.and_then(Value::as_str).filter(|content| !content.is_empty());
    content.map(|content| Message::new(Role::System, content)).into_iter().collect()
}

/// The query of a call `{"name": "search", "arguments": {"query": …}}`; OpenAI writes the arguments as a string.
fn search_query(call: &Value) -> std::result::Result<String, String> {
    let name = text(call, "name")?;
    if name != SEARCH {
        return Err(format!("the tool `{name}` is called, expected `{SEARCH}`"));
    }
    let parsed;
    let arguments = match call.get("arguments") {
        Some(Value::String(arguments)) => {
            parsed = serde_json::from_str::<Value>(arguments)
                .map_err(|_| "the `arguments` of a tool call are not JSON".to_owned())?;
            &parsed
        }
        Some(arguments) => arguments,
        None => return Err("a tool call has no `arguments`".into()),
    };
    text(arguments, "query").map(str::to_owned)
}

/// What the chat template can express: searches answered at once, and at least one answer to learn.
fn check(messages: &[Message]) -> std::result::Result<(), String> {
    let mut searching = false;
    for message in messages {
        if searching != (message.role == Role::Tool) {
            return Err(match searching {
                true => "a search must be followed by a `tool` message".into(),
                false => "a `tool` message must follow a search".into(),
            });
        }
        if message.query.is_some() && message.role != Role::Assistant {
            return Err("only an `assistant` can search".into());
        }
        searching = message.query.is_some();
    }
    if searching {
        return Err("the last search has no result".into());
    }
    match messages.iter().any(|message| message.role == Role::Assistant && message.query.is_none()) {
        true => Ok(()),
        false => Err("there is no `assistant` message to learn from".into()),
    }
}

fn text<'a>(object: &'a Value, field: &str) -> std::result::Result<&'a str, String> {
    match object.get(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{field}` is not text")),
        None => Err(format!("`{field}` is missing")),
    }
}

fn list<'a>(value: &'a Value, field: &str) -> std::result::Result<&'a [Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("`{field}` is not a list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_read_as_one() {
        let expected = vec![Message::new(Role::User, "Hi"), Message::new(Role::Assistant, "Hello")];
        for row in [
            json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}),
            json!({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}),
            json!({"instruction": "Hi", "input": "", "output": "Hello"}),
        ] {
            assert_eq!(from_row(&row).unwrap(), expected);
            assert_eq!(from_row(&to_row(&expected)).unwrap(), expected);
        }
        let row = json!({"instruction": "Sum", "input": "1 2", "output": "3"});
        assert_eq!(from_row(&row).unwrap()[0].content, "Sum\n\n1 2");
    }

    #[test]
    fn searches_survive_the_round_trip() {
        let messages = vec![
            Message::new(Role::User, "Where is \"Lae\"?"),
            Message::search("Lae \"city\""),
            Message::new(Role::Tool, "Lae lies in Papua New Guinea."),
            Message::new(Role::Assistant, "Papua New Guinea."),
        ];
        let row = to_row(&messages);
        assert_eq!(from_row(&row).unwrap(), messages);
        assert_eq!(
            row["messages"][1]["tool_calls"][0]["function"]["arguments"],
            r#"{"query":"Lae \"city\""}"#
        );
        let call = r#"{"name": "search", "arguments": {"query": "Lae"}}"#;
        let row = json!({"conversations": [
            {"from": "human", "value": "?"}, {"from": "function_call", "value": call},
            {"from": "observation", "value": "…"}, {"from": "gpt", "value": "!"}]});
        assert_eq!(from_row(&row).unwrap()[1], Message::search("Lae"));
    }

    #[test]
    fn rows_that_cannot_be_learned_are_refused() {
        let user = json!({"role": "user", "content": "?"});
        let answer = json!({"role": "assistant", "content": "!"});
        let call = |name: &str| {
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"type": "function", "function": {"name": name, "arguments": "{\"query\": \"x\"}"}}]})
        };
        for (row, message) in [
            (json!({"text": "…"}), "found no `messages`, `conversations` or `instruction`"),
            (json!({"messages": [user]}), "there is no `assistant` message to learn from"),
            (
                json!({"messages": [user, call("weather"), answer]}),
                "the tool `weather` is called, expected `search`",
            ),
            (
                json!({"messages": [user, call("search"), answer]}),
                "a search must be followed by a `tool` message",
            ),
            (json!({"messages": [{"role": "user"}, answer]}), "`content` is missing"),
            (json!({"messages": "no"}), "`messages` is not a list"),
        ] {
            assert_eq!(from_row(&row).unwrap_err(), message);
        }
    }
}
