//! `docs.sample`: a share of the documents.

use llmp_stage::{Context, Result};
use serde::Deserialize;

use super::chance::place;
use crate::shards::{Verdict, filter_shards};

/// The settings of `docs.sample`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The share that is kept.
    pub share: f64,
    /// Another number chooses others.
    pub seed: u64,
}
/// How fast it is: documents are read and some of them written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 0.5 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let place = place("llmp docs.sample 1", settings.seed, &doc.text);
        Ok(match place < settings.share {
            true => Verdict::Keep(doc),
            false => Verdict::Drop { rule: "sample.not_chosen", value: format!("{:.1}%", place * 100.0) },
        })
    })
}
