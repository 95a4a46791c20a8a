//! The decompressed bytes of a WARC file, through a window that can be looked ahead in.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes decompressed at once.
const CHUNK: usize = 64 << 10;

/// How far before the point of damage the search for the next gzip member starts: the decoder may have run past its
/// beginning.
const REWIND: u64 = 64 << 10;

/// All rewinding together, so that a hostile file cannot make the reader decode the same bytes again and again.
const REWIND_BUDGET: u64 = 64 << 20;

/// What a file holds, judged by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Uncompressed bytes.
    Plain,
    /// gzip, of one or many members.
    Gzip,
    /// zstd, which is not read.
    Zstd,
}

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The file ends, at the end of a gzip member if it has any.
    Eof,
    /// The file ends within a gzip member.
    Truncated,
    /// The gzip member that starts at the given offset of the decompressed stream is damaged; [`Source::resume`] goes
    /// on behind it.
    Damaged(u64),
}

/// A window over decompressed bytes. Offsets are those of the decompressed stream.
pub(super) struct Source<R> {
    input: BufReader<R>,
    format: Format,
    length: u64,
    /// Bytes of the file consumed.
    position: u64,
    window: Vec<u8>,
    start: usize,
    offset: u64,
    member: Option<Member>,
    /// Where gzip members start, from the window's first byte on.
    members: VecDeque<u64>,
    end: Option<End>,
    rewind_budget: u64,
    /// Where in the file the last gzip member starts.
    member_position: u64,
}

/// A gzip member being decompressed.
struct Member {
    inflate: Box<Decompress>,
    started: u64,
}

impl<R: Read + Seek> Source<R> {
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let length = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(CHUNK, input);
        let format = match input.fill_buf()? {
            [0x1f, 0x8b, ..] => Format::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::Zstd,
            _ => Format::Plain,
        };
        Ok(Self {
            input,
            format,
            length,
            position: 0,
            window: Vec::new(),
            start: 0,
            offset: 0,
            member: None,
            members: VecDeque::new(),
            end: None,
            rewind_budget: REWIND_BUDGET,
            member_position: 0,
        })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Compressed bytes read so far, and all there are.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.position, self.length)
    }

    /// The offset of the window's first byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why nothing comes behind the window, once that is known.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// Bytes behind the window's first byte where that is known: in a plain file.
    pub(super) fn remaining(&self) -> Option<u64> {
        (self.format == Format::Plain)
            .then(|| self.length.saturating_sub(self.position) + self.buffered() as u64)
    }

    /// Looks at what comes: at least `count` bytes unless the stream ends before.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffered() < count && self.end.is_none() {
            self.fill()?;
        }
        Ok(&self.window[self.start..])
    }

    /// Passes over `count` bytes of the window.
    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.buffered());
        self.start += count;
        self.offset += count as u64;
        while self.members.front().is_some_and(|member| *member < self.offset) {
            self.members.pop_front();
        }
        if self.start == self.window.len() {
            self.window.clear();
            self.start = 0;
        }
    }

    /// Where gzip members start, from the window's first byte on.
    pub(super) fn members(&self) -> impl Iterator<Item = u64> {
        self.members.iter().copied()
    }

    /// Goes on at the next gzip member after damage, once the window is empty.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        if let Some(End::Damaged(_)) = self.end {
            self.end = None;
            self.member = None;
            self.find_member()?;
        }
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.window.len() - self.start
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > self.window.len() / 2 {
            self.window.drain(..self.start);
            self.start = 0;
        }
        match self.format {
            Format::Plain => {
                let read = (&mut self.input).take(CHUNK as u64).read_to_end(&mut self.window)?;
                self.position += read as u64;
                if read == 0 {
                    self.end = Some(End::Eof);
                }
                Ok(())
            }
            Format::Gzip => self.inflate(),
            Format::Zstd => {
                self.end = Some(End::Eof);
                Ok(())
            }
        }
    }

    fn inflate(&mut self) -> io::Result<()> {
        let produced = self.offset + self.buffered() as u64;
        let member = match &mut self.member {
            Some(member) => member,
            none => {
                // Bytes between members (zero padding, mostly) are passed over.
                match self.input.fill_buf()? {
                    [] => {
                        self.end = Some(End::Eof);
                        return Ok(());
                    }
                    [0x1f, ..] => {}
                    padding => {
                        let count = padding.iter().position(|&byte| byte == 0x1f).unwrap_or(padding.len());
                        self.input.consume(count);
                        self.position += count as u64;
                        return Ok(());
                    }
                }
                self.members.push_back(produced);
                self.member_position = self.position;
                none.insert(Member { inflate: Box::new(Decompress::new_gzip(15)), started: produced })
            }
        };
        let input = self.input.fill_buf()?;
        let at_end = input.is_empty();
        let (before_in, before_out) = (member.inflate.total_in(), member.inflate.total_out());
        let length = self.window.len();
        self.window.resize(length + CHUNK, 0);
        let status = member.inflate.decompress(input, &mut self.window[length..], FlushDecompress::None);
        let consumed = (member.inflate.total_in() - before_in) as usize;
        let made = (member.inflate.total_out() - before_out) as usize;
        self.window.truncate(length + made);
        self.input.consume(consumed);
        self.position += consumed as u64;
        match status {
            Ok(Status::StreamEnd) => self.member = None,
            Ok(_) if at_end && made == 0 => self.end = Some(End::Truncated),
            Ok(_) if made > 0 || consumed > 0 => {}
            _ => self.end = Some(End::Damaged(member.started)),
        }
        Ok(())
    }

    /// Moves the input to the next place that looks like the start of a gzip member.
    fn find_member(&mut self) -> io::Result<()> {
        let rewind = REWIND.min(self.rewind_budget);
        let from = self.position.saturating_sub(rewind).max(self.member_position + 1).min(self.position);
        self.rewind_budget -= self.position - from;
        self.position = self.input.seek(SeekFrom::Start(from))?;
        let mut matched = 0;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let mut used = 0;
            for &byte in buffer {
                used += 1;
                matched = match (matched, byte) {
                    (1, 0x8b) => 2,
                    (2, 0x08) => 3,
                    (_, 0x1f) => 1,
                    _ => 0,
                };
                if matched == 3 {
                    break;
                }
            }
            self.input.consume(used);
            self.position += used as u64;
            if matched == 3 {
                self.input.seek_relative(-3)?;
                self.position -= 3;
                return Ok(());
            }
        }
    }
}
