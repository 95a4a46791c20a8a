//! Beginning, end, and requests that go wrong.

use lsp_server::ErrorCode;
use serde_json::{Value, json};

use crate::client::{Client, uri};

fn code(result: Result<Value, lsp_server::ResponseError>) -> i32 {
    result.expect_err("an error").code
}

#[test]
fn the_server_says_who_it_is() {
    let client = Client::new(json!({}));
    assert_eq!(client.greeting["serverInfo"]["name"], "llmp");
    assert_eq!(client.greeting["capabilities"]["positionEncoding"], "utf-16");
}

#[test]
fn utf8_is_taken_where_it_is_offered() {
    let mut client = Client::new(json!({"general": {"positionEncodings": ["utf-16", "utf-8"]}}));
    assert_eq!(client.greeting["capabilities"]["positionEncoding"], "utf-8");
    client.open("main.llmp", "// 😀\nx = 中\n");
    let at = |one: &Value| one["range"].clone();
    let ranges: Vec<Value> = client.published("main.llmp").iter().map(at).collect();
    assert_eq!(ranges[0], json!({"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 7}}));
}

#[test]
fn characters_are_counted_where_that_is_all_the_client_knows() {
    let mut client = Client::new(json!({"general": {"positionEncodings": ["utf-32"]}}));
    assert_eq!(client.greeting["capabilities"]["positionEncoding"], "utf-32");
    client.open("main.llmp", "docs = crawl.docs(\"😀\") |> none\n");
    let range = client.published("main.llmp")[0]["range"].clone();
    assert_eq!(range, json!({"start": {"line": 0, "character": 26}, "end": {"line": 0, "character": 30}}));
}

#[test]
fn a_client_may_talk_before_it_is_initialized() {
    let mut client = Client::begin(json!({"capabilities": {}}));
    client.notify("$/setTrace", json!({"value": "off"}));
    client.open("main.llmp", "x = 1\n");
    assert_eq!(client.published("main.llmp").len(), 1);
    client.notify("initialized", json!({}));
    let again = client.ask("initialize", json!({"capabilities": {}}));
    assert_eq!(code(again), ErrorCode::InvalidRequest as i32);
}

#[test]
fn a_client_that_goes_without_a_word_is_told_apart() {
    let (connection, other) = lsp_server::Connection::memory();
    let server = std::thread::spawn(move || llmp_lsp::serve(llmp::library::toolkit(), &other));
    let initialize = json!({"capabilities": {}});
    let initialize = lsp_server::Request::new(1.into(), "initialize".to_owned(), initialize);
    connection.sender.send(initialize.into()).expect("the server listens");
    let exit = lsp_server::Notification::new("exit".to_owned(), Value::Null);
    connection.sender.send(exit.into()).expect("the server listens");
    let ended = server.join().expect("no panic").expect("it began in order");
    assert_eq!(ended, llmp_lsp::Ended::OutOfOrder, "`exit` without `shutdown` is exit code 1");
}

#[test]
fn the_server_ends_with_the_process_that_its_client_names() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("start a process");
    let (connection, other) = lsp_server::Connection::memory();
    let server = std::thread::spawn(move || llmp_lsp::serve(llmp::library::toolkit(), &other));
    let initialize = json!({"processId": child.id(), "capabilities": {}});
    let initialize = lsp_server::Request::new(1.into(), "initialize".to_owned(), initialize);
    connection.sender.send(initialize.into()).expect("the server listens");
    connection.receiver.recv().expect("a greeting");
    let initialized = lsp_server::Notification::new("initialized".to_owned(), json!({}));
    connection.sender.send(initialized.into()).expect("the server listens");
    child.kill().expect("kill it");
    // The connection stays open.
    let ended = server.join().expect("no panic").expect("it began in order");
    assert_eq!(ended, llmp_lsp::Ended::Orphaned);
    drop(connection);
    child.wait().expect("wait for it");
}

#[test]
fn wrong_requests_are_refused() {
    let mut client = Client::new(json!({}));
    assert_eq!(code(client.ask("llmp/nothing", Value::Null)), ErrorCode::MethodNotFound as i32);
    let unopened = json!({"textDocument": {"uri": uri("none.llmp")}});
    assert_eq!(code(client.ask("textDocument/diagnostic", unopened)), ErrorCode::InvalidParams as i32);
    for params in [json!(null), json!({}), json!({"textDocument": {"uri": "no URI"}}), json!([1])] {
        assert_eq!(code(client.ask("textDocument/diagnostic", params)), ErrorCode::InvalidParams as i32);
    }
    client.open("main.llmp", "");
    let options = json!({"textDocument": {"uri": uri("main.llmp")}, "options": 3});
    assert_eq!(code(client.ask("textDocument/formatting", options)), ErrorCode::InvalidParams as i32);
}

#[test]
fn a_strange_client_is_served() {
    let odd =
        json!({"capabilities": {"general": 3, "textDocument": []}, "workspaceFolders": "none", "rootUri": 1});
    let mut client = Client::start(odd);
    client.open("main.llmp", "x = 1\n");
    assert_eq!(client.published("main.llmp").len(), 1);
    for method in
        ["textDocument/didOpen", "textDocument/didChange", "workspace/didChangeConfiguration", "no/such"]
    {
        client.notify(method, json!({"textDocument": 1}));
    }
    assert_eq!(client.pulled("main.llmp").len(), 1);
}

#[test]
fn cancelled_requests_are_answered_once() {
    let mut client = Client::new(json!({}));
    client.open("main.llmp", "x = 1\n");
    let asked = json!({"textDocument": {"uri": uri("main.llmp")}});
    let ids: Vec<_> = (0..50).map(|_| client.send("textDocument/diagnostic", asked.clone())).collect();
    for id in &ids {
        client.notify("$/cancelRequest", json!({"id": id}));
    }
    client.notify("$/cancelRequest", json!({"id": "never sent"}));
    for id in &ids {
        // Whether it was done by then or not, there is one answer.
        if let Err(error) = client.response(id) {
            assert_eq!(error.code, ErrorCode::RequestCanceled as i32);
        }
    }
    assert_eq!(client.pulled("main.llmp").len(), 1);
}

#[test]
fn requests_after_shutdown_are_refused() {
    let mut client = Client::new(json!({}));
    client.open("main.llmp", "");
    client.ask("shutdown", Value::Null).expect("shut down");
    let asked = json!({"textDocument": {"uri": uri("main.llmp")}});
    assert_eq!(code(client.ask("textDocument/diagnostic", asked)), ErrorCode::InvalidRequest as i32);
}

#[test]
fn a_text_that_is_no_file_yet_is_checked() {
    let mut client = Client::new(json!({}));
    let document = json!({"uri": "untitled:Untitled-1", "languageId": "llmp", "version": 1, "text": "import \"a.llmp\"\n"});
    client.notify("textDocument/didOpen", json!({"textDocument": document}));
    let published = client.told("textDocument/publishDiagnostics");
    assert_eq!(published["uri"], "untitled:Untitled-1");
    assert_eq!(published["diagnostics"][0]["code"], "E0103");
}
