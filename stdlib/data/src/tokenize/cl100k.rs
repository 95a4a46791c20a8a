//! Stage `tokenize.cl100k`: GPT-4's vocabulary.

use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::{Context, Cost, Inputs, Known, Result};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    Tokenizer::cl100k().save(ctx.output())
}

/// What is known of it: its size.
pub(crate) fn cost(_: &Settings, _: &Inputs) -> Cost {
    const VOCABULARY: u64 = 100_277;
    Cost { result: Known { vocabulary: Some(VOCABULARY), ..Known::default() }, ..Cost::default() }
}
