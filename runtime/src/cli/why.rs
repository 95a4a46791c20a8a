//! `llmp why STAGE`: one screen, root cause first.

use std::io::Write;

use clap::Args;
use llmp_compiler::key::Digest;
use serde_json::json;

use super::plan::{as_json, rows};
use super::{Format, Outcome, PipelineArguments};
use crate::why;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage, e.g. `base` or `docs/filter.urls`
    stage: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    // `llmp why FILE STAGE` is as clear as `llmp why STAGE FILE`.
    let mut arguments = (arguments.stage.clone(), arguments.pipeline.clone(), arguments.format);
    if arguments.0.ends_with(".llmp")
        && let Some(stage) = arguments.1.file.take()
    {
        arguments.1.file = Some(arguments.0.into());
        arguments.0 = stage.to_string_lossy().into_owned();
    }
    let (name, pipeline, format) = arguments;
    let pipeline = pipeline.checked()?;
    let id = pipeline.stage(&name)?;
    let past = pipeline.open()?;
    let rows = rows(&pipeline, &past);
    past.save()?;
    if format == Format::Json {
        let whole = as_json(&pipeline, &rows);
        let name = &pipeline.compilation.graph.stage(id).name;
        let stages = whole.get("stages").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let one = stages.into_iter().find(|stage| stage.get("name") == Some(&json!(name)));
        writeln!(std::io::stdout(), "{:#}", json!({"format_version": 1, "stage": one}))?;
        return Ok(0);
    }
    let record = |key: &Digest| past.ledger().record(key).ok().flatten();
    write!(std::io::stdout(), "{}", why::text(&pipeline.compilation, &rows, id, &record))?;
    Ok(0)
}
