//! What real editors say first, replayed: `compiler/editors/README.md` says where the recordings come from.

use serde_json::{Value, json};

use crate::client::{Client, uri};
use crate::fixture::Fixture;

/// The recordings: name and `initialize` params.
fn recordings() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compiler/editors/initialize");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a recording");
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    files.into_iter().map(read).collect()
}

/// The requests that an editor sends without being asked, and those behind its usual keys.
const REQUESTS: [&str; 14] = [
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/signatureHelp",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/prepareRename",
    "textDocument/documentSymbol",
    "textDocument/documentLink",
    "textDocument/foldingRange",
    "textDocument/codeLens",
    "textDocument/semanticTokens/full",
    "textDocument/formatting",
    "textDocument/codeAction",
];

#[test]
fn every_editor_is_served() {
    let recordings = recordings();
    let names: Vec<&str> = recordings.iter().filter_map(|(name, _)| name.split('-').next()).collect();
    for editor in ["vscode", "neovim", "helix", "emacs"] {
        assert!(names.contains(&editor), "{editor} is missing: {names:?}");
    }
    for (name, params) in recordings {
        let fixture =
            Fixture::new("docs = crawl.docs(\"😀\") |> filter.pii { ma$0sk = [emial] }\nx = docs\n");
        let utf8 = params["capabilities"]["general"]["positionEncodings"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == "utf-8"));
        let pulls = !params["capabilities"]["textDocument"]["diagnostic"].is_null();
        let mut client = Client::start(params);
        let encoding = if utf8 { "utf-8" } else { "utf-16" };
        assert_eq!(client.greeting["capabilities"]["positionEncoding"], encoding, "{name}");
        client.open("main.llmp", &fixture.files[0].1);
        let diagnostics = if pulls { client.pulled("main.llmp") } else { client.published("main.llmp") };
        assert_eq!(diagnostics[0]["code"], "E0217", "{name}");
        let place = fixture.at()["position"].clone();
        for method in REQUESTS {
            let params = json!({
                "textDocument": {"uri": uri("main.llmp")},
                "position": place,
                "range": {"start": place, "end": place},
                "context": {"diagnostics": [], "includeDeclaration": true, "triggerKind": 1, "isRetrigger": false},
                "options": {"tabSize": 2, "insertSpaces": true},
            });
            // `mask` is of the library: it cannot be renamed.
            let answer = client.ask(method, params);
            assert_eq!(
                answer.is_err(),
                method == "textDocument/prepareRename",
                "{name} {method}: {answer:?}"
            );
        }
    }
}
