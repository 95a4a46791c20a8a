//! Connections: who comes gets a thread, as long as there is room.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::api::{Api, Client, refuse};
use crate::http::{Incoming, Limits, Refused, Reply, Request};

/// How long a client may take to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are read and thrown away so that a client reads its refusal.
const MAX_LEFT: usize = 256 << 10;

/// The API at a port.
pub struct Listener {
    listener: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    api: Arc<Api>,
    limits: Limits,
    connections: AtomicUsize,
    most: usize,
}

impl Listener {
    /// Takes a port, 0 for any that is free; up to `most` connections are there at once.
    ///
    /// # Errors
    /// Where the port is taken.
    pub fn bind(address: SocketAddr, api: Arc<Api>, limits: Limits, most: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        Ok(Self {
            listener,
            shared: Arc::new(Shared { api, limits, connections: AtomicUsize::new(0), most }),
        })
    }

    /// Where it is.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the process ends.
    pub fn serve(&self) {
        for stream in self.listener.incoming() {
            // A client that went away while it connected is none of ours; a shortage of files passes.
            let Ok(stream) = stream else {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let place = Connection(Arc::clone(&self.shared));
            if self.shared.connections.fetch_add(1, Ordering::Relaxed) >= self.shared.most {
                let _ = turned_away(&stream);
                continue;
            }
            // Clients that get no thread see a connection that ends.
            let _ = std::thread::Builder::new().name("client".to_owned()).spawn(move || {
                let _ = place.0.hold(&stream);
            });
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

/// There is no room for another; the answer fits into what the system buffers.
fn turned_away(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let request = Request::default();
    let mut answer = Vec::new();
    refuse(&mut Reply::new(&mut answer, &request), 503, "too many connections are open")?;
    stream.write_all(&answer)
}

impl Shared {
    fn hold(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut incoming = Incoming::new(stream);
        loop {
            let mut go_on = || { stream }.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            let request = match incoming.next(&self.limits, &mut go_on) {
                Ok(request) => request,
                Err(Refused::Gone) => return Ok(()),
                Err(Refused::With(status, why)) => {
                    let mut out = stream;
                    refuse(&mut Reply::new(&mut out, &Request::default()), status, why)?;
                    return linger(stream);
                }
            };
            let mut out = stream;
            let mut reply = Reply::new(&mut out, &request);
            // A fault in one answer ends its connection, not the server.
            let answered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.api.answer(&request, Client(Some(stream)), &mut reply)
            }));
            match answered {
                Ok(answered) => answered?,
                Err(_) => return Err(ErrorKind::Other.into()),
            }
            if !reply.keep {
                return linger(stream);
            }
        }
    }
}

/// Ends a connection: what the client still sends is read for a moment, since an answer is lost where it has
/// not been read before unread bytes are thrown away.
fn linger(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(std::net::Shutdown::Write)?;
    let end = Instant::now() + Duration::from_millis(500);
    let (mut buffer, mut left) = ([0; 8 << 10], MAX_LEFT);
    while let Some(time) = end.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
        stream.set_read_timeout(Some(time))?;
        match io::Read::read(&mut { stream }, &mut buffer) {
            Ok(count) if count > 0 && left > count => left -= count,
            _ => return Ok(()),
        }
    }
    Ok(())
}
