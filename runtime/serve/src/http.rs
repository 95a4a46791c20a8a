//! Requests as HTTP/1.1 carries them, and answers: everything that is read is bounded in bytes and time.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's line and headers.
    pub head: usize,
    /// Bytes of a body.
    pub body: usize,
    /// How long a client may take for a request once it has begun.
    pub patience: Duration,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let patience = Duration::from_secs(20);
        Self { head: 16 << 10, body: 8 << 20, patience, idle: Duration::from_secs(30) }
    }
}

/// Most lines of a head.
const MAX_HEADERS: usize = 100;

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path without the query, doubled slashes taken together.
    pub path: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// What was sent with it.
    pub body: Vec<u8>,
    /// Whether the client wants to send another on this connection.
    pub keep: bool,
    /// Whether it understands chunks.
    pub chunks: bool,
}

impl Request {
    /// The value of a header that stands there once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Whether a header stands there at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The client has ended the connection, or says nothing more: nothing is answered.
    Gone,
    /// It is answered with this status, and the connection ends.
    With(u16, &'static str),
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Bytes of a client, read as they come.
pub(crate) struct Incoming<R> {
    from: R,
    /// Read and not yet used.
    ahead: Vec<u8>,
}

/// A stream whose reads can be made to end.
pub(crate) trait Timed: Read {
    /// How long the next reads may take.
    ///
    /// # Errors
    /// Where the stream is closed.
    fn patience(&mut self, time: Duration) -> io::Result<()>;
}

impl Timed for &std::net::TcpStream {
    fn patience(&mut self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time.max(Duration::from_millis(1))))
    }
}

impl<R: Timed> Incoming<R> {
    /// Nothing is read yet.
    pub(crate) fn new(from: R) -> Self {
        Self { from, ahead: Vec::new() }
    }

    /// The next request. `go_on` is called where the client waits to be told to send its body.
    ///
    /// # Errors
    /// Where there is none, or it is none that is understood.
    pub(crate) fn next(
        &mut self,
        limits: &Limits,
        go_on: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Request, Refused> {
        if self.ahead.is_empty() {
            self.more(Instant::now() + limits.idle)?;
        }
        let end = Instant::now() + limits.patience;
        let head = loop {
            if let Some(at) = self.ahead.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break self.take(at + 4);
            }
            if self.ahead.len() > limits.head {
                return Err(Refused::With(431, "the request's headers are too long"));
            }
            self.more(end)?;
        };
        if head.len() > limits.head {
            return Err(Refused::With(431, "the request's headers are too long"));
        }
        let mut request = parse(&head)?;
        let chunked = match request.header("transfer-encoding").map(str::to_ascii_lowercase).as_deref() {
            Some("chunked") => true,
            _ if request.has("transfer-encoding") => {
                return Err(Refused::With(501, "this transfer encoding is not understood"));
            }
            _ => false,
        };
        let length = match request.header("content-length") {
            _ if chunked && request.has("content-length") => {
                return Err(Refused::With(400, "the body has a length and chunks"));
            }
            Some(length) => match length.parse::<u64>() {
                Ok(length) if length <= limits.body as u64 => usize::try_from(length).unwrap_or(usize::MAX),
                Ok(_) => return Err(Refused::With(413, "the body is too long")),
                Err(_) => return Err(Refused::With(400, "the body's length is no number")),
            },
            None if request.has("content-length") => {
                return Err(Refused::With(400, "the body has several lengths"));
            }
            None => 0,
        };
        if (chunked || length > 0)
            && request.header("expect").is_some_and(|it| it.eq_ignore_ascii_case("100-continue"))
        {
            go_on()?;
        }
        if chunked {
            request.body = self.chunks(limits, end)?;
        } else {
            while self.ahead.len() < length {
                self.more(end)?;
            }
            request.body = self.take(length);
        }
        Ok(request)
    }

    fn chunks(&mut self, limits: &Limits, end: Instant) -> Result<Vec<u8>, Refused> {
        let mut body = Vec::new();
        let mut trailers = 0;
        loop {
            let line = self.line(limits, end)?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(digits).ok().filter(|it| it.len() <= 8 && !it.starts_with('+'));
            let size = size.and_then(|it| usize::from_str_radix(it, 16).ok());
            let Some(size) = size else { return Err(Refused::With(400, "a chunk's length is no number")) };
            if body.len() + size > limits.body {
                return Err(Refused::With(413, "the body is too long"));
            }
            if size == 0 {
                break;
            }
            while self.ahead.len() < size {
                self.more(end)?;
            }
            body.extend(self.take(size));
            if !self.line(limits, end)?.is_empty() {
                return Err(Refused::With(400, "a chunk is longer than it says"));
            }
        }
        while !self.line(limits, end)?.is_empty() {
            trailers += 1;
            if trailers > MAX_HEADERS {
                return Err(Refused::With(431, "the request's headers are too long"));
            }
        }
        Ok(body)
    }

    /// A line without its end.
    fn line(&mut self, limits: &Limits, end: Instant) -> Result<Vec<u8>, Refused> {
        loop {
            if let Some(at) = self.ahead.windows(2).position(|bytes| bytes == b"\r\n") {
                let mut line = self.take(at + 2);
                line.truncate(at);
                return Ok(line);
            }
            if self.ahead.len() > limits.head {
                return Err(Refused::With(400, "a line of the body is too long"));
            }
            self.more(end)?;
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    fn more(&mut self, end: Instant) -> Result<(), Refused> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.late());
        }
        self.from.patience(left)?;
        let mut buffer = [0; 16 << 10];
        match self.from.read(&mut buffer) {
            Ok(0) => Err(Refused::Gone),
            Ok(count) => {
                self.ahead.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(self.late())
            }
            Err(_) => Err(Refused::Gone),
        }
    }

    /// A connection that waits is closed silently, one in the middle of a request is told why.
    fn late(&self) -> Refused {
        match self.ahead.is_empty() {
            true => Refused::Gone,
            false => Refused::With(408, "the request took too long"),
        }
    }
}

/// Reads a head.
fn parse(head: &[u8]) -> Result<Request, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refused::With(431, "the request has too many headers"));
        }
        _ => return Err(Refused::With(400, "this is no HTTP request")),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(Refused::With(400, "this is no HTTP request"));
    };
    let version = request.version.unwrap_or(0);
    let mut known = Vec::new();
    for header in request.headers.iter() {
        let Ok(value) = std::str::from_utf8(header.value) else {
            return Err(Refused::With(400, "a header is no UTF-8"));
        };
        known.push((header.name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let connection =
        known.iter().filter(|(name, _)| name == "connection").map(|(_, value)| value.to_ascii_lowercase());
    let connection: String = connection.collect::<Vec<_>>().join(",");
    let says = |word: &str| connection.split(',').any(|it| it.trim() == word);
    let keep = if version >= 1 { !says("close") } else { says("keep-alive") };
    Ok(Request {
        method: method.to_owned(),
        path: path_of(target),
        headers: known,
        body: Vec::new(),
        keep,
        chunks: version >= 1,
    })
}

/// `/v1//models?x=1` is `/v1/models`: base URLs that end in a slash are common.
fn path_of(target: &str) -> String {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let mut path = String::with_capacity(target.len());
    for character in target.chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    path
}

/// An answer in the making. What is written to a client that has gone is an error.
pub struct Reply<'a> {
    out: &'a mut dyn Write,
    /// Sent with every answer.
    headers: Vec<(&'static str, String)>,
    /// Whether the connection goes on behind it.
    pub keep: bool,
    chunks: bool,
    head_only: bool,
    /// The status that was sent.
    pub status: Option<u16>,
}

impl<'a> Reply<'a> {
    /// The answer to `request`.
    pub fn new(out: &'a mut dyn Write, request: &Request) -> Self {
        let head_only = request.method == "HEAD";
        Self { out, headers: Vec::new(), keep: request.keep, chunks: request.chunks, head_only, status: None }
    }

    /// Adds a header.
    pub fn header(&mut self, name: &'static str, value: impl Into<String>) {
        let value: String = value.into();
        self.headers.push((name, value.replace(['\r', '\n'], " ")));
    }

    fn head(&mut self, status: u16, kind: &str) -> String {
        self.status = Some(status);
        let connection = if self.keep { "keep-alive" } else { "close" };
        let mut head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: {connection}\r\n",
            reason(status)
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head
    }

    /// The whole answer.
    ///
    /// # Errors
    /// Where the client has gone.
    pub fn send(&mut self, status: u16, kind: &str, body: &[u8]) -> io::Result<()> {
        let mut message = self.head(status, kind).into_bytes();
        if status == 204 {
            message.extend(b"\r\n");
        } else {
            message.extend(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            if !self.head_only {
                message.extend(body);
            }
        }
        self.out.write_all(&message)?;
        self.out.flush()
    }

    /// Begins an answer that comes in events.
    ///
    /// # Errors
    /// Where the client has gone.
    pub fn begin_events(&mut self) -> io::Result<()> {
        self.keep &= self.chunks;
        let mut head = self.head(200, "text/event-stream");
        if self.chunks {
            head += "Transfer-Encoding: chunked\r\n";
        }
        head += "\r\n";
        self.out.write_all(head.as_bytes())?;
        self.out.flush()
    }

    /// An event: one line of data.
    ///
    /// # Errors
    /// Where the client has gone.
    pub fn event(&mut self, data: &str) -> io::Result<()> {
        self.piece(&format!("data: {data}\n\n"))
    }

    /// Says nothing, to find out whether the client is there.
    ///
    /// # Errors
    /// Where it has gone.
    pub fn heartbeat(&mut self) -> io::Result<()> {
        self.piece(": \n\n")
    }

    fn piece(&mut self, text: &str) -> io::Result<()> {
        match self.chunks {
            true => write!(self.out, "{:x}\r\n{text}\r\n", text.len())?,
            false => self.out.write_all(text.as_bytes())?,
        }
        self.out.flush()
    }

    /// Ends an answer in events.
    ///
    /// # Errors
    /// Where the client has gone.
    pub fn end_events(&mut self) -> io::Result<()> {
        if self.chunks {
            self.out.write_all(b"0\r\n\r\n")?;
        }
        self.out.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests;
