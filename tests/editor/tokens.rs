//! Semantic tokens as differences from the last answer.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Client, uri};

/// What a client knows of a document's tokens.
#[derive(Debug, Default)]
pub(crate) struct Known {
    id: Value,
    integers: Vec<u64>,
}

impl Known {
    /// Asks for the tokens as a difference from those that are known, and for all; both must be the same.
    /// Whether there was a difference.
    pub(crate) fn ask(&mut self, client: &mut Client, uri: &str) -> bool {
        let document = json!({"uri": uri});
        let id = self.id.as_str().unwrap_or("none");
        let params = json!({"textDocument": document, "previousResultId": id});
        let answer = client.ask("textDocument/semanticTokens/full/delta", params).expect("tokens");
        let is_difference = answer["edits"].is_array();
        match answer["edits"].as_array() {
            Some(edits) => self.apply(edits),
            None => self.integers = integers(&answer["data"]),
        }
        let all = client
            .ask("textDocument/semanticTokens/full", json!({"textDocument": document}))
            .expect("tokens");
        assert_eq!(self.integers, integers(&all["data"]), "{answer}");
        assert_ne!(all["resultId"], answer["resultId"]);
        self.id = all["resultId"].clone();
        is_difference
    }

    /// All edits refer to the old integers; the last one first, none moves another.
    fn apply(&mut self, edits: &[Value]) {
        for edit in edits.iter().rev() {
            let number = |name: &str| edit[name].as_u64().expect("a number") as usize;
            let (start, end) = (number("start"), number("start") + number("deleteCount"));
            self.integers.splice(start..end, integers(&edit["data"]));
        }
    }
}

fn integers(data: &Value) -> Vec<u64> {
    data.as_array().into_iter().flatten().map(|one| one.as_u64().expect("a number")).collect()
}

#[test]
fn differences_refer_to_the_last_answer() {
    let mut client = Client::new(json!({}));
    let provider = &client.greeting["capabilities"]["semanticTokensProvider"];
    assert_eq!(provider["full"], json!({"delta": true}));
    let uses = "a = filter.pii(docs)\nb = filter.pii(docs)\n";
    client.open("main.llmp", &format!("docs = crawl.docs(\"a\")\n{uses}"));
    let document = json!({"uri": uri("main.llmp")});
    let all = client.ask("textDocument/semanticTokens/full", json!({"textDocument": document})).expect("all");
    client.replace("main.llmp", 2, &format!("docz = crawl.docs(\"a\")\n{uses}"));
    let params = json!({"textDocument": document, "previousResultId": all["resultId"]});
    let changed = client.ask("textDocument/semanticTokens/full/delta", params.clone()).expect("edits");
    assert_eq!(changed["edits"].as_array().map(Vec::len), Some(1), "{changed}");
    let again = client.ask("textDocument/semanticTokens/full/delta", params).expect("all");
    assert!(again["data"].is_array(), "an answer that is not the last one is forgotten: {again}");
    let same = json!({"textDocument": document, "previousResultId": again["resultId"]});
    let same = client.ask("textDocument/semanticTokens/full/delta", same).expect("nothing");
    assert_eq!(same["edits"], json!([]));
    client.close("main.llmp");
    client.open("main.llmp", "");
    let closed = json!({"textDocument": document, "previousResultId": same["resultId"]});
    let closed = client.ask("textDocument/semanticTokens/full/delta", closed).expect("all");
    assert_eq!(closed["data"], json!([]), "what was known of a closed document is forgotten");
}

/// Lines that make and break names.
fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "docs = crawl.docs(\"😀\")\n",
        "a = filter.pii(docs) { mask = [email] }\n",
        "b = docs |> filter.quality { min_words = floor }\n",
        "param floor: Int = 50 /// 中\n",
        "// é\r\n",
        "def f(x: Docs) -> Docs { x |> filter.pii }\n",
        "c = f(docs\n",
        "\"\n",
        "\n",
    ]);
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn differences_make_the_new_tokens_of_the_old(texts in prop::collection::vec(text(), 2..12)) {
        let mut client = Client::new(json!({}));
        client.open("main.llmp", &texts[0]);
        let mut known = Known::default();
        for (version, text) in texts.iter().enumerate() {
            client.replace("main.llmp", version as i32 + 2, text);
            let is_difference = known.ask(&mut client, &uri("main.llmp"));
            prop_assert_eq!(is_difference, version > 0);
        }
    }
}
