//! `llmp why STAGE`: one screen, root cause first.

use std::io::Write;

use clap::Args;
use llmp_compiler::graph::{Producer, StageId};
use llmp_compiler::plan::{Blocked, Decision};
use serde_json::json;

use super::pipeline::Pipeline;
use super::plan::{Row, as_json, rows};
use super::{Format, Outcome, PipelineArguments};
use crate::engine::Past;
use crate::{reasons, text};

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
    print(&pipeline, &past, &rows, id)
}

fn print(pipeline: &Pipeline, past: &Past, rows: &[Row], id: StageId) -> Outcome {
    let compilation = &pipeline.compilation;
    let graph = &compilation.graph;
    let stage = graph.stage(id);
    let mut out = std::io::stdout().lock();
    let Some(row) = rows.get(id.0 as usize) else { return Ok(1) };
    let place = compilation.sources.place(stage.span);
    match &row.decision {
        Decision::Cached { key, artifact } => {
            writeln!(out, "{} is cached: nothing it depends on has changed.  {place}", stage.name)?;
            writeln!(out, "  key      {}", key.digest.short())?;
            writeln!(out, "  result   {}", artifact.short())?;
            if let Some(record) = past.ledger().record(&key.digest)? {
                writeln!(
                    out,
                    "  made by  run {} in {} on {} ({}), llmp {}",
                    record.run,
                    text::duration(record.seconds),
                    record.device,
                    record.host,
                    record.version
                )?;
                if !record.reasons.is_empty() {
                    writeln!(out, "  then     {}", record.reasons.join("; "))?;
                }
            }
            writeln!(out, "  depends on:")?;
            for component in &key.components {
                writeln!(out, "    {:<28} {}", component.name, component.value)?;
            }
        }
        Decision::Run { reasons, may_skip, shards, .. } => {
            writeln!(out, "{} will run.  {place}", stage.name)?;
            for (root, reasons) in roots(rows, pipeline, id) {
                for reason in reasons {
                    writeln!(out, "  root cause  {root}: {reason}")?;
                }
            }
            for reason in reasons {
                let place = reasons::place(reason, &compilation.sources);
                let place = place.map_or(String::new(), |place| format!("  {place}"));
                writeln!(out, "  because     {}{place}", reasons::text(reason, graph))?;
            }
            if let Some((todo, all)) = shards {
                writeln!(out, "  shards      {todo} of {all} have to run")?;
            }
            if *may_skip {
                writeln!(out, "  it is skipped if what it waits for comes out as it was")?;
            }
            if let Some((_, run)) = past.last(&stage.name) {
                writeln!(out, "  last run    {run}")?;
            }
        }
        Decision::Blocked(blocked) => {
            writeln!(out, "{} cannot run.  {place}", stage.name)?;
            let mut blocked = blocked;
            loop {
                match blocked {
                    Blocked::Files { message, span, .. } => {
                        writeln!(out, "  because  {message}  {}", compilation.sources.place(*span))?;
                        break;
                    }
                    Blocked::By(cause) => {
                        writeln!(out, "  waits for {}", graph.stage(*cause).name)?;
                        match rows.get(cause.0 as usize).map(|row| &row.decision) {
                            Some(Decision::Blocked(next)) => blocked = next,
                            _ => break,
                        }
                    }
                }
            }
        }
    }
    Ok(0)
}

/// The stages at or before `id` that run for a cause of their own.
fn roots(rows: &[Row], pipeline: &Pipeline, id: StageId) -> Vec<(String, Vec<String>)> {
    let graph = &pipeline.compilation.graph;
    let mut open = vec![id];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        for input in &graph.stage(id).inputs {
            if let Producer::Stage(from) = &input.from {
                open.push(*from);
            }
        }
    }
    let mut found = Vec::new();
    for id in seen {
        let Some(Decision::Run { reasons, .. }) = rows.get(id.0 as usize).map(|row| &row.decision) else {
            continue;
        };
        let own: Vec<_> = reasons
            .iter()
            .filter(|reason| reason.is_root())
            .map(|reason| {
                let place = reasons::place(reason, &pipeline.compilation.sources);
                let place = place.map_or(String::new(), |place| format!("  {place}"));
                format!("{}{place}", reasons::text(reason, graph))
            })
            .collect();
        if !own.is_empty() {
            found.push((graph.stage(id).name.clone(), own));
        }
    }
    found
}
