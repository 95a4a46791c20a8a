//! Requests in whatever pieces, and what is none.

use proptest::prelude::*;

use super::*;

/// Bytes that come in pieces.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.len().min(self.1).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

impl Timed for Pieces<'_> {
    fn patience(&mut self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

fn read(bytes: &[u8], piece: usize) -> Vec<Result<Request, u16>> {
    let limits = Limits { head: 200, body: 50, ..Limits::default() };
    let mut incoming = Incoming::new(Pieces(bytes, piece));
    let mut all = Vec::new();
    loop {
        match incoming.next(&limits, &mut || Ok(())) {
            Ok(request) => all.push(Ok(request)),
            Err(Refused::Gone) => return all,
            Err(Refused::With(status, _)) => {
                all.push(Err(status));
                return all;
            }
        }
    }
}

#[test]
fn requests_follow_each_other() {
    let bytes = b"POST /v1//chat?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n\
                  POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                  3;ext\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for piece in [1, 7, 1000] {
        let all: Vec<Request> = read(bytes, piece).into_iter().map(Result::unwrap).collect();
        let told: Vec<_> = all.iter().map(|it| (&it.path[..], &it.body[..], it.keep)).collect();
        let expected: [(&str, &[u8], bool); 3] =
            [("/v1/chat", b"abc", true), ("/", b"", false), ("/x", b"abc0123456789", false)];
        assert_eq!(told, expected);
        assert_eq!(all[0].header("host"), Some("a"));
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(300));
    let endless = "y".repeat(400);
    for (bytes, status) in [
        ("GET / HTTP/3\r\n\r\n", 400),
        ("\u{1}\r\n\r\n", 400),
        (&long, 431),
        (&endless, 431),
        ("POST / HTTP/1.1\r\nContent-Length: 51\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFF\r\n", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
    ] {
        assert_eq!(read(bytes.as_bytes(), 9), [Err(status)], "{bytes:?}");
    }
    assert!(read(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", 9).is_empty(), "cut off");
}

/// What requests are made of, and what breaks them.
const WORDS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\n",
    b"POST //a HTTP/1.1\r\n",
    b"\r\n",
    b"Host: x\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"4\r\nabcd\r\n",
    b"0\r\n\r\n",
    b"\xff\x00",
    b"Expect: 100-continue\r\n",
    b"abcd",
    b" ",
];

proptest! {
    /// Whatever comes, and in whatever pieces: the same requests, or a refusal, and never more than
    /// allowed.
    #[test]
    fn any_bytes_are_read_alike(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..24),
        piece in 1usize..9,
    ) {
        let bytes = words.concat();
        let (whole, pieces) = (read(&bytes, usize::MAX), read(&bytes, piece));
        prop_assert!(whole.iter().flatten().all(|it| it.body.len() <= 50));
        prop_assert_eq!(whole.len(), pieces.len());
        // The head may be found too long before or after its end is seen: both are refusals.
        for (a, b) in whole.iter().zip(&pieces) {
            prop_assert_eq!(a.as_ref().ok(), b.as_ref().ok());
        }
    }
}
