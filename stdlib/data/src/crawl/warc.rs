//! `crawl.warc`: web pages from WARC files, cleaned into one shard a file.

use llmp_stage::{Context, Dropped, Error, InputFile, Result};
use serde::Deserialize;

use super::forgotten::Forgotten;
use super::records::{Records, Wanted};
use super::shard_name;
use super::sniff::{Looks, looks, named};
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
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// Blocks hold a header besides the page, and the page may be stored with chunk marks.
const BLOCK_OVERHEAD: u64 = 1 << 20;

/// Those that hold pages.
const PAGES: [&str; 2] = ["response", "resource"];

/// What the first bytes say of a file. Junk before a record is passed over, so that only other formats are
/// refused.
#[must_use]
pub fn probe(name: &str, start: &[u8]) -> llmp_stage::Fit {
    match looks(name, start) {
        Looks::Warc | Looks::Empty | Looks::Binary | Looks::Text | Looks::Csv | Looks::Tsv => {
            llmp_stage::Fit::Reads
        }
        // Its name says what it is, whatever stands before the first record.
        _ if named(name, &[".warc", ".arc"]) => llmp_stage::Fit::Reads,
        other => other.refuses(name),
    }
}
/// How fast it is: WARC of whole pages, compressed with gzip.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 22e6, gives: 0.9 }
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or holds no WARC record.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    read(ctx, "files", settings.max_page)
}

/// Reads the files of an input; pages of more than `max_page` bytes are left out.
pub(super) fn read(ctx: &dyn Context, role: &str, max_page: u64) -> Result<()> {
    for file in &ctx.input(role)?.files {
        let output = ctx.output().join(format!("{}.warc.gz", shard_name(file)));
        // The same file given twice is one shard.
        if !output.exists() {
            clean(ctx, max_page, file, Writer::create(&output)?)?;
        }
    }
    Ok(())
}

fn clean(ctx: &dyn Context, max_page: u64, file: &InputFile, mut writer: Writer) -> Result<()> {
    let mut reader = Reader::open(&file.path, max_page.saturating_add(BLOCK_OVERHEAD))?;
    let bar = ctx.bar(reader.progress().1, "bytes");
    let forgotten = Forgotten::of(ctx)?;
    let (mut records, mut pages, mut read) = (Records::new(ctx, file), 0, 0);
    while let Some(item) = reader.next().transpose().map_err(Error::io("cannot read", &file.path))? {
        ctx.proceed()?;
        match item {
            Item::Record(record) => {
                let kind = records.add(&record);
                if kind == "warcinfo" {
                    writer.write(&pages::identified(record))?;
                } else if let Some(page) = page(ctx, record, kind, max_page)
                    && !forgotten.drops(ctx, page.id(), page.uri(), file)
                {
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
                records.skip(&skipped);
            }
        }
        let position = reader.progress().0;
        bar.add(position.saturating_sub(read));
        read = read.max(position);
        bar.note(&format!("{pages} pages"));
    }
    writer.finish()?;
    records.finish(Wanted::Pages)?;
    ctx.count("pages", pages);
    Ok(())
}

/// The page in a record, or `None` where it holds none; says why.
fn page(ctx: &dyn Context, record: Record, kind: &str, max_page: u64) -> Option<Record> {
    let limit = usize::try_from(max_page).unwrap_or(usize::MAX);
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
        let result = run(&ctx, Settings { max_page: 1 << 20, forget: None, license: None });
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

    const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>the keeper";

    #[test]
    fn what_came_of_a_page_that_is_cut_off_is_kept() {
        let page = record("response", PAGE);
        let file = [page.clone(), page[..page.len() - 9].to_owned()].concat();
        let (ctx, result, _folder) = crawl(file.as_bytes());
        result.expect("it runs");
        assert_eq!((ctx.counted("pages"), ctx.counted("skipped.truncated")), (2, 1));
        assert!(found(&ctx)[1].block.ends_with(b"<p>the k"));
        assert!(ctx.lines.lock().expect("unpoisoned")[0].contains("the file ends within this record"));
    }

    #[test]
    fn files_that_hold_nothing_do_not_stop_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = record("response", PAGE);
        let cut = &whole.as_bytes()[..40];
        let files: [(&str, &[u8]); 4] = [("a", b""), ("b", cut), ("c", b"\r\n\r\n"), ("d", whole.as_bytes())];
        let ctx = TestContext::new(folder.path()).with_files("files", &files);
        run(&ctx, Settings { max_page: 1 << 20, forget: None, license: None }).expect("it runs");
        assert_eq!((ctx.counted("pages"), ctx.counted("skipped.empty_files")), (1, 3));
    }

    #[test]
    fn files_of_another_kind_are_named() {
        let info = record("warcinfo", "isPartOf: X\r\n");
        let text = record("conversion", "Plain text.");
        let json = record("metadata", "{}")
            .replace("Content-Length", "Content-Type: application/json\r\nContent-Length");
        for (file, kind) in [
            ("<html>a page</html>".to_owned(), "holds no WARC record"),
            ([info.clone(), text].concat(), "is a WET file"),
            ([info, json].concat(), "is a WAT file"),
        ] {
            let error = crawl(file.as_bytes()).1.expect_err("refused");
            assert!(error.to_string().contains(kind) && error.help_text().is_some(), "{error}");
        }
    }

    #[test]
    fn the_content_tells_what_a_header_does_not() {
        for content_type in
            ["", "Content-Type:\r\n", "Content-Type: html\r\n", "Content-Type: text/html x\r\n"]
        {
            let (ctx, result, _folder) = crawl(
                record("response", &format!("HTTP/1.1 200 OK\r\n{content_type}\r\n<!doctype html><p>x"))
                    .as_bytes(),
            );
            result.expect("it runs");
            assert_eq!(ctx.counted("pages"), 1, "{content_type}");
        }
    }

    #[test]
    fn arc_files_are_read() {
        let http = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>old";
        let file = format!(
            "filedesc://x.arc 0.0.0.0 20080430204825 text/plain 6\n1 0 x\n\n\
             http://a.example/ 192.0.2.7 20080430204826 text/html {}\n{http}\n\
             dns:a.example 192.0.2.7 20080430204827 text/dns 3\nx y\n",
            http.len()
        );
        let (ctx, result, _folder) = crawl(file.as_bytes());
        result.expect("it runs");
        let pages = found(&ctx);
        assert_eq!(
            [pages[1].uri(), pages[1].date()],
            ["http://a.example/", "2008-04-30T20:48:26Z"],
            "{:?}",
            ctx.counts
        );
        assert!(pages[1].id().starts_with("<urn:uuid:") && pages[1].block.ends_with(b"<p>old"));
    }
}
