//! Reads records one after another, whatever stands between them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use llmp_stage::{Dropped, Error, Result};

use super::record::{Headers, Record};
use super::source::{End, Format, Source};

/// The largest block that is read, unless told otherwise: 16 MiB.
pub const DEFAULT_MAX_BLOCK: u64 = 16 << 20;

/// The largest header.
const MAX_HEADER: usize = 64 << 10;

/// What a record starts with.
const MAGIC: &[u8] = b"WARC/";

/// The most white space that may stand behind a block.
const MAX_GAP: usize = 16;

/// What a file holds at one place.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A complete record.
    Record(Record),
    /// Bytes that were passed over.
    Skipped(Skipped),
}

/// Bytes that were passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// One of `header` (malformed or longer than 64 KiB), `length` (missing, malformed or wrong `Content-Length`),
    /// `too_large` (a block above the limit), `truncated` (the file ends within the record), `gzip` (damaged
    /// compression), `junk` (bytes between records).
    pub reason: &'static str,
    /// Where they start, in the decompressed stream.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
    /// The header of the record they belong to, where it could be read.
    pub headers: Option<Headers>,
}

impl Skipped {
    /// What is kept of a page that was passed over for its size.
    #[must_use]
    pub fn dropped(&self, rule: &str) -> Dropped {
        let record = Record { headers: self.headers.clone().unwrap_or_default(), block: Vec::new() };
        let (id, url) = (record.id().to_owned(), record.uri().to_owned());
        Dropped { id, url, rule: rule.to_owned(), value: format!("{} bytes", self.bytes) }
    }
}

/// Reads the records of a WARC file. Memory stays within the block limit plus a few hundred kB.
pub struct Reader<R> {
    source: Source<R>,
    max_block: usize,
    failed: bool,
}

impl Reader<File> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read, or holds something else than WARC by its first bytes (ARC, zstd).
    pub fn open(path: &Path, max_block: u64) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        let mut reader = Self::new(file, max_block).map_err(Error::io("cannot read", path))?;
        if reader.source.format() == Format::Zstd {
            return Err(Error::new(format!("`{}` is compressed with zstd", path.display()))
                .help("WARC files are read plain or with gzip; convert it, e.g. with `zstd -d`"));
        }
        if reader.is_arc().map_err(Error::io("cannot read", path))? {
            return Err(Error::new(format!("`{}` is an ARC file, the format before WARC", path.display()))
                .help("convert it, e.g. with `warcio recompress`"));
        }
        Ok(reader)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads from `input`. Records whose block is larger than `max_block` bytes are passed over.
    ///
    /// # Errors
    /// Where `input` cannot be read.
    pub fn new(input: R, max_block: u64) -> io::Result<Self> {
        let max_block = usize::try_from(max_block).unwrap_or(usize::MAX / 4).min(usize::MAX / 4);
        Ok(Self { source: Source::new(input)?, max_block, failed: false })
    }

    /// Whether the stream starts as an ARC file, the format before WARC.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub fn is_arc(&mut self) -> io::Result<bool> {
        Ok(self.source.peek(11)?.starts_with(b"filedesc://"))
    }

    /// Bytes of the file read so far, and all there are.
    pub fn progress(&self) -> (u64, u64) {
        self.source.progress()
    }

    fn read(&mut self) -> io::Result<Option<Item>> {
        loop {
            let gap = blank(self.source.peek(MAX_GAP)?);
            if gap == 0 {
                return self.read_record();
            }
            self.source.advance(gap);
        }
    }

    fn read_record(&mut self) -> io::Result<Option<Item>> {
        let next = self.source.peek(MAGIC.len())?;
        if next.is_empty() {
            return match self.source.end() {
                Some(End::Damaged(_)) => self.skip(0, "gzip", None).map(Some),
                _ => Ok(None),
            };
        }
        if !next.starts_with(MAGIC) {
            return self.skip(0, "junk", None).map(Some);
        }
        let Some((head, headers)) = self.header()? else {
            let reason = self.reason("header");
            return self.skip(MAGIC.len(), reason, None).map(Some);
        };
        let length = headers.get("Content-Length").and_then(|length| length.parse::<u64>().ok());
        let Some(length) = length else {
            return self.skip(head, "length", Some(headers)).map(Some);
        };
        if self.source.remaining().is_some_and(|remaining| length > remaining.saturating_sub(head as u64)) {
            return self.skip_truncated(head, headers).map(Some);
        }
        match usize::try_from(length) {
            Ok(length) if length <= self.max_block => self.block(head, headers, length).map(Some),
            _ => self.skip_block(head, length, headers).map(Some),
        }
    }

    /// The header at the window's start, and its length with the blank line.
    fn header(&mut self) -> io::Result<Option<(usize, Headers)>> {
        let mut wanted = 1 << 10;
        loop {
            let window = self.source.peek(wanted)?;
            let seen = window.len();
            let window = &window[..seen.min(MAX_HEADER)];
            if let Some(end) = header_end(window) {
                let lines = window[..end].iter().position(|&byte| byte == b'\n');
                return Ok(lines.map(|first| (end, Headers::parse(&window[first + 1..end]))));
            }
            if seen < wanted || seen >= MAX_HEADER {
                return Ok(None);
            }
            wanted = seen + 1;
        }
    }

    /// Takes the block behind a header, if what follows it shows that its length is right.
    fn block(&mut self, head: usize, headers: Headers, length: usize) -> io::Result<Item> {
        let end = head + length;
        let start = self.source.offset();
        if self.source.peek(end + MAX_GAP + MAGIC.len())?.len() < end {
            return self.skip_truncated(head, headers);
        }
        // Damage within the record's own gzip member makes its bytes doubtful, even if all of them came.
        if matches!(self.source.end(), Some(End::Damaged(member)) if member < start + end as u64) {
            return self.skip(end, "gzip", Some(headers));
        }
        let member = self.source.members().find(|member| *member >= start + end as u64);
        let window = self.source.peek(0)?;
        let behind = &window[end..];
        let gap = blank(behind);
        let fits = gap >= MAX_GAP
            || gap == behind.len()
            || behind.starts_with(b"\r\n\r\n")
            || behind[gap..].starts_with(MAGIC)
            || member.is_some_and(|member| member <= start + (end + gap) as u64);
        if fits {
            let block = window[head..end].to_vec();
            self.source.advance(end + gap);
            return Ok(Item::Record(Record { headers, block }));
        }
        // The length is wrong. Where it is too short, the block goes on up to the next record.
        let window = self.source.peek(end + MAX_HEADER)?;
        let next = record_start(&window[head..], true).map(|next| head + next);
        match next.filter(|next| *next > end && *next - head <= self.max_block) {
            Some(next) => {
                let block = &window[head..next];
                let block = block.strip_suffix(b"\r\n\r\n").unwrap_or(block).to_vec();
                self.source.advance(next);
                Ok(Item::Record(Record { headers, block }))
            }
            None => self.skip(head, "length", Some(headers)),
        }
    }

    /// Passes over a block that is too large to be read, without trusting its length further than needed: where a gzip
    /// member starts with a record, the length was wrong.
    fn skip_block(&mut self, head: usize, length: u64, headers: Headers) -> io::Result<Item> {
        let offset = self.source.offset();
        let end = offset.saturating_add(head as u64).saturating_add(length);
        self.source.advance(head);
        while self.source.offset() < end {
            let here = self.source.offset();
            let available = self.source.peek(MAX_HEADER)?.len();
            if available == 0 {
                break;
            }
            let at_member = here > offset && self.source.members().next() == Some(here);
            if at_member && self.source.peek(0)?.starts_with(MAGIC) {
                let headers = Some(headers);
                return Ok(Item::Skipped(Skipped {
                    reason: "length",
                    offset,
                    bytes: here - offset,
                    headers,
                }));
            }
            // One step goes no further than the next member, so that its start is seen at the window's.
            let member = self.source.members().find(|member| *member > here).unwrap_or(end);
            let step = available.min(usize::try_from(member.min(end) - here).unwrap_or(usize::MAX));
            self.source.advance(step);
        }
        let reason = if self.source.offset() < end { self.reason("truncated") } else { "too_large" };
        self.close(reason, offset, Some(headers))
    }

    /// Passes over a record whose block goes on past the end: of the file if nothing follows, else its length is wrong.
    fn skip_truncated(&mut self, head: usize, headers: Headers) -> io::Result<Item> {
        let reason = self.reason("truncated");
        let item = self.skip(head, reason, Some(headers))?;
        let more = self.source.peek(MAGIC.len())?.starts_with(MAGIC);
        Ok(match item {
            Item::Skipped(skipped) if more && skipped.reason == "truncated" => {
                Item::Skipped(Skipped { reason: "length", ..skipped })
            }
            item => item,
        })
    }

    /// Passes over `known` bytes and whatever follows up to the next record.
    fn skip(&mut self, known: usize, reason: &'static str, headers: Option<Headers>) -> io::Result<Item> {
        let offset = self.source.offset();
        let passed = self.source.peek(known)?;
        let mut line_start = known.checked_sub(1).and_then(|last| passed.get(last)) == Some(&b'\n');
        self.source.advance(known);
        loop {
            let base = self.source.offset();
            let window = self.source.peek(MAX_HEADER)?;
            if window.is_empty() {
                return self.close(reason, offset, headers);
            }
            if let Some(at) = record_start(window, line_start) {
                self.source.advance(at);
                break;
            }
            // The last bytes may be the beginning of a record's first line.
            let window = self.source.peek(0)?;
            let step = window.len().saturating_sub(MAGIC.len()).max(1);
            line_start = window[..step].ends_with(b"\n");
            let member = self.source.members().find(|member| *member > base).map(|member| member - base);
            if let Some(member) = member.and_then(|member| usize::try_from(member).ok())
                && member <= step
            {
                self.source.advance(member);
                line_start = true;
            } else {
                self.source.advance(step);
            }
        }
        let bytes = self.source.offset() - offset;
        Ok(Item::Skipped(Skipped { reason, offset, bytes, headers }))
    }

    /// Ends a skip where no bytes come any more, and goes on behind damage.
    fn close(&mut self, reason: &'static str, offset: u64, headers: Option<Headers>) -> io::Result<Item> {
        let bytes = self.source.offset() - offset;
        let reason = if matches!(self.source.end(), Some(End::Damaged(_))) { "gzip" } else { reason };
        if self.source.peek(0)?.is_empty() {
            self.source.resume()?;
        }
        Ok(Item::Skipped(Skipped { reason, offset, bytes, headers }))
    }

    /// `otherwise`, or how the stream ended if that is why something could not be read.
    fn reason(&self, otherwise: &'static str) -> &'static str {
        match self.source.end() {
            Some(End::Damaged(_)) => "gzip",
            Some(End::Truncated | End::Eof) => "truncated",
            None => otherwise,
        }
    }
}

impl<R: Read + Seek> Iterator for Reader<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

/// White space at the start of `bytes`, up to [`MAX_GAP`].
fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take(MAX_GAP).take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where a header ends, with its blank line.
fn header_end(window: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, _) in window.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        if window[line..at].iter().all(|&byte| byte == b'\r') && line > 0 {
            return Some(at + 1);
        }
        line = at + 1;
    }
    None
}

/// Where in `window` a line starts as a record does: `WARC/` and a digit.
fn record_start(window: &[u8], line_start: bool) -> Option<usize> {
    let starts = |at: usize| {
        window[at..].strip_prefix(MAGIC).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    if line_start && starts(0) {
        return Some(0);
    }
    let newlines = window.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).find(|&at| starts(at))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
