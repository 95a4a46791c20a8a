//! The decompressed bytes of a WARC file, through a window that can be looked ahead in.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Bytes decompressed at once.
const CHUNK: usize = 64 << 10;

/// How far before the point of damage the search for the next member starts: the decoder may have run past
/// its beginning.
const REWIND: u64 = 64 << 10;

/// All rewinding together, so that a hostile file cannot make the reader decode the same bytes again and
/// again.
const REWIND_BUDGET: u64 = 64 << 20;

/// What a file holds, judged by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Uncompressed bytes.
    Plain,
    /// gzip, of one or many members.
    Gzip,
    /// zstd, of one or many frames, which may share a dictionary.
    Zstd,
}

impl Format {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ if start.starts_with(&ZSTD) => Self::Zstd,
            // A frame to be skipped: <https://iipc.github.io/warc-specifications/specifications/warc-zstd/>.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// What a member starts with. No byte of it but the first is like the first.
    fn magic(self) -> &'static [u8] {
        match self {
            Self::Plain => &[],
            Self::Gzip => &[0x1f, 0x8b, 0x08],
            Self::Zstd => &ZSTD,
        }
    }
}

/// What a zstd frame starts with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What the frame starts with that holds the dictionary of a file's other frames.
const DICTIONARY: [u8; 4] = [0x5d, 0x2a, 0x4d, 0x18];

/// The largest dictionary that is taken.
const MAX_DICTIONARY: u64 = 64 << 20;

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The file ends, at the end of a member if it is compressed.
    Eof,
    /// The file ends within a member.
    Truncated,
    /// The member that starts at the given offset of the decompressed stream is damaged; [`Source::resume`]
    /// goes on behind it.
    Damaged(u64),
}

/// A window over decompressed bytes. Offsets are those of the decompressed stream. A member is what is
/// compressed by itself: a member of gzip, a frame of zstd.
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
    /// The decoder of the last zstd frame: to load its dictionary again costs more than most frames.
    spare: Option<Codec>,
    /// Where members start, from the window's first byte on.
    members: VecDeque<u64>,
    /// The dictionary of zstd frames, empty where there is none.
    dictionary: Vec<u8>,
    end: Option<End>,
    rewind_budget: u64,
    /// Where in the file the last member starts.
    member_position: u64,
}

/// A member being decompressed.
struct Member {
    codec: Codec,
    started: u64,
}

/// What decompresses a member.
enum Codec {
    Gzip(Box<Decompress>),
    Zstd(Decoder<'static>),
}

/// What one step of decompression did.
struct Step {
    consumed: usize,
    made: usize,
    /// Whether the member has ended; `None` where it is damaged.
    ended: Option<bool>,
}

impl Codec {
    fn new(format: Format, dictionary: &[u8]) -> io::Result<Self> {
        Ok(match format {
            Format::Zstd => Self::Zstd(Decoder::with_dictionary(dictionary)?),
            Format::Plain | Format::Gzip => Self::Gzip(Box::new(Decompress::new_gzip(15))),
        })
    }

    /// Ready for another member, where that costs less than a new one.
    fn again(mut self) -> Option<Self> {
        match &mut self {
            Self::Gzip(_) => None,
            Self::Zstd(decoder) => decoder.reinit().ok().map(|()| self),
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        match self {
            Self::Gzip(inflate) => {
                let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, output, FlushDecompress::None);
                Step {
                    consumed: (inflate.total_in() - before_in) as usize,
                    made: (inflate.total_out() - before_out) as usize,
                    ended: status.ok().map(|status| status == Status::StreamEnd),
                }
            }
            Self::Zstd(decoder) => {
                let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
                let left = decoder.run(&mut from, &mut to);
                Step { consumed: from.pos(), made: to.pos(), ended: left.ok().map(|left| left == 0) }
            }
        }
    }
}

impl<R: Read + Seek> Source<R> {
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let length = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(CHUNK, input);
        let format = Format::of(input.fill_buf()?);
        let (mut dictionary, mut position) = (Vec::new(), 0);
        if input.fill_buf()?.starts_with(&DICTIONARY) {
            (dictionary, position) = read_dictionary(&mut input)?;
        }
        Ok(Self {
            input,
            format,
            length,
            position,
            dictionary,
            window: Vec::new(),
            start: 0,
            offset: 0,
            member: None,
            spare: None,
            members: VecDeque::new(),
            end: None,
            rewind_budget: REWIND_BUDGET,
            member_position: 0,
        })
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

    /// What was looked at last, and all that has come with it.
    pub(super) fn window(&self) -> &[u8] {
        &self.window[self.start..]
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

    /// Where members start, from the window's first byte on.
    pub(super) fn members(&self) -> impl Iterator<Item = u64> {
        self.members.iter().copied()
    }

    /// Goes on at the next member after damage, once the window is empty.
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
            Format::Gzip | Format::Zstd => self.decompress(),
        }
    }

    fn decompress(&mut self) -> io::Result<()> {
        let produced = self.offset + self.buffered() as u64;
        let member = match &mut self.member {
            Some(member) => member,
            none => {
                let magic = self.format.magic()[0];
                match self.input.fill_buf()? {
                    [] => {
                        self.end = Some(End::Eof);
                        return Ok(());
                    }
                    // Bytes between gzip members (zero padding, mostly) are passed over; zstd has frames for
                    // that.
                    [first, ..] if *first == magic || self.format == Format::Zstd => {}
                    padding => {
                        let count = padding.iter().position(|&byte| byte == magic).unwrap_or(padding.len());
                        self.input.consume(count);
                        self.position += count as u64;
                        return Ok(());
                    }
                }
                self.members.push_back(produced);
                self.member_position = self.position;
                let codec = match self.spare.take() {
                    Some(codec) => codec,
                    None => Codec::new(self.format, &self.dictionary)?,
                };
                none.insert(Member { codec, started: produced })
            }
        };
        let input = self.input.fill_buf()?;
        let at_end = input.is_empty();
        let length = self.window.len();
        self.window.resize(length + CHUNK, 0);
        let step = member.codec.step(input, &mut self.window[length..]);
        self.window.truncate(length + step.made);
        self.input.consume(step.consumed);
        self.position += step.consumed as u64;
        match step.ended {
            Some(true) => self.spare = self.member.take().and_then(|member| member.codec.again()),
            Some(false) if at_end && step.made == 0 => self.end = Some(End::Truncated),
            Some(false) if step.made > 0 || step.consumed > 0 => {}
            _ => self.end = Some(End::Damaged(member.started)),
        }
        Ok(())
    }

    /// Moves the input to the next place that looks like the start of a member.
    fn find_member(&mut self) -> io::Result<()> {
        let rewind = REWIND.min(self.rewind_budget);
        // A decoder may fail before it has taken a byte: the member that failed is never tried again.
        let from = self.position.saturating_sub(rewind).max(self.member_position + 1);
        self.rewind_budget -= self.position.saturating_sub(from);
        self.position = self.input.seek(SeekFrom::Start(from))?;
        let (magic, mut matched) = (self.format.magic(), 0);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let mut used = 0;
            for &byte in buffer {
                used += 1;
                matched = if byte == magic[matched] { matched + 1 } else { usize::from(byte == magic[0]) };
                if matched == magic.len() {
                    break;
                }
            }
            self.input.consume(used);
            self.position += used as u64;
            if matched == magic.len() {
                self.input.seek_relative(-(matched as i64))?;
                self.position -= matched as u64;
                return Ok(());
            }
        }
    }
}

/// The dictionary in the frame at the start of `input`, which may be compressed itself, and the frame's
/// length.
fn read_dictionary(input: &mut impl BufRead) -> io::Result<(Vec<u8>, u64)> {
    let mut head = Vec::new();
    input.take(8).read_to_end(&mut head)?;
    let [.., a, b, c, d] = head[..] else { return Ok((Vec::new(), 4)) };
    let length = if head.len() == 8 { u64::from(u32::from_le_bytes([a, b, c, d])) } else { 0 };
    let too_large =
        || io::Error::new(io::ErrorKind::InvalidData, "the dictionary of its zstd frames is too large");
    if length > MAX_DICTIONARY {
        return Err(too_large());
    }
    let mut dictionary = Vec::new();
    let read = input.take(length).read_to_end(&mut dictionary)? as u64;
    if dictionary.starts_with(&ZSTD) {
        let mut plain = Vec::new();
        zstd::Decoder::with_buffer(&dictionary[..])?.take(MAX_DICTIONARY + 1).read_to_end(&mut plain)?;
        if plain.len() as u64 > MAX_DICTIONARY {
            return Err(too_large());
        }
        dictionary = plain;
    }
    Ok((dictionary, head.len() as u64 + read))
}
