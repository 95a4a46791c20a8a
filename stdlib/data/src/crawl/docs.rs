//! `crawl.docs`: ready documents from Parquet or JSONL files.

use std::fs::File;
use std::io::{BufRead, Read};

use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use serde::Deserialize;

use super::{label, shard_of};
use llmp_artifacts::docs::{Bad, JsonlRows, Notes, ParquetRows, Row, Writer, decompressed};

use crate::pages;

/// Bad rows of a file that are told in the log.
const LOGGED_ROWS: u64 = 10;

/// The settings of `crawl.docs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The share of a file's rows that may be no documents.
    pub max_bad: f64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read, is of neither format, or holds too many rows that are no documents.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let files = &ctx.input("files")?.files;
    let Some(name) = shard_of(ctx, files) else { return Ok(()) };
    let mut writer = Writer::create(&ctx.output().join(format!("{name}.parquet")))?;
    for file in files {
        let mut rows = Rows::open(file)?;
        let bar = ctx.bar(rows.known(), "documents");
        let (mut count, mut bad) = (0_u64, BadRows::default());
        for row in rows.by_ref() {
            ctx.proceed()?;
            bar.add(1);
            let mut doc = match row? {
                Row::Doc(doc) => doc,
                Row::Bad(row) => {
                    bad.keep(ctx, file, row);
                    continue;
                }
            };
            if doc.id.is_empty() {
                // Equal texts in one file are still two documents.
                doc.id = pages::urn(&[file.digest.as_bytes(), &count.to_le_bytes()]);
            }
            writer.write(doc)?;
            count += 1;
        }
        bad.check(count, settings.max_bad, file)?;
        ctx.count("documents", count);
        let Notes { mended, ignored } = rows.notes();
        if *mended > 0 {
            ctx.count("mended", *mended);
        }
        for (column, values) in ignored {
            ctx.count(&format!("ignored.{column}"), *values);
        }
    }
    writer.finish()?;
    Ok(())
}

/// The rows of a file that are no documents.
#[derive(Default)]
struct BadRows {
    count: u64,
    first: Option<Bad>,
}

impl BadRows {
    fn keep(&mut self, ctx: &dyn Context, file: &InputFile, row: Bad) {
        let id = format!("{} of {}", row.place, label(file));
        if self.count < LOGGED_ROWS {
            ctx.log(&format!("`{}`: {} is no document: {}", label(file), row.place, row.why));
        }
        ctx.dropped(Dropped { id, url: String::new(), rule: "docs.bad_row".into(), value: row.why.clone() });
        self.count += 1;
        self.first.get_or_insert(row);
    }

    /// Refuses a file of which more than `share` of the rows are bad. A single one is an accident in any file, unless none
    /// is tolerated.
    fn check(&self, good: u64, share: f64, file: &InputFile) -> Result<()> {
        let rows = good + self.count;
        let tolerated = match share > 0.0 {
            true => (rows as f64 * share).max(1.0),
            false => 0.0,
        };
        match &self.first {
            Some(first) if self.count as f64 > tolerated => Err(Error::new(format!(
                "{} of {rows} rows of `{}` are no documents, the first of them {}: {}",
                self.count,
                label(file),
                first.place,
                first.why
            ))
            .help(
                "a row is a JSON object, or a row of Parquet, with a string `text`; `max_bad` says how large a share of the \
                 rows may be otherwise",
            )),
            _ => Ok(()),
        }
    }
}

/// The rows of a file of either format.
enum Rows {
    Jsonl(JsonlRows),
    Parquet(ParquetRows),
}

impl Rows {
    fn open(file: &InputFile) -> Result<Self> {
        let mut start = [0; 6];
        let mut input = File::open(&file.path).map_err(Error::io("cannot read", &file.path))?;
        let read = input.read(&mut start).map_err(Error::io("cannot read", &file.path))?;
        let is = |other: &str| Error::new(format!("`{}` is {other}", label(file)));
        match &start[..read] {
            [b'P', b'A', b'R', b'1', ..] => return Ok(Self::Parquet(ParquetRows::open(&file.path)?)),
            [b'P', b'A', b'R', b'E', ..] => {
                return Err(is("an encrypted Parquet file").help("write it again without encryption"));
            }
            [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', 0] | [b'P', b'K', 3, 4, ..] => {
                return Err(is("compressed in a way that is not read")
                    .help("unpack it; gzip and zstd are undone while reading"));
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(is("encoded as UTF-16").help("JSON lines are UTF-8; `iconv` converts files"));
            }
            _ => {}
        }
        let named = file.name.to_ascii_lowercase();
        let named = named.strip_suffix(".gz").or_else(|| named.strip_suffix(".zst")).unwrap_or(&named);
        let named = [".jsonl", ".ndjson", ".json"].iter().any(|suffix| named.ends_with(suffix));
        let mut input = decompressed(&file.path)?;
        // One that is cut off within its first block is told by the reader of its rows.
        let start = input.fill_buf().unwrap_or_default();
        match start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start() {
            [b'[', ..] => Err(is("a JSON list")
                .help("put each document on a line of its own, e.g. with `jq -c '.[]'`")),
            [] | [b'{', ..] => Ok(Self::Jsonl(JsonlRows::open(&file.path)?)),
            _ if named => Ok(Self::Jsonl(JsonlRows::open(&file.path)?)),
            _ => Err(is("neither a Parquet nor a JSONL file").help(
                "web pages are read by `crawl.warc` and `crawl.html`; text can be put into JSON lines with a `text`",
            )),
        }
    }

    /// How many they are, where that is known before; else 0.
    fn known(&self) -> u64 {
        match self {
            Self::Jsonl(_) => 0,
            Self::Parquet(rows) => rows.rows(),
        }
    }

    fn notes(&self) -> &Notes {
        match self {
            Self::Jsonl(rows) => rows.notes(),
            Self::Parquet(rows) => rows.notes(),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Jsonl(rows) => rows.next(),
            Self::Parquet(rows) => rows.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::crawl::shard_name;
    use llmp_artifacts::docs::{Doc, Reader};

    #[test]
    fn json_lines_become_a_shard() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = b"{\"text\": \"a\", \"id\": \"<1>\"}\n{\"text\": \"a\"}\n{\"text\": \"a\"}\n";
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.jsonl", lines)]);
        run(&ctx, Settings { max_bad: 0.01, license: None }).expect("it runs");
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
        assert!(
            run(&ctx, Settings { max_bad: 0.01, license: None })
                .expect_err("no documents")
                .help_text()
                .is_some()
        );
    }

    fn load(content: &[u8], max_bad: f64) -> (TestContext, Result<()>) {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let ctx = TestContext::new(&folder).with_files("files", &[("a.jsonl", content)]);
        let result = run(&ctx, Settings { max_bad, license: None });
        (ctx, result)
    }

    #[test]
    fn bad_rows_are_kept_with_their_places_up_to_a_share() {
        let lines = b"{\"text\": \"a\"}\nnot JSON\n{\"text\": \"b \\ude00\", \"url\": []}\n";
        let (ctx, result) = load(lines, 0.01);
        result.expect("one bad row is an accident");
        assert_eq!((ctx.counted("documents"), ctx.counted("dropped.docs.bad_row")), (2, 1));
        assert_eq!((ctx.counted("mended"), ctx.counted("ignored.url")), (1, 1));
        let drops = ctx.drops.lock().expect("unpoisoned");
        assert_eq!(
            (drops[0].id.as_str(), drops[0].value.as_str()),
            ("line 2 of a.jsonl", "expected ident, at column 2")
        );

        let error = load(lines, 0.0).1.expect_err("none is tolerated").to_string();
        assert_eq!(
            error,
            "1 of 3 rows of `a.jsonl` are no documents, the first of them line 2: expected ident, at column 2"
        );
        let many: Vec<u8> = [b"{\"text\": \"a\"}\n".repeat(98), b"{}\n".repeat(2)].concat();
        assert!(load(&many, 0.01).1.is_err());
        assert!(load(&many, 0.02).1.is_ok());
    }

    #[test]
    fn a_first_row_that_is_bad_ends_nothing() {
        let (ctx, result) = load(b"of a document\"}\n{\"text\": \"a\"}\n", 0.01);
        result.expect("the name says what it is");
        assert_eq!(ctx.counted("documents"), 1);
        for (content, what) in [
            (&b"[{\"text\": \"a\"}]"[..], "a JSON list"),
            (b"\xff\xfe{\0", "UTF-16"),
            (b"BZh9", "compressed in a way that is not read"),
            (b"PAR1", "Parquet"),
        ] {
            let error = load(content, 1.0).1.expect_err("no documents").to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
