//! Documents as JSON lines, plain or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use llmp_stage::{Error, Result};

use super::Doc;

/// The longest line that is read; longer ones are an error.
const MAX_LINE: u64 = 64 << 20;

/// What some programs begin UTF-8 files with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads documents from JSON lines; a file that starts with gzip's magic bytes is decompressed on the way.
pub struct JsonlReader {
    path: PathBuf,
    line: u64,
    input: Box<dyn BufRead + Send>,
    failed: bool,
}

impl JsonlReader {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("cannot read", path))?;
        let mut file = BufReader::new(file);
        let gzip = file.fill_buf().map_err(Error::io("cannot read", path))?.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn BufRead + Send> =
            if gzip { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self { path: path.to_owned(), line: 0, input, failed: false })
    }

    fn read(&mut self) -> Result<Option<Doc>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.line += 1;
            let read = (&mut self.input)
                .take(MAX_LINE + 1)
                .read_until(b'\n', &mut line)
                .map_err(Error::io("cannot read", &self.path))?;
            if read == 0 {
                return Ok(None);
            }
            let at = || format!("line {} of `{}`", self.line, self.path.display());
            if read as u64 > MAX_LINE {
                return Err(Error::new(format!("{} is longer than 64 MiB", at()))
                    .help("each line of a JSONL file is one document; is this another format?"));
            }
            let row = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.line == 1).unwrap_or(&line);
            if row.trim_ascii().is_empty() {
                continue;
            }
            return serde_json::from_slice(row).map(Some).map_err(|error| {
                // serde counts lines within the row; only its column helps.
                let reason = error.to_string();
                let reason = reason.split(" at line ").next().unwrap_or_default();
                Error::new(format!("{} is not a document: {reason}, at column {}", at(), error.column()))
                    .help("each line is a JSON object with a string `text`, and optionally FineWeb's columns")
            });
        }
    }
}

impl Iterator for JsonlReader {
    type Item = Result<Doc>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read().transpose();
        self.failed = !matches!(item, Some(Ok(_)));
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
        for content in [bytes, gzip.finish().expect("compressed")] {
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
        let (start, end) = ("line 2 of", "expected a string, at column 10");
        assert!(error.to_string().starts_with(start) && error.to_string().ends_with(end), "{error}");
        assert!(reader.next().is_none());
    }
}
