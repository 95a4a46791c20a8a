//! `{name}`: says in one sentence which documents it leaves out.

use llmp_stage::{Context, Result};
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};

/// The settings of `{name}`; the signature says what they mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    max_words: usize,
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let words = doc.text.split_whitespace().count();
        Ok(match words > settings.max_words {
            true => Verdict::Drop { rule: "{own}.max_words", value: words.to_string() },
            false => Verdict::Keep(doc),
        })
    })
}
