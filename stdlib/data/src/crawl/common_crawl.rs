//! `crawl.common_crawl`: web pages from WARC files that were fetched beforehand.

use llmp_stage::{Context, Cost, Inputs, Pace, Result};
use serde::Deserialize;

use super::warc;

/// The settings of `crawl.common_crawl`. What says which files are fetched is done with when it runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The crawl.
    pub snapshot: String,
    /// Which files of its list, first and last.
    pub files: (u64, u64),
    /// `warc`.
    pub kind: String,
    /// Where the crawl is.
    pub base: String,
    /// The largest page, in bytes once decompressed.
    pub max_page: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// A WARC file of Common Crawl usually has 0.9 GB.
const USUAL: u64 = 900_000_000;

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or holds no WARC record.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    warc::read(ctx, "lock", settings.max_page)
}

/// As fast as `crawl.warc`.
#[must_use]
pub fn pace() -> Pace {
    warc::pace()
}

/// Files that are not fetched yet have as many bytes as are usual.
#[must_use]
pub fn cost(settings: &Settings, _: &Inputs) -> Cost {
    usual(settings.files, USUAL)
}

/// What files of a list come to that have so many bytes each.
pub(super) fn usual((first, last): (u64, u64), bytes: u64) -> Cost {
    let bytes = (last + 1).saturating_sub(first).saturating_mul(bytes);
    Cost { read: Some(bytes), ..Cost::default() }
}
