//! `crawl.common_crawl_wet`: texts from WET files that were fetched beforehand.

use llmp_stage::{Context, Cost, Inputs, Pace, Result};
use serde::Deserialize;

use super::{common_crawl, wet};

/// The settings of `crawl.common_crawl_wet`. What says which files are fetched is done with when it runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The crawl, which documents are said to come from.
    pub snapshot: String,
    /// Which files of its list, first and last.
    pub files: (u64, u64),
    /// Where the crawl is.
    pub base: String,
    /// The longest text, in bytes.
    pub max_text: u64,
    /// The licence of the files; nothing here depends on it.
    pub license: Option<String>,
    /// The list of removed sources, which is read as an input.
    pub forget: Option<String>,
}

/// A WET file of Common Crawl usually has 80 MB.
const USUAL: u64 = 80_000_000;

/// Runs the stage.
///
/// # Errors
/// Where a file cannot be read or is no WET file.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let Settings { snapshot, max_text, forget, license, .. } = settings;
    wet::read(ctx, "lock", &wet::Settings { dump: Some(snapshot), max_text, forget, license })
}

/// As fast as `crawl.wet`.
#[must_use]
pub fn pace() -> Pace {
    wet::pace()
}

/// Files that are not fetched yet have as many bytes as are usual.
#[must_use]
pub fn cost(settings: &Settings, _: &Inputs) -> Cost {
    common_crawl::usual(settings.files, USUAL)
}
