//! `crawl.wet`: texts from WET files, which hold what others have taken out of pages.

use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use serde::Deserialize;

use super::forgotten::Forgotten;
use super::records::{Records, Wanted};
use super::{label, shard_name};
use crate::pages::{self, Crawl};
use llmp_artifacts::docs::{Doc, Writer};
use llmp_artifacts::warc::{Item, Reader, Record};

/// The settings of `crawl.wet`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name of the crawl.
    pub dump: Option<String>,
    /// The longest text, in bytes.
    pub max_text: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}
/// How fast it is: WET, compressed with gzip.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 22e6, gives: 0.8 }
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or is no WET file.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    read(ctx, "files", &settings)
}

/// Reads the files of an input.
pub(super) fn read(ctx: &dyn Context, role: &str, settings: &Settings) -> Result<()> {
    for file in &ctx.input(role)?.files {
        let output = ctx.output().join(format!("{}.parquet", shard_name(file)));
        // The same file given twice is one shard.
        if !output.exists() {
            read_one(ctx, settings, file, Writer::create(&output)?)?;
        }
    }
    Ok(())
}

fn read_one(ctx: &dyn Context, settings: &Settings, file: &InputFile, mut writer: Writer) -> Result<()> {
    let mut reader = Reader::open(&file.path, settings.max_text)?;
    let bar = ctx.bar(reader.progress().1, "bytes");
    let mut records = Records::new(ctx, file);
    let mut crawl = Crawl::new(settings.dump.as_deref(), label(file));
    let forgotten = Forgotten::of(ctx)?;
    let (mut count, mut position) = (0, 0);
    while let Some(item) = reader.next().transpose().map_err(Error::io("cannot read", &file.path))? {
        ctx.proceed()?;
        match item {
            Item::Record(record) => match records.add(&record) {
                "warcinfo" => crawl.read(&record),
                "conversion" => match doc(&record, &crawl) {
                    Some(doc) if forgotten.drops(ctx, &doc.id, &doc.url, file) => {}
                    Some(doc) => {
                        writer.write(doc)?;
                        count += 1;
                    }
                    None => ctx.dropped(Dropped {
                        id: record.id().to_owned(),
                        url: record.uri().to_owned(),
                        rule: "wet.empty".into(),
                        value: "no text".into(),
                    }),
                },
                _ => {}
            },
            Item::Skipped(skipped) if skipped.reason == "too_large" => {
                ctx.dropped(skipped.dropped("wet.too_large"))
            }
            Item::Skipped(skipped) => records.skip(&skipped),
        }
        let now = reader.progress().0;
        bar.add(now.saturating_sub(position));
        position = position.max(now);
    }
    writer.finish()?;
    records.finish(Wanted::Texts)?;
    ctx.count("documents", count);
    Ok(())
}

/// The document in a `conversion` record; `None` where it holds no text. WET files are UTF-8: what is none is
/// replaced.
fn doc(record: &Record, crawl: &Crawl) -> Option<Doc> {
    let text = String::from_utf8_lossy(&record.block).replace("\r\n", "\n").replace('\0', "");
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(Doc {
        text: text.to_owned(),
        id: pages::id(record),
        url: record.uri().to_owned(),
        date: record.date().to_owned(),
        dump: crawl.dump.clone(),
        file_path: crawl.file_path.clone(),
        ..Doc::default()
    })
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::docs;

    fn record(kind: &str, url: &str, block: &str) -> String {
        let length = block.len();
        format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n\
             WARC-Record-ID: <urn:{url}>\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{block}\r\n\r\n"
        )
    }

    fn crawl(file: &str) -> (TestContext, Result<()>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.warc.wet", file.as_bytes())]);
        let result = run(&ctx, Settings { dump: None, max_text: 1 << 10, forget: None, license: None });
        (ctx, result, folder)
    }

    #[test]
    fn texts_become_documents() {
        let file = [
            record("warcinfo", "", "isPartOf: CC-MAIN-2026-30\r\n"),
            record("conversion", "https://a.example/1", "One\r\ntwo\n"),
            record("conversion", "https://a.example/2", " \n"),
            record("conversion", "https://a.example/3", &"x".repeat(2000)),
            record("conversion", "https://a.example/4", "Grüße"),
        ];
        let (ctx, result, _folder) = crawl(&file.concat());
        result.expect("it runs");
        let path = std::fs::read_dir(ctx.output())
            .expect("a folder")
            .next()
            .expect("a shard")
            .expect("an entry")
            .path();
        let docs: Vec<Doc> =
            docs::Reader::open(&path).expect("opens").map(|doc| doc.expect("read")).collect();
        let texts: Vec<&str> = docs.iter().map(|doc| doc.text.as_str()).collect();
        assert_eq!(texts, ["One\ntwo", "Grüße"]);
        let first = &docs[0];
        assert_eq!(
            [&first.id, &first.url, &first.date, &first.dump, &first.file_path],
            [
                "<urn:https://a.example/1>",
                "https://a.example/1",
                "2026-01-02T03:04:05Z",
                "CC-MAIN-2026-30",
                "a.warc.wet"
            ]
        );
        assert_eq!((ctx.counted("dropped.wet.empty"), ctx.counted("dropped.wet.too_large")), (1, 1));
    }

    #[test]
    fn files_of_another_kind_are_named() {
        let warc = record("response", "https://a.example/", "HTTP/1.1 200 OK\r\n\r\n");
        let error = crawl(&warc).1.expect_err("refused");
        assert!(error.to_string().contains("is a WARC file") && error.help_text().is_some(), "{error}");
        assert!(crawl("plain text").1.is_err());
    }
}
