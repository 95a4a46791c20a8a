//! Every request once over the wire: positions, capabilities and the form of the answer. What the answers say is tested
//! in `compiler/tests/ide`.

use serde_json::{Value, json};

use crate::client::{Client, uri};
use crate::fixture::Fixture;

/// Asks about the cursor of a fixture; `more` is added to the params.
fn ask(client: &mut Client, fixture: &Fixture, method: &str, more: Value) -> Value {
    let mut params = fixture.at();
    for (name, value) in more.as_object().into_iter().flatten() {
        params[name] = value.clone();
    }
    client.ask(method, params).expect("an answer")
}

#[test]
fn definition_across_files() {
    let fixture = Fixture::new(
        "import \"lib/😀.llmp\"\nx = 中, clean$0(crawl.docs(\"a\"))\n=== lib/😀.llmp\n/* */ é\ndef clean(docs: Docs) -> Docs { docs }\n",
    );
    let mut client = Client::with(json!({}), &fixture);
    let place = json!({"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 9}});
    let found = ask(&mut client, &fixture, "textDocument/definition", Value::Null);
    assert_eq!(found, Value::Null, "junk is not read");
    let fixture = Fixture::new(
        "import \"a.llmp\"\nx = clean$0(crawl.docs(\"a\"))\n=== a.llmp\n// é\ndef clean(docs: Docs) -> Docs { docs }\n",
    );
    let mut client = Client::with(json!({}), &fixture);
    let found = ask(&mut client, &fixture, "textDocument/definition", Value::Null);
    assert_eq!(found, json!({"uri": uri("a.llmp"), "range": place}));
    let mut client = Client::with(json!({"textDocument": {"definition": {"linkSupport": true}}}), &fixture);
    let found = ask(&mut client, &fixture, "textDocument/definition", Value::Null);
    assert_eq!(found[0]["targetSelectionRange"], place);
    assert_eq!(found[0]["originSelectionRange"]["end"]["character"], 9);
}

#[test]
fn folding_leaves_the_closing_line() {
    let fixture = Fixture::new("$0// a\n// b\n\ndocs = crawl.docs(\n  \"a\"\n)\n");
    let mut client = Client::with(json!({}), &fixture);
    let folds = ask(&mut client, &fixture, "textDocument/foldingRange", Value::Null);
    assert_eq!(
        folds,
        json!([{"startLine": 0, "endLine": 1, "kind": "comment"}, {"startLine": 3, "endLine": 4}])
    );
}

#[test]
fn selections_grow() {
    let fixture = Fixture::new("docs = crawl.docs(\"😀\", na$0me)\n");
    let mut client = Client::with(json!({}), &fixture);
    let positions = json!({"positions": [fixture.at()["position"]]});
    let mut around = ask(&mut client, &fixture, "textDocument/selectionRange", positions)[0].take();
    let mut widths = Vec::new();
    while !around.is_null() {
        let column = |end: &str| around["range"][end]["character"].as_u64().expect("a column");
        widths.push((column("start"), column("end")));
        around = around["parent"].take();
    }
    assert_eq!(widths, [(24, 28), (17, 29), (7, 29), (0, 29), (0, 0)]);
}
