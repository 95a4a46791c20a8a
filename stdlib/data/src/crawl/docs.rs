//! `crawl.docs`: ready documents from Parquet or JSONL files.

use std::fs::File;
use std::io::Read;

use llmp_stage::{Context, Error, InputFile, Result};
use serde::Deserialize;

use super::{label, shard_name};
use llmp_artifacts::docs::{Doc, JsonlReader, Reader, Writer};

use crate::pages;

/// The settings of `crawl.docs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or is of neither format.
pub fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    for file in &ctx.input("files")?.files {
        let mut writer = Writer::create(&ctx.output().join(format!("{}.parquet", shard_name(file))))?;
        let (rows, docs) = open(file)?;
        let bar = ctx.bar(rows, "documents");
        let mut count = 0_u64;
        for doc in docs {
            ctx.proceed()?;
            let mut doc = doc?;
            if doc.id.is_empty() {
                // Equal texts in one file are still two documents.
                doc.id = pages::urn(&[file.digest.as_bytes(), &count.to_le_bytes()]);
            }
            writer.write(doc)?;
            count += 1;
            bar.add(1);
        }
        writer.finish()?;
        ctx.count("documents", count);
    }
    Ok(())
}

type Documents = Box<dyn Iterator<Item = Result<Doc>>>;

/// The documents of a file, and how many they are where that is known.
fn open(file: &InputFile) -> Result<(u64, Documents)> {
    let mut start = [0; 4];
    let mut input = File::open(&file.path).map_err(Error::io("cannot read", &file.path))?;
    let read = input.read(&mut start).map_err(Error::io("cannot read", &file.path))?;
    match &start[..read] {
        b"PAR1" => {
            let reader = Reader::open(&file.path)?;
            Ok((reader.rows(), Box::new(reader)))
        }
        [] | [b'{' | b' ' | b'\n' | b'\r', ..] | [0x1f, 0x8b, ..] | [0xef, 0xbb, 0xbf, ..] => {
            Ok((0, Box::new(JsonlReader::open(&file.path)?)))
        }
        [b'[', ..] => Err(Error::new(format!("`{}` is a JSON list", label(file)))
            .help("put each document on a line of its own, e.g. with `jq -c '.[]'`")),
        _ => Err(Error::new(format!("`{}` is neither a Parquet nor a JSONL file", label(file)))
            .help("web pages are read by `crawl.warc` and `crawl.html`; text can be put into JSON lines with a `text`")),
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;

    #[test]
    fn json_lines_become_a_shard() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = b"{\"text\": \"a\", \"id\": \"<1>\"}\n{\"text\": \"a\"}\n{\"text\": \"a\"}\n";
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.jsonl", lines)]);
        run(&ctx, Settings { license: None }).expect("it runs");
        let name = format!("{}.parquet", shard_name(&ctx.input("files").expect("given").files[0]));
        let docs: Vec<Doc> =
            Reader::open(&ctx.output().join(name)).expect("opens").map(|doc| doc.expect("read")).collect();
        assert_eq!((docs.len(), docs[0].id.as_str()), (3, "<1>"));
        assert!(docs[1].id.starts_with("<urn:uuid:") && docs[1].id != docs[2].id);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.html", b"<p>")]);
        assert!(run(&ctx, Settings { license: None }).expect_err("no documents").help_text().is_some());
    }
}
