//! Stage `tokenize.o200k`: GPT-4o's vocabulary.

use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::{Context, Cost, Inputs, Known, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    Tokenizer::o200k().save(ctx.output())
}

/// What is known of it: its size.
pub(crate) fn cost(_: &Settings, _: &Inputs) -> Cost {
    const VOCABULARY: u64 = 200_271;
    Cost { result: Known { vocabulary: Some(VOCABULARY), ..Known::default() }, ..Cost::default() }
}
