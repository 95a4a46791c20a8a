//! OpenAI's API over the models that are served: who asks what, and what is answered.

mod chat;
mod completions;
mod fault;
mod fields;
mod grammar;
mod messages;
mod metrics;
mod sampling;
mod text;
mod tokens;
mod writing;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::gate::{Gate, Shut};
use crate::http::{Reply, Request};
use crate::model::Model;
use fault::Fault;
use fields::Fields;

/// Everything that answers.
pub struct Api {
    /// The thread that computes.
    pub engine: Engine,
    /// Who may ask.
    pub gate: Gate,
    /// What is shown at `/`: a page with its policy, or nothing.
    pub page: Option<crate::app::Page>,
    /// Grows with each answer, for its name.
    pub(crate) answers: AtomicU64,
    pub(crate) seen: metrics::Seen,
}

/// A client that waits for an answer, to find out whether it is still there.
#[derive(Clone, Copy)]
pub struct Client<'a>(pub Option<&'a TcpStream>);

impl Client<'_> {
    /// Whether it has ended the connection.
    #[must_use]
    pub fn gone(&self) -> bool {
        let Some(stream) = self.0 else { return false };
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        let gone = match stream.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).is_err() || gone
    }
}

/// How an answer fails: it is told, or the client has gone.
pub(crate) enum Ended {
    Told(Fault),
    Gone(io::Error),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Told(fault)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// Paths, with the method that they take.
const PATHS: [(&str, &str); 9] = [
    ("/", "GET"),
    ("/health", "GET"),
    ("/metrics", "GET"),
    ("/v1/models", "GET"),
    ("/v1/chat/completions", "POST"),
    ("/v1/completions", "POST"),
    ("/tokenize", "POST"),
    ("/detokenize", "POST"),
    ("/v1/health", "GET"),
];

impl Api {
    /// What answers with these models.
    #[must_use]
    pub fn new(engine: Engine, gate: Gate, page: Option<crate::app::Page>) -> Self {
        Self { engine, gate, page, answers: AtomicU64::new(0), seen: metrics::Seen::default() }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Where the client has gone.
    pub fn answer(&self, request: &Request, client: Client<'_>, reply: &mut Reply<'_>) -> io::Result<()> {
        let answered = self.route(request, client, reply);
        let outcome = match answered {
            Ok(()) => Ok(()),
            Err(Ended::Gone(error)) => Err(error),
            Err(Ended::Told(fault)) if reply.status.is_some() => {
                // The answer has begun: the fault comes as its last event.
                reply.event(&fault.to_json().to_string())?;
                reply.end_events()
            }
            Err(Ended::Told(fault)) => told(reply, &fault),
        };
        self.seen.count(&request.path, reply.status.unwrap_or(499));
        outcome
    }

    fn route(&self, request: &Request, client: Client<'_>, reply: &mut Reply<'_>) -> Result<(), Ended> {
        if let Some(origin) = self.gate.readable_by(request) {
            reply.header("Access-Control-Allow-Origin", origin);
            reply.header("Vary", "Origin");
        }
        // Some clients are given the base URL without `/v1`.
        let path = match request.path.as_str() {
            "/models" | "/chat/completions" | "/completions" => format!("/v1{}", request.path),
            path => path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_owned(),
        };
        let open = matches!(path.as_str(), "/" | "/health" | "/v1/health");
        self.gate.lets(request, open).map_err(shut)?;
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        if method == "OPTIONS" {
            if self.gate.readable_by(request).is_some() {
                reply.header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
                let asked = request.header("access-control-request-headers").unwrap_or("*");
                reply.header("Access-Control-Allow-Headers", asked);
                reply.header("Access-Control-Max-Age", "600");
            }
            return Ok(reply.send(204, "text/plain", b"")?);
        }
        match (method, path.as_str()) {
            ("GET", "/") => match &self.page {
                Some(page) => {
                    reply.header("Content-Security-Policy", page.policy.clone());
                    reply.header("Referrer-Policy", "no-referrer");
                    Ok(reply.send(200, "text/html; charset=utf-8", page.text.as_bytes())?)
                }
                None => Err(Fault::no_path(method, &path).into()),
            },
            ("GET", "/health" | "/v1/health") => match self.engine.models().is_empty() {
                true => Err(Fault::empty().into()),
                false => send(reply, &json!({"status": "ok"})),
            },
            ("GET", "/metrics") => {
                let text = metrics::text(&self.engine, &self.seen);
                Ok(reply.send(200, "text/plain; version=0.0.4; charset=utf-8", text.as_bytes())?)
            }
            ("GET", "/v1/models") => {
                let models: Vec<Value> = self.engine.models().iter().map(|it| listed(&**it)).collect();
                send(reply, &json!({"object": "list", "data": models}))
            }
            ("GET", path) if path.starts_with("/v1/models/") => {
                let model = self.named(Some(&path["/v1/models/".len()..]), false)?;
                send(reply, &listed(&*model))
            }
            ("POST", "/v1/chat/completions") => chat::answer(self, Fields::of(&request.body)?, client, reply),
            ("POST", "/v1/completions") => {
                completions::answer(self, Fields::of(&request.body)?, client, reply)
            }
            ("POST", "/tokenize") => send(reply, &tokens::tokenize(self, Fields::of(&request.body)?)?),
            ("POST", "/detokenize") => send(reply, &tokens::detokenize(self, Fields::of(&request.body)?)?),
            (method, path) => Err(match PATHS.iter().find(|(known, _)| *known == path) {
                Some((_, takes)) => {
                    reply.header("Allow", *takes);
                    Fault::method(method, path)
                }
                None => Fault::no_path(method, path),
            }
            .into()),
        }
    }

    /// The model of that name; where none is named, the last, of those that hold conversations if it must.
    pub(crate) fn named(&self, name: Option<&str>, chat: bool) -> Result<Arc<dyn Model>, Fault> {
        let models = self.engine.models();
        let found = match name {
            Some(name) => models.iter().find(|model| model.about().name == name),
            None => models.iter().rev().find(|it| it.about().chat || !chat).or(models.last()),
        };
        found.cloned().ok_or_else(|| match name {
            _ if models.is_empty() => Fault::empty(),
            name => {
                let names: Vec<String> = models.iter().map(|model| model.about().name.clone()).collect();
                Fault::no_model(name.unwrap_or_default(), &names)
            }
        })
    }

    /// A name for an answer that no other has.
    pub(crate) fn id(&self, prefix: &str) -> String {
        format!("{prefix}-{:x}-{:x}", now(), self.answers.fetch_add(1, Ordering::Relaxed))
    }

    /// A seed for who gives none.
    pub(crate) fn any_seed(&self) -> u64 {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        // Below 2^53, so that JavaScript can give it back.
        (time ^ self.answers.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 12
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Answers that nothing comes of it.
pub(crate) fn told(reply: &mut Reply<'_>, fault: &Fault) -> io::Result<()> {
    match fault.status {
        429 | 503 => reply.header("Retry-After", "1"),
        401 => reply.header("WWW-Authenticate", "Bearer"),
        _ => {}
    }
    reply.send(fault.status, "application/json", fault.to_json().to_string().as_bytes())
}

/// Answers what could not be read as a request.
pub(crate) fn refuse(reply: &mut Reply<'_>, status: u16, why: &str) -> io::Result<()> {
    told(reply, &Fault::refused(status, why))
}

pub(crate) fn send(reply: &mut Reply<'_>, value: &Value) -> Result<(), Ended> {
    Ok(reply.send(200, "application/json", value.to_string().as_bytes())?)
}

fn shut(why: Shut) -> Fault {
    match why {
        Shut::Host => {
            Fault::refused(421, "the `Host` header names another host than this machine's loopback")
        }
        Shut::Origin => Fault::refused(
            403,
            "pages of this origin may not ask; the server allows them where it is started with `--cors ORIGIN`",
        ),
        Shut::Key => Fault::refused(401, "a key is needed: `Authorization: Bearer KEY`"),
    }
}

fn listed(model: &dyn Model) -> Value {
    let about = model.about();
    let begin = model.marks().map(|marks| marks.end_of_text);
    json!({
        "id": about.name, "object": "model", "created": about.created, "owned_by": "llmp",
        "meta": {
            "n_ctx_train": about.context, "n_vocab": about.vocabulary, "n_params": about.parameters,
            "chat": about.chat, "refuses": about.refuses, "searches": about.searches, "index": about.index,
            "begin": begin,
        },
    })
}
