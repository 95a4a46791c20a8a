//! The server's one thread: takes in messages, answers them in order, and publishes what is wrong once it is
//! idle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, never, select_biased, unbounded};
use gen_lsp_types::{LogMessageNotification, LogMessageParams, MessageType, Uri};
use llmp_planning::Toolkit;
use lsp_server::{Message, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};

use super::Ended;
use super::analysis::Analyses;
use super::client::Client;
use super::diagnostics::ByFile;
use super::documents::{Documents, path_of};
use super::error::{Answer, Refusal};
use super::plan::Plans;
use super::planner::Planner;
use super::routes::{self, Routes};
use super::settings::Settings;
use super::snapshot::Snapshot;
use super::sync;
use super::tokens::Answered;

/// Messages that wait at most; more are left to the transport.
const MOST_WAITING: usize = 1_024;

/// A job's result: what to do with it on the server's thread.
type Posted = Box<dyn FnOnce(&mut Server) + Send>;

/// What is done with the client's response to a request of ours.
type OnResponse = Box<dyn FnOnce(&mut Server, Result<Value, ResponseError>)>;

/// Brings results from other threads to the server's.
#[derive(Clone)]
pub struct Poster(Sender<Posted>);

impl Poster {
    /// Lets the server's thread call `function`; nothing happens where the server is gone.
    pub fn post(&self, function: impl FnOnce(&mut Server) + Send + 'static) {
        // The server is gone: nobody waits for the result.
        let _ = self.0.send(Box::new(function));
    }
}

/// The language server of one client.
pub struct Server {
    pub(super) toolkit: Toolkit,
    sender: Sender<Message>,
    posted: Receiver<Posted>,
    poster: Poster,
    inbox: VecDeque<Message>,
    cancelled: BTreeSet<RequestId>,
    responses: BTreeMap<RequestId, OnResponse>,
    next_request: i32,
    routes: Routes,
    shut_down: bool,
    /// Whether the client's process has ended.
    pub(super) orphaned: bool,
    /// Whether something has changed that has not been published.
    pub(super) due: bool,
    pub(super) client: Arc<Client>,
    pub(super) settings: Settings,
    pub(super) documents: Documents,
    pub(super) analyses: Analyses,
    pub(super) planner: Planner,
    pub(super) plans: Arc<Plans>,
    /// The diagnostics that the client knows, or would if it asked.
    pub(super) published: ByFile,
    /// The semantic tokens that the client knows.
    pub(super) tokens: Answered,
    /// The one document that has changed since they were published; `None` where several have.
    pub(super) changed: Option<PathBuf>,
}

impl Server {
    /// A server for the client with these `initialize` params.
    pub(super) fn new(toolkit: Toolkit, sender: Sender<Message>, params: &Value) -> Self {
        let (post, posted) = unbounded();
        let poster = Poster(post);
        Self {
            toolkit,
            sender,
            posted,
            planner: Planner::start(toolkit, poster.clone()),
            plans: Arc::default(),
            poster,
            inbox: VecDeque::new(),
            cancelled: BTreeSet::new(),
            responses: BTreeMap::new(),
            next_request: 0,
            routes: routes::table(),
            shut_down: false,
            orphaned: false,
            due: false,
            client: Arc::new(Client::new(params)),
            settings: Settings::new(params.get("initializationOptions").unwrap_or(&Value::Null)),
            documents: Documents::default(),
            analyses: Analyses::new(toolkit),
            published: ByFile::new(),
            tokens: Answered::default(),
            changed: None,
        }
    }

    /// Answers `initialize`.
    pub(super) fn greet(&self, id: RequestId) {
        self.send(Response::new_ok(
            id,
            json!({
                "capabilities": routes::capabilities(&self.client),
                "serverInfo": {"name": "llmp", "version": env!("CARGO_PKG_VERSION")},
            }),
        ));
    }

    /// Serves until `exit`, or until the client hangs up or its process ends.
    pub(super) fn run(&mut self, receiver: &Receiver<Message>) -> Ended {
        loop {
            if self.inbox.is_empty() {
                // What has arrived comes before what is to be said.
                let rest = if self.due { after(Duration::ZERO) } else { never() };
                let posted = self.posted.clone();
                select_biased! {
                    recv(receiver) -> message => match message {
                        Ok(message) => self.arrived(message),
                        Err(_) => return Ended::InOrder,
                    },
                    recv(posted) -> function => {
                        if let Ok(function) = function {
                            self.guarded("a job's result", function);
                        }
                    }
                    recv(rest) -> _ => {
                        self.due = false;
                        self.guarded("diagnostics", Self::publish);
                        self.guarded("plan", Self::plan);
                    }
                }
            }
            if self.orphaned {
                return Ended::Orphaned;
            }
            // What has arrived meanwhile may cancel what waits.
            while self.inbox.len() < MOST_WAITING
                && let Ok(message) = receiver.try_recv()
            {
                self.arrived(message);
            }
            let Some(message) = self.inbox.pop_front() else { continue };
            match message {
                Message::Request(request) => self.answer(request),
                Message::Notification(notification) if notification.method == "exit" => {
                    return if self.shut_down { Ended::InOrder } else { Ended::OutOfOrder };
                }
                Message::Notification(notification) => {
                    self.guarded(&notification.method.clone(), |server| sync::notified(server, notification));
                }
                Message::Response(Response { id, response_result }) => {
                    if let Some(then) = self.responses.remove(&id) {
                        self.guarded("a response", |server| then(server, response_result));
                    }
                }
            }
        }
    }

    /// Takes in a message: it waits for its turn, or cancels one that does.
    fn arrived(&mut self, message: Message) {
        match &message {
            Message::Notification(notification) if notification.method == "$/cancelRequest" => {
                let id = notification.params.get("id").cloned();
                if let Some(id) = id.and_then(|id| serde_json::from_value::<RequestId>(id).ok()) {
                    let waits = |one: &Message| matches!(one, Message::Request(request) if request.id == id);
                    if self.inbox.iter().any(waits) {
                        self.cancelled.insert(id);
                    }
                }
            }
            _ => self.inbox.push_back(message),
        }
    }

    /// Runs something; a panic is a bug that is told, not the end.
    fn guarded(&mut self, what: &str, function: impl FnOnce(&mut Self)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| function(self))) {
            self.log(MessageType::Error, format!("{what}: {}", told(&*panic)));
        }
    }

    fn answer(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let result = if self.cancelled.remove(&id) {
            Err(Refusal::cancelled())
        } else if method == "shutdown" {
            self.shut_down = true;
            Ok(Value::Null)
        } else if self.shut_down {
            Err(Refusal::order("the server has been shut down"))
        } else if method == "initialize" {
            Err(Refusal::order("the server has been initialized"))
        } else if self.is_outdated(&method, &params) {
            Err(Refusal::outdated())
        } else {
            let answered = catch_unwind(AssertUnwindSafe(|| self.dispatch(&method, params)));
            answered.unwrap_or_else(|panic| {
                let told = told(&*panic);
                self.log(MessageType::Error, format!("{method}: {told}"));
                Err(Refusal::bug(told))
            })
        };
        self.send(Response { id, response_result: result.map_err(ResponseError::from) });
    }

    fn dispatch(&mut self, method: &str, params: Value) -> Answer<Value> {
        let Some(route) = self.routes.get(method) else { return Err(Refusal::unknown(method)) };
        let route = Arc::clone(route);
        route(self, params)
    }

    /// Whether a newer text has arrived since a request was sent, and the client wants to ask again.
    fn is_outdated(&self, method: &str, params: &Value) -> bool {
        const RETRIED: &str = "/general/staleRequestSupport/retryOnContentModified";
        let uri = |params: &Value| params.pointer("/textDocument/uri").cloned();
        let Some(asked) = uri(params) else { return false };
        self.client.lists(RETRIED, method)
            && self.inbox.iter().any(|message| match message {
                Message::Notification(one) => {
                    one.method == "textDocument/didChange" && uri(&one.params).as_ref() == Some(&asked)
                }
                _ => false,
            })
    }

    /// What a request about the document `uri` is answered from.
    pub(super) fn snapshot(&mut self, uri: &Uri) -> Answer<Snapshot> {
        let path = path_of(uri);
        // What is closed is read from the disk, as a program of its own unless an open one imports it.
        if self.documents.get(&path).is_none() && !(path.is_absolute() && path.is_file()) {
            return Err(Refusal::params(format!("`{uri}` is neither open nor a file")));
        }
        let mut around = self.analyses.around(&self.documents, &self.settings, &path).into_iter();
        let found = around.next().and_then(|analysis| Some((analysis.file(&path)?, analysis)));
        let Some((file, analysis)) = found else {
            return Err(Refusal::cannot(format!("`{uri}` cannot be read")));
        };
        Ok(Snapshot {
            client: Arc::clone(&self.client),
            analysis,
            others: around.collect(),
            plans: Arc::clone(&self.plans),
            profiles: self.settings.profiles.clone(),
            file,
        })
    }

    /// The same, with the programs whose main files are closed.
    pub(super) fn snapshot_of_all(&mut self, uri: &Uri) -> Answer<Snapshot> {
        let mut snapshot = self.snapshot(uri)?;
        snapshot.others.extend(self.closed_programs(&path_of(uri)));
        Ok(snapshot)
    }

    /// The text at `path` has changed, has been opened or closed, or is another one on the disk.
    pub(super) fn touched(&mut self, path: &Path) {
        self.planner.interrupt();
        self.analyses.forget(path);
        self.changed = match self.due {
            false => Some(path.to_owned()),
            true => self.changed.take().filter(|changed| changed == path),
        };
        self.due = true;
    }

    /// Anything may have changed.
    pub(super) fn touched_all(&mut self) {
        self.planner.interrupt();
        self.analyses.forget_all();
        self.changed = None;
        self.due = true;
    }

    /// Brings results from other threads here.
    #[must_use]
    pub fn poster(&self) -> Poster {
        self.poster.clone()
    }

    /// Sends a notification.
    pub(super) fn notify<N: gen_lsp_types::Notification>(&self, params: N::Params) {
        self.send(lsp_server::Notification::new(N::METHOD.as_str().to_owned(), params));
    }

    /// Sends a request; `then` is called with the response.
    pub(super) fn request<R: gen_lsp_types::Request>(
        &mut self,
        params: R::Params,
        then: impl FnOnce(&mut Self, Result<Value, ResponseError>) + 'static,
    ) {
        let id = RequestId::from(self.next_request);
        self.next_request += 1;
        self.responses.insert(id.clone(), Box::new(then));
        self.send(Request::new(id, R::METHOD.as_str().to_owned(), params));
    }

    /// Writes a line into the client's log.
    pub(super) fn log(&self, kind: MessageType, message: String) {
        self.notify::<LogMessageNotification>(LogMessageParams { kind, message });
    }

    fn send(&self, message: impl Into<Message>) {
        // The client is gone; the next receive ends the server.
        let _ = self.sender.send(message.into());
    }
}

/// What a panic says.
pub(super) fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("a bug in llmp: {text}")
}

#[cfg(test)]
mod tests {
    use llmp_compiler::signature::Library;
    use llmp_stage::Registry;
    use lsp_server::{ErrorCode, Notification};

    use super::*;

    /// A language without stages.
    fn nothing() -> Toolkit {
        Toolkit {
            library: Box::leak(Box::new(Library::new(&[]).0)),
            registry: Box::leak(Box::new(Registry::new(vec![], vec![]))),
            device: "cpu",
        }
    }

    const URI: &str = "file:///project/main.llmp";

    /// A server with an open document, and what it sends.
    fn server(capabilities: &Value) -> (Server, Receiver<Message>) {
        let (sender, sent) = unbounded();
        let mut server = Server::new(nothing(), sender, &json!({"capabilities": capabilities}));
        let document = json!({"uri": URI, "languageId": "llmp", "version": 1, "text": "x = 1\n"});
        let params = json!({"textDocument": document});
        sync::notified(&mut server, Notification::new("textDocument/didOpen".to_owned(), params));
        (server, sent)
    }

    fn request(id: i32, method: &str) -> Request {
        Request::new(id.into(), method.to_owned(), json!({"textDocument": {"uri": URI}}))
    }

    fn change() -> Message {
        let params = json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": []});
        Notification::new("textDocument/didChange".to_owned(), params).into()
    }

    /// The error code of the next response; 0 for a result.
    fn code(sent: &Receiver<Message>) -> i32 {
        let responses = std::iter::from_fn(|| sent.try_recv().ok()).filter_map(|message| match message {
            Message::Response(response) => Some(response.response_result),
            _ => None,
        });
        responses.map(|result| result.map_or_else(|error| error.code, |_| 0)).next().expect("a response")
    }

    #[test]
    fn a_panic_is_an_error_and_not_the_end() {
        let (mut server, sent) = server(&Value::Null);
        server.routes.insert("test/panic", Arc::new(|_, _| panic!("on purpose")));
        server.answer(request(1, "test/panic"));
        let told: Vec<Message> = sent.try_iter().collect();
        let [Message::Notification(log), Message::Response(response)] = told.as_slice() else {
            panic!("a line in the log and a response, not {told:?}")
        };
        assert_eq!(log.method, "window/logMessage");
        assert_eq!(
            response.response_result.as_ref().map_err(|error| error.code),
            Err(ErrorCode::InternalError as i32)
        );
        server.answer(request(2, "textDocument/foldingRange"));
        assert_eq!(code(&sent), 0);
    }

    #[test]
    fn what_waits_can_be_cancelled() {
        let (mut server, sent) = server(&Value::Null);
        server.arrived(request(1, "textDocument/foldingRange").into());
        let cancel = |id: i32| Notification::new("$/cancelRequest".to_owned(), json!({"id": id}));
        server.arrived(cancel(1).into());
        server.arrived(cancel(2).into());
        assert!(!server.cancelled.contains(&2.into()), "what is not there is not remembered");
        let Some(Message::Request(waiting)) = server.inbox.pop_front() else { panic!("the request waits") };
        server.answer(waiting);
        assert_eq!(code(&sent), ErrorCode::RequestCanceled as i32);
        assert!(server.cancelled.is_empty());
    }

    #[test]
    fn a_request_about_an_older_text_is_refused_where_the_client_asks_again() {
        let method = "textDocument/foldingRange";
        let retries = json!({"general": {"staleRequestSupport": {"retryOnContentModified": [method]}}});
        for (capabilities, expected) in [(&retries, ErrorCode::ContentModified as i32), (&Value::Null, 0)] {
            let (mut server, sent) = server(capabilities);
            server.arrived(change());
            server.answer(request(1, method));
            assert_eq!(code(&sent), expected);
        }
    }
}
