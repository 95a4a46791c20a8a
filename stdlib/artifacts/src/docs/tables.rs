//! Documents in CSV and TSV files: a row each, named by the first line.

use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use llmp_stage::{Error, Result};
use serde_json::{Map, Value};

use super::loose::{Bad, Notes, Row};
use super::{Mapping, decompressed};

/// Reads the rows of a CSV file, RFC 4180 with any line ends; quoted fields may hold line ends.
pub struct CsvRows {
    input: Reader<Box<dyn std::io::BufRead + Send>>,
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
        let mut input =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(decompressed(path)?);
        let headers = input
            .byte_headers()
            .map_err(|error| Error::new(format!("cannot read the first line of `{name}`")).because(error))?;
        let names: Vec<String> = (headers.iter())
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let mapping = mapping.unwrap_or_default();
        let text = mapping.field("text").unwrap_or("text");
        if !names.iter().any(|name| name == text) {
            return Err(Error::new(format!("the first line of `{name}` names no column `{text}`")).help(
                format!(
                    "it names {}; write `text = \"…\"` for the one that holds the texts",
                    names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ),
            ));
        }
        Ok(Self {
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
}

impl Iterator for CsvRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
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
                    csv::ErrorKind::Io(error) => {
                        Some(Err(Error::new("cannot read a CSV file").because(error)))
                    }
                    other => bad(format!("{other:?}")),
                };
            }
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
}
