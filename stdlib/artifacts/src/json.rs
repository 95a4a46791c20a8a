//! JSON files of rows as people have them: a row a line, or one value over several lines; plain or
//! compressed.

use std::io::{BufRead, Read};
use std::path::Path;

use llmp_stage::{Error, Result};
use serde_json::Value;

use crate::docs::{decompressed, mended};
use crate::lines::{BYTE_ORDER_MARK, Line, Lines, parsed};

/// The longest line.
const MAX_LINE: u64 = 64 << 20;
/// The largest file that is read at once: a list over several lines, or a transcript.
const MAX_WHOLE: u64 = 1 << 30;
/// Lines that tell whether a file has a row in each.
const LOOKED_AT: usize = 100;

/// Calls `each` with the place of every row (`people.jsonl:12`, `people.json, row 3`) and what stands there,
/// or what is wrong with it. A list is rows, unless `is_row` says that it is one by itself. Returns in how
/// many rows something that is no Unicode was replaced.
///
/// # Errors
/// Where the file cannot be read or holds no JSON, or `each` fails.
pub(crate) fn read(
    path: &Path,
    name: &str,
    is_row: impl Fn(&[Value]) -> bool,
    each: impl FnMut(&str, std::result::Result<Value, String>) -> Result<()>,
) -> Result<u64> {
    let mut json = Json { name, mended: 0, is_row, each };
    json.read(path)?;
    Ok(json.mended)
}

/// All bytes of a file that is not too large.
pub(crate) fn whole(input: impl Read, path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_WHOLE + 1).read_to_end(&mut bytes).map_err(Error::io("cannot read", path))?;
    if bytes.len() as u64 > MAX_WHOLE {
        return Err(Error::new(format!("`{name}` is larger than 1 GiB"))
            .help("write it as JSONL, which is read row by row"));
    }
    Ok(bytes)
}

struct Json<'a, L, F> {
    name: &'a str,
    mended: u64,
    is_row: L,
    each: F,
}

impl<L: Fn(&[Value]) -> bool, F: FnMut(&str, std::result::Result<Value, String>) -> Result<()>>
    Json<'_, L, F>
{
    fn read(&mut self, path: &Path) -> Result<()> {
        if has_rows_in_lines(decompressed(path)?, path)? {
            return self.lines(path);
        }
        let bytes = whole(decompressed(path)?, path, self.name)?;
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let value = self.parse(bytes).map_err(|error| {
            Error::new(format!("`{}` is not JSON", self.name))
                .because(error)
                .help("a file holds one row a line, or one list of rows")
        })?;
        self.rows(value, self.name)
    }

    fn lines(&mut self, path: &Path) -> Result<()> {
        let mut lines = Lines::open(path)?;
        loop {
            let row = match lines.next_line()? {
                None => return Ok(()),
                Some(Line::Bad(why)) => Err(why.to_owned()),
                Some(Line::Row(row)) => parsed(row, &mut self.mended, |row| serde_json::from_slice(row))
                    .map_err(|why| format!("this is not JSON: {why}")),
            };
            let place = format!("{}:{}", self.name, lines.number());
            match row {
                Ok(value) => self.rows(value, &place)?,
                Err(fault) => (self.each)(&place, Err(fault))?,
            }
        }
    }

    fn parse(&mut self, text: &[u8]) -> serde_json::Result<Value> {
        let text = text.trim_ascii_end();
        serde_json::from_slice(text).or_else(|error| match mended(text) {
            Some(text) => {
                let value = serde_json::from_slice(&text)?;
                self.mended += 1;
                Ok(value)
            }
            None => Err(error),
        })
    }

    /// A value is a row, or a list of rows.
    fn rows(&mut self, value: Value, place: &str) -> Result<()> {
        match value {
            Value::Array(rows) if !(self.is_row)(&rows) => (1..)
                .zip(rows)
                .try_for_each(|(number, row)| (self.each)(&format!("{place}, row {number}"), Ok(row))),
            row => (self.each)(place, Ok(row)),
        }
    }
}

/// Whether one of the first lines is a row by itself, and none of them begins a list that goes on below it.
fn has_rows_in_lines(mut input: impl BufRead, path: &Path) -> Result<bool> {
    let mut line = Vec::new();
    for _ in 0..LOOKED_AT {
        line.clear();
        match (&mut input).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(Error::io("cannot read", path)(error)),
        }
        let row = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line).trim_ascii();
        let parses = |row: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(row).is_ok();
        let is_row = parses(row) || mended(row).is_some_and(|row| parses(&row));
        match row {
            [b'{' | b'[', ..] if is_row => return Ok(true),
            [b'[', ..] => return Ok(false),
            _ => {}
        }
    }
    Ok(false)
}
