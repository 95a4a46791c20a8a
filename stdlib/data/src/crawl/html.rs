//! `crawl.html`: HTML files as pages, each a WARC `resource` record; one file of records a shard, which may
//! be many files.

use std::io::Read;

use llmp_artifacts::docs::decompressed;
use llmp_stage::{Context, Dropped, Error, Fit, InputFile, Result};
use serde::Deserialize;

use super::forgotten::Forgotten;
use super::sniff::{Looks, looks, named};
use super::{file_url, shard_of};
use crate::pages;
use llmp_artifacts::warc::{Headers, Record, Writer, looks_like_html};

/// The settings of `crawl.html`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The largest file, in bytes.
    pub max_page: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// What the first bytes say of a file: others may lie among pages, but not alone.
#[must_use]
pub fn probe(name: &str, start: &[u8]) -> Fit {
    match looks(name, start) {
        // Whatever its encoding, even one in which NUL stands.
        Looks::Utf16 | Looks::Binary if is_named_html(name) => Fit::Reads,
        Looks::Html | Looks::Empty => Fit::Reads,
        // What only its tags tell stands further down.
        Looks::Text if start.contains(&b'<') => Fit::Reads,
        other => Fit::PassesOver(other.sentence(name)),
    }
}
/// How fast it is: HTML, which is compressed and not looked into.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 100e6, gives: 0.2 }
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let files = &ctx.input("files")?.files;
    let Some(name) = shard_of(ctx, files) else { return Ok(()) };
    let bar = ctx.bar(files.len() as u64, "pages");
    let mut writer = Writer::create(&ctx.output().join(format!("{name}.warc.gz")))?;
    let forgotten = Forgotten::of(ctx)?;
    for file in files {
        ctx.proceed()?;
        let mut block = Vec::new();
        let limit = settings.max_page.saturating_add(1);
        let read = decompressed(&file.path)?.take(limit).read_to_end(&mut block);
        let drop = |record: &Record, rule: &str, value: String| {
            let (id, url) = (record.id().to_owned(), record.uri().to_owned());
            ctx.dropped(Dropped { id, url, rule: rule.to_owned(), value });
        };
        let record = resource(file, block);
        if let Err(error) = read {
            // What disks say of themselves is no fault of the file.
            if error.raw_os_error().is_some() {
                return Err(Error::io("cannot read", &file.path)(error));
            }
            drop(&record, "html.damaged", error.to_string());
        } else if record.block.len() as u64 > settings.max_page {
            drop(&record, "html.too_large", format!("more than {} bytes", settings.max_page));
        } else if forgotten.drops(ctx, record.id(), record.uri(), file) {
            // It is counted.
        } else if is_html(file, &record.block) {
            writer.write(&record)?;
            ctx.count("pages", 1);
        } else {
            ctx.count("skipped.not_html", 1);
        }
        bar.add(1);
    }
    writer.finish()
}

fn resource(file: &InputFile, block: Vec<u8>) -> Record {
    let uri = file_url(&file.name);
    let headers = [
        ("WARC-Type", "resource"),
        ("WARC-Record-ID", &pages::urn(&[file.digest.as_bytes()])),
        ("WARC-Target-URI", &uri),
        ("WARC-Date", pages::NO_DATE),
        ("Content-Type", "text/html"),
    ];
    let headers = Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
    Record { headers, block }
}

fn is_html(file: &InputFile, content: &[u8]) -> bool {
    is_named_html(&file.name) || looks_like_html(content)
}

fn is_named_html(name: &str) -> bool {
    named(name, &[".html", ".htm", ".xhtml", ".shtml"])
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::warc::{Item, Reader};

    #[test]
    fn html_files_become_resources() {
        let folder = tempfile::tempdir().expect("a folder");
        let ctx = TestContext::new(folder.path()).with_files(
            "files",
            &[
                ("a b.html", b"<p>one"),
                ("c", b"\n<!DOCTYPE html><p>two"),
                ("d.css", b"p {}"),
                ("e.htm", &[b'x'; 99]),
            ],
        );
        run(&ctx, Settings { max_page: 64, forget: None, license: None }).expect("it runs");
        let mut uris = Vec::new();
        for entry in std::fs::read_dir(ctx.output()).expect("a folder") {
            for item in Reader::open(&entry.expect("an entry").path(), 1 << 20).expect("opens") {
                let Item::Record(record) = item.expect("readable") else { panic!("no record") };
                uris.push(record.uri().to_owned());
            }
        }
        uris.sort();
        assert_eq!(uris, ["file:///a%20b.html", "file:///c"]);
        assert_eq!((ctx.counted("skipped.not_html"), ctx.counted("dropped.html.too_large")), (1, 1));
    }

    #[test]
    fn compression_is_undone_and_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).expect("it compresses");
        let (page, bomb) = (zstd(b"<!DOCTYPE html><p>one"), zstd(&vec![b'x'; 1 << 20]));
        let ctx = TestContext::new(folder.path()).with_files(
            "files",
            &[("a.html.zst", &page), ("b.html.zst", &page[..page.len() - 4]), ("c.htm.zst", &bomb)],
        );
        run(&ctx, Settings { max_page: 64, forget: None, license: None }).expect("it runs");
        assert_eq!(
            ["pages", "dropped.html.damaged", "dropped.html.too_large"].map(|count| ctx.counted(count)),
            [1, 1, 1]
        );
    }

    #[test]
    fn pages_are_told_by_their_names_whatever_their_encoding() {
        for (name, start, reads) in [
            ("a.html", &b"\xff\xfe<\0p\0>\0"[..], true),
            ("a.HTM", b"\0<\0p\0>", true),
            ("a.html", b"<p>har\0bour", true),
            ("a.txt", b"\xff\xfe<\0p\0>\0", false),
            ("a.png", b"\x89PNG\0", false),
        ] {
            assert_eq!(probe(name, start) == Fit::Reads, reads, "{name}");
        }
    }
}
