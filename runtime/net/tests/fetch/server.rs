//! A server on loopback that answers as it is told, well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use llmp_net::Url;

/// What a client asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How many questions came before.
    pub(crate) number: usize,
    #[allow(dead_code, reason = "only some tests look at it")]
    pub(crate) at: Instant,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first byte of `Range: bytes=N-`.
    pub(crate) fn from(&self) -> usize {
        let range = self.header("range").and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-'));
        range.map_or(0, |from| from.parse().expect("a number"))
    }
}

/// What is sent back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ends behind so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Before the body.
    pub(crate) pause: Duration,
    /// The body comes in pieces of so many bytes, with a pause behind each.
    pub(crate) pieces: Option<(usize, Duration)>,
    /// No `Content-Length`: the body ends with the connection.
    pub(crate) open_end: bool,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// A file as good servers give it: whole, or from where `Range` says if `If-Range` fits.
    pub(crate) fn file(asked: &Asked, bytes: &[u8], tag: &str) -> Self {
        let from = asked.from();
        let same = asked.header("if-range").is_none_or(|version| version == tag);
        let reply = match from {
            0 => Self { status: 200, body: bytes.to_vec(), ..Self::default() },
            _ if !same => Self { status: 200, body: bytes.to_vec(), ..Self::default() },
            from if from >= bytes.len() => {
                return Self::status(416).with("content-range", format!("bytes */{}", bytes.len()));
            }
            from => Self { status: 206, body: bytes[from..].to_vec(), ..Self::default() }
                .with("content-range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())),
        };
        reply.with("etag", tag)
    }

    pub(crate) fn cut_at(mut self, count: usize) -> Self {
        self.cut = Some(count);
        self
    }
}

/// It serves until it is dropped.
pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    sent: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (asked, sent, over) = (Arc::default(), Arc::default(), Arc::new(AtomicBool::new(false)));
        let server = Self { port, asked, sent, over };
        let (asked, sent, over) = (server.asked.clone(), server.sent.clone(), server.over.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, sent, answer) = (asked.clone(), sent.clone(), answer.clone());
                // A client that leaves early is no fault of the server.
                thread::spawn(move || serve(stream, &asked, &sent, &*answer).ok());
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).expect("an address")
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("a lock").clone()
    }

    /// Bytes of bodies.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(
    mut stream: TcpStream,
    all: &Mutex<Vec<Asked>>,
    sent: &AtomicU64,
    answer: &dyn Fn(&Asked) -> Reply,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(first) = lines.next() {
        let path = first?.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut headers = Vec::new();
        for line in lines.by_ref() {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let asked = {
            let mut all = all.lock().expect("a lock");
            let asked = Asked { number: all.len(), at: Instant::now(), path, headers };
            all.push(asked.clone());
            asked
        };
        let reply = answer(&asked);
        let mut head = format!("HTTP/1.1 {} x\r\n", reply.status);
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !reply.open_end && !reply.headers.iter().any(|(name, _)| *name == "content-length") {
            head += &format!("content-length: {}\r\n", reply.body.len());
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        thread::sleep(reply.pause);
        let body = &reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())];
        let (size, pause) = reply.pieces.unwrap_or((usize::MAX, Duration::ZERO));
        for piece in body.chunks(size) {
            stream.write_all(piece)?;
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            thread::sleep(pause);
        }
        if reply.cut.is_some() || reply.open_end {
            break;
        }
    }
    stream.shutdown(std::net::Shutdown::Both)
}
