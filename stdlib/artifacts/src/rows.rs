//! Rows of JSONL and JSON files, with the place of each for messages.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use llmp_stage::{Error, Input, InputFile, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::docs::decompressed;
use crate::lines::{BYTE_ORDER_MARK, Line, Lines, parsed};

/// The largest `.json` file, which is read at once.
const MAX_JSON: u64 = 1 << 30;

/// Calls `each` with every row of `file` and where it stands (`people.jsonl:12`, `people.json, row 3`).
///
/// # Errors
/// Where the file cannot be read or is malformed, or `each` fails.
pub fn read(file: &InputFile, mut each: impl FnMut(Value, &str) -> Result<()>) -> Result<()> {
    let name = file.label.as_deref().unwrap_or(&file.name);
    let plain =
        file.name.strip_suffix(".gz").or_else(|| file.name.strip_suffix(".zst")).unwrap_or(&file.name);
    match Path::new(plain).extension().and_then(std::ffi::OsStr::to_str) {
        Some("jsonl" | "ndjson") => lines(file, name, &mut each),
        Some("json") => {
            let mut bytes = Vec::new();
            decompressed(&file.path)?
                .take(MAX_JSON + 1)
                .read_to_end(&mut bytes)
                .map_err(Error::io("cannot read", &file.path))?;
            if bytes.len() as u64 > MAX_JSON {
                return Err(Error::new(format!("`{name}` is larger than 1 GiB"))
                    .help("write it as JSONL, which is read row by row"));
            }
            let value = serde_json::from_slice(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes))
                .map_err(|error| Error::new(format!("`{name}` is not JSON")).because(error))?;
            let Value::Array(rows) = value else {
                return Err(Error::new(format!("`{name}` holds no list of rows"))
                    .help("a `.json` file is one list; a `.jsonl` file has one row a line"));
            };
            rows.into_iter()
                .enumerate()
                .try_for_each(|(index, row)| each(row, &format!("{name}, row {}", index + 1)))
        }
        _ => Err(Error::new(format!("`{name}` is neither `.jsonl` nor `.json`"))),
    }
}

/// The rows of a `.jsonl` file one by one, each read when it is asked for; a row that is no JSON is an error and not the end.
///
/// # Errors
/// Where the file cannot be opened.
pub fn each(file: &InputFile) -> Result<impl Iterator<Item = Result<Value>> + use<>> {
    let mut lines = Lines::open(&file.path)?;
    let name = file.name.clone();
    Ok(std::iter::from_fn(move || {
        let row = match lines.next_line() {
            Err(error) => return Some(Err(error)),
            Ok(None) => return None,
            Ok(Some(line)) => row_of(line),
        };
        Some(row.map_err(|why| Error::new(format!("{name}:{}: {why}", lines.number()))))
    }))
}

/// What a line holds, or what is wrong with it.
fn row_of(line: Line<'_>) -> std::result::Result<Value, String> {
    match line {
        Line::Bad(why) => Err(why.to_owned()),
        Line::Row(row) => parsed(row, &mut 0, |row| serde_json::from_slice(row))
            .map_err(|why| format!("this is not JSON: {why}")),
    }
}

fn lines(file: &InputFile, name: &str, each: &mut impl FnMut(Value, &str) -> Result<()>) -> Result<()> {
    let mut lines = Lines::open(&file.path)?;
    loop {
        let Some(row) = lines.next_line()?.map(row_of) else { return Ok(()) };
        let place = format!("{name}:{}", lines.number());
        each(row.map_err(|why| Error::new(format!("{place}: {why}")))?, &place)?;
    }
}

/// All rows of the file `name` of `input`, each of type `T`.
///
/// # Errors
/// Where the file is absent, cannot be read, or a row does not fit.
pub fn typed<T: DeserializeOwned>(input: &Input, name: &str) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    read(input.file(name)?, |row, place| {
        let row = serde_json::from_value(row)
            .map_err(|error| Error::new(format!("{place}: the row does not fit")).because(error))?;
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Writes one row a line.
pub struct Writer {
    path: std::path::PathBuf,
    file: std::io::BufWriter<File>,
}

impl Writer {
    /// Makes the file at `path`.
    ///
    /// # Errors
    /// Where that is refused.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(Error::io("cannot make", path))?;
        Ok(Self { path: path.to_owned(), file: std::io::BufWriter::new(file) })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&mut self, row: &impl serde::Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.file, row)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(Error::io("cannot write", &self.path))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(Error::io("cannot write", &self.path))
    }
}
