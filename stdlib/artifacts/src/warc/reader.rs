//! Reads records one after another, whatever stands between them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use llmp_stage::{Dropped, Error, Result};

use super::arc;
use super::record::{Headers, Record};
use super::source::{End, Source};

/// The largest block that is read, unless told otherwise: 16 MiB.
pub const DEFAULT_MAX_BLOCK: u64 = 16 << 20;

/// The largest header.
const MAX_HEADER: usize = 64 << 10;

/// What a record starts with, in upper or lower case.
const MAGIC: &[u8] = b"WARC/";

/// UTF-8's.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    /// One of `header` (malformed or longer than 64 KiB), `length` (missing, malformed or wrong
    /// `Content-Length`), `too_large` (a block above the limit), `truncated` (the file ends within the
    /// record; what came of its block was given as a record before), `gzip` (damaged compression), `junk`
    /// (bytes between records).
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

/// Reads the records of a WARC or ARC file. Memory stays within the block limit plus a few hundred kB.
pub struct Reader<R> {
    source: Source<R>,
    max_block: usize,
    /// Whether the file is of the format before WARC; its records are given as those of WARC.
    arc: bool,
    /// What is told behind a record that was cut off.
    pending: Option<Item>,
    failed: bool,
}

impl Reader<File> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path, max_block: u64) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        Self::new(file, max_block).map_err(Error::io("cannot read", path))
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads from `input`. Records whose block is larger than `max_block` bytes are passed over.
    ///
    /// # Errors
    /// Where `input` cannot be read.
    pub fn new(input: R, max_block: u64) -> io::Result<Self> {
        let max_block = usize::try_from(max_block).unwrap_or(usize::MAX / 4).min(usize::MAX / 4);
        let mut source = Source::new(input)?;
        // Editors of text put one there.
        if source.peek(BYTE_ORDER_MARK.len())?.starts_with(BYTE_ORDER_MARK) {
            source.advance(BYTE_ORDER_MARK.len());
        }
        let arc = source.peek(arc::MAGIC.len())?.starts_with(arc::MAGIC);
        Ok(Self { source, max_block, arc, pending: None, failed: false })
    }

    /// Bytes of the file read so far, and all there are.
    pub fn progress(&self) -> (u64, u64) {
        self.source.progress()
    }

    fn read(&mut self) -> io::Result<Option<Item>> {
        if let Some(item) = self.pending.take() {
            return Ok(Some(item));
        }
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
        let head = if self.arc { self.arc_header()? } else { self.header()? };
        let (head, headers) = match head {
            Head::Found(head, headers) => (head, headers),
            Head::Malformed => {
                let reason = self.reason("header");
                return self.skip(MAGIC.len(), reason, None).map(Some);
            }
            Head::Other => return self.skip(0, "junk", None).map(Some),
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
    fn header(&mut self) -> io::Result<Head> {
        if !starts_with_magic(self.source.peek(MAGIC.len())?) {
            return Ok(Head::Other);
        }
        let mut wanted = 1 << 10;
        loop {
            let window = self.source.peek(wanted)?;
            let seen = window.len();
            let window = &window[..seen.min(MAX_HEADER)];
            if let Some(end) = header_end(window) {
                let line = window[..end].iter().position(|&byte| byte == b'\n').unwrap_or(end - 1);
                return Ok(Head::Found(end, Headers::parse(&window[line + 1..end])));
            }
            if seen < wanted || seen >= MAX_HEADER {
                return Ok(Head::Malformed);
            }
            wanted = seen + 1;
        }
    }

    /// The line that an ARC record starts with, as the header of a WARC record.
    fn arc_header(&mut self) -> io::Result<Head> {
        let window = self.source.peek(MAX_HEADER)?;
        Ok(match arc::line(window) {
            Some(line) => {
                arc::headers(line).map_or(Head::Other, |headers| Head::Found(line.len() + 1, headers))
            }
            None => Head::Other,
        })
    }

    /// Whether a record starts at the beginning of `window`.
    fn starts_record(&self, window: &[u8]) -> bool {
        match self.arc {
            true => arc::line(window).is_some_and(|line| arc::headers(line).is_some()),
            false => starts_with_magic(window),
        }
    }

    /// Where in `window` a line starts as a record does.
    fn record_start(&self, window: &[u8], line_start: bool) -> Option<usize> {
        let versioned = |at: usize| self.arc || window.get(at + MAGIC.len()).is_some_and(u8::is_ascii_digit);
        let starts = |at: usize| self.starts_record(&window[at..]) && versioned(at);
        if line_start && starts(0) {
            return Some(0);
        }
        let newlines = window.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        newlines.map(|(at, _)| at + 1).find(|&at| starts(at))
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
        let window = self.source.window();
        let behind = &window[end..];
        let gap = blank(behind);
        let fits = gap >= MAX_GAP
            || gap == behind.len()
            || !self.arc && behind.starts_with(b"\r\n\r\n")
            || self.starts_record(&behind[gap..])
            || member.is_some_and(|member| member <= start + (end + gap) as u64);
        if fits {
            let block = window[head..end].to_vec();
            self.source.advance(end + gap);
            return Ok(Item::Record(Record { headers, block }));
        }
        // The length is wrong. Where it is too short, the block goes on up to the next record.
        self.source.peek(end + MAX_HEADER)?;
        let window = self.source.window();
        let next = self.record_start(&window[head..], true).map(|next| head + next);
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

    /// Passes over a block that is too large to be read, without trusting its length further than needed:
    /// where a gzip member starts with a record, the length was wrong.
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
            if at_member && self.starts_record(self.source.window()) {
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

    /// A record whose block goes on past the end. Where nothing follows, the file is cut off, and what came
    /// of the block is kept; else the length is wrong.
    fn skip_truncated(&mut self, head: usize, headers: Headers) -> io::Result<Item> {
        self.source.peek(head.saturating_add(self.max_block).saturating_add(1))?;
        let block = &self.source.window()[head..];
        let cut = matches!(self.source.end(), Some(End::Eof | End::Truncated))
            && (1..=self.max_block).contains(&block.len())
            && self.record_start(block, true).is_none();
        if cut {
            let (block, offset) = (block.to_vec(), self.source.offset());
            let bytes = (head + block.len()) as u64;
            self.source.advance(head + block.len());
            let told = Skipped { reason: "truncated", offset, bytes, headers: Some(headers.clone()) };
            self.pending = Some(Item::Skipped(told));
            return Ok(Item::Record(Record { headers, block }));
        }
        let reason = self.reason("truncated");
        let item = self.skip(head, reason, Some(headers))?;
        let more = self.starts_record(self.source.window());
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
            if self.source.peek(MAX_HEADER)?.is_empty() {
                return self.close(reason, offset, headers);
            }
            if let Some(at) = self.record_start(self.source.window(), line_start) {
                self.source.advance(at);
                break;
            }
            // The last bytes may be the beginning of a record's first line.
            let window = self.source.window();
            let tail = if self.arc { arc::MAX_LINE.min(window.len() / 2) } else { MAGIC.len() };
            let step = window.len().saturating_sub(tail).max(1);
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
        if self.source.window().is_empty() {
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

fn starts_with_magic(window: &[u8]) -> bool {
    window.get(..MAGIC.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC))
}

/// What stands where a record should start.
enum Head {
    /// A header, and its length with what parts it from the block.
    Found(usize, Headers),
    /// A header that does not end or is too long.
    Malformed,
    /// Something else.
    Other,
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
