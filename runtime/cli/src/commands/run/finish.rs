//! What is said at the end of a run: what its stages showed, what failed and where, how many ran, where the
//! report is.

use std::io::{self, Write};
use std::path::PathBuf;

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::graph::{Producer, Stage};
use llmp_engine::{Counts, Outcome, StageOutcome, Status};
use llmp_planning::Past;
use llmp_records::{RunStatus, text};

use super::super::Failure;
use super::super::pipeline::Pipeline;
use crate::output::{stderr, stdout};

/// Says how a run ended. `report` is its page, or why there is none.
pub(super) fn say(
    pipeline: &Pipeline,
    past: &Past,
    outcome: &Outcome<'_>,
    report: Result<PathBuf, String>,
) -> Result<(), Failure> {
    let stages = || pipeline.compilation.graph.stages.iter().zip(&outcome.stages);
    for (stage, end) in stages() {
        shown(past, stage, end)?;
    }
    for (stage, end) in stages() {
        failed(pipeline, stage, end)?;
    }
    summary(pipeline, outcome)?;
    match report {
        Ok(page) => writeln!(stdout(), "report: {}", page.display())?,
        Err(error) => writeln!(stderr(), "warning: the report could not be written: {error}")?,
    }
    Ok(())
}

/// What a report showed, once everything is quiet.
fn shown(past: &Past, stage: &Stage, end: &StageOutcome) -> Result<(), Failure> {
    if let (Status::Ran { .. }, Some(key)) = (&end.status, end.key)
        && let Some(record) = past.ledger().record(&key)?
        && stage.makes(ArtifactKind::Report)
        && !record.shown.is_empty()
    {
        writeln!(stdout(), "\n{}: {}\n\n{}\n", stage.name, stage.kind, record.shown.trim_end())?;
    }
    Ok(())
}

fn failed(pipeline: &Pipeline, stage: &Stage, end: &StageOutcome) -> io::Result<()> {
    let Status::Failed { message, help } = &end.status else { return Ok(()) };
    let mut err = stderr();
    writeln!(err, "error: `{}` failed: {message}", stage.name)?;
    writeln!(err, "   at: {}", pipeline.compilation.sources.place(stage.span))?;
    if let Some(help) = help {
        writeln!(err, " help: {help}")?;
    }
    // What lacked its files never began, and has no log.
    if stage.inputs.iter().all(|input| matches!(input.from, Producer::Stage(_))) || end.key.is_some() {
        writeln!(err, "  log: llmp log {}", stage.name)?;
    }
    Ok(())
}

fn summary(pipeline: &Pipeline, outcome: &Outcome<'_>) -> io::Result<()> {
    let Counts { ran, cached, failed, not_run } = outcome.counts();
    let mut parts = vec![format!("{ran} ran"), format!("{cached} cached")];
    for (count, word) in [(failed, "failed"), (not_run, "not run")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let run = &outcome.record;
    let warnings = run.remarks() as u64;
    parts.extend((warnings > 0).then(|| text::plural(warnings, "warning")));
    let (number, status, time) = (run.run, run.status, text::duration(run.seconds));
    writeln!(stdout(), "run {number} {status} in {time}: {}", parts.join(", "))?;
    if status != RunStatus::Done {
        let command = pipeline.run_command();
        writeln!(stderr(), "what is finished is kept; `{command}` goes on from there")?;
    }
    Ok(())
}
