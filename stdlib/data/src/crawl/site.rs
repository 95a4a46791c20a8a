//! `crawl.site`: web pages of sites that were crawled beforehand.

use llmp_stage::{Context, Pace, Result};
use serde::Deserialize;

use super::warc;

/// The settings of `crawl.site`. But for `max_page` they say how it is crawled, which is done with when it
/// runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the crawl began.
    pub start: Vec<String>,
    /// Pages at most.
    pub pages: u64,
    /// Bytes at most.
    pub bytes: u64,
    /// Links between a start and a page at most.
    pub depth: u64,
    /// Whether sitemaps were read.
    pub sitemaps: bool,
    /// The largest page, in bytes.
    pub max_page: u64,
    /// Seconds between two questions to a host.
    pub delay: f64,
    /// The licence of the pages; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// As fast as `crawl.warc`.
#[must_use]
pub fn pace() -> Pace {
    warc::pace()
}

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or holds no WARC record.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    warc::read(ctx, "lock", settings.max_page)
}
