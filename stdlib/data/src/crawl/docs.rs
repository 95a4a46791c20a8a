//! `crawl.docs`: ready documents from Parquet, JSONL or CSV files.

use std::fs::File;
use std::io::Read;

use llmp_artifacts::docs::{
    BadRows, CsvRows, JsonlRows, Mapping, Notes, ParquetRows, Row, Writer, mapped_rows,
};
use llmp_stage::{Context, Error, Fit, InputFile, Probe, Result};
use serde::Deserialize;

use super::forgotten::Forgotten;
use super::sniff::{Looks, looks, named};
use super::{label, shard_of};
use crate::pages;

/// The settings of `crawl.docs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The field with the text.
    pub text: String,
    /// The field with the id.
    pub id: Option<String>,
    /// The field with the URL.
    pub url: Option<String>,
    /// The field with the date.
    pub date: Option<String>,
    /// The field with the language.
    pub language: Option<String>,
    /// The further columns that are kept.
    pub columns: Option<Vec<String>>,
    /// Documents read of each file.
    pub limit: Option<u64>,
    /// The share of a file's rows that may be no documents.
    pub max_bad: f64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

impl Settings {
    fn mapping(&self) -> Option<Mapping> {
        Mapping::new(&[
            ("text", Some(&self.text)),
            ("id", self.id.as_deref()),
            ("url", self.url.as_deref()),
            ("date", self.date.as_deref()),
            ("language", self.language.as_deref()),
        ])
    }
}

/// What the first bytes say of a file.
#[must_use]
pub fn probe(name: &str, start: &[u8]) -> Fit {
    match looks(name, start) {
        Looks::Parquet | Looks::Json | Looks::Csv | Looks::Tsv | Looks::Empty => Fit::Reads,
        // Its name says what it is, so that the first rows may be bad ones.
        Looks::Text | Looks::Html | Looks::Binary if named(name, &[".jsonl", ".ndjson", ".json"]) => {
            Fit::Reads
        }
        other => other.refuses(name),
    }
}
/// How fast it is: JSON lines, uncompressed for the most part; what comes out is compressed.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 20e6, gives: 0.5 }
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read, is of no format that is read, or holds too many rows that are no documents.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mapping = settings.mapping();
    let files = &ctx.input("files")?.files;
    let Some(name) = shard_of(ctx, files) else { return Ok(()) };
    let mut writer = Writer::create(&ctx.output().join(format!("{name}.parquet")))?;
    let forgotten = Forgotten::of(ctx)?;
    for file in files {
        let mut rows = Rows::open(file, mapping.clone())?;
        let bar = ctx.bar(rows.known(), "documents");
        let (mut count, mut left_out, mut bad) = (0_u64, 0_u64, BadRows::default());
        while settings.limit.is_none_or(|limit| count < limit)
            && let Some(row) = rows.next()
        {
            ctx.proceed()?;
            bar.add(1);
            let mut doc = match row? {
                Row::Doc(doc) => doc,
                Row::Bad(row) => {
                    bad.keep(ctx, label(file), row);
                    continue;
                }
            };
            if doc.id.is_empty() {
                // Equal texts in one file are still two documents; what is left out changes no other id.
                doc.id = pages::urn(&[file.digest.as_bytes(), &(count + left_out).to_le_bytes()]);
            }
            if forgotten.drops(ctx, &doc.id, &doc.url, file) {
                left_out += 1;
                continue;
            }
            if let Some(columns) = &settings.columns {
                doc.extra = doc.extra.only(columns);
            }
            writer.write(doc)?;
            count += 1;
        }
        bad.check(count, settings.max_bad, label(file)).map_err(|error| {
            error.help(
                "a row is a JSON object, or a row of a table, with a text in `text`, or in the field that `text = \"…\"` \
                 names; `max_bad` says how large a share of the rows may be otherwise",
            )
        })?;
        ctx.count("documents", count);
        rows.notes().report(ctx);
    }
    writer.finish()?;
    Ok(())
}

/// Documents of a Parquet file whose columns have other names.
type Mapped = Box<dyn Iterator<Item = Result<(Row, Notes)>>>;

/// The rows of a file of any format.
enum Rows {
    Jsonl(JsonlRows),
    Parquet(ParquetRows),
    Mapped(Mapped, Notes),
    Csv(CsvRows),
}

impl Rows {
    fn open(file: &InputFile, mapping: Option<Mapping>) -> Result<Self> {
        let mut start = Vec::new();
        let input = File::open(&file.path).map_err(Error::io("cannot read", &file.path))?;
        input.take(Probe::BYTES).read_to_end(&mut start).map_err(Error::io("cannot read", &file.path))?;
        let looks = looks(&file.name, &start);
        if let Fit::Refuses(_) | Fit::PassesOver(_) = probe(&file.name, &start) {
            return Err(Error::new(format!("`{}` is {}", label(file), looks.describe())).help(looks.advice()));
        }
        Ok(match (looks, mapping) {
            (Looks::Parquet, None) => Self::Parquet(ParquetRows::open(&file.path)?),
            (Looks::Parquet, Some(mapping)) => {
                Self::Mapped(Box::new(mapped_rows(&file.path, mapping)?), Notes::default())
            }
            (Looks::Csv, mapping) => Self::Csv(CsvRows::open(&file.path, label(file), b',', mapping)?),
            (Looks::Tsv, mapping) => Self::Csv(CsvRows::open(&file.path, label(file), b'\t', mapping)?),
            (_, mapping) => Self::Jsonl(JsonlRows::mapped(&file.path, mapping)?),
        })
    }

    /// How many they are, where that is known before.
    fn known(&self) -> Option<u64> {
        match self {
            Self::Jsonl(_) | Self::Mapped(..) | Self::Csv(_) => None,
            Self::Parquet(rows) => Some(rows.rows()),
        }
    }

    fn notes(&self) -> &Notes {
        match self {
            Self::Jsonl(rows) => rows.notes(),
            Self::Parquet(rows) => rows.notes(),
            Self::Mapped(_, notes) => notes,
            Self::Csv(rows) => rows.notes(),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Jsonl(rows) => rows.next(),
            Self::Parquet(rows) => rows.next(),
            Self::Mapped(rows, all) => Some(rows.next()?.map(|(row, notes)| {
                all.add(notes);
                row
            })),
            Self::Csv(rows) => rows.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use crate::crawl::shard_name;
    use llmp_artifacts::docs::{Doc, Reader};

    fn settings(max_bad: f64) -> Settings {
        Settings {
            text: "text".into(),
            id: None,
            url: None,
            date: None,
            language: None,
            columns: None,
            limit: None,
            max_bad,
            forget: None,
            license: None,
        }
    }

    #[test]
    fn fields_have_other_names_and_tables_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files(
            "files",
            &[
                (
                    "a.jsonl",
                    b"{\"content\": \"one\", \"meta\": {\"link\": \"u1\"}}\n{\"content\": \"two\"}\n",
                ),
                ("b.csv", b"content,meta.link\nthree,u3\nfour,u4\n"),
            ],
        );
        let own = Settings {
            text: "content".into(),
            url: Some("meta.link".into()),
            limit: Some(1),
            ..settings(0.0)
        };
        run(&ctx, own).expect("read");
        let path = ctx
            .output()
            .join(format!("{}.parquet", shard_name(&ctx.input("files").expect("files").files[0])));
        let mut docs: Vec<Doc> = Reader::open(&path).expect("open").map(|doc| doc.expect("read")).collect();
        docs.sort_by(|a, b| a.url.cmp(&b.url));
        let found: Vec<_> = docs.iter().map(|doc| (doc.text.as_str(), doc.url.as_str())).collect();
        assert_eq!(found, [("one", "u1"), ("three", "u3")]);
    }

    #[test]
    fn further_columns_are_kept_as_asked() {
        let folder = tempfile::tempdir().expect("a folder");
        let files: [(&str, &[u8]); 2] = [
            (
                "a.jsonl",
                b"{\"content\": {\"body\": \"one\", \"n\": 1}, \"licence\": \"CC0\", \"tags\": [1, \"b\"]}\n",
            ),
            ("b.csv", b"content.body,licence,score\ntwo,MIT,3\nthree,,\n"),
        ];
        let kept = |columns: Option<&[&str]>| {
            let work = folder.path().join(columns.map_or("all".into(), |columns| columns.concat() + "-"));
            std::fs::create_dir(&work).expect("made");
            let ctx = TestContext::new(&work).with_files("files", &files);
            let columns = columns.map(|columns| columns.iter().map(|name| (*name).to_owned()).collect());
            run(&ctx, Settings { text: "content.body".into(), columns, ..settings(0.0) }).expect("read");
            let entry = std::fs::read_dir(ctx.output())
                .expect("a folder")
                .next()
                .expect("a shard")
                .expect("an entry");
            let docs = Reader::open(&entry.path()).expect("open").map(|doc| doc.expect("read"));
            let mut docs: Vec<(String, String)> =
                docs.map(|doc| (doc.text.clone(), doc.extra.text().to_owned())).collect();
            docs.sort();
            docs.into_iter().map(|(text, extra)| format!("{text} {extra}")).collect::<Vec<_>>()
        };
        assert_eq!(
            kept(None),
            [
                r#"one {"content":{"n":1},"licence":"CC0","tags":[1,"b"]}"#,
                "three ",
                r#"two {"licence":"MIT","score":"3"}"#
            ]
        );
        assert_eq!(
            kept(Some(&["licence"])),
            [r#"one {"licence":"CC0"}"#, "three ", r#"two {"licence":"MIT"}"#]
        );
        assert_eq!(kept(Some(&[])), ["one ", "three ", "two "]);
    }

    #[test]
    fn what_is_not_read_is_refused_by_its_first_bytes() {
        let prose = "A farmer had a goose. ".repeat(20);
        assert_eq!(
            probe("a.txt", prose.as_bytes()),
            Fit::Refuses("`a.txt` is plain text; read it with `crawl.text`".into())
        );
        assert_eq!(probe("a.jsonl", prose.as_bytes()), Fit::Reads, "its name says that rows follow");
        assert!(matches!(probe("a.html", b"<html>"), Fit::Refuses(_)));
        assert_eq!(
            probe("a.jsonl.zst", &zstd::encode_all(&b"{\"text\": \"a\"}"[..], 1).unwrap()),
            Fit::Reads
        );
    }

    #[test]
    fn json_lines_become_a_shard() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = b"{\"text\": \"a\", \"id\": \"<1>\"}\n{\"text\": \"a\"}\n{\"text\": \"a\"}\n";
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.jsonl", lines)]);
        run(&ctx, settings(0.01)).expect("it runs");
        let name = format!("{}.parquet", shard_name(&ctx.input("files").expect("given").files[0]));
        let docs: Vec<Doc> =
            Reader::open(&ctx.output().join(name)).expect("opens").map(|doc| doc.expect("read")).collect();
        assert_eq!((docs.len(), docs[0].id.as_str()), (3, "<1>"));
        assert!(docs[1].id.starts_with("<urn:uuid:") && docs[1].id != docs[2].id);
    }

    #[test]
    fn removed_sources_are_left_out_and_no_other_id_changes() {
        let rows = b"{\"text\": \"a\", \"url\": \"https://x.example/a\"}\n{\"text\": \"b\", \"url\": \"https://x.example/b\"}\n{\"text\": \"c\"}\n";
        let root = tempfile::tempdir().unwrap();
        let read = |name: &str, list: &[u8]| {
            let ctx = TestContext::new(&root.path().join(name))
                .with_files("files", &[("a.jsonl", rows)])
                .with_files("forget", &[("main.forget", list)]);
            run(&ctx, settings(0.0)).unwrap();
            let shard = std::fs::read_dir(ctx.output()).unwrap().next().unwrap().unwrap().path();
            let docs: Vec<Doc> = Reader::open(&shard).unwrap().map(|doc| doc.unwrap()).collect();
            (docs, ctx.counted("dropped.forget.source"))
        };
        let (all, none) = read("all", b"# nothing\n");
        let (rest, one) = read("rest", b"http://www.x.example/a/\n");
        assert_eq!((all.len(), none, rest.len(), one), (3, 0, 2, 1));
        assert_eq!(rest, all[1..]);
        assert_eq!(read("file", b"a.jsonl\n").1, 3);
        assert_eq!(read("id", all[2].id.as_bytes()).0, all[..2]);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.html", b"<p>")]);
        assert!(run(&ctx, settings(0.01)).expect_err("no documents").help_text().is_some());
    }

    fn load(content: &[u8], max_bad: f64) -> (TestContext, Result<()>) {
        let folder = tempfile::tempdir().expect("a folder").keep();
        let ctx = TestContext::new(&folder).with_files("files", &[("a.jsonl", content)]);
        let result = run(&ctx, settings(max_bad));
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
