//! In place of `fetch.rs` in a program that was built without the network.

use clap::Args;
use llmp_compiler::graph::StageId;
use llmp_planning::{Past, Row};

use super::pipeline::Pipeline;
use super::{Failure, Outcome, PipelineArguments};
use crate::progress::Screen;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
}

#[derive(Clone, Debug, Default, Args)]
pub(super) struct Network {}

pub(super) enum Done {}

fn refused() -> Failure {
    Failure::new("this llmp was built without the network").help("build it without `--no-default-features`")
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    arguments.pipeline.checked()?;
    Err(refused())
}

pub(super) fn needed(
    _: &Pipeline,
    _: &Past,
    rows: &[Row],
    _: &[StageId],
    _: &Network,
    _: &Screen,
) -> Result<Option<Done>, Failure> {
    if rows.iter().any(|row| row.fetch.is_some()) { Err(refused()) } else { Ok(None) }
}
