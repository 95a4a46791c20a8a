//! What Docs are on disk.

use std::fs;
use std::path::{Path, PathBuf};

use llmp_stage::{Detail, Entries, Entry, Error, Fact, Form, Holds, Input, Result, Tone, View, Views};

use unicode_segmentation::UnicodeSegmentation;

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

    fn views(&self, artifact: &Input) -> Result<Views> {
        let files: Vec<PathBuf> = artifact.with_suffix(".parquet").map(|file| file.path.clone()).collect();
        Ok(Box::new(files.into_iter().flat_map(|path| -> Views {
            match Reader::open(&path) {
                Ok(docs) => Box::new(docs.map(|doc| doc.map(|doc| view(&doc)))),
                Err(error) => Box::new(std::iter::once(Err(error))),
            }
        })))
    }

    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let mut facts = Vec::new();
        let (mut rows, mut shards) = (0, 0_usize);
        for file in artifact.with_suffix(".parquet") {
            rows += Reader::open(&file.path)?.rows();
            shards += 1;
        }
        facts.push(("documents".to_owned(), format!("{rows} in {shards} shards")));
        if let Some(file) = artifact.with_suffix(".parquet").next() {
            facts.extend(super::parquet::schema(&file.path)?);
        }
        Ok(facts)
    }
}

fn view(doc: &Doc) -> View {
    let head = if doc.url.is_empty() { &doc.id } else { &doc.url };
    let known = [
        Some(doc.id.clone()).filter(|id| id != head && !id.is_empty()),
        doc.language.as_ref().map(|language| match doc.language_score {
            Some(score) => format!("{language} {score:.2}"),
            None => language.clone(),
        }),
        Some(doc.date.clone()).filter(|date| !date.is_empty()),
        Some(doc.file_path.clone()).filter(|path| !path.is_empty()),
        doc.token_count.map(|count| format!("{count} tokens")),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    let json = serde_json::to_value(doc).unwrap_or_default();
    let view = View::new(head.as_str(), json);
    let view = if known.is_empty() { view } else { view.piece(known.join(" · ") + "\n", Tone::Aside) };
    view.text(doc.text.as_str())
}

fn entry(doc: Doc) -> Entry {
    let Doc { id, url, text, language, file_path, .. } = doc;
    let words = text.split_word_bounds().filter(|word| word.contains(char::is_alphanumeric)).count() as u64;
    let source = Some(file_path).filter(|source| !source.is_empty());
    Entry { id, url, text, words, language, source }
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
