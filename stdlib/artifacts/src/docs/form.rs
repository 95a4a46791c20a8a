//! What Docs are on disk.

use std::fs;
use std::path::{Path, PathBuf};

use llmp_stage::{Detail, Entries, Entry, Error, Form, Holds, Input, Result};

use super::{Doc, JsonlReader, Reader, Writer};

/// Docs: Parquet shards with FineWeb's columns.
pub struct Docs;

impl Form for Docs {
    fn kind(&self) -> &'static str {
        "Docs"
    }

    fn expected(&self) -> &'static str {
        "`SHARD.parquet` or `SHARD.jsonl` with a column `text`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        written.files.iter().try_for_each(|file| check(&file.name, &file.path))
    }

    fn unit(&self) -> Option<&'static str> {
        Some("documents")
    }

    fn holds(&self) -> Holds {
        Holds::Documents
    }

    fn entries(&self, name: &str, path: &Path, detail: Detail) -> Result<Entries> {
        if !name.ends_with(".parquet") {
            return Ok(Box::new(std::iter::empty()));
        }
        let docs = match detail {
            Detail::Names => Reader::names(path)?,
            Detail::Whole => Reader::open(path)?,
        };
        Ok(Box::new(docs.map(|doc| doc.map(entry))))
    }
}

fn entry(doc: Doc) -> Entry {
    let Doc { id, url, text, language, file_path, .. } = doc;
    Entry { id, url, text, language, source: Some(file_path).filter(|source| !source.is_empty()) }
}

/// Reads a shard to its end. One in JSONL is replaced by Parquet.
fn check(name: &str, path: &Path) -> Result<()> {
    if name.ends_with(".parquet") {
        return Reader::open(path)?.try_for_each(|doc| doc.map(drop));
    }
    let shard = [".jsonl", ".jsonl.gz"].iter().find_map(|suffix| path.to_str()?.strip_suffix(suffix));
    let Some(shard) = shard else {
        return Err(Error::new(format!("`{name}` is neither Parquet nor JSONL by its name")));
    };
    let parquet = PathBuf::from(format!("{shard}.parquet"));
    if parquet.exists() {
        return Err(Error::new(format!("there are both `{name}` and the same shard as Parquet")));
    }
    let mut writer = Writer::create(&parquet)?;
    for doc in JsonlReader::open(path)? {
        writer.write(doc?)?;
    }
    writer.finish()?;
    fs::remove_file(path).map_err(Error::io("cannot remove", path))
}
