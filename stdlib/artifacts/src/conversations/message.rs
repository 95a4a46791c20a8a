//! Messages of a conversation, and the form in which artifacts hold them: OpenAI's.

use serde_json::{Map, Value, json};

use super::forms::{self, Ignored};

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
    /// The tool that it calls, where that is another one than `search`.
    pub tool: Option<String>,
    /// Whether an assistant's message is learned. One that is not stands there for what follows it.
    pub learned: bool,
}

/// The name of the one tool that models are taught.
const SEARCH: &str = "search";

impl Message {
    /// A message that calls no tool.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), query: None, tool: None, learned: true }
    }

    /// An assistant's search.
    pub fn search(query: impl Into<String>) -> Self {
        Self { query: Some(query.into()), ..Self::new(Role::Assistant, "") }
    }

    /// An assistant's call of any tool. Its query is what stands under `query`, where there is nothing else;
    /// other arguments are looked up as JSON, behind the tool's name.
    pub(crate) fn call(name: &str, arguments: &Value) -> Self {
        let alone = arguments.as_object().filter(|fields| fields.len() == 1);
        match alone.and_then(|fields| fields.get("query")?.as_str()) {
            Some(query) => Self { tool: other_tool(name), ..Self::search(query) },
            None => Self { tool: Some(name.to_owned()), ..Self::search(format!("{name} {arguments}")) },
        }
    }

    fn to_openai(&self) -> Value {
        let mut object = Map::new();
        object.insert("role".into(), self.role.name().into());
        object.insert("content".into(), self.content.as_str().into());
        if let Some(query) = &self.query {
            let name = self.tool.as_deref().unwrap_or(SEARCH);
            let arguments = self.arguments(query);
            let arguments = arguments.unwrap_or_else(|| json!({ "query": query })).to_string();
            let function = json!({ "name": name, "arguments": arguments });
            object.insert("tool_calls".into(), json!([{ "type": "function", "function": function }]));
        }
        if !self.learned {
            object.insert("weight".into(), 0.into());
        }
        Value::Object(object)
    }

    /// The arguments of a call that are no mere query.
    fn arguments(&self, query: &str) -> Option<Value> {
        let arguments = query.strip_prefix(self.tool.as_deref()?)?.strip_prefix(' ')?;
        serde_json::from_str(arguments).ok().filter(Value::is_object)
    }
}

fn other_tool(name: &str) -> Option<String> {
    Some(name).filter(|name| *name != SEARCH).map(str::to_owned)
}

/// A conversation as a row in OpenAI's form, `{"messages": […]}`.
#[must_use]
pub fn to_row(messages: &[Message]) -> Value {
    json!({ "messages": messages.iter().map(Message::to_openai).collect::<Vec<_>>() })
}

/// Reads a row that [`to_row`] made, or that is in OpenAI's form.
///
/// # Errors
/// What is wrong with the row.
pub fn from_row(row: &Value) -> Result<Vec<Message>, String> {
    let messages = row.get("messages").ok_or("`messages` is missing")?;
    forms::messages(messages, "messages", &mut Ignored::default())
}

/// What the chat template can express: searches answered at once, and at least one answer to learn.
pub(crate) fn check(messages: &[Message]) -> Result<(), String> {
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
    let teaches =
        |message: &Message| message.role == Role::Assistant && message.query.is_none() && message.learned;
    match messages.iter().any(teaches) {
        true => Ok(()),
        false => Err("there is no `assistant` message to learn from".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_survive_the_round_trip() {
        let messages = vec![
            Message::new(Role::User, "Where is \"Lae\"?"),
            Message::search("Lae \"city\""),
            Message::new(Role::Tool, "Lae lies in Papua New Guinea."),
            Message { learned: false, ..Message::new(Role::Assistant, "On the Moon.") },
            Message::new(Role::User, "How warm is it?"),
            Message::call("weather", &json!({"place": "Lae", "days": 2})),
            Message::new(Role::Tool, "32"),
            Message::call("web_search", &json!({"query": "32 degrees"})),
            Message::new(Role::Tool, "hot"),
            Message::new(Role::Assistant, "Hot."),
        ];
        let row = to_row(&messages);
        assert_eq!(from_row(&row).unwrap(), messages);
        let function = |message: usize| &row["messages"][message]["tool_calls"][0]["function"];
        assert_eq!(function(1)["arguments"], r#"{"query":"Lae \"city\""}"#);
        assert_eq!(function(5), &json!({"name": "weather", "arguments": r#"{"place":"Lae","days":2}"#}));
        assert_eq!(function(7), &json!({"name": "web_search", "arguments": r#"{"query":"32 degrees"}"#}));
        assert_eq!((&row["messages"][3]["weight"], &row["messages"][9].get("weight")), (&json!(0), &None));
    }

    #[test]
    fn rows_that_cannot_be_learned_are_refused() {
        let user = json!({"role": "user", "content": "?"});
        let answer = json!({"role": "assistant", "content": "!"});
        let mut masked = answer.clone();
        masked["weight"] = json!(0);
        let call = json!({"role": "assistant", "content": null, "tool_calls": [
            {"type": "function", "function": {"name": "search", "arguments": "{\"query\": \"x\"}"}}]});
        for (row, message) in [
            (json!({"messages": [user]}), "there is no `assistant` message to learn from"),
            (json!({"messages": [user, masked]}), "there is no `assistant` message to learn from"),
            (json!({"messages": [user, call, answer]}), "a search must be followed by a `tool` message"),
            (json!({"messages": "no"}), "`messages` is not a list"),
        ] {
            assert_eq!(from_row(&row).unwrap_err(), message);
        }
    }
}
