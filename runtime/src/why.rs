//! Why a stage is cached, runs or cannot run: one screen, root cause first.

use std::fmt::Write as _;

use llmp_compiler::compile::Compilation;
use llmp_compiler::graph::{Producer, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::{Blocked, Decision};

use crate::engine::Row;
use crate::store::Record;
use crate::{reasons, text};

/// Why the stage is cached, runs or cannot run. `record` knows what was kept of a result by its key.
#[must_use]
pub fn text(
    compilation: &Compilation,
    rows: &[Row],
    id: StageId,
    record: &dyn Fn(&Digest) -> Option<Record>,
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, compilation, rows, id, record);
    out
}

fn write(
    out: &mut String,
    compilation: &Compilation,
    rows: &[Row],
    id: StageId,
    record: &dyn Fn(&Digest) -> Option<Record>,
) -> std::fmt::Result {
    let graph = &compilation.graph;
    let stage = graph.stage(id);
    let Some(row) = rows.get(id.0 as usize) else { return Ok(()) };
    let place = compilation.sources.place(stage.span);
    match &row.decision {
        Decision::Cached { key, artifact } => {
            writeln!(out, "{} is cached: nothing it depends on has changed.  {place}", stage.name)?;
            writeln!(out, "  key      {}", key.digest.short())?;
            writeln!(out, "  result   {}", artifact.short())?;
            if let Some(record) = record(&key.digest) {
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
            for (root, reasons) in roots(rows, compilation, id) {
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
            if let Some(run) = row.last_run {
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
    Ok(())
}

/// The stages at or before `id` that run for a cause of their own.
fn roots(rows: &[Row], compilation: &Compilation, id: StageId) -> Vec<(String, Vec<String>)> {
    let graph = &compilation.graph;
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
                let place = reasons::place(reason, &compilation.sources);
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
