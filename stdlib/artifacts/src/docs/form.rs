//! What Docs are on disk.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use llmp_stage::{
    Context, Detail, Entries, Entry, Error, Fact, Form, Holds, Input, Result, Tone, View, Views,
};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::{Bad, BadRows, Doc, Extra, JsonlRows, Notes, Reader, Row, Writer, write_jsonl};

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
        written.files.iter().try_for_each(|file| {
            let (mut bad, mut first) = (0, None);
            let (documents, _) = check(&file.name, &file.path, &mut |row| {
                bad += 1;
                first.get_or_insert(row);
            })?;
            match first {
                Some(Bad { place, why }) => Err(Error::new(format!(
                    "{bad} of {} rows of `{}` are no documents, the first of them {place}: {why}",
                    documents + bad,
                    file.name
                ))),
                None => Ok(()),
            }
        })
    }

    fn accept(&self, written: &Input, ctx: &dyn Context) -> Result<()> {
        for file in &written.files {
            let mut bad = BadRows::default();
            let (documents, notes) =
                check(&file.name, &file.path, &mut |row| bad.keep(ctx, &file.name, row))?;
            bad.check(documents, BadRows::ACCIDENT, &file.name).map_err(|error| {
                error
                    .help("each line is a JSON object with a string `text`, and optionally FineWeb's columns")
            })?;
            ctx.count("documents", documents);
            notes.report(ctx);
        }
        Ok(())
    }

    fn as_lines(&self, name: &str, path: &Path, folder: &Path) -> Result<Option<(String, u64)>> {
        let Some(shard) = name.strip_suffix(".parquet") else { return Ok(None) };
        let name = format!("{shard}.jsonl");
        let path_of_lines = folder.join(&name);
        let file = File::create(&path_of_lines).map_err(Error::io("cannot make", &path_of_lines))?;
        let (mut output, mut documents) = (BufWriter::new(file), 0);
        for doc in Reader::open(path)? {
            write_jsonl(&mut output, &doc?).map_err(Error::io("cannot write", &path_of_lines))?;
            documents += 1;
        }
        output.flush().map_err(Error::io("cannot write", &path_of_lines))?;
        Ok(Some((name, documents)))
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
            facts.extend(super::parquet::columns(&file.path)?);
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
    let said = [&doc.title, &doc.author, &doc.published, &doc.site].into_iter().flatten().cloned();
    let extra = doc.extra.columns().into_iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    let own: Vec<String> = said.chain(extra).collect();
    let known: Vec<String> = known.into_iter().flatten().collect();
    let json = serde_json::to_value(doc).unwrap_or_default();
    let view = View::new(head.as_str(), json);
    let view = [own, known]
        .into_iter()
        .filter(|line| !line.is_empty())
        .fold(view, |view, line| view.piece(line.join(" · ") + "\n", Tone::Aside));
    view.text(doc.text.as_str())
}

fn entry(doc: Doc) -> Entry {
    let Doc { id, url, text, language, file_path, .. } = doc;
    let words = text.split_word_bounds().filter(|word| word.contains(char::is_alphanumeric)).count() as u64;
    let source = Some(file_path).filter(|source| !source.is_empty());
    Entry { id, url, text, words, language, source }
}

/// Reads a shard to its end, and returns its documents. One in JSONL is replaced by Parquet; its rows that
/// are no documents go to `bad`.
fn check(name: &str, path: &Path, bad: &mut dyn FnMut(Bad)) -> Result<(u64, Notes)> {
    if name.ends_with(".parquet") {
        let mut documents = 0;
        for doc in Reader::open(path)? {
            documents += 1;
            let extra = doc?.extra;
            if !extra.is_empty() && Extra::parse(extra.text()).is_none() {
                return Err(Error::new(format!("`extra` of row {documents} of `{name}` is no JSON object"))
                    .help(
                        "the column holds, as text, an object with the further columns of a row, or null",
                    ));
            }
        }
        return Ok((documents, Notes::default()));
    }
    let endings = [".jsonl", ".jsonl.gz", ".jsonl.zst"];
    let shard = endings.iter().find_map(|suffix| path.to_str()?.strip_suffix(suffix));
    let Some(shard) = shard else {
        return Err(Error::new(format!("`{name}` is neither Parquet nor JSONL by its name")));
    };
    let parquet = PathBuf::from(format!("{shard}.parquet"));
    if parquet.exists() {
        return Err(Error::new(format!("there are both `{name}` and the same shard as Parquet")));
    }
    let mut writer = Writer::create(&parquet)?;
    let mut rows = JsonlRows::open(path)?;
    for row in rows.by_ref() {
        match row? {
            Row::Doc(doc) => writer.write(doc)?,
            Row::Bad(row) => bad(row),
        }
    }
    let documents = writer.finish()?;
    fs::remove_file(path).map_err(Error::io("cannot remove", path))?;
    Ok((documents, std::mem::take(rows.notes_mut())))
}
