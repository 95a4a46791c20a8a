//! What the rest of llmp asks with: retries, limits and manners around a transport.

use std::io::Read;
use std::time::Duration;

use url::Url;

use crate::redirect::{Step, follow};
use crate::retry::{Clock, Pace, SystemClock, Tries, may_change, retry_after};
use crate::transport::{Answer, Transport};
use crate::{Error, Permit, Wire};

/// How to behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom a server's owner can write to, an address or a page; part of `User-Agent`.
    pub contact: Option<String>,
    /// The hosts, as they stand in addresses, that may be on this machine or its network.
    pub private: Vec<String>,
    /// So many tries in a row that bring nothing are enough.
    pub tries: u32,
    /// Nobody waits longer than this for a server that says when to come back.
    pub patience: Duration,
    /// No byte for so long is a cut connection; at most a minute.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            contact: None,
            private: Vec::new(),
            tries: 6,
            patience: Duration::from_secs(10 * 60),
            silence: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// Such as `llmp/0.1.0 (+https://example.org/us)`.
    #[must_use]
    pub fn user_agent(&self) -> String {
        let name = concat!("llmp/", env!("CARGO_PKG_VERSION"));
        self.contact.as_ref().map_or_else(|| name.to_owned(), |contact| format!("{name} (+{contact})"))
    }
}

/// What one fetch may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest file.
    pub bytes: u64,
    /// From the look-up of the name to the last byte, with all tries and waits.
    pub time: Duration,
}

/// Whoever is told about a fetch, and may end it.
pub trait Observer {
    /// So many bytes are there, of so many if the server says so.
    fn received(&mut self, bytes: u64, whole: Option<u64>) {
        let _ = (bytes, whole);
    }

    /// Whether to stop; asked often.
    fn stopped(&self) -> bool {
        false
    }
}

impl Observer for () {}

/// Asks servers for files.
pub struct Client {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) pace: Pace,
}

impl Client {
    /// Over the network.
    #[must_use]
    pub fn new(permit: &Permit, options: Options) -> Self {
        let wire = Wire::new(permit, &options);
        Self::with(wire, SystemClock::default(), options)
    }

    /// Over any transport, such as recorded answers, and with any clock.
    #[must_use]
    pub fn with(transport: impl Transport + 'static, clock: impl Clock + 'static, options: Options) -> Self {
        Self { transport: Box::new(transport), clock: Box::new(clock), options, pace: Pace::default() }
    }

    /// A small thing, in memory: a list of paths, `robots.txt`, a feed.
    ///
    /// # Errors
    ///
    /// If it is not to be had within the limits and the tries of [`Options`].
    pub fn get(&self, url: &Url, limits: Limits, observer: &mut dyn Observer) -> Result<Vec<u8>, Error> {
        let mut tries = Tries::new(url, self, limits);
        loop {
            let (cause, asked) = match follow(&*self.transport, url, 0, None, tries.left()?)? {
                Step::Cut(cause) => (cause, None),
                Step::Answered(answer, at) => match answer.status {
                    200 => match whole(answer, &at, limits, observer)? {
                        Ok(bytes) => return Ok(bytes),
                        Err(cause) => (cause, None),
                    },
                    status if may_change(status) => {
                        (format!("it answers {status}"), retry_after(&answer, self.clock.date()))
                    }
                    status => return Err(Error::Status { url: at.into(), status }),
                },
            };
            tries.again(cause, asked, observer)?;
        }
    }
}

/// The body, or why it is not whole.
pub(crate) fn whole(
    answer: Answer,
    url: &Url,
    limits: Limits,
    observer: &mut dyn Observer,
) -> Result<Result<Vec<u8>, String>, Error> {
    let due = answer.length();
    let mut bytes = Vec::new();
    let too_large = || Error::TooLarge { url: url.to_string(), limit: limits.bytes };
    if due.is_some_and(|due| due > limits.bytes) {
        return Err(too_large());
    }
    let mut body = answer.body;
    let mut piece = vec![0; 64 << 10];
    loop {
        if observer.stopped() {
            return Err(Error::Stopped);
        }
        match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) => return Ok(Err(error.to_string())),
        }
        if bytes.len() as u64 > limits.bytes {
            return Err(too_large());
        }
        observer.received(bytes.len() as u64, due);
    }
    Ok(match due {
        Some(due) if due != bytes.len() as u64 => Err(format!("{} of {due} bytes came", bytes.len())),
        _ => Ok(bytes),
    })
}
