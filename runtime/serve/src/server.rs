//! Serves the page to browsers of this machine, and tells them what is new.
//!
//! It binds to loopback. Every path begins with a random word, so that neither other users of the machine nor
//! pages from elsewhere can read a program or choose stages. Connections, heads and the time that a client
//! may take are bounded.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Place, Scene, Source, page};

/// Connections at once: a browser keeps one open for each page.
const MAX_CONNECTIONS: usize = 64;

/// Largest head of a request, and most lines of it.
const MAX_HEAD: u64 = 16 << 10;
const MAX_HEADERS: usize = 100;

/// How long a client may take for a request, or to read an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a quiet client is told something, to find out whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The server's end.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// The first part of every path.
    secret: String,
    now: Mutex<Now>,
    changed: Condvar,
    connections: AtomicUsize,
    chosen: Box<dyn Fn(&Place) + Send + Sync>,
}

#[derive(Default)]
struct Now {
    scene: Scene,
    /// Grows with each scene.
    moment: u64,
}

impl Server {
    /// Serves `scene` on `port` of loopback, 0 for any that is free; `chosen` is told about each stage that
    /// is clicked.
    ///
    /// # Errors
    /// Where the port is taken.
    pub fn start(port: u16, scene: Scene, chosen: impl Fn(&Place) + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            secret: secret()?,
            now: Mutex::new(Now { scene, moment: 0 }),
            changed: Condvar::new(),
            connections: AtomicUsize::new(0),
            chosen: Box::new(chosen),
        });
        let accepting = Arc::clone(&shared);
        std::thread::Builder::new().name("page".to_owned()).spawn(move || accepting.accept(&listener))?;
        Ok(Self { address, shared })
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.address, self.shared.secret)
    }

    /// Shows another scene.
    pub fn show(&self, scene: Scene) {
        let mut now = self.shared.now();
        if now.scene != scene {
            *now = Now { scene, moment: now.moment + 1 };
            self.shared.changed.notify_all();
        }
    }
}

/// 128 random bits in hexadecimal digits.
fn secret() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    Page,
    Events,
    Jump(String),
    /// Something else: the status to answer with.
    Other(&'static str),
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            // A client that went away while it connected is none of ours; a shortage of files passes.
            let Ok(stream) = stream else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            let place = Connection(Arc::clone(self));
            if self.connections.fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS {
                // Clients that are not served see a connection that ends.
                let _ = std::thread::Builder::new().spawn(move || {
                    let _ = place.0.answer(&stream);
                });
            }
        }
    }

    fn answer(&self, mut stream: &TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        match self.read(stream)? {
            Request::Page => {
                let text = page(&self.now().scene, Source::Server);
                respond(stream, "200 OK", "text/html; charset=utf-8", text.as_bytes())
            }
            Request::Events => {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
                      Connection: close\r\n\r\n",
                )?;
                self.tell(stream)
            }
            Request::Jump(id) => {
                let place = self.now().scene.place(&id).cloned();
                if let Some(place) = &place {
                    (self.chosen)(place);
                }
                let status = if place.is_some() { "204 No Content" } else { "404 Not Found" };
                respond(stream, status, "text/plain", b"")
            }
            Request::Other(status) => respond(stream, status, "text/plain; charset=utf-8", status.as_bytes()),
        }
    }

    /// Reads the head of a request; bodies do not matter.
    fn read(&self, stream: &TcpStream) -> Result<Request> {
        let mut head = Vec::new();
        let mut bytes = BufReader::new(stream.take(MAX_HEAD)).bytes();
        while !head.ends_with(b"\r\n\r\n") {
            match bytes.next() {
                Some(byte) => head.push(byte?),
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match (request.parse(&head), request.method, request.path) {
            (Ok(httparse::Status::Complete(_)), Some(method), Some(path)) => Ok(self.route(method, path)),
            _ => Ok(Request::Other("400 Bad Request")),
        }
    }

    fn route(&self, method: &str, path: &str) -> Request {
        let path = path.strip_prefix('/').and_then(|path| path.strip_prefix(&self.secret));
        let Some(path) = path.and_then(|path| path.strip_prefix('/')) else {
            return Request::Other("404 Not Found");
        };
        match (method, path) {
            ("GET", "") => Request::Page,
            ("GET", "events") => Request::Events,
            ("POST", path) if path.starts_with("jump/") => Request::Jump(path["jump/".len()..].to_owned()),
            ("GET" | "POST", _) => Request::Other("404 Not Found"),
            _ => Request::Other("405 Method Not Allowed"),
        }
    }

    /// Sends each new scene, the present one first, until the client is gone.
    fn tell(&self, mut stream: &TcpStream) -> Result<()> {
        let mut told = None;
        loop {
            let now = self.now();
            let same = |now: &mut Now| told == Some(now.moment);
            let waited = self.changed.wait_timeout_while(now, HEARTBEAT, same);
            let now = waited.unwrap_or_else(PoisonError::into_inner).0;
            // Lines that begin with a colon say nothing.
            let mut text = String::from(":\n\n");
            if told != Some(now.moment) {
                told = Some(now.moment);
                text = format!("data: {}\n\n", serde_json::to_string(&now.scene)?);
            }
            drop(now);
            stream.write_all(text.as_bytes())?;
        }
    }
}

/// A connection that counts as one until it ends.
struct Connection(Arc<Shared>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
