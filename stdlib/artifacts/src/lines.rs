//! Lines of JSON files: the one reader of them, plain or compressed.

use std::io::{BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Result};

use crate::docs::{decompressed, mended};

/// The longest line that is read; longer ones are passed over.
const MAX_LINE: u64 = 64 << 20;

/// What some programs begin UTF-8 files with.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes, without a byte order mark.
    Row(&'a [u8]),
    /// Why there are none.
    Bad(&'static str),
}

/// The lines of a file that are not blank, one at a time.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    number: u64,
    line: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// Opens the file at `path`, compressed with gzip or zstd or not.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let input = decompressed(path)?;
        Ok(Self { path: path.to_owned(), input, number: 0, line: Vec::new(), ended: false })
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the line that was read last, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end. A file that is cut off ends with [`Line::Bad`].
    ///
    /// # Errors
    /// Where the file cannot be read; it ends there.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            self.line.clear();
            self.number += 1;
            match (&mut self.input).take(MAX_LINE + 1).read_until(b'\n', &mut self.line) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(_) => {}
                Err(error) => {
                    self.ended = true;
                    return match error.kind() {
                        ErrorKind::UnexpectedEof => Ok(Some(Line::Bad("the file is cut off here"))),
                        _ => Err(Error::io("cannot read", &self.path)(error)),
                    };
                }
            }
            if self.line.len() as u64 > MAX_LINE {
                self.pass_over()?;
                return Ok(Some(Line::Bad("it is longer than 64 MiB")));
            }
            if !self.row().trim_ascii().is_empty() {
                return Ok(Some(Line::Row(self.row())));
            }
        }
    }

    fn row(&self) -> &[u8] {
        self.line.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.number == 1).unwrap_or(&self.line)
    }

    /// Goes on to the end of a line.
    fn pass_over(&mut self) -> Result<()> {
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                // Said once more where the next line would begin.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(Error::io("cannot read", &self.path)(error)),
            };
            let (length, found) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(length);
            if found {
                return Ok(());
            }
        }
    }
}

/// Reads a row by `read`; where that fails, once more with what is no Unicode replaced, which counts as
/// `mended`.
///
/// # Errors
/// What is wrong with the row, with the column where it is.
pub fn parsed<T>(
    row: &[u8],
    mended_rows: &mut u64,
    mut read: impl FnMut(&[u8]) -> serde_json::Result<T>,
) -> std::result::Result<T, String> {
    let row = row.trim_ascii_end();
    let mut result = read(row);
    if result.is_err()
        && let Some(row) = mended(row)
    {
        result = read(&row);
        *mended_rows += u64::from(result.is_ok());
    }
    result.map_err(|error| {
        // serde counts lines within the row; only its column helps.
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("{reason}, at column {}", error.column())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, b"\xef\xbb\xbf1\n\n \r\n2").expect("written");
        let mut lines = Lines::open(&path).expect("open");
        assert_eq!(lines.next_line().expect("read"), Some(Line::Row(b"1\n")));
        assert_eq!(lines.next_line().expect("read"), Some(Line::Row(b"2")));
        assert_eq!(lines.number(), 4);
        assert_eq!(lines.next_line().expect("read"), None);
        assert_eq!(lines.next_line().expect("read"), None);
    }
}
