//! Every request once over the wire: positions, capabilities and the form of the answer. What the answers say
//! is tested in `compiler/tests/ide`.

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
fn the_definition_of_a_stage_is_a_document_of_the_server() {
    let fixture = Fixture::new("docs = crawl.docs(\"a\") |> filter.p$0ii\n");
    let mut client = Client::with(json!({}), &fixture);
    assert!(client.greeting["capabilities"]["workspace"]["textDocumentContent"].is_null());
    assert_eq!(ask(&mut client, &fixture, "textDocument/definition", Value::Null), Value::Null);
    let mut client = Client::with(json!({"workspace": {"textDocumentContent": {}}}), &fixture);
    let schemes = &client.greeting["capabilities"]["workspace"]["textDocumentContent"]["schemes"];
    assert_eq!(*schemes, json!(["llmp-library"]));
    let found = ask(&mut client, &fixture, "textDocument/definition", Value::Null);
    let content = client.ask("workspace/textDocumentContent", json!({"uri": found["uri"]})).expect("text");
    let line = found["range"]["start"]["line"].as_u64().expect("a line") as usize;
    let text = content["text"].as_str().expect("text").lines().nth(line).expect("the line");
    assert!(text.starts_with("stage filter.pii("), "{text}");
    for uri in ["llmp-library:///../Cargo.toml", "file:///etc/passwd", "llmp-library:///none.llmp"] {
        assert!(client.ask("workspace/textDocumentContent", json!({"uri": uri})).is_err(), "{uri}");
    }
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

#[test]
fn hover_is_markdown_where_the_client_shows_it() {
    let fixture = Fixture::new("docs = crawl.docs(\"😀\") |> filter.pii { ma$0sk = [email] }\n");
    let plain = ask(&mut Client::with(json!({}), &fixture), &fixture, "textDocument/hover", Value::Null);
    assert_eq!(plain["contents"]["kind"], "plaintext");
    assert_eq!(plain["range"]["start"], json!({"line": 0, "character": 40}));
    let able = json!({"textDocument": {"hover": {"contentFormat": ["markdown", "plaintext"]}}});
    let rich = ask(&mut Client::with(able, &fixture), &fixture, "textDocument/hover", Value::Null);
    let text = rich["contents"]["value"].as_str().expect("Markdown");
    assert!(text.starts_with("```llmp\nmask: ["), "{text}");
}

#[test]
fn completion_has_snippets_where_the_client_can() {
    let fixture = Fixture::new("// 😀\ndocs = crawl.docs(\"a\") |> filter.pii { ma$0 }\n");
    let entry = |capabilities: Value| {
        let mut client = Client::with(capabilities, &fixture);
        let mut list = ask(&mut client, &fixture, "textDocument/completion", Value::Null);
        list["items"][0].take()
    };
    let plain = entry(json!({}));
    assert_eq!((&plain["label"], &plain["insertTextFormat"]), (&json!("mask"), &json!(1)));
    let range = json!({"start": {"line": 1, "character": 39}, "end": {"line": 1, "character": 41}});
    assert_eq!(plain["textEdit"], json!({"newText": "mask = ", "range": range}));
    let able = json!({"textDocument": {"completion": {"completionItem": {"snippetSupport": true}}}});
    let snippet = entry(able);
    assert_eq!(
        (&snippet["textEdit"]["newText"], &snippet["insertTextFormat"]),
        (&json!("mask = [$1]"), &json!(2))
    );
}

#[test]
fn paths_are_completed_below_the_folder_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path").join("project");
    for path in ["data", "lib"] {
        std::fs::create_dir_all(root.join(path)).expect("a folder");
    }
    for path in ["data/a.jsonl", "data/.hidden", "b.llmp", "lib/c.llmp", "lib/notes.txt", "../outside.llmp"] {
        std::fs::write(root.join(path), "").expect("a file");
    }
    let main = gen_lsp_types::Uri::from_file_path(root.join("main.llmp")).expect("a URI");
    let mut client = Client::new(json!({}));
    let mut labels = |text: &str| -> Vec<String> {
        let fixture = Fixture::new(text);
        let document = json!({"uri": main, "languageId": "llmp", "version": 1, "text": fixture.files[0].1});
        client.notify("textDocument/didOpen", json!({"textDocument": document}));
        let mut params = fixture.at();
        params["textDocument"]["uri"] = json!(main);
        let list = client.ask("textDocument/completion", params).expect("a list");
        let items = list["items"].as_array().expect("items").iter();
        items.map(|item| item["label"].as_str().expect("a label").to_owned()).collect()
    };
    assert_eq!(labels("docs = crawl.docs(\"$0\")\n"), ["data/", "lib/", "b.llmp"]);
    assert_eq!(labels("docs = crawl.docs(\"data/$0\")\n"), ["a.jsonl"]);
    assert_eq!(labels("import \"$0\"\n"), ["data/", "lib/", "b.llmp"]);
    assert_eq!(labels("import \"lib/$0\"\n"), ["c.llmp"]);
    for outside in ["../", "/", "lib/../../", "data/../../project/../"] {
        assert_eq!(labels(&format!("docs = crawl.docs(\"{outside}$0\")\n")), [""; 0], "{outside}");
        assert_eq!(labels(&format!("import \"{outside}$0\"\n")), [""; 0], "{outside}");
    }
}

#[test]
fn signature_help_marks_the_parameter() {
    let fixture = Fixture::new("t = tokenize.encode(docs, $0)\n");
    let mut client = Client::with(json!({}), &fixture);
    let help = ask(&mut client, &fixture, "textDocument/signatureHelp", Value::Null);
    assert_eq!(help["activeParameter"], 1);
    assert_eq!(help["signatures"][0]["parameters"][1]["label"], "tokenizer: Tokenizer<V>");
}

#[test]
fn references_and_highlights() {
    let fixture = Fixture::new(
        "import \"a.llmp\"\nx = filter.pii(do$0cs)\ny = filter.pii(docs)\n=== a.llmp\ndocs = crawl.docs(\"a\")\n",
    );
    let mut client = Client::with(json!({}), &fixture);
    let mut found = |declaration: bool| {
        let context = json!({"context": {"includeDeclaration": declaration}});
        let list = ask(&mut client, &fixture, "textDocument/references", context);
        let place = |one: &Value| (one["uri"].clone(), one["range"]["start"]["line"].clone());
        list.as_array().expect("a list").iter().map(place).collect::<Vec<_>>()
    };
    let (a, main) = (json!(uri("a.llmp")), json!(uri("main.llmp")));
    assert_eq!(found(true), [(a, json!(0)), (main.clone(), json!(1)), (main.clone(), json!(2))]);
    assert_eq!(found(false), [(main.clone(), json!(1)), (main, json!(2))]);
    let here = ask(&mut client, &fixture, "textDocument/documentHighlight", Value::Null);
    assert_eq!(here.as_array().map(Vec::len), Some(2));
}

#[test]
fn renaming_reaches_programs_that_are_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let common = "docs = crawl.docs(\"a\")\n";
    std::fs::write(root.join("common.llmp"), common).expect("a file");
    std::fs::write(root.join("main.llmp"), "import \"common.llmp\"\nx = filter.pii(docs)\n").expect("a file");
    let address = |name: &str| gen_lsp_types::Uri::from_file_path(root.join(name)).expect("a URI");
    let able = json!({"workspace": {"workspaceEdit": {"documentChanges": true}}});
    let folders =
        json!([{"uri": gen_lsp_types::Uri::from_file_path(&root).expect("a URI"), "name": "project"}]);
    let mut client = Client::start(json!({"capabilities": able, "workspaceFolders": folders}));
    let document = json!({"uri": address("common.llmp"), "languageId": "llmp", "version": 7, "text": common});
    client.notify("textDocument/didOpen", json!({"textDocument": document}));
    let place =
        json!({"textDocument": {"uri": address("common.llmp")}, "position": {"line": 0, "character": 2}});
    let prepared = client.ask("textDocument/prepareRename", place.clone()).expect("a name");
    assert_eq!(prepared["placeholder"], "docs");
    let mut rename = |name: &str| {
        let mut params = place.clone();
        params["newName"] = json!(name);
        client.ask("textDocument/rename", params)
    };
    let refused = rename("x").expect_err("`x` is taken in a closed file");
    assert!(refused.message.contains("`x` is already defined at main.llmp:2:1"), "{}", refused.message);
    let edit = rename("documents").expect("edits");
    let changes = edit["documentChanges"].as_array().expect("a list");
    let files: Vec<_> = changes.iter().map(|change| &change["textDocument"]).collect();
    assert_eq!(files[0], &json!({"uri": address("common.llmp"), "version": 7}));
    assert_eq!(files[1], &json!({"uri": address("main.llmp"), "version": null}));
    assert_eq!(changes[1]["edits"][0]["range"]["start"], json!({"line": 1, "character": 15}));
    // Names of the workspace, whether their files are open or not.
    let symbols = client.ask("workspace/symbol", json!({"query": "X"})).expect("symbols");
    assert_eq!(symbols[0]["name"], "x");
    assert_eq!(symbols[0]["location"]["uri"], json!(address("main.llmp")));
}

#[test]
fn a_closed_file_can_be_asked_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("common.llmp");
    std::fs::write(&path, "docs = crawl.docs(\"a\")\n").expect("a file");
    let document = json!({"uri": gen_lsp_types::Uri::from_file_path(&path).expect("a URI")});
    let mut client = Client::new(json!({}));
    let mut name = || {
        let symbols = client.ask("textDocument/documentSymbol", json!({"textDocument": document}));
        symbols.map(|symbols| symbols[0]["name"].clone())
    };
    assert_eq!(name().expect("symbols"), "docs");
    std::fs::write(&path, "pages = crawl.docs(\"a\")\n").expect("a file");
    assert_eq!(name().expect("symbols"), "pages", "it is read anew");
    std::fs::remove_file(&path).expect("a file");
    assert!(name().is_err());
}

#[test]
fn what_stands_behind_the_cursor_can_be_kept() {
    let fixture = Fixture::new("docs = crawl.docs(\"😀\") |> filter.pi$0i\n");
    let able = json!({"textDocument": {"completion": {"completionItem": {"insertReplaceSupport": true}}}});
    let mut client = Client::with(able, &fixture);
    let list = ask(&mut client, &fixture, "textDocument/completion", Value::Null);
    let edit = &list["items"][0]["textEdit"];
    let range = |start: u32, end: u32| json!({"start": {"line": 0, "character": start}, "end": {"line": 0, "character": end}});
    assert_eq!((&edit["insert"], &edit["replace"]), (&range(27, 36), &range(27, 37)));
}

#[test]
fn a_client_without_document_changes_gets_a_map() {
    let fixture = Fixture::new("$0docs = crawl.docs(\"a\")\nx = docs |> filter.pii\n");
    let mut client = Client::with(json!({}), &fixture);
    let edit = ask(&mut client, &fixture, "textDocument/rename", json!({"newName": "y"}));
    assert_eq!(edit["changes"][uri("main.llmp")].as_array().map(Vec::len), Some(2));
}

#[test]
fn outlines_are_trees_or_lists() {
    let fixture = Fixture::new("$0def f(docs: Docs) -> Docs { docs |> filter.pii }\n");
    let mut client = Client::with(json!({}), &fixture);
    let list = ask(&mut client, &fixture, "textDocument/documentSymbol", Value::Null);
    assert_eq!((&list[1]["name"], &list[1]["containerName"]), (&json!("docs"), &json!("f")));
    let able = json!({"textDocument": {"documentSymbol": {"hierarchicalDocumentSymbolSupport": true}}});
    let mut client = Client::with(able, &fixture);
    let tree = ask(&mut client, &fixture, "textDocument/documentSymbol", Value::Null);
    assert_eq!(tree[0]["children"][0]["name"], "docs");
}

#[test]
fn links_lead_to_imported_files() {
    let fixture = Fixture::new("import \"lib/a.llmp\"\n$0import \"missing.llmp\"\n=== lib/a.llmp\n\n");
    let mut client = Client::with(json!({}), &fixture);
    let links = ask(&mut client, &fixture, "textDocument/documentLink", Value::Null);
    let range = json!({"start": {"line": 0, "character": 8}, "end": {"line": 0, "character": 18}});
    assert_eq!(links, json!([{"range": range, "target": uri("lib/a.llmp")}]));
}

#[test]
fn paths_lead_to_files_that_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = |name: &str| gen_lsp_types::Uri::from_file_path(folder.path().join(name)).expect("a URI");
    std::fs::write(folder.path().join("a b.jsonl"), "").expect("a file");
    let text = "param hosts: Path = \"a b.jsonl\"\nx = crawl.docs(\"a b.jsonl\")\ny = crawl.docs(\"none.jsonl\")\nz = crawl.docs(\"*.jsonl\")\nw = crawl.docs(\"../a.jsonl\")\nparam note: Text = \"a b.jsonl\"\n";
    let mut client = Client::new(json!({}));
    let document = json!({"uri": address("main.llmp"), "languageId": "llmp", "version": 1, "text": text});
    client.notify("textDocument/didOpen", json!({"textDocument": document}));
    let document = json!({"uri": address("main.llmp")});
    let links = client.ask("textDocument/documentLink", json!({"textDocument": document})).expect("links");
    let links = links.as_array().expect("a list").iter();
    let places: Vec<_> = links.map(|link| (&link["range"]["start"], &link["target"])).collect();
    let place = |line: u32, character: u32| json!({"line": line, "character": character});
    let target = json!(address("a b.jsonl"));
    assert_eq!(places, [(&place(0, 21), &target), (&place(1, 16), &target)]);
    let at = json!({"textDocument": document, "position": place(1, 18)});
    let found = client.ask("textDocument/definition", at).expect("a place");
    assert_eq!(found["uri"], target);
}

#[test]
fn tokens_are_relative_and_count_code_units() {
    let fixture = Fixture::new("$0x = crawl.docs(\"😀\") // 😀\ny = x\n");
    let mut client = Client::with(json!({}), &fixture);
    let types = client.greeting["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"].clone();
    let number =
        |name: &str| types.as_array().expect("types").iter().position(|one| one == name).expect(name);
    let (variable, function, text, comment) =
        (number("variable"), number("function"), number("string"), number("comment"));
    let data = ask(&mut client, &fixture, "textDocument/semanticTokens/full", Value::Null)["data"].take();
    #[rustfmt::skip]
    let all = json!([
        0, 0, 1, variable, 1,
        0, 4, 5, function, 2,
        0, 6, 4, function, 2,
        0, 5, 4, text, 0,
        0, 6, 5, comment, 0,
        1, 0, 1, variable, 1,
        0, 4, 1, variable, 0,
    ]);
    assert_eq!(data, all);
    let line = json!({"range": {"start": {"line": 1, "character": 1}, "end": {"line": 2, "character": 0}}});
    let data = ask(&mut client, &fixture, "textDocument/semanticTokens/range", line)["data"].take();
    assert_eq!(data, json!([1, 0, 1, variable, 1, 0, 4, 1, variable, 0]));
}

#[test]
fn a_token_lies_on_one_line() {
    // A carriage return ends a line for editors; for the language it is space, here in a comment.
    let fixture = Fixture::new("$0// a\rbc\r\ndocs = crawl.docs(\"a\")\n");
    let mut client = Client::with(json!({}), &fixture);
    let data = ask(&mut client, &fixture, "textDocument/semanticTokens/full", Value::Null)["data"].take();
    let data: Vec<u64> = serde_json::from_value(data).expect("numbers");
    let places: Vec<&[u64]> = data.chunks(5).map(|token| &token[..3]).collect();
    assert_eq!(places[..3], [&[0, 0, 4][..], &[1, 0, 2], &[1, 0, 4]]);
}

#[test]
fn a_part_is_formatted() {
    let fixture = Fixture::new("$0x  =  1\ny  =  2\nz  =  3\n");
    let mut client = Client::with(json!({}), &fixture);
    let options = json!({"tabSize": 2, "insertSpaces": true});
    let range = json!({"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}});
    let more = json!({"options": options, "range": range});
    let edits = ask(&mut client, &fixture, "textDocument/rangeFormatting", more);
    let lines: Vec<_> =
        edits.as_array().expect("edits").iter().map(|edit| &edit["range"]["start"]["line"]).collect();
    assert_eq!(lines, [&json!(1), &json!(1)]);
}

#[test]
fn closing_a_brace_formats_its_item() {
    let fixture = Fixture::new("x  =  1\ny = f {\na = 1 }$0\n");
    let mut client = Client::with(json!({}), &fixture);
    let more = json!({"options": {"tabSize": 2, "insertSpaces": true}, "ch": "}"});
    let edits = ask(&mut client, &fixture, "textDocument/onTypeFormatting", more);
    let texts: Vec<_> = edits.as_array().expect("edits").iter().map(|edit| &edit["newText"]).collect();
    assert_eq!(texts, ["  ", "\n"]);
}

/// Titles of the actions at the cursor, and the actions.
fn actions(client: &mut Client, fixture: &Fixture, only: Value) -> Vec<Value> {
    let place = fixture.at()["position"].clone();
    let mut context = json!({"diagnostics": []});
    if !only.is_null() {
        context["only"] = only;
    }
    let more = json!({"range": {"start": place, "end": place}, "context": context});
    let found = ask(client, fixture, "textDocument/codeAction", more);
    found.as_array().expect("actions").clone()
}

#[test]
fn actions_have_kinds_and_edits() {
    let able = json!({"textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}}});
    let fixture = Fixture::new("// 😀\ndocs = crawl.docs(\"😀\") |> filter.quality { min_w$0ord = 3 }\n");
    let mut client = Client::with(able, &fixture);
    let kinds = |all: &[Value]| -> Vec<String> {
        all.iter().map(|one| one["kind"].as_str().expect("a kind").to_owned()).collect()
    };
    let all = actions(&mut client, &fixture, Value::Null);
    assert_eq!(kinds(&all), ["quickfix", "refactor.rewrite", "refactor.rewrite", "source.fixAll"]);
    assert_eq!(all[0]["isPreferred"], true);
    assert_eq!(all[0]["diagnostics"][0]["code"], "E0208");
    let edit = &all[0]["edit"]["changes"][uri("main.llmp")][0];
    assert_eq!(edit["newText"], "min_words");
    assert_eq!(edit["range"]["start"], json!({"line": 1, "character": 44}));
    assert_eq!(kinds(&actions(&mut client, &fixture, json!(["refactor"]))), ["refactor.rewrite"; 2]);
    assert_eq!(kinds(&actions(&mut client, &fixture, json!(["source"]))), ["source.fixAll"]);
    assert_eq!(kinds(&actions(&mut client, &fixture, json!(["refactor.extract"]))), [""; 0]);
}

#[test]
fn an_old_client_lets_the_server_apply_edits() {
    let fixture = Fixture::new("docs = crawl.docs(\"a\") |> filter.quality { min_w$0ord = 3 }\n");
    let mut client = Client::with(json!({}), &fixture);
    let all = actions(&mut client, &fixture, json!(["quickfix"]));
    assert_eq!(all[0]["command"], "llmp.applyEdit");
    let run = json!({"command": all[0]["command"], "arguments": all[0]["arguments"]});
    client.ask("workspace/executeCommand", run).expect("asked for");
    let applied = client.told("workspace/applyEdit");
    assert_eq!(applied["edit"]["changes"][uri("main.llmp")][0]["newText"], "min_words");
}
