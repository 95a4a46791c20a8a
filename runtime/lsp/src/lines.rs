//! Places in the protocol's units: lines, and columns in code units of UTF-8, UTF-16 or UTF-32.

use gen_lsp_types::{Position, Range};

/// What columns count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, which every client knows.
    Utf16,
    /// Characters.
    Utf32,
}

/// A character of several bytes.
#[derive(Clone, Copy, Debug)]
struct Wide {
    start: u32,
    end: u32,
    /// How many bytes more than UTF-16 code units the text has up to `end`.
    more_than_utf16: u32,
    /// How many bytes more than characters.
    more_than_utf32: u32,
}

impl Wide {
    /// How many bytes more than code units the text has up to its end.
    fn more(&self, encoding: Encoding) -> u32 {
        match encoding {
            Encoding::Utf8 => 0,
            Encoding::Utf16 => self.more_than_utf16,
            Encoding::Utf32 => self.more_than_utf32,
        }
    }
}

/// The lines of a text. Both directions take logarithmic time, whatever the text.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
    /// Where the text of each line ends, before its line end.
    ends: Vec<u32>,
    wide: Vec<Wide>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let (mut starts, mut ends, mut wide) = (vec![0], Vec::new(), Vec::new());
        let bytes = text.as_bytes();
        let (mut more_than_utf16, mut more_than_utf32) = (0, 0);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                // Bytes are enough to find line ends; `\r` alone is one, too.
                b'\n' => {
                    let start = starts.last().map_or(0, |&start| start as usize);
                    let crlf = at > start && bytes[at - 1] == b'\r';
                    ends.push((at - usize::from(crlf)) as u32);
                    starts.push(at as u32 + 1);
                }
                b'\r' if bytes.get(at + 1) != Some(&b'\n') => {
                    ends.push(at as u32);
                    starts.push(at as u32 + 1);
                }
                0xC0.. => {
                    let (bytes, units) = match byte {
                        0xF0.. => (4, 2),
                        0xE0.. => (3, 1),
                        _ => (2, 1),
                    };
                    more_than_utf16 += bytes - units;
                    more_than_utf32 += bytes - 1;
                    let (start, end) = (at as u32, at as u32 + bytes);
                    wide.push(Wide { start, end, more_than_utf16, more_than_utf32 });
                }
                _ => {}
            }
        }
        ends.push(text.len() as u32);
        Self { starts, ends, wide }
    }

    /// The byte at `position`; what lies outside is moved to the nearest place inside.
    pub(crate) fn offset(&self, position: Position, encoding: Encoding) -> u32 {
        let line = position.line as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(line), self.ends.get(line)) else {
            return self.ends.last().copied().unwrap_or(0);
        };
        let units = (start - self.more(start, encoding)).saturating_add(position.character);
        let before = self.wide.partition_point(|wide| wide.end - wide.more(encoding) <= units);
        let more = before.checked_sub(1).map_or(0, |at| self.wide[at].more(encoding));
        let offset = units.saturating_add(more).min(end);
        let after = self.wide.partition_point(|wide| wide.end <= offset);
        match self.wide.get(after) {
            // In the middle of a character.
            Some(wide) if wide.start < offset => wide.start,
            _ => offset,
        }
    }

    /// Where the byte `offset` stands.
    pub(crate) fn position(&self, offset: u32, encoding: Encoding) -> Position {
        let line = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let end = self.ends.get(line).copied().unwrap_or(start);
        let offset = offset.clamp(start, end.max(start));
        let character = (offset - self.more(offset, encoding)) - (start - self.more(start, encoding));
        Position { line: line as u32, character }
    }

    /// The range of the bytes `start..end`.
    pub(crate) fn range(&self, start: u32, end: u32, encoding: Encoding) -> Range {
        Range { start: self.position(start, encoding), end: self.position(end, encoding) }
    }

    /// How many bytes more than code units the text has up to `offset`.
    fn more(&self, offset: u32, encoding: Encoding) -> u32 {
        let before = self.wide.partition_point(|wide| wide.end <= offset);
        before.checked_sub(1).map_or(0, |at| self.wide[at].more(encoding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "aé😀b\r\nx\ry 中\n\nend";

    const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn every_character_comes_back() {
        for encoding in ALL {
            let lines = Lines::new(TEXT);
            for (offset, _) in TEXT.char_indices().filter(|&(_, one)| one != '\n' && one != '\r') {
                let position = lines.position(offset as u32, encoding);
                assert_eq!(lines.offset(position, encoding), offset as u32, "{position:?}");
            }
        }
    }

    #[test]
    fn columns_count_code_units() {
        let lines = Lines::new(TEXT);
        let b = TEXT.find('b').expect("b") as u32;
        assert_eq!(lines.position(b, Encoding::Utf16), at(0, 4));
        assert_eq!(lines.position(b, Encoding::Utf8), at(0, 7));
        assert_eq!(lines.position(b, Encoding::Utf32), at(0, 3));
        let end = TEXT.find("end").expect("end") as u32;
        assert_eq!(lines.position(end, Encoding::Utf16), at(4, 0));
    }

    #[test]
    fn places_outside_are_moved_inside() {
        let lines = Lines::new(TEXT);
        for encoding in ALL {
            let offset = |line, character| lines.offset(at(line, character), encoding);
            assert_eq!(offset(0, 99), TEXT.find('\r').expect("line end") as u32);
            assert_eq!(offset(0, u32::MAX), TEXT.find('\r').expect("line end") as u32);
            assert_eq!(offset(99, 0), TEXT.len() as u32);
            assert_eq!(offset(u32::MAX, u32::MAX), TEXT.len() as u32);
        }
        // Between the code units of an emoji.
        let emoji = TEXT.find('😀').expect("emoji") as u32;
        assert_eq!(lines.offset(at(0, 3), Encoding::Utf16), emoji);
        assert_eq!(lines.offset(at(0, 5), Encoding::Utf8), emoji);
        assert_eq!(lines.offset(at(0, 3), Encoding::Utf32), emoji + 4);
        assert_eq!(Lines::new("").offset(at(3, 3), Encoding::Utf16), 0);
    }
}
