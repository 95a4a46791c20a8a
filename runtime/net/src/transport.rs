//! One question and its answer, without retries and redirects: what can be replaced by recorded answers.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use url::Url;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// `http` or `https`, without a password.
    pub url: &'a Url,
    /// The first byte that is wanted; 0 asks for the whole.
    pub from: u64,
    /// The entity tag or date that the bytes before `from` had: another file is answered whole (`If-Range`).
    pub unchanged: Option<&'a str>,
    /// How long the whole exchange may take.
    pub time: Duration,
}

/// What the server says.
pub struct Answer {
    /// HTTP's status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Ends with an error where the connection is cut.
    pub body: Box<dyn Read + Send>,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The bytes that the body should have, where the server says so.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The first byte and the size of the whole from `Content-Range: bytes 100-199/200`.
    #[must_use]
    pub fn range(&self) -> Option<(u64, Option<u64>)> {
        let (range, whole) = self.header("content-range")?.trim().strip_prefix("bytes ")?.split_once('/')?;
        Some((range.split_once('-')?.0.parse().ok()?, whole.parse().ok()))
    }

    /// The size of the whole from `Content-Range: bytes */200`, where no byte is left to be asked for.
    #[must_use]
    pub fn size_of_whole(&self) -> Option<u64> {
        self.header("content-range")?.trim().strip_prefix("bytes */")?.parse().ok()
    }

    /// What tells this version of the file from others: a strong entity tag, else its date.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let tag = self.header("etag").filter(|tag| !tag.starts_with("W/"));
        tag.or_else(|| self.header("last-modified"))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The address may not be connected to; final.
    Private {
        /// What the name stands for.
        address: IpAddr,
        /// Such as `this machine`.
        what: &'static str,
    },
    /// No connection, a cut one, silence; it may be better the next time.
    Connection(String),
}

/// Something that answers.
pub trait Transport: Send + Sync {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// If there is no answer; a status such as 404 is one.
    fn get(&self, request: &Request<'_>) -> Result<Answer, Failure>;
}
