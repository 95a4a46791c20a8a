//! What is wrong, as editors show it.

use serde_json::{Value, json};

use crate::client::{Client, uri};

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().filter_map(|one| one["code"].as_str()).collect()
}

#[test]
fn a_diagnostic_has_place_code_help_and_related_places() {
    let mut client =
        Client::new(json!({"textDocument": {"publishDiagnostics": {"relatedInformation": true}}}));
    client.open("main.llmp", "docs = crawl.docs(\"a\")\ndocs = crawl.docs(\"b\")\n");
    let published = client.published("main.llmp");
    let twice = published.iter().find(|one| one["code"] == "E0102").expect("E0102");
    assert_eq!(twice["range"]["start"], json!({"line": 1, "character": 0}));
    assert_eq!((&twice["severity"], &twice["source"]), (&json!(1), &json!("llmp")));
    let related = &twice["relatedInformation"][0]["location"];
    assert_eq!(related["uri"], uri("main.llmp"));
    assert_eq!(related["range"]["start"], json!({"line": 0, "character": 0}));
}

#[test]
fn an_imported_file_is_a_part_of_the_program_that_imports_it() {
    let mut client = Client::new(json!({}));
    // On its own it has a mistake: the path leaves its folder. What may come from there is not missed.
    client.open("lib/clean.llmp", "import \"../common.llmp\"\nparam words: Int = floor\n");
    assert_eq!(codes(&client.published("lib/clean.llmp")), ["E0104"]);
    client.open("common.llmp", "param floor: Int = 50\n");
    client.open("main.llmp", "import \"lib/clean.llmp\"\n");
    assert_eq!(codes(&client.published("lib/clean.llmp")), [""; 0]);
    // What changes in one file is seen in the others.
    client.replace("common.llmp", 2, "param ceiling: Int = 50\n");
    assert_eq!(codes(&client.published("lib/clean.llmp")), ["E0211"]);
    client.close("main.llmp");
    assert_eq!(codes(&client.published("lib/clean.llmp")), ["E0104"]);
}

#[test]
fn imports_come_and_go() {
    let mut client = Client::new(json!({}));
    client.open("main.llmp", "import \"common.llmp\"\nparam words: Int = floor\n");
    assert_eq!(codes(&client.published("main.llmp")), ["E0103"]);
    client.open("common.llmp", "param floor: Int = 50\n");
    assert_eq!(codes(&client.published("main.llmp")), [""; 0]);
    client.close("common.llmp");
    assert_eq!(codes(&client.published("main.llmp")), ["E0103"]);
}

#[test]
fn files_that_import_each_other_are_main_files_all() {
    let mut client = Client::new(json!({}));
    client.open("a.llmp", "import \"main.llmp\"\n");
    client.open("main.llmp", "import \"a.llmp\"\n");
    for path in ["a.llmp", "main.llmp"] {
        assert_eq!(codes(&client.pulled(path)), ["E0105"], "{path}");
    }
}

#[test]
fn a_client_that_asks_is_not_told() {
    let capabilities = json!({
        "textDocument": {"diagnostic": {}},
        "workspace": {"diagnostics": {"refreshSupport": true}},
    });
    let mut client = Client::new(capabilities);
    client.open("main.llmp", "import \"common.llmp\"\nparam words: Int = floor\n");
    client.open("common.llmp", "param floor: Int = 50\n");
    assert_eq!(codes(&client.pulled("main.llmp")), [""; 0]);
    client.replace("common.llmp", 2, "");
    client.told("workspace/diagnostic/refresh");
    assert_eq!(codes(&client.pulled("main.llmp")), ["E0211"]);
    assert!(!client.has_told("textDocument/publishDiagnostics"));
}

#[test]
fn the_same_report_is_not_sent_twice() {
    let mut client = Client::new(json!({}));
    client.open("main.llmp", "x = 1\n");
    let document = json!({"uri": uri("main.llmp")});
    let first = client.ask("textDocument/diagnostic", json!({"textDocument": document})).expect("a report");
    assert_eq!(first["kind"], "full");
    let params = json!({"textDocument": document, "previousResultId": first["resultId"]});
    let second = client.ask("textDocument/diagnostic", params.clone()).expect("a report");
    assert_eq!(second["kind"], "unchanged");
    client.replace("main.llmp", 2, "");
    assert_eq!(client.ask("textDocument/diagnostic", params).expect("a report")["kind"], "full");
}

#[test]
fn a_text_that_is_opened_again_is_told_about_again() {
    let mut client = Client::new(json!({}));
    for _ in 0..3 {
        client.open("main.llmp", "x = 1\n");
        // Of the closed one there is nothing to say, and that may have been said in between.
        while client.published("main.llmp").len() != 1 {}
        client.close("main.llmp");
    }
}

#[test]
fn profiles_are_a_setting() {
    let text = "param floor: Int\nprofile short { floor = 20 }\n";
    let mut client = Client::new(json!({}));
    client.open("main.llmp", text);
    assert_eq!(codes(&client.published("main.llmp")), ["E0224"]);
    client.notify("workspace/didChangeConfiguration", json!({"settings": {"llmp": {"profiles": ["short"]}}}));
    assert_eq!(codes(&client.published("main.llmp")), [""; 0]);
}

#[test]
fn settings_are_asked_for_where_the_client_does_not_send_them() {
    let text = "param floor: Int\nprofile short { floor = 20 }\n";
    let mut client = Client::begin(json!({"capabilities": {"workspace": {"configuration": true}}}));
    client.settings = json!({"profiles": ["short"]});
    client.notify("initialized", json!({}));
    assert_eq!(client.told("workspace/configuration")["items"], json!([{"section": "llmp"}]));
    client.open("main.llmp", text);
    assert_eq!(codes(&client.published("main.llmp")), [""; 0]);
    client.settings = json!({"profiles": []});
    client.notify("workspace/didChangeConfiguration", json!({"settings": null}));
    assert_eq!(codes(&client.published("main.llmp")), ["E0224"]);
}

#[test]
fn what_is_wrong_in_closed_files_comes_with_those_that_import_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = |name: &str| gen_lsp_types::Uri::from_file_path(folder.path().join(name)).expect("a URI");
    std::fs::write(folder.path().join("common.llmp"), "param floor: Int = wrong\n").expect("a file");
    let text = "import \"common.llmp\"\n";
    for (supports, expected) in [(true, json!("E0211")), (false, Value::Null)] {
        let diagnostic = json!({"relatedDocumentSupport": supports});
        let mut client = Client::new(json!({"textDocument": {"diagnostic": diagnostic}}));
        let document = json!({"uri": address("main.llmp"), "languageId": "llmp", "version": 1, "text": text});
        client.notify("textDocument/didOpen", json!({"textDocument": document}));
        let params = json!({"textDocument": {"uri": address("main.llmp")}});
        let report = client.ask("textDocument/diagnostic", params).expect("a report");
        assert_eq!(report["items"], json!([]));
        let related = &report["relatedDocuments"][address("common.llmp").as_str()];
        assert_eq!(related["items"][0]["code"], expected, "{report}");
    }
}
