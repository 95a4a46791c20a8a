//! Documents in CSV and TSV files: a row each, named by the first line.

use std::io::{self, BufRead, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use llmp_stage::{Error, Result};
use serde_json::{Map, Value};

use super::loose::{Bad, Notes, Row};
use super::{Mapping, decompressed};

/// The longest row, in bytes; a quote that is never closed would make one of all that follows it.
const MAX_ROW: u64 = 64 << 20;

/// Bytes of a file of which each row may take so many.
struct Bounded {
    input: Box<dyn BufRead + Send>,
    read: u64,
    /// How far it may be read for this row.
    limit: u64,
    /// The last byte that ends no line.
    last: u8,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row is longer than 64 MiB"));
        }
        let length = self.input.read(buffer)?;
        self.read += length as u64;
        if let Some(last) = buffer[..length].iter().rfind(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.last = *last;
        }
        Ok(length)
    }
}

/// Reads the rows of a CSV file, RFC 4180 with any line ends; quoted fields may hold line ends.
pub struct CsvRows {
    /// What people call the file.
    name: String,
    input: Reader<Bounded>,
    names: Vec<String>,
    mapping: Mapping,
    record: ByteRecord,
    /// Rows behind the first line that were read.
    row: u64,
    ended: bool,
    notes: Notes,
}

impl CsvRows {
    /// Opens the file at `path`, whose fields are parted by `delimiter`.
    ///
    /// # Errors
    /// Where it cannot be read, or its first line does not name the column of the texts.
    pub fn open(path: &Path, name: &str, delimiter: u8, mapping: Option<Mapping>) -> Result<Self> {
        let bytes = Bounded { input: decompressed(path)?, read: 0, limit: MAX_ROW, last: 0 };
        let mut input = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
        let headers = input
            .byte_headers()
            .map_err(|error| Error::new(format!("cannot read the first line of `{name}`")).because(error))?;
        let names: Vec<String> = (headers.iter())
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let mapping = mapping.unwrap_or_default();
        let text = mapping.field("text").unwrap_or("text");
        if !names.iter().any(|name| name == text) {
            let message = format!("the first line of `{name}` names no column `{text}`");
            return Err(Error::new(message).help(super::name_the_text(names.iter().map(String::as_str))));
        }
        if names.iter().filter(|name| *name == text).count() > 1 {
            return Err(Error::new(format!("the first line of `{name}` names two columns `{text}`"))
                .help("rename one of them, or leave it out"));
        }
        Ok(Self {
            name: name.to_owned(),
            input,
            names,
            mapping,
            record: ByteRecord::new(),
            row: 0,
            ended: false,
            notes: Notes::default(),
        })
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What follows would be one row, and lost if that were left out: so it is an error.
    fn unclosed(&self, line: u64) -> Error {
        Error::new(format!("a quote that opens in line {line} of `{}` or behind it is not closed", self.name))
            .help("close it; quotes within a text in quotes are written twice")
    }

    /// Whether the row that was read last is the rest of the file, since a quote in it is not closed: a field
    /// that goes over lines is one in quotes, and nothing stands behind the last quote of a file.
    fn runs_on(&self) -> bool {
        let bytes = self.input.get_ref();
        let goes_over_lines = self.record.iter().next_back().is_some_and(|field| field.contains(&b'\n'));
        goes_over_lines && self.input.position().byte() == bytes.read && bytes.last != b'"'
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let start = self.input.position().line();
        let limit = self.input.position().byte().saturating_add(MAX_ROW);
        self.input.get_mut().limit = limit;
        let read = self.input.read_byte_record(&mut self.record);
        self.row += u64::from(!matches!(read, Ok(false)));
        let row = self.row;
        let bad = |why: String| Some(Ok(Row::Bad(Bad { place: format!("row {row}"), why })));
        match read {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => {
                // Only reading itself fails: rows may have any length, and are bytes.
                self.ended = true;
                return match error.into_kind() {
                    csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                        bad("the file is cut off here".into())
                    }
                    csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                        Some(Err(self.unclosed(start)))
                    }
                    csv::ErrorKind::Io(error) => {
                        Some(Err(Error::new("cannot read a CSV file").because(error)))
                    }
                    other => bad(format!("{other:?}")),
                };
            }
        }
        if self.runs_on() {
            self.ended = true;
            return Some(Err(self.unclosed(start)));
        }
        if self.record.len() > self.names.len() {
            return bad(format!(
                "it has {} fields, the first line names {}",
                self.record.len(),
                self.names.len()
            ));
        }
        let mut mended = false;
        let fields: Map<String, Value> = (self.names.iter().zip(&self.record))
            .map(|(name, value)| {
                let text = String::from_utf8_lossy(value);
                mended |= matches!(text, std::borrow::Cow::Owned(_));
                // What is left empty is not there.
                let empty = text.is_empty() && self.mapping.field("text").unwrap_or("text") != name;
                (name.clone(), if empty { Value::Null } else { Value::String(text.into_owned()) })
            })
            .collect();
        self.notes.mended += u64::from(mended);
        match self.mapping.document(Value::Object(fields), &mut self.notes) {
            Ok(doc) => Some(Ok(Row::Doc(doc))),
            Err(why) => bad(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_hold_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        let content = b"\xef\xbb\xbfid,body,url\r\n1,\"one, \"\"two\"\"\nthree\",https://a.example/\r\n2,\xff,\r\n3,a,b,c\r\n4\r\n";
        std::fs::write(&path, content).expect("written");
        let mapping = Mapping::new(&[("text", Some("body"))]);
        let mut rows = CsvRows::open(&path, "a.csv", b',', mapping).expect("open");
        let read: Vec<String> = (rows.by_ref())
            .map(|row| match row.expect("read") {
                Row::Doc(doc) => format!("{} {} {}", doc.id, doc.text, doc.url),
                Row::Bad(bad) => format!("{}: {}", bad.place, bad.why),
            })
            .collect();
        assert_eq!(
            read,
            [
                "1 one, \"two\"\nthree https://a.example/",
                "2 \u{fffd} ",
                "row 3: it has 4 fields, the first line names 3",
                "row 4: `body` is missing",
            ]
        );
        assert_eq!(rows.notes().mended, 1);
        let error = CsvRows::open(&path, "a.csv", b',', None).err().expect("no `text`");
        assert_eq!(error.to_string(), "the first line of `a.csv` names no column `text`");
    }

    fn rows(content: &str) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.csv");
        std::fs::write(&path, content).expect("written");
        match CsvRows::open(&path, "a.csv", b',', None) {
            Ok(rows) => rows
                .map(|row| match row {
                    Ok(Row::Doc(doc)) => doc.text,
                    Ok(Row::Bad(bad)) => format!("{}: {}", bad.place, bad.why),
                    Err(error) => error.to_string(),
                })
                .collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_takes_nothing_with_it_unseen() {
        let unclosed = "a quote that opens in line 3 of `a.csv` or behind it is not closed";
        assert_eq!(rows("text,url\none,u\n\"two,v\nthree,w\n"), ["one", unclosed]);
        assert_eq!(rows("url,text\nu,one\nv,\"two\nw,three"), ["one", unclosed]);
        assert_eq!(rows("url,text\nu,\"one\ntwo\"\n"), ["one\ntwo"]);
        assert_eq!(rows("url,text\nu,\"one\ntwo\""), ["one\ntwo"]);
        assert_eq!(rows("text,url\n\"one\ntwo\",u\n"), ["one\ntwo"]);
        let long = format!("text,url\none,u\n\"{}", "two,v\n".repeat(12 << 20));
        assert_eq!(rows(&long), ["one", unclosed]);
    }

    #[test]
    fn two_columns_of_texts_are_refused() {
        assert_eq!(rows("text,text\na,b\n"), ["the first line of `a.csv` names two columns `text`"]);
    }
}
