//! Documents as JSON lines, plain or compressed with gzip or zstd.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use llmp_stage::{Error, Result};

use super::loose::{self, Bad, Notes, Row};
use super::{Doc, Mapping};
use crate::lines::{Line, Lines, parsed};

/// A file as it is once a compression that its first bytes tell, gzip or zstd, is undone.
///
/// # Errors
/// Where it cannot be read.
pub fn decompressed(path: &Path) -> Result<Box<dyn BufRead + Send>> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(Error::io("cannot read", path))?;
    Ok(if start.starts_with(GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else if start.starts_with(ZSTD) {
        let decoder = zstd::Decoder::with_buffer(file).map_err(Error::io("cannot read", path))?;
        Box::new(BufReader::new(decoder))
    } else {
        Box::new(file)
    })
}

/// What bytes compressed with gzip or zstd stand for, as far as they go; `None` for others.
#[must_use]
pub fn undone(start: &[u8]) -> Option<Box<dyn Read + '_>> {
    if start.starts_with(GZIP) {
        Some(Box::new(MultiGzDecoder::new(start)))
    } else if start.starts_with(ZSTD) {
        Some(Box::new(zstd::Decoder::with_buffer(start).ok()?))
    } else {
        None
    }
}

/// How gzip and zstd begin.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Reads the rows of JSON lines.
pub struct JsonlRows {
    lines: Lines,
    mapping: Option<Mapping>,
    ended: bool,
    notes: Notes,
}

impl JsonlRows {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::mapped(path, None)
    }

    /// Opens the file at `path`, whose fields are called as `mapping` says.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn mapped(path: &Path, mapping: Option<Mapping>) -> Result<Self> {
        Ok(Self { lines: Lines::open(path)?, mapping, ended: false, notes: Notes::default() })
    }

    /// What was noticed so far.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The same, to be taken.
    pub(super) fn notes_mut(&mut self) -> &mut Notes {
        &mut self.notes
    }

    fn read(&mut self) -> Result<Option<Row>> {
        let Self { lines, mapping, notes, .. } = self;
        let read = match lines.next_line()? {
            None => return Ok(None),
            Some(Line::Bad(why)) => Err(why.to_owned()),
            Some(Line::Row(row)) => {
                let mut mended = 0;
                let read = match mapping {
                    None => parsed(row, &mut mended, |row| loose::json(row, notes)),
                    Some(mapping) => parsed(row, &mut mended, |row| {
                        Ok(mapping.document(serde_json::from_slice(row)?, notes))
                    }),
                };
                notes.mended += mended;
                read.and_then(|row| row)
            }
        };
        let place = || format!("line {}", lines.number());
        Ok(Some(read.map_or_else(|why| Row::Bad(Bad { place: place(), why }), Row::Doc)))
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
    use crate::docs::Extra;
    use crate::lines::BYTE_ORDER_MARK;

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
            let docs: Vec<Row> =
                JsonlRows::open(&path).expect("open").map(|row| row.expect("read")).collect();
            let extra = Extra::parse("{\"extra\": [1]}").expect("an object");
            let only = Doc { text: "only text".into(), extra, ..Doc::default() };
            assert_eq!(docs, [Row::Doc(doc.clone()), Row::Doc(only)]);
        }
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
