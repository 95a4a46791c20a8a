//! Files of conversations as people have them: JSON lines, JSON lists, Parquet and transcripts, plain or compressed.

use std::io::{BufRead, Read};
use std::path::Path;

use llmp_artifacts::conversations::{Message, talks};
use llmp_artifacts::docs::{decompressed, json_rows, mended};
use llmp_artifacts::lines::{BYTE_ORDER_MARK, Line, Lines, parsed};
use llmp_stage::{Error, InputFile, Result};
use serde_json::Value;

/// The longest line.
const MAX_LINE: u64 = 64 << 20;
/// The largest file that is read at once: a JSON list or a transcript.
const MAX_WHOLE: u64 = 1 << 30;
/// Lines that tell whether a file has a row in each.
const LOOKED_AT: usize = 100;

/// What stands in a row.
pub(crate) enum Content {
    Row(Value),
    Talk(Vec<Message>),
}

/// Calls `each` with the place of every row (`people.jsonl:12`, `people.json, row 3`) and what stands there, or what is
/// wrong with it. Returns in how many rows something that is no Unicode was replaced.
///
/// # Errors
/// Where the file cannot be read or is of no kind that is read, or `each` fails.
pub(crate) fn read(
    file: &InputFile,
    mut each: impl FnMut(&str, std::result::Result<Content, String>) -> Result<()>,
) -> Result<u64> {
    let name = file.label.as_deref().unwrap_or(&file.name);
    let lower = file.name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    match Path::new(plain).extension().and_then(std::ffi::OsStr::to_str) {
        Some("jsonl" | "ndjson" | "json") => {
            let mut json = Json { name, mended: 0, each: &mut each };
            json.read(&file.path)?;
            Ok(json.mended)
        }
        Some("parquet") => {
            for (number, row) in (1..).zip(json_rows(&file.path)?) {
                each(&format!("{name}, row {number}"), Ok(Content::Row(row?)))?;
            }
            Ok(0)
        }
        Some("txt") => {
            let bytes = whole(decompressed(&file.path)?, &file.path, name)?;
            let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
            let text = String::from_utf8_lossy(bytes);
            for talk in talks(&text) {
                match talk {
                    Ok((line, talk)) => each(&format!("{name}:{line}"), Ok(Content::Talk(talk)))?,
                    Err((line, fault)) => each(&format!("{name}:{line}"), Err(fault))?,
                }
            }
            Ok(u64::from(matches!(text, std::borrow::Cow::Owned(_))))
        }
        _ => Err(Error::new(format!("`{name}` is no file of conversations by its name"))
            .help("`.jsonl`, `.json`, `.parquet` and `.txt` are read, also with `.gz` or `.zst` behind it")),
    }
}

fn whole(input: impl Read, path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_WHOLE + 1).read_to_end(&mut bytes).map_err(Error::io("cannot read", path))?;
    if bytes.len() as u64 > MAX_WHOLE {
        return Err(Error::new(format!("`{name}` is larger than 1 GiB"))
            .help("write it as JSONL, which is read row by row"));
    }
    Ok(bytes)
}

/// Reads JSON: a row in each line, or one value over several lines.
struct Json<'a, F> {
    name: &'a str,
    mended: u64,
    each: &'a mut F,
}

impl<F: FnMut(&str, std::result::Result<Content, String>) -> Result<()>> Json<'_, F> {
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

    /// A value is a row, or a list of rows; a list of messages is one row.
    fn rows(&mut self, value: Value, place: &str) -> Result<()> {
        match value {
            Value::Array(rows) if !rows.iter().all(is_message) => {
                (1..).zip(rows).try_for_each(|(number, row)| {
                    (self.each)(&format!("{place}, row {number}"), Ok(Content::Row(row)))
                })
            }
            row => (self.each)(place, Ok(Content::Row(row))),
        }
    }
}

fn is_message(value: &Value) -> bool {
    ["role", "from"].iter().any(|name| value.get(name).is_some())
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
