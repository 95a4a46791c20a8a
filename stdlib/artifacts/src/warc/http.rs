//! HTTP messages inside WARC records: status, headers, and the body as it was before transfer.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::record::Headers;

/// The most encodings that are undone one after another.
const MAX_ENCODINGS: usize = 4;

/// An HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The header.
    pub headers: Headers,
    /// The body, with transfer and content encodings undone.
    pub body: Vec<u8>,
    /// Whether an encoding was broken, so that the body holds what could be read.
    pub damaged: bool,
}

/// Why a block gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHttp {
    /// The block does not start with an HTTP status line.
    NoStatus,
    /// The body is larger than the limit once decompressed.
    TooLarge,
    /// An encoding that is not supported, e.g. `compress`.
    Encoding,
}

impl BadHttp {
    /// What it is, in words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::NoStatus => "no HTTP status line",
            Self::TooLarge => "too large once decompressed",
            Self::Encoding => "an encoding that is not supported",
        }
    }
}

/// The status code and headers at the start of `block`, and where the body starts.
///
/// # Errors
/// [`BadHttp::NoStatus`] where the block is no HTTP response.
pub fn parse_head(block: &[u8]) -> Result<(u16, Headers, usize), BadHttp> {
    let line_end = block.iter().take(4096).position(|&byte| byte == b'\n').ok_or(BadHttp::NoStatus)?;
    let line = String::from_utf8_lossy(&block[..line_end]);
    let mut words = line.split_ascii_whitespace();
    let version = words.next().ok_or(BadHttp::NoStatus)?;
    if !version.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("HTTP/")) {
        return Err(BadHttp::NoStatus);
    }
    let status = words.next().and_then(|word| word.parse().ok()).ok_or(BadHttp::NoStatus)?;
    let mut line_start = line_end + 1;
    loop {
        // A header without its blank line has no body.
        let Some(end) = block[line_start..].iter().position(|&byte| byte == b'\n') else {
            return Ok((status, Headers::parse(&block[line_end + 1..]), block.len()));
        };
        let blank = block[line_start..line_start + end].iter().all(|&byte| byte == b'\r');
        line_start += end + 1;
        if blank {
            return Ok((status, Headers::parse(&block[line_end + 1..line_start]), line_start));
        }
    }
}

/// The HTTP response in a record's block, with a body of at most `max_body` bytes.
///
/// Archives often hold bodies that are decoded already while their headers still name the encoding, and
/// servers name others than they use: a body that does not look encoded is taken as it is, and one that does
/// is decoded.
///
/// # Errors
/// [`BadHttp`] where the block is no response, the body too large or its encoding not supported.
pub fn parse(block: &[u8], max_body: usize) -> Result<Response, BadHttp> {
    let (status, headers, start) = parse_head(block)?;
    let (mut body, mut damaged) = (Cow::Borrowed(&block[start..]), false);
    let transfer = codings(&headers, "Transfer-Encoding");
    let content = codings(&headers, "Content-Encoding");
    for coding in transfer.iter().rev().chain(content.iter().rev()).take(MAX_ENCODINGS) {
        let decoded = match coding.as_str() {
            "chunked" => dechunk(&body),
            coding => decode(coding, &body, max_body)?,
        };
        if let Some((decoded, complete)) = decoded {
            body = Cow::Owned(decoded);
            damaged |= !complete;
        }
    }
    // No page starts as gzip or zstd do: some servers compress twice, or say nothing of it.
    for _ in 0..MAX_ENCODINGS {
        let decoded = match compressed(&body) {
            Some(coding) => decode(coding, &body, max_body)?,
            None => None,
        };
        let Some((decoded, complete)) = decoded else { break };
        body = Cow::Owned(decoded);
        damaged |= !complete;
    }
    if body.len() > max_body {
        return Err(BadHttp::TooLarge);
    }
    Ok(Response { status, headers, body: body.into_owned(), damaged })
}

/// The codings that a header names, in the order in which they were applied.
fn codings(headers: &Headers, name: &str) -> Vec<String> {
    let names = headers.all(name).flat_map(|value| value.split(','));
    let names = names.map(|name| {
        let name = name.split(';').next().unwrap_or("");
        name.trim_matches(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '"' | '\''))
            .to_ascii_lowercase()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// What a body is compressed with, by its first bytes.
fn compressed(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, 0x08, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        _ => None,
    }
}

/// A body, and whether it is complete.
type Decoded = (Vec<u8>, bool);

/// Undoes one coding; `None` where the body does not hold it.
fn decode(coding: &str, body: &[u8], max_body: usize) -> Result<Option<Decoded>, BadHttp> {
    let coding = match coding {
        "gzip" | "x-gzip" | "deflate" | "x-deflate" | "br" | "zstd" | "zst" => {
            compressed(body).unwrap_or(coding)
        }
        // Compressed with what is not here: a dictionary (RFC 9842), or by methods that nobody sends any
        // more.
        "dcb" | "dcz" | "compress" | "x-compress" | "bzip2" | "x-bzip2" | "xz" | "exi" | "pack200-gzip" => {
            return Err(BadHttp::Encoding);
        }
        // `identity`, and names of no coding, such as `utf-8`.
        _ => return Ok(None),
    };
    let decoded = match coding {
        "zstd" | "zst" => match zstd::Decoder::with_buffer(body) {
            Ok(decoder) => read(decoder, max_body)?,
            Err(_) => return Ok(None),
        },
        "br" => read(brotli_decompressor::Decompressor::new(body, 4096), max_body)?,
        _ if body.starts_with(&[0x1f, 0x8b]) => read(MultiGzDecoder::new(body), max_body)?,
        // `deflate` stands for zlib, and for raw deflate in what some servers send; `gzip` may have lost its
        // header.
        _ if is_zlib(body) => read(ZlibDecoder::new(body), max_body)?,
        _ => read(DeflateDecoder::new(body), max_body)?,
    };
    Ok(Some(decoded).filter(|(decoded, complete)| *complete || !decoded.is_empty() && !is_text(body)))
}

/// Whether `body` starts with the two bytes of zlib: method 8, and a check by 31 (RFC 1950).
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..]
        if method & 0x0f == 8 && (u16::from(*method) * 256 + u16::from(*flags)).is_multiple_of(31))
}

/// Whether `body` starts as text does: what a decoder makes of it before it fails is nothing then.
fn is_text(body: &[u8]) -> bool {
    let start = &body[..body.len().min(64)];
    start.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || byte.is_ascii_whitespace())
}

/// Reads at most `max_body` bytes; what came before an error is kept.
fn read(decoder: impl Read, max_body: usize) -> Result<(Vec<u8>, bool), BadHttp> {
    let mut body = Vec::new();
    let complete = decoder.take(max_body as u64 + 1).read_to_end(&mut body).is_ok();
    if body.len() > max_body { Err(BadHttp::TooLarge) } else { Ok((body, complete)) }
}

/// Joins chunks; also says whether the last one came. `None` where the body does not start with a chunk's
/// size, as when an archive has stored it joined.
fn dechunk(body: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (mut rest, mut joined, mut first) = (body, Vec::new(), true);
    loop {
        let line_end = rest.iter().take(1024).position(|&byte| byte == b'\n');
        let size = line_end.and_then(|end| {
            let line = std::str::from_utf8(&rest[..end]).ok()?;
            usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()
        });
        let (Some(size), Some(line_end)) = (size, line_end) else {
            if first {
                return None;
            }
            // Broken in the middle: what follows may be text all the same.
            joined.extend_from_slice(rest);
            return Some((joined, false));
        };
        first = false;
        rest = &rest[line_end + 1..];
        if size == 0 {
            return Some((joined, true));
        }
        let Some(chunk) = rest.get(..size) else {
            joined.extend_from_slice(rest);
            return Some((joined, false));
        };
        joined.extend_from_slice(chunk);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn message(headers: &str, body: &[u8]) -> Vec<u8> {
        [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body].concat()
    }

    fn body(headers: &str, body: &[u8]) -> Result<String, BadHttp> {
        parse(&message(headers, body), LIMIT)
            .map(|response| String::from_utf8_lossy(&response.body).into_owned())
    }

    #[test]
    fn content_encodings_are_undone() {
        let text = "<p>hello</p>".repeat(20);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).expect("written");
        let gzip = gzip.finish().expect("compressed");
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text.as_bytes()).expect("written");
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(text.as_bytes()).expect("written");
        for (encoding, bytes) in [
            ("gzip", gzip.clone()),
            ("deflate", zlib.finish().expect("compressed")),
            ("deflate", raw.finish().expect("compressed")),
            ("identity", text.clone().into_bytes()),
            ("gzip", text.clone().into_bytes()),
            // The brotli stream of an uncompressed block: "hello" between its markers.
            ("br", text.clone().into_bytes()),
        ] {
            assert_eq!(
                body(&format!("Content-Encoding: {encoding}\r\n"), &bytes).as_deref(),
                Ok(text.as_str())
            );
        }
        let cut =
            parse(&message("Content-Encoding: gzip\r\n", &gzip[..gzip.len() - 4]), LIMIT).expect("readable");
        assert!(cut.damaged && text.as_bytes().starts_with(&cut.body) && !cut.body.is_empty());
        assert_eq!(body("Content-Encoding: compress\r\n", b"x"), Err(BadHttp::Encoding));
    }

    #[test]
    fn brotli_is_undone() {
        let bytes = b"\x0b\x02\x80hello\x03";
        assert_eq!(body("Content-Encoding: br\r\n", bytes).as_deref(), Ok("hello"));
    }

    #[test]
    fn bombs_are_stopped() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![0; 64 << 20]).expect("written");
        let bomb = gzip.finish().expect("compressed");
        assert_eq!(body("Content-Encoding: gzip\r\n", &bomb), Err(BadHttp::TooLarge));
    }

    #[test]
    fn chunks_are_joined_also_when_broken() {
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(
            body(chunked, b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n").as_deref(),
            Ok("hello world")
        );
        assert_eq!(body(chunked, b"5\nhello\n0\n\n").as_deref(), Ok("hello"));
        assert_eq!(body(chunked, b"5\r\nhello\r\nff\r\nrest").as_deref(), Ok("hellorest"));
        assert_eq!(body(chunked, b"5\r\nhello\r\nxyz").as_deref(), Ok("helloxyz"));
        assert_eq!(body(chunked, b"<p>stored joined</p>").as_deref(), Ok("<p>stored joined</p>"));
    }

    #[test]
    fn heads_are_read_with_any_line_end() {
        let (status, headers, start) =
            parse_head(b"HTTP/1.0 404 Not Found\nContent-Type: text/html;\n charset=x\n\nbody")
                .expect("a head");
        assert_eq!((status, start), (404, 60));
        assert_eq!(headers.get("content-type"), Some("text/html; charset=x"));
        assert_eq!(parse_head(b"GET / HTTP/1.1\r\n\r\n"), Err(BadHttp::NoStatus));
        assert_eq!(parse_head(b""), Err(BadHttp::NoStatus));
        assert_eq!(parse_head(b"HTTP/1.1 200 OK\r\nA: b").map(|head| head.2), Ok(21));
    }
}
