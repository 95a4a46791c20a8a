//! `docs.split`: documents to train with, and those that are held out.

use llmp_stage::{Context, Result};
use serde::Deserialize;

use super::chance::place;
use crate::shards::{Verdict, filter_shards};

/// A part of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To train with.
    Train,
    /// Held out.
    HeldOut,
}

/// The settings of `docs.split`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which part is kept.
    pub part: Side,
    /// The share that is held out.
    pub held_out: f64,
    /// Another number parts them otherwise.
    pub seed: u64,
}
/// How fast it is: documents are read and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 1.0 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let held_out = place("llmp docs.split 1", settings.seed, &doc.text) < settings.held_out;
        let side = if held_out { Side::HeldOut } else { Side::Train };
        Ok(match side == settings.part {
            true => Verdict::Keep(doc),
            false => {
                let value = if held_out { "held out" } else { "to train with" };
                Verdict::Drop { rule: "split.other_part", value: value.into() }
            }
        })
    })
}
