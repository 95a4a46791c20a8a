//! `crawl.warc`: web pages from WARC files, cleaned into one shard a file.

use std::collections::BTreeMap;

use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use serde::Deserialize;

use super::{label, shard_name};
use crate::pages;
use llmp_artifacts::warc::{Item, Reader, Record, Writer};

/// The settings of `crawl.warc`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The largest page, in bytes once decompressed.
    pub max_page: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
}

/// Blocks hold a header besides the page, and the page may be stored with chunk marks.
const BLOCK_OVERHEAD: u64 = 1 << 20;

/// So many skipped places a file are written to the log; all are counted.
const LOGGED_SKIPS: u64 = 10;

/// Record types of WARC 1.1; anything else is counted as `other`.
const KINDS: [&str; 8] =
    ["warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"];

/// Those that hold pages.
const PAGES: [&str; 2] = ["response", "resource"];

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or holds no WARC record.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    for file in &ctx.input("files")?.files {
        let output = ctx.output().join(format!("{}.warc.gz", shard_name(file)));
        // The same file given twice is one shard.
        if !output.exists() {
            clean(ctx, &settings, file, Writer::create(&output)?)?;
        }
    }
    Ok(())
}

fn clean(ctx: &dyn Context, settings: &Settings, file: &InputFile, mut writer: Writer) -> Result<()> {
    let mut reader = Reader::open(&file.path, settings.max_page.saturating_add(BLOCK_OVERHEAD))
        .map_err(|error| called(error, file))?;
    let bar = ctx.bar(reader.progress().1, "bytes");
    let (mut records, mut pages, mut skips, mut read) = (BTreeMap::<&str, u64>::new(), 0, 0, 0);
    while let Some(item) = reader.next().transpose().map_err(Error::io("cannot read", &file.path))? {
        ctx.proceed()?;
        match item {
            Item::Record(record) => {
                let kind = record.kind();
                let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or("other");
                *records.entry(kind).or_default() += 1;
                if kind == "warcinfo" {
                    writer.write(&record)?;
                } else if let Some(page) = page(ctx, record, kind, settings) {
                    writer.write(&page)?;
                    pages += 1;
                }
            }
            Item::Skipped(skipped) => {
                let kind = skipped.headers.as_ref().and_then(|headers| headers.get("WARC-Type"));
                if skipped.reason == "too_large" && kind.is_some_and(|kind| PAGES.contains(&kind)) {
                    ctx.dropped(skipped.dropped("warc.too_large"));
                    continue;
                }
                ctx.count(&format!("skipped.{}", skipped.reason), 1);
                skips += 1;
                if skips <= LOGGED_SKIPS {
                    ctx.log(&format!(
                        "`{}`: passed over {} bytes at {} ({})",
                        label(file),
                        skipped.bytes,
                        skipped.offset,
                        explain(skipped.reason)
                    ));
                }
            }
        }
        let position = reader.progress().0;
        bar.add(position.saturating_sub(read));
        read = read.max(position);
        bar.note(&format!("{pages} pages"));
    }
    writer.finish()?;
    if records.is_empty() {
        return Err(Error::new(format!("`{}` holds no WARC record", label(file))).help(
            "`crawl.warc` reads .warc and .warc.gz files; HTML files are read by `crawl.html`, and Parquet or JSONL \
             files by `crawl.docs`",
        ));
    }
    for (kind, count) in records {
        ctx.count(&format!("records.{kind}"), count);
    }
    ctx.count("pages", pages);
    Ok(())
}

/// The page in a record, or `None` where it holds none; says why.
fn page(ctx: &dyn Context, record: Record, kind: &str, settings: &Settings) -> Option<Record> {
    let limit = usize::try_from(settings.max_page).unwrap_or(usize::MAX);
    let cleaned = match kind {
        "response" => pages::from_response(&record, limit),
        "resource" => pages::from_resource(&record, limit),
        _ => return None,
    };
    match cleaned {
        Ok(page) => Some(page),
        Err(pages::NoPage::NotHtml) => {
            ctx.count("skipped.not_html", 1);
            None
        }
        Err(pages::NoPage::Dropped { rule, value }) => {
            let (id, url) = (record.id().to_owned(), record.uri().to_owned());
            ctx.dropped(Dropped { id, url, rule: rule.into(), value });
            None
        }
    }
}

/// Names a file in an error as people call it, where that is not its path in the store.
fn called(error: Error, file: &InputFile) -> Error {
    match &file.label {
        Some(label) if !error.to_string().contains(label.as_str()) => {
            let help = error.help_text().map(str::to_owned);
            let named = Error::new(format!("`{label}` cannot be read")).because(error);
            help.into_iter().fold(named, Error::help)
        }
        _ => error,
    }
}

fn explain(reason: &str) -> &'static str {
    match reason {
        "header" => "a malformed record header",
        "length" => "a missing or wrong `Content-Length`",
        "too_large" => "a block above `max_page`",
        "truncated" => "the file ends within it",
        "gzip" => "damaged compression",
        _ => "no record",
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;

    fn record(kind: &str, block: &str) -> String {
        format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://a.example/{kind}\r\n\
             WARC-Record-ID: <urn:uuid:1>\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n",
            block.len()
        )
    }

    fn crawl(file: &[u8]) -> (TestContext, Result<()>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files("files", &[("a.warc", file)]);
        let result = run(&ctx, Settings { max_page: 1 << 20, license: None });
        (ctx, result, folder)
    }

    fn found(ctx: &TestContext) -> Vec<Record> {
        let mut pages = Vec::new();
        for entry in std::fs::read_dir(ctx.output()).expect("a folder") {
            let path = entry.expect("an entry").path();
            for item in Reader::open(&path, 1 << 20).expect("opens") {
                match item.expect("readable") {
                    Item::Record(record) => pages.push(record),
                    Item::Skipped(skipped) => panic!("{skipped:?}"),
                }
            }
        }
        pages
    }

    #[test]
    fn html_answers_are_kept_decoded() {
        let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>x\r\n0\r\n\r\n";
        let image = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\nx";
        let gone = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\nx";
        let file = [
            record("warcinfo", "isPartOf: X\r\n"),
            record("request", "GET /"),
            record("response", html),
            record("response", image),
            record("response", gone),
            record("strange", ""),
        ]
        .concat();
        let (ctx, result, _folder) = crawl(file.as_bytes());
        result.expect("it runs");
        let pages = found(&ctx);
        assert_eq!(pages.iter().map(Record::kind).collect::<Vec<_>>(), ["warcinfo", "response"]);
        assert_eq!(
            String::from_utf8_lossy(&pages[1].block),
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Crawl-Transfer-Encoding: chunked\r\n\
             Content-Length: 4\r\n\r\n<p>x"
        );
        let counts = ctx.counts.lock().expect("unpoisoned").clone();
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        assert_eq!(
            counts,
            [
                "dropped.warc.status 1",
                "pages 1",
                "records.other 1",
                "records.request 1",
                "records.response 3",
                "records.warcinfo 1",
                "skipped.not_html 1"
            ]
        );
    }

    #[test]
    fn a_truncated_file_is_a_warning() {
        let page = record("response", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>x");
        let file = [page.clone(), page[..page.len() - 9].to_owned()].concat();
        let (ctx, result, _folder) = crawl(file.as_bytes());
        result.expect("it runs");
        assert_eq!((ctx.counted("pages"), ctx.counted("skipped.truncated")), (1, 1));
        assert!(ctx.lines.lock().expect("unpoisoned")[0].contains("the file ends within it"));
    }

    #[test]
    fn a_file_without_records_is_an_error() {
        for file in ["", "<html>a page</html>", "filedesc://x 0 0 text/plain 7\n"] {
            let error = crawl(file.as_bytes()).1.expect_err("no records");
            assert!(error.help_text().is_some(), "{error}");
        }
    }
}
