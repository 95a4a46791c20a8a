//! Recorded answers: a conversation with a real server, kept in a folder, answers tests without a network.
//!
//! An exchange is a file `0001.http` of the folder: the question, an empty line, the answer as HTTP/1.1
//! writes it.
//!
//! ```text
//! GET https://example.org/robots.txt
//! range: bytes=100-
//!
//! HTTP/1.1 206
//! etag: "a"
//!
//! …bytes
//! ```

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::transport::{Answer, Failure, Request, Transport};

/// The first lines of a file: what tells one question from another.
fn question(request: &Request<'_>) -> String {
    match request.from {
        0 => format!("GET {}\n\n", request.url),
        from => format!("GET {}\nrange: bytes={from}-\n\n", request.url),
    }
}

/// Passes questions on, and writes down what comes back. Bodies are held in memory.
pub struct Recorder<T> {
    inner: T,
    folder: PathBuf,
    count: AtomicU32,
}

impl<T: Transport> Recorder<T> {
    /// Writes into an existing folder.
    pub fn new(inner: T, folder: &Path) -> Self {
        Self { inner, folder: folder.to_owned(), count: AtomicU32::new(0) }
    }
}

impl<T: Transport> Transport for Recorder<T> {
    fn get(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let failed = |error: io::Error| Failure::Connection(error.to_string());
        let mut answer = self.inner.get(request)?;
        let mut body = Vec::new();
        answer.body.read_to_end(&mut body).map_err(failed)?;
        let mut text = question(request);
        text += &format!("HTTP/1.1 {}\n", answer.status);
        for (name, value) in &answer.headers {
            text += &format!("{name}: {value}\n");
        }
        let mut bytes = (text + "\n").into_bytes();
        bytes.extend_from_slice(&body);
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        fs::write(self.folder.join(format!("{number:04}.http")), bytes).map_err(failed)?;
        Ok(Answer { body: Box::new(Cursor::new(body)), ..answer })
    }
}

/// Answers as it was answered once. Several answers to one question come in their order, the last again and
/// again.
pub struct Recorded {
    exchanges: Vec<Exchange>,
}

struct Exchange {
    question: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    used: AtomicU32,
}

impl Recorded {
    /// The exchanges of a folder, by name.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read, or a file is no exchange.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut paths: Vec<_> =
            fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|it| it == "http"));
        paths.sort();
        let read = |path: &PathBuf| {
            let exchange = Exchange::read(&fs::read(path)?);
            exchange.ok_or_else(|| io::Error::other(format!("`{}` is no exchange", path.display())))
        };
        Ok(Self { exchanges: paths.iter().map(read).collect::<Result<_, _>>()? })
    }
}

impl Exchange {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (question, rest) = cut(bytes)?;
        let (head, body) = cut(rest)?;
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
        let headers = lines.filter_map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        });
        let headers = headers.collect();
        Some(Self { question, status, headers, body: body.to_vec(), used: AtomicU32::new(0) })
    }
}

/// The text up to an empty line, that line included, and what is behind it.
fn cut(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")? + 2;
    let (head, rest) = bytes.split_at(end);
    Some((String::from_utf8(head.to_vec()).ok()?, rest))
}

impl Transport for Recorded {
    fn get(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let question = question(request);
        let mut fitting = self.exchanges.iter().filter(|exchange| exchange.question == question);
        let fresh = fitting.clone().find(|exchange| exchange.used.load(Ordering::Relaxed) == 0);
        let Some(exchange) = fresh.or_else(|| fitting.next_back()) else {
            return Err(Failure::Connection(format!("no answer to `{}` is recorded", question.trim())));
        };
        exchange.used.fetch_add(1, Ordering::Relaxed);
        Ok(Answer {
            status: exchange.status,
            headers: exchange.headers.clone(),
            body: Box::new(Cursor::new(exchange.body.clone())),
        })
    }
}
