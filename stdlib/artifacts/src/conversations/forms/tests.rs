//! One conversation in every form, and what is no form.

use serde_json::json;

use super::*;

fn read(row: &Value) -> Fault<Vec<Vec<Message>>> {
    conversations(row, &mut Ignored::new())
}

fn hello() -> Vec<Message> {
    vec![Message::new(Role::User, "Hi"), Message::new(Role::Assistant, "Hello")]
}

#[test]
fn all_forms_read_as_one() {
    let messages = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]);
    for row in [
        messages.clone(),
        json!({"messages": messages}),
        json!({"conversations": messages}),
        json!({"conversation": messages, "id": 3, "source": "x"}),
        json!({"messages": null, "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}),
        json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}]}),
        json!({"messages": [{"role": "user", "content": ["Hi"]}, {"role": "assistant", "content": {"text": "Hello"}}]}),
        json!({"instruction": "Hi", "input": "", "output": "Hello"}),
        json!({"instruction": "Hi", "input": null, "output": "Hello", "history": [], "system": ""}),
        json!({"instruction": "", "input": "Hi", "output": "Hello"}),
        json!({"instruction": "Hi", "context": "", "response": "Hello", "category": "open_qa"}),
        json!({"prompt": "Hi", "completion": "Hello"}),
        json!({"prompt": "Hi", "response": "Hello"}),
        json!({"prompt": [messages[0]], "completion": [messages[1]]}),
        json!({"prompt": {"role": "prompter", "text": "Hi", "replies": [{"role": "assistant", "text": "Hello", "replies": []}]}}),
        json!({"text": "Human: Hi\nAssistant: Hello\n"}),
        json!({"text": "\n\nHuman: Hi\n\nAssistant: Hello"}),
    ] {
        assert_eq!(read(&row), Ok(vec![hello()]), "{row}");
    }
}

#[test]
fn alpacas_history_comes_before_the_question() {
    let row = json!({"system": "S", "instruction": "Sum", "input": "1 2", "output": "3",
        "history": [["a", "b"], ["c", "d"]]});
    let said: Vec<(Role, String)> =
        read(&row).unwrap().remove(0).into_iter().map(|message| (message.role, message.content)).collect();
    let expected = [
        (Role::System, "S"),
        (Role::User, "a"),
        (Role::Assistant, "b"),
        (Role::User, "c"),
        (Role::Assistant, "d"),
        (Role::User, "Sum\n\n1 2"),
        (Role::Assistant, "3"),
    ];
    assert_eq!(said, expected.map(|(role, text)| (role, text.to_owned())));
}

#[test]
fn any_tool_is_read() {
    let call = |value: &str| json!({"from": "function_call", "value": value});
    for (call, expected) in [
        (call(r#"{"name": "search", "arguments": {"query": "Lae"}}"#), Message::search("Lae")),
        (
            call(r#"[{"name": "web", "arguments": {"query": "Lae"}}]"#),
            Message { tool: Some("web".into()), ..Message::search("Lae") },
        ),
        (
            call(r#"{"name": "weather", "arguments": "{\"place\": \"Lae\"}"}"#),
            Message { tool: Some("weather".into()), ..Message::search(r#"weather {"place":"Lae"}"#) },
        ),
        (
            json!({"role": "assistant", "function_call": {"name": "search", "arguments": "{\"query\": \"Lae\"}"}}),
            Message::search("Lae"),
        ),
    ] {
        let row = json!({"conversations": [{"from": "human", "value": "?"}, call, {"from": "observation", "value": "…"},
            {"from": "gpt", "value": "!"}]});
        assert_eq!(read(&row).unwrap()[0][1], expected);
    }
}

#[test]
fn several_calls_meet_their_results() {
    let call = |id: &str, place: &str| json!({"id": id, "type": "function", "function": {"name": "search", "arguments": json!({"query": place}).to_string()}});
    let row = json!({"messages": [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "One moment.", "tool_calls": [call("1", "Lae"), call("2", "Goroka")]},
        {"role": "tool", "tool_call_id": "2", "content": "in the hills"},
        {"role": "tool", "tool_call_id": "1", "content": "at the sea"},
        {"role": "assistant", "content": "!"}]});
    let said: Vec<(Option<String>, String)> =
        read(&row).unwrap().remove(0).into_iter().map(|message| (message.query, message.content)).collect();
    let found = |query: &str, content: &str| (Some(query.to_owned()), content.to_owned());
    let plain = |content: &str| (None, content.to_owned());
    assert_eq!(
        said,
        [
            plain("?"),
            found("Goroka", "One moment."),
            plain("in the hills"),
            found("Lae", ""),
            plain("at the sea"),
            plain("!")
        ]
    );
}

#[test]
fn marked_messages_are_kept_and_not_learned() {
    for mark in
        [json!({"weight": 0}), json!({"weight": 0.0}), json!({"train": false}), json!({"loss": false})]
    {
        let mut wrong = json!({"role": "assistant", "content": "On the Moon."});
        wrong.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
        let row = json!({"messages": [{"role": "user", "content": "Where?"}, wrong, {"role": "user", "content": "No. Where?"},
            {"role": "assistant", "content": "In Papua.", "weight": 1, "train": true}]});
        let learned: Vec<bool> = read(&row).unwrap()[0].iter().map(|message| message.learned).collect();
        assert_eq!(learned, [true, false, true, true], "{mark}");
        assert_eq!(message::to_row(&read(&row).unwrap()[0])["messages"][1]["weight"], 0);
    }
}

#[test]
fn fields_that_are_not_taken_over_are_counted() {
    let mut ignored = Ignored::new();
    let row = json!({"messages": [{"role": "user", "content": "Hi", "name": "Bo"},
        {"role": "assistant", "content": "Hello", "reasoning_content": "…", "name": ""}]});
    conversations(&row, &mut ignored).unwrap();
    assert_eq!(ignored, Ignored::from([("name".into(), 1), ("reasoning_content".into(), 1)]));
}

#[test]
fn what_is_not_understood_is_named() {
    let user = json!({"role": "user", "content": "?"});
    let answer = json!({"role": "assistant", "content": "!"});
    let call = |function: Value| json!({"role": "assistant", "content": null, "tool_calls": [{"function": function}]});
    for (row, fault) in [
        (json!(3), "a row is an object or a list of messages"),
        (json!({}), "the row is empty"),
        (json!({"question": "?", "answer": "!"}), "found `question`, `answer`, which"),
        (json!({"messages": "no"}), "`messages` is not a list"),
        (json!({"messages": [user]}), "no `assistant` message"),
        (
            json!({"messages": [{"role": "user"}, answer]}),
            "message 1: there is no text, neither `content` nor `value`",
        ),
        (json!({"messages": [{"content": "?"}, answer]}), "message 1: it does not say who speaks"),
        (json!({"messages": [{"role": "oracle", "content": "?"}, answer]}), "`oracle` is no role"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, answer]}),
            "of the type `image_url`, and only text is read",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": "!", "weight": 0.5}]}),
            "`weight` is 0.5",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": "!", "train_detail": []}]}),
            "`train_detail`",
        ),
        (json!({"messages": [user, call(json!({"arguments": {}})), answer]}), "a tool call has no `name`"),
        (json!({"messages": [user, call(json!({"name": "f"})), answer]}), "the tool `f` has no `arguments`"),
        (json!({"messages": [user, call(json!({"name": "f", "arguments": "x"})), answer]}), "not JSON"),
        (
            json!({"messages": [user, call(json!({"name": "f", "arguments": {"a": 1}})), answer]}),
            "a search must be followed by a `tool` message",
        ),
        (json!({"instruction": "Hi"}), "`output` is missing"),
        (json!({"instruction": "Hi", "output": "Hello", "history": [["a"]]}), "`history`"),
        (
            json!({"message_id": "1", "parent_id": "2", "text": "Hi", "role": "assistant"}),
            "a single message of a tree",
        ),
        (json!({"text": "once upon a time"}), "line 1 of `text`: the line belongs to no turn"),
        (json!({"prompt": 3, "completion": "x"}), "`prompt` is neither"),
    ] {
        let error = read(&row).unwrap_err();
        assert!(error.contains(fault), "{row}: {error}");
    }
}
