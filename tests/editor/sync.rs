//! The server's text is the client's.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Client, uri};

/// The edits that formatting makes.
fn formatted(client: &mut Client) -> Vec<Value> {
    let params =
        json!({"textDocument": {"uri": uri("main.llmp")}, "options": {"tabSize": 2, "insertSpaces": true}});
    let edits = client.ask("textDocument/formatting", params).expect("edits");
    serde_json::from_value(edits).expect("a list")
}

/// A position as a byte, as an editor counts: UTF-16, lines end with `\n`, `\r\n` or `\r`.
fn offset(text: &str, position: &Value) -> usize {
    let (line, column) = (position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap());
    let mut start = 0;
    for _ in 0..line {
        let Some(end) = text[start..].find(['\n', '\r']).map(|at| start + at) else { return text.len() };
        start = end + if text[end..].starts_with("\r\n") { 2 } else { 1 };
    }
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at);
    let mut units = 0;
    for (at, one) in text[start..end].char_indices() {
        if units + one.len_utf16() as u64 > column {
            return start + at;
        }
        units += one.len_utf16() as u64;
    }
    end
}

pub(crate) fn apply(text: &mut String, range: &Value, new: &str) {
    let (start, end) = (offset(text, &range["start"]), offset(text, &range["end"]));
    text.replace_range(start.min(end)..start.max(end), new);
}

fn change(client: &mut Client, version: i32, changes: Vec<Value>) {
    let document = json!({"uri": uri("main.llmp"), "version": version});
    client.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
}

#[test]
fn formatting_edits_are_small_and_right() {
    let text = "docs=crawl.docs(\"😀\")|>filter.pii{mask=[email]}\r\n\r\n\r\n\r\nx  =   1\r\n";
    let mut client = Client::new(json!({}));
    client.open("main.llmp", text);
    let mut after = text.to_owned();
    for edit in formatted(&mut client).iter().rev() {
        apply(&mut after, &edit["range"], edit["newText"].as_str().unwrap());
    }
    assert_eq!(after, "docs = crawl.docs(\"😀\") |> filter.pii { mask = [email] }\r\n\r\nx = 1\r\n");
    client.replace("main.llmp", 2, &after);
    assert_eq!(formatted(&mut client), [Value::Null; 0]);
}

#[test]
fn a_version_that_does_not_grow_is_told() {
    let mut client = Client::new(json!({}));
    client.open("main.llmp", "x = 1\n");
    client.replace("main.llmp", 1, "");
    assert_eq!(client.told("window/logMessage")["type"], 2);
    assert_eq!(client.pulled("main.llmp"), [Value::Null; 0]);
    client.replace("other.llmp", 1, "");
    let message = client.told("window/logMessage");
    assert!(message["message"].as_str().unwrap().contains("is not open"), "{message}");
}

/// Text with all that makes counting hard.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "é", "中", "😀", "\n", "\r\n", "\r", " = ", "\"", "{", "}", "|>", "1",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn position() -> impl Strategy<Value = Value> {
    let outside = prop_oneof![9 => 0..12_u32, 1 => Just(u32::MAX)];
    (0..12_u32, outside).prop_map(|(line, character)| json!({"line": line, "character": character}))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn texts_stay_equal(first in pieces(), edits in prop::collection::vec((position(), position(), pieces()), 1..30)) {
        let mut text = first.clone();
        let mut client = Client::new(json!({}));
        client.open("main.llmp", &first);
        for (version, chunk) in edits.chunks(3).enumerate() {
            let changes = chunk.iter().map(|(start, end, new)| {
                let range = json!({"start": start, "end": end});
                apply(&mut text, &range, new);
                json!({"range": range, "text": new})
            });
            let changes = changes.collect();
            change(&mut client, version as i32 + 2, changes);
        }
        let known = client.ask("llmp/text", json!({"textDocument": {"uri": uri("main.llmp")}})).expect("the text");
        prop_assert_eq!(known, json!(text));
    }
}
