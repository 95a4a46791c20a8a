//! Rows of JSONL and JSON files, with the place of each for messages.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use llmp_stage::{Context, Error, Input, InputFile, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::json;
use crate::lines::{Line, Lines, parsed};

/// Calls `each` with every row of `file` and where it stands (`people.jsonl:12`, `people.json, row 3`).
///
/// # Errors
/// Where the file cannot be read or is malformed, or `each` fails.
pub fn read(file: &InputFile, mut each: impl FnMut(Value, &str) -> Result<()>) -> Result<()> {
    let name = file.label.as_deref().unwrap_or(&file.name);
    let lower = file.name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    if !matches!(
        Path::new(plain).extension().and_then(std::ffi::OsStr::to_str),
        Some("jsonl" | "ndjson" | "json")
    ) {
        return Err(Error::new(format!("`{name}` is neither `.jsonl` nor `.json`")));
    }
    json::read(
        &file.path,
        name,
        |_| false,
        |place, row| each(row.map_err(|why| Error::new(format!("{place}: {why}")))?, place),
    )?;
    Ok(())
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

/// Says how many rows of `what` were taken over; none are an error.
pub(crate) fn loaded(ctx: &dyn Context, what: &str, loaded: u64) -> Result<()> {
    if loaded == 0 {
        return Err(Error::new(format!("the files hold no {what}")));
    }
    ctx.count(what, loaded);
    ctx.show(&format!("{loaded} {what}"));
    Ok(())
}

/// Puts the JSONL file `name` in the place of what a user's program wrote under that name, or under its stem and another of the
/// `endings`, perhaps compressed. `load` reads the one and writes the other.
pub(crate) fn replaced(
    written: &Input,
    name: &str,
    endings: &[&str],
    load: impl FnOnce(&InputFile, &Path) -> Result<()>,
) -> Result<()> {
    let stem = name.trim_end_matches(".jsonl");
    let fits = |file: &&InputFile| {
        let plain = file.name.strip_suffix(".gz").or_else(|| file.name.strip_suffix(".zst"));
        let ending = plain.unwrap_or(&file.name).strip_prefix(stem);
        ending.is_some_and(|ending| endings.contains(&ending))
    };
    let mut found = written.files.iter().filter(fits);
    let file = match (found.next(), found.next()) {
        (Some(file), None) => file,
        (Some(one), Some(other)) => {
            return Err(Error::new(format!("there are both `{}` and `{}`", one.name, other.name))
                .help("write one file"));
        }
        (None, _) => written.file(name)?,
    };
    let taken = written.folder.join(format!("{stem}.taken"));
    load(file, &taken)?;
    fs::remove_file(&file.path).map_err(Error::io("cannot remove", &file.path))?;
    fs::rename(&taken, written.folder.join(name)).map_err(Error::io("cannot write", &taken))
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
