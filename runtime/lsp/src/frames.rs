//! The framing of messages: a head with `Content-Length`, then so many bytes.
//!
//! Lengths are not believed. One that no message can have is refused before memory is taken for it, and where
//! a body turns out to be none, because its length was wrong, reading goes on at the next head that can be
//! found in it.

use std::io::{self, BufRead, Cursor, ErrorKind, Read};

use lsp_server::Message;

/// Bytes of the largest message that is read. Texts of programs are far below.
const MAX_BYTES: u64 = 64 << 20;

/// Bytes of the longest line of a head.
const MAX_LINE: u64 = 4096;

/// How heads begin.
const HEAD: &[u8] = b"content-length:";

/// Messages from an input.
pub(super) struct Frames<R> {
    input: R,
    /// What was read beyond a message, to be read again.
    ahead: Cursor<Vec<u8>>,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, ahead: Cursor::default() }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] where something is no message: what comes after it can still be read.
    /// Anything else is the input's end.
    pub(super) fn next(&mut self) -> io::Result<Option<Message>> {
        let Some(length) = self.head()? else { return Ok(None) };
        if length > MAX_BYTES {
            self.skip_to_head()?;
            return Err(invalid(format!("a message of {length} bytes; at most {MAX_BYTES} are read")));
        }
        let mut body = Vec::new();
        self.rest().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        match serde_json::from_slice(&body) {
            Ok(message) => Ok(Some(message)),
            Err(error) => {
                if let Some(at) = head_in(&body) {
                    self.put_back(body.split_off(at));
                }
                Err(invalid(format!("no message: {error}")))
            }
        }
    }

    /// Reads a head; `None` where the input ends before it. What is none is taken line by line.
    fn head(&mut self) -> io::Result<Option<u64>> {
        let mut length = None;
        loop {
            let mut line = Vec::new();
            self.rest().take(MAX_LINE).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(None);
            }
            // The rest of a message whose length was too small may stand before a head.
            if let Some(at) = head_in(line.get(1..).unwrap_or_default()) {
                self.put_back(line.split_off(at + 1));
                return Err(invalid("no message: its length is wrong".to_owned()));
            }
            let text = String::from_utf8_lossy(&line);
            let malformed = || invalid(format!("malformed header: {text:?}"));
            let header = text.strip_suffix("\r\n").ok_or_else(malformed)?;
            if header.is_empty() {
                return length.map(Some).ok_or_else(|| invalid("no Content-Length".to_owned()));
            }
            let (name, value) = header.split_once(':').ok_or_else(malformed)?;
            if name.eq_ignore_ascii_case("Content-Length") {
                let value = value.trim();
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                // A number beyond all numbers is a false length as well.
                length = Some(value.parse().ok().or(digits.then_some(u64::MAX)).ok_or_else(malformed)?);
            }
        }
    }

    /// Takes everything before the next head.
    fn skip_to_head(&mut self) -> io::Result<()> {
        let mut fits = 0;
        loop {
            let mut rest = self.rest();
            let Some(&byte) = rest.fill_buf()?.first() else { return Ok(()) };
            rest.consume(1);
            let byte = byte.to_ascii_lowercase();
            // The first letter stands in it once, so nothing else can begin within what fits.
            fits = match HEAD.get(fits) {
                Some(&due) if due == byte => fits + 1,
                _ => usize::from(HEAD.first() == Some(&byte)),
            };
            if fits == HEAD.len() {
                self.put_back(HEAD.to_vec());
                return Ok(());
            }
        }
    }

    fn rest(&mut self) -> io::Chain<&mut Cursor<Vec<u8>>, &mut R> {
        Read::chain(&mut self.ahead, &mut self.input)
    }

    fn put_back(&mut self, mut bytes: Vec<u8>) {
        let read = self.ahead.position() as usize;
        bytes.extend_from_slice(self.ahead.get_ref().get(read..).unwrap_or_default());
        self.ahead = Cursor::new(bytes);
    }
}

/// Where in `bytes` a head begins, or may begin at their end.
fn head_in(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| {
        let part = bytes.get(at..bytes.len().min(at + HEAD.len())).unwrap_or_default();
        HEAD.get(..part.len()).is_some_and(|head| head.eq_ignore_ascii_case(part))
    })
}

fn invalid(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods of the messages in `input`; `!` for what is none.
    fn read(input: &str) -> String {
        let mut frames = Frames::new(input.as_bytes());
        let mut read = Vec::new();
        loop {
            read.push(match frames.next() {
                Ok(Some(Message::Notification(one))) => one.method,
                Ok(Some(_)) => "?".to_owned(),
                Ok(None) => return read.join(" "),
                Err(error) if error.kind() == ErrorKind::InvalidData => "!".to_owned(),
                Err(_) => return read.join(" ") + " end",
            });
        }
    }

    fn message(method: &str) -> String {
        format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\"}}")
    }

    fn frame(length: impl std::fmt::Display, method: &str) -> String {
        format!("Content-Length: {length}\r\n\r\n{}", message(method))
    }

    fn good(method: &str) -> String {
        frame(message(method).len(), method)
    }

    #[test]
    fn false_lengths_lose_their_own_message_only() {
        let length = message("false").len();
        for huge in ["99999999999", "18446744073709551615", "99999999999999999999999999"] {
            assert_eq!(read(&[good("a"), frame(huge, "false"), good("b")].concat()), "a ! b", "{huge}");
        }
        for (wrong, told) in [
            (length + 5, "a ! b c"),
            (length + good("b").len() - 3, "a ! b c"),
            (length - 3, "a ! ! b c"),
            (0, "a ! ! b c"),
        ] {
            let input = [good("a"), frame(wrong, "false"), good("b"), good("c")].concat();
            let read = read(&input);
            let read: Vec<&str> = read.split(' ').filter(|word| *word != "!").collect();
            let told: Vec<&str> = told.split(' ').filter(|word| *word != "!").collect();
            assert_eq!(read, told, "{wrong}");
        }
    }

    #[test]
    fn heads_that_are_none_are_passed_over() {
        assert_eq!(read(&format!("no head\r\n{}", good("a"))), "! a");
        assert_eq!(read(&format!("Content-Length: -1\r\n\r\n{}", good("a"))), "! ! a");
        assert_eq!(read(&format!("{}\r\n{}", "x".repeat(10_000), good("a"))), "! ! ! a");
        assert_eq!(read(&format!("CONTENT-LENGTH:{}\r\n\r\n{}", message("a").len(), message("a"))), "a");
        assert_eq!(read("Content-Length: 10\r\n\r\n{}"), " end");
        assert_eq!(read(""), "");
    }
}
