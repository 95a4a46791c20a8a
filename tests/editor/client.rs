//! A client in process.

use std::collections::VecDeque;
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{
    Connection, Message, Notification, ProtocolError, Request, RequestId, Response, ResponseError,
};
use serde_json::{Value, json};

use crate::fixture::Fixture;

/// How long to wait for a message before the server counts as stuck; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder that all test files stand in. It does not exist: all files are open.
const FOLDER: &str = "file:///project/";

/// The URI of a test file.
pub(crate) fn uri(path: &str) -> String {
    format!("{FOLDER}{path}")
}

/// An editor with one server.
pub(crate) struct Client {
    connection: Option<Connection>,
    server: Option<JoinHandle<Result<llmp_lsp::Ended, ProtocolError>>>,
    next: i32,
    /// The result of `initialize`.
    pub(crate) greeting: Value,
    /// What it answers when it is asked for its settings.
    pub(crate) settings: Value,
    /// Notifications and requests of the server that nobody has looked at yet.
    told: VecDeque<(String, Value)>,
}

impl Client {
    /// A client with these capabilities.
    pub(crate) fn new(capabilities: Value) -> Self {
        Self::start(json!({"processId": null, "rootUri": FOLDER, "capabilities": capabilities}))
    }

    /// A client that sends these `initialize` params.
    pub(crate) fn start(params: Value) -> Self {
        let mut client = Self::begin(params);
        client.notify("initialized", json!({}));
        client
    }

    /// The same, before it says that it is initialized.
    pub(crate) fn begin(params: Value) -> Self {
        let (connection, other) = Connection::memory();
        let server = std::thread::spawn(move || llmp_lsp::serve(llmp::library::toolkit(), &other));
        let mut client = Self {
            connection: Some(connection),
            server: Some(server),
            next: 0,
            greeting: Value::Null,
            settings: Value::Null,
            told: VecDeque::new(),
        };
        client.greeting = client.ask("initialize", params).expect("a greeting");
        client
    }

    /// A client that has a fixture's files open.
    pub(crate) fn with(capabilities: Value, fixture: &Fixture) -> Self {
        let mut client = Self::new(capabilities);
        for (path, text) in &fixture.files {
            client.open(path, text);
        }
        client
    }

    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("connected until dropped")
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        let notification = Notification::new(method.to_owned(), params);
        self.connection().sender.send(notification.into()).expect("the server listens");
    }

    /// Sends a request without waiting for the response.
    pub(crate) fn send(&mut self, method: &str, params: Value) -> RequestId {
        self.next += 1;
        let id = RequestId::from(self.next);
        let request = Request::new(id.clone(), method.to_owned(), params);
        self.connection().sender.send(request.into()).expect("the server listens");
        id
    }

    /// The response to a request; what else arrives is kept for [`told`](Self::told).
    pub(crate) fn response(&mut self, id: &RequestId) -> Result<Value, ResponseError> {
        loop {
            match self.receive() {
                Some(response) => {
                    assert_eq!(response.id, *id, "responses come in order");
                    return response.response_result;
                }
                None => continue,
            }
        }
    }

    /// Sends a request and waits for the response.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Result<Value, ResponseError> {
        let id = self.send(method, params);
        self.response(&id)
    }

    /// Takes one message; requests of the server are answered with `null`, those for settings with what is
    /// set.
    fn receive(&mut self) -> Option<Response> {
        let message = self.connection().receiver.recv_timeout(PATIENCE).expect("the server answers");
        match message {
            Message::Response(response) => Some(response),
            Message::Notification(Notification { method, params }) => {
                self.told.push_back((method, params));
                None
            }
            Message::Request(Request { id, method, params }) => {
                let result = match method.as_str() {
                    "workspace/configuration" => json!([self.settings]),
                    _ => Value::Null,
                };
                self.told.push_back((method, params));
                let response = Response::new_ok(id, result);
                self.connection().sender.send(response.into()).expect("the server listens");
                None
            }
        }
    }

    /// The params of the next notification or request of the server with this method.
    pub(crate) fn told(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.told.iter().position(|(told, _)| told == method) {
                return self.told.remove(at).expect("found").1;
            }
            assert!(self.receive().is_none(), "a response that nobody waits for");
        }
    }

    /// Forgets what the server has said, but not that it has found a bug of its own.
    pub(crate) fn forget_told(&mut self) {
        self.told.retain(|(method, params)| method == "window/logMessage" && params["type"] == 1);
    }

    /// Whether the server has said something with this method, after all that was sent before.
    pub(crate) fn has_told(&mut self, method: &str) -> bool {
        // Messages are answered in order.
        let _ = self.ask("llmp/nothing", Value::Null);
        self.told.iter().any(|(told, _)| told == method)
    }

    /// Opens a file.
    pub(crate) fn open(&mut self, path: &str, text: &str) {
        let document = json!({"uri": uri(path), "languageId": "llmp", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Replaces the whole text of a file.
    pub(crate) fn replace(&mut self, path: &str, version: i32, text: &str) {
        let document = json!({"uri": uri(path), "version": version});
        self.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": [{"text": text}]}),
        );
    }

    /// Closes a file.
    pub(crate) fn close(&mut self, path: &str) {
        self.notify("textDocument/didClose", json!({"textDocument": {"uri": uri(path)}}));
    }

    /// The diagnostics of the next `publishDiagnostics` about a file.
    pub(crate) fn published(&mut self, path: &str) -> Vec<Value> {
        loop {
            let mut params = self.told("textDocument/publishDiagnostics");
            if params["uri"] == uri(path) {
                return serde_json::from_value(params["diagnostics"].take()).expect("a list");
            }
        }
    }

    /// The diagnostics of a file, asked for.
    pub(crate) fn pulled(&mut self, path: &str) -> Vec<Value> {
        let mut report = self
            .ask("textDocument/diagnostic", json!({"textDocument": {"uri": uri(path)}}))
            .expect("a report");
        serde_json::from_value(report["items"].take()).expect("a list")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.ask("shutdown", Value::Null).expect("the server shuts down");
        self.notify("exit", Value::Null);
        // A bug that the server survived is a bug all the same.
        while let Ok(message) = self.connection().receiver.try_recv() {
            if let Message::Notification(Notification { method, params }) = message {
                self.told.push_back((method, params));
            }
        }
        let bugs: Vec<_> = self
            .told
            .iter()
            .filter(|(method, params)| method == "window/logMessage" && params["type"] == 1)
            .collect();
        assert!(bugs.is_empty(), "{bugs:?}");
        self.connection = None;
        let server = self.server.take().expect("joined once");
        let ended = server.join().expect("the server does not panic").expect("it begins in order");
        assert_eq!(ended, llmp_lsp::Ended::InOrder, "`exit` comes after `shutdown`");
    }
}
