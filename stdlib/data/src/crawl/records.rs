//! What the records of a WARC file are, what could not be read of it, and whether it is the kind of file that
//! a stage reads.

use std::collections::{BTreeMap, BTreeSet};

use llmp_stage::{Context, Error, InputFile, Result};

use super::label;
use llmp_artifacts::warc::{Record, Skipped};

/// So many skipped places a file are written to the log; all are counted.
const LOGGED_SKIPS: u64 = 10;

/// Record types of WARC 1.1; anything else is counted as `other`.
const KINDS: [&str; 8] =
    ["warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"];

/// What a stage looks for in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Pages, as crawlers store them.
    Pages,
    /// Texts that were taken out of pages already.
    Texts,
}

/// The records of one file.
pub(super) struct Records<'a> {
    ctx: &'a dyn Context,
    file: &'a InputFile,
    counts: BTreeMap<&'static str, u64>,
    /// Whether there is metadata as JSON, which a WAT file is made of.
    json: bool,
    skips: u64,
    reasons: BTreeSet<&'static str>,
}

impl<'a> Records<'a> {
    pub(super) fn new(ctx: &'a dyn Context, file: &'a InputFile) -> Self {
        Self { ctx, file, counts: BTreeMap::new(), json: false, skips: 0, reasons: BTreeSet::new() }
    }

    /// Counts a record, and says of which type it is.
    pub(super) fn add(&mut self, record: &Record) -> &'static str {
        let kind = record.kind();
        let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or("other");
        *self.counts.entry(kind).or_default() += 1;
        self.json |= kind == "metadata" && record.media_type() == "application/json";
        kind
    }

    /// Counts bytes that were passed over.
    pub(super) fn skip(&mut self, skipped: &Skipped) {
        self.ctx.count(&format!("skipped.{}", skipped.reason), 1);
        self.reasons.insert(skipped.reason);
        self.skips += 1;
        if self.skips <= LOGGED_SKIPS {
            let (label, bytes, offset) = (label(self.file), skipped.bytes, skipped.offset);
            let reason = explain(skipped.reason);
            self.ctx.log(&format!("`{label}`: {bytes} bytes at {offset}: {reason}"));
        }
    }

    /// Counts what was found.
    ///
    /// # Errors
    /// Where the file is of another kind than `wanted`. One that is empty, cut off or damaged is counted and
    /// told, so that it does not stop the others.
    pub(super) fn finish(self, wanted: Wanted) -> Result<()> {
        let label = label(self.file);
        let has = |kinds: &[&str]| kinds.iter().any(|kind| self.counts.contains_key(kind));
        let crawled = has(&["response", "resource", "request", "revisit"]);
        if self.counts.is_empty() && self.reasons.contains("junk") {
            return Err(Error::new(format!("`{label}` holds no WARC record")).help(
                "WARC and ARC files are read, plain, gzip or zstd; HTML files are read by `crawl.html`, and Parquet or \
                 JSONL files by `crawl.docs`",
            ));
        }
        if self.counts.is_empty() {
            self.ctx.count("skipped.empty_files", 1);
            self.ctx.log(&format!("`{label}`: no record can be read"));
        }
        if self.json && !crawled && !has(&["conversion"]) {
            return Err(Error::new(format!(
                "`{label}` is a WAT file, which holds metadata of pages and no page"
            ))
            .help("give the WARC file of the same crawl to `crawl.warc`, or its WET file to `crawl.wet`"));
        }
        if wanted == Wanted::Pages && has(&["conversion"]) && !crawled {
            return Err(Error::new(format!(
                "`{label}` is a WET file, which holds the text of pages and no page"
            ))
            .help("`crawl.wet` reads it as documents; `extract.text` is not needed then"));
        }
        if wanted == Wanted::Texts && crawled && !has(&["conversion"]) {
            return Err(Error::new(format!("`{label}` is a WARC file, which holds pages and no text"))
                .help("`crawl.warc` reads it, and `extract.text` takes the text out of its pages"));
        }
        for (kind, count) in &self.counts {
            self.ctx.count(&format!("records.{kind}"), *count);
        }
        Ok(())
    }
}

fn explain(reason: &str) -> &'static str {
    match reason {
        "header" => "passed over, a malformed record header",
        "length" => "passed over, a missing or wrong `Content-Length`",
        "too_large" => "passed over, a block above `max_page`",
        "truncated" => "the file ends within this record",
        "gzip" => "passed over, damaged compression",
        _ => "passed over, no record",
    }
}
