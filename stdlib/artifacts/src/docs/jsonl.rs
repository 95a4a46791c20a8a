//! Documents as JSON lines, plain or compressed with gzip or zstd.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use llmp_stage::{Error, Result};

use super::loose::{self, Bad, Notes, Row};
use super::{Doc, mended};

/// The longest line that is read; longer ones are no documents.
const MAX_LINE: u64 = 64 << 20;

/// What some programs begin UTF-8 files with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file as it is once a compression that its first bytes tell, gzip or zstd, is undone.
///
/// # Errors
/// Where it cannot be read.
pub fn decompressed(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(Error::io("cannot read", path))?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = zstd::Decoder::with_buffer(file).map_err(Error::io("cannot read", path))?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(file)
    })
}

/// Reads the rows of JSON lines.
pub struct JsonlRows {
    path: PathBuf,
    line: u64,
    input: Box<dyn BufRead + Send>,
    ended: bool,
    notes: Notes,
}

impl JsonlRows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let input = decompressed(path)?;
        Ok(Self { path: path.to_owned(), line: 0, input, ended: false, notes: Notes::default() })
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    fn bad(&self, why: impl Into<String>) -> Row {
        Row::Bad(Bad { place: format!("line {}", self.line), why: why.into() })
    }

    fn read(&mut self) -> Result<Option<Row>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.line += 1;
            match (&mut self.input).take(MAX_LINE + 1).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.ended = true;
                    return Ok(Some(self.bad("the file is cut off here")));
                }
                Err(error) => return Err(Error::io("cannot read", &self.path)(error)),
            }
            if line.len() as u64 > MAX_LINE {
                self.pass_over()?;
                return Ok(Some(self.bad("it is longer than 64 MiB")));
            }
            let row = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.line == 1).unwrap_or(&line);
            if row.trim_ascii().is_empty() {
                continue;
            }
            let mut read = loose::json(row, &mut self.notes);
            if read.is_err()
                && let Some(row) = mended(row)
            {
                read = loose::json(&row, &mut self.notes);
                self.notes.mended += u64::from(read.is_ok());
            }
            return Ok(Some(match read {
                Ok(Ok(doc)) => Row::Doc(doc),
                Ok(Err(why)) => self.bad(why),
                Err(error) => {
                    // serde counts lines within the row; only its column helps.
                    let reason = error.to_string();
                    let reason = reason.split(" at line ").next().unwrap_or_default();
                    self.bad(format!("{reason}, at column {}", error.column()))
                }
            }));
        }
    }

    /// Goes on to the end of a line.
    fn pass_over(&mut self) -> Result<()> {
        loop {
            let buffer = self.input.fill_buf().map_err(Error::io("cannot read", &self.path))?;
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

impl Iterator for JsonlRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read().transpose();
        self.ended |= !matches!(item, Some(Ok(_)));
        item
    }
}

/// As [`JsonlRows`], where every row has to be a document: for what programs of a pipeline write.
pub struct JsonlReader(JsonlRows);

impl JsonlReader {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        JsonlRows::open(path).map(Self)
    }
}

impl Iterator for JsonlReader {
    type Item = Result<Doc>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.0.next()? {
            Ok(Row::Doc(doc)) => Ok(doc),
            Ok(Row::Bad(Bad { place, why })) => {
                self.0.ended = true;
                Err(Error::new(format!("{place} of `{}` is not a document: {why}", self.0.path.display()))
                    .help(
                        "each line is a JSON object with a string `text`, and optionally FineWeb's columns",
                    ))
            }
            Err(error) => Err(error),
        };
        Some(row)
    }
}

/// Writes a document as one line of JSON.
///
/// # Errors
/// Where `output` cannot be written.
pub fn write_jsonl(output: &mut impl Write, doc: &Doc) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, doc)?;
    output.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_plain_and_gzipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        let doc = Doc { text: "one\ntwo".into(), language: Some("en".into()), ..Doc::default() };
        let mut bytes = Vec::new();
        write_jsonl(&mut bytes, &doc).expect("written");
        bytes.extend_from_slice(b"\n{\"text\": \"only text\", \"extra\": [1]}");
        bytes.splice(..0, BYTE_ORDER_MARK.iter().copied());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).expect("written");
        let zstd = zstd::encode_all(&bytes[..], 1).expect("compressed");
        // Both may come in several parts.
        let (start, end) = bytes.split_at(9);
        let parts =
            [zstd::encode_all(start, 1).expect("compressed"), zstd::encode_all(end, 1).expect("compressed")];
        for content in [bytes.clone(), gzip.finish().expect("compressed"), zstd, parts.concat()] {
            std::fs::write(&path, content).expect("written");
            let docs: Vec<Doc> =
                JsonlReader::open(&path).expect("open").map(|doc| doc.expect("read")).collect();
            assert_eq!(docs, [doc.clone(), Doc { text: "only text".into(), ..Doc::default() }]);
        }
    }

    #[test]
    fn a_bad_line_says_where_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{\"text\": \"x\"}\n{\"text\": 3}\n").expect("written");
        let mut reader = JsonlReader::open(&path).expect("open");
        assert!(reader.next().is_some_and(|doc| doc.is_ok()));
        let error = reader.next().expect("a line").expect_err("bad");
        let (start, end) = ("line 2 of", "`text` is a number, expected a text");
        assert!(error.to_string().starts_with(start) && error.to_string().ends_with(end), "{error}");
        assert!(reader.next().is_none());
    }

    fn rows(content: &[u8]) -> (Vec<Row>, Notes) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, content).expect("written");
        let mut reader = JsonlRows::open(&path).expect("open");
        let rows = reader.by_ref().map(|row| row.expect("readable")).collect();
        (rows, std::mem::take(&mut reader.notes))
    }

    fn texts(rows: &[Row]) -> Vec<&str> {
        rows.iter()
            .map(|row| match row {
                Row::Doc(doc) => doc.text.as_str(),
                Row::Bad(bad) => bad.place.as_str(),
            })
            .collect()
    }

    #[test]
    fn one_bad_row_ends_nothing() {
        let (rows, notes) = rows(
            b"\t{\"text\": \"half \\ud83d\"}\n{\"text\": \"b\xff\"}\n{\"text\": \"c\", \"language_score\": NaN}\n{\"text\": \"cut o",
        );
        assert_eq!(texts(&rows), ["half \u{fffd}", "b\u{fffd}", "c", "line 4"]);
        assert_eq!(notes.mended, 3);
    }

    #[test]
    fn a_file_that_is_cut_off_gives_what_stands_before() {
        let line = format!("{{\"text\": \"{}\"}}\n", "word ".repeat(1000));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for number in 0..200_u32 {
            gzip.write_all(line.replace("word", &number.to_string()).as_bytes()).expect("written");
        }
        let whole = gzip.finish().expect("compressed");
        let (rows, _) = rows(&whole[..whole.len() * 2 / 3]);
        let (last, before) = rows.split_last().expect("rows");
        assert!(before.len() > 50 && before.iter().all(|row| matches!(row, Row::Doc(_))));
        assert!(matches!(last, Row::Bad(bad) if bad.why == "the file is cut off here"));
    }
}
