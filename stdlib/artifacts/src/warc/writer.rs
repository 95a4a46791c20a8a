//! Writes the Pages artifact: WARC with one gzip member a record.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use llmp_stage::{Error, Result};

use super::record::Record;

/// Writes a `.warc.gz` file. The same records give the same bytes: gzip headers hold no time and no name.
pub struct Writer {
    path: PathBuf,
    output: BufWriter<File>,
}

impl Writer {
    /// Starts the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        Ok(Self { path: path.to_owned(), output: BufWriter::with_capacity(1 << 20, file) })
    }

    /// Adds a record. Its `Content-Length` is made to fit; other headers are written as they are.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let bytes = serialize(record);
        let mut member =
            GzBuilder::new().mtime(0).operating_system(255).write(&mut self.output, Compression::new(6));
        let written = member.write_all(&bytes).and_then(|()| member.finish().map(drop));
        written.map_err(Error::io("cannot write", &self.path))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.output.flush().map_err(Error::io("cannot write", &self.path))
    }
}

fn serialize(record: &Record) -> Vec<u8> {
    let mut headers = record.headers.clone();
    headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"));
    headers.0.push(("Content-Length".into(), record.block.len().to_string()));
    let mut bytes = b"WARC/1.0\r\n".to_vec();
    bytes.extend(headers.to_bytes());
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&record.block);
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}
