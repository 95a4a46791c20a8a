//! `llmp plan`: what a run would do, why, and at what cost. Changes nothing in the store.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_compiler::plan::{Blocked, Decision};
use serde_json::{Value, json};

use super::pipeline::Pipeline;
use super::{Failure, Format, Outcome, PipelineArguments};
use crate::engine::{self, Action, Estimate, Past, Row};
use crate::{reasons, text};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// How the plan is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as `--format json`
    #[arg(long)]
    json: bool,
    /// Write the plan to a file, for `llmp run --plan FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also list what is cached in full, and every reason
    #[arg(short, long)]
    verbose: bool,
    /// Print the lowered pipeline: every stage with all its settings
    #[arg(long)]
    lowered: bool,
}

/// Decides and estimates for every stage.
pub(super) fn rows(pipeline: &Pipeline, past: &Past) -> Vec<Row> {
    engine::rows(&pipeline.compilation.graph, past)
}

/// A digest of everything a plan says will happen: a stale plan has another.
pub(super) fn fingerprint(pipeline: &Pipeline, rows: &[Row]) -> String {
    use llmp_compiler::key::{Hasher, recipe};
    let mut hasher = Hasher::new("llmp plan 1");
    for row in rows {
        let stage = pipeline.compilation.graph.stage(row.id);
        hasher.text(&stage.name);
        for component in recipe(stage) {
            hasher.text(&component.name).digest(&component.digest);
        }
        match &row.decision {
            Decision::Cached { key, .. } => hasher.text("cached").digest(&key.digest),
            Decision::Run { key: Some(key), .. } => hasher.text("run").digest(&key.digest),
            Decision::Run { key: None, .. } => hasher.text("waits"),
            Decision::Blocked(_) => hasher.text("blocked"),
        };
    }
    hasher.finish().hex()
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let pipeline = arguments.pipeline.checked()?;
    if arguments.lowered {
        writeln!(std::io::stdout(), "{:#}", lowered(&pipeline))?;
        return Ok(0);
    }
    let past = pipeline.open()?;
    let rows = rows(&pipeline, &past);
    past.save()?;
    let whole = as_json(&pipeline, &rows);
    if let Some(path) = &arguments.out {
        crate::store::write_atomically(path, format!("{whole:#}\n").as_bytes())?;
    }
    if arguments.json || arguments.format == Format::Json {
        writeln!(std::io::stdout(), "{whole:#}")?;
    } else {
        print(&pipeline, &rows, arguments.verbose)?;
    }
    let blocked = rows.iter().any(|row| matches!(row.decision, Decision::Blocked(_)));
    let work = rows.iter().any(|row| matches!(row.decision, Decision::Run { .. }));
    Ok(if blocked { 1 } else { u8::from(work) * 2 })
}

/// The lowered pipeline as JSON; the form is described in `spec/`.
pub(super) fn lowered(pipeline: &Pipeline) -> Value {
    let stages: Vec<_> = pipeline
        .compilation
        .graph
        .stages
        .iter()
        .map(|stage| {
            let settings: serde_json::Map<_, _> =
                stage.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
            let inputs: Vec<_> = stage
                .inputs
                .iter()
                .map(|input| match &input.from {
                    llmp_compiler::graph::Producer::Stage(from) => {
                        json!({"role": input.role, "stage": pipeline.compilation.graph.stage(*from).name})
                    }
                    llmp_compiler::graph::Producer::Files(pattern) => {
                        json!({"role": input.role, "files": pattern})
                    }
                })
                .collect();
            json!({"name": stage.name, "stage": stage.kind, "epoch": stage.epoch, "inputs": inputs,
                   "settings": settings, "output": stage.output})
        })
        .collect();
    json!({"format_version": 1, "stages": stages})
}

fn why(row: &Row, pipeline: &Pipeline, verbose: bool) -> Vec<String> {
    let compilation = &pipeline.compilation;
    match &row.decision {
        Decision::Cached { key, .. } => vec![format!("key {}", key.digest.short())],
        Decision::Blocked(Blocked::By(id)) => {
            vec![format!("waits for {}", compilation.graph.stage(*id).name)]
        }
        Decision::Blocked(Blocked::Files { message, span, .. }) => {
            vec![format!("{message}  {}", compilation.sources.place(*span))]
        }
        Decision::Run { reasons, may_skip, shards, .. } => {
            // What never ran waits for what never ran: that needs no saying.
            let new = reasons.contains(&llmp_compiler::plan::Reason::New) && !verbose;
            let mut texts: Vec<String> = reasons
                .iter()
                .filter(|reason| !new || reason.is_root())
                .map(|reason| {
                    let text = reasons::text(reason, &compilation.graph);
                    match reasons::place(reason, &compilation.sources) {
                        Some(place) => format!("{text}  {place}"),
                        None => text,
                    }
                })
                .collect();
            if let Some((todo, all)) = shards
                && todo < all
                && let Some(first) = texts.first_mut()
            {
                *first += &format!("  ({todo} of {all} shards)");
            }
            if *may_skip && let Some(first) = texts.first_mut() {
                *first += "; skipped if that comes out as it was";
            }
            if !verbose && texts.len() > 3 {
                let more = texts.len() - 3;
                texts.truncate(3);
                texts.push(format!("and {more} more: llmp why {}", compilation.graph.stage(row.id).name));
            }
            texts
        }
    }
}

fn time(estimate: &Estimate) -> String {
    match estimate.seconds {
        Some(seconds) => {
            format!("{} ±{:.0}% ({})", text::duration(seconds), estimate.band * 100.0, estimate.basis)
        }
        None => "–".into(),
    }
}

fn print(pipeline: &Pipeline, rows: &[Row], verbose: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let graph = &pipeline.compilation.graph;
    let profiles = if pipeline.profiles.is_empty() {
        String::new()
    } else {
        format!("  ·  profile {}", pipeline.profiles.join(", "))
    };
    writeln!(out, "{}{profiles}  ·  {}", pipeline.main.display(), text::plural(rows.len() as u64, "stage"))?;
    writeln!(out)?;
    let shown: Vec<_> =
        rows.iter().map(|row| (row, why(row, pipeline, verbose), &graph.stage(row.id).name)).collect();
    let name_width = shown.iter().map(|(_, _, name)| name.chars().count()).max().unwrap_or(5).max(5);
    let why_width = shown.iter().filter_map(|(_, why, _)| why.first()).map(|why| why.chars().count()).max();
    let why_width = why_width.unwrap_or(3).clamp(3, 72);
    writeln!(out, "    {:<name_width$}  {:<8} {:<why_width$}  time", "stage", "action", "why")?;
    for (row, why, name) in &shown {
        let (mark, word) = (row.action().mark(), row.action().word());
        let first = why.first().map_or("", String::as_str);
        let cost = match row.decision {
            Decision::Run { .. } => {
                let time = time(&row.estimate);
                if row.estimate.work.is_empty() { time } else { format!("{time}  {}", row.estimate.work) }
            }
            Decision::Cached { .. } | Decision::Blocked(_) => "–".into(),
        };
        writeln!(out, " {mark}  {name:<name_width$}  {word:<8} {first:<why_width$}  {cost}")?;
        for more in why.iter().skip(1) {
            writeln!(out, "    {:<name_width$}  {:<8} {more}", "", "")?;
        }
    }
    writeln!(out)?;
    let count = |action: Action| rows.iter().filter(|row| row.action() == action).count();
    let (cached, again) = (count(Action::Cached), count(Action::Rerun));
    let (new, blocked) = (count(Action::New), count(Action::Blocked));
    if again + new + blocked == 0 {
        writeln!(out, "Nothing to do: all {} are up to date.", text::plural(cached as u64, "stage"))?;
        return Ok(());
    }
    let mut parts = vec![format!("{cached} cached"), format!("{again} to re-run"), format!("{new} new")];
    if blocked > 0 {
        parts.push(format!("{blocked} blocked"));
    }
    let known: f64 = rows.iter().filter_map(|row| row.estimate.seconds).sum();
    let unknown =
        rows.iter().any(|row| matches!(row.decision, Decision::Run { .. }) && row.estimate.seconds.is_none());
    let total = match (known > 0.0, unknown) {
        (true, true) => format!("  At least {}", text::duration(known)),
        (true, false) => format!("  About {}", text::duration(known)),
        (false, _) => String::new(),
    };
    let memory = rows.iter().filter_map(|row| row.estimate.memory).max();
    let memory = memory.map_or(String::new(), |memory| format!(" · peak {}", text::bytes(memory)));
    let disk: u64 = rows.iter().filter_map(|row| row.estimate.disk).sum();
    let disk = if disk > 0 { format!(" · +{} disk", text::bytes(disk)) } else { String::new() };
    writeln!(out, "Plan: {}.{total}{memory}{disk}", parts.join(", "))?;
    for line in root_causes(pipeline, rows) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Each root cause with what follows from it.
fn root_causes(pipeline: &Pipeline, rows: &[Row]) -> Vec<String> {
    use llmp_compiler::plan::Reason;
    let graph = &pipeline.compilation.graph;
    let mut lines = Vec::new();
    for row in rows {
        let Decision::Run { reasons, .. } = &row.decision else { continue };
        let root = reasons.iter().find(|reason| reason.is_root() && **reason != Reason::New);
        let Some(reason) = root else { continue };
        let mut affected = vec![row.id];
        for later in rows {
            let uses = graph.stage(later.id).inputs.iter().any(|input| {
                matches!(&input.from, llmp_compiler::graph::Producer::Stage(from) if affected.contains(from))
            });
            if uses && !affected.contains(&later.id) {
                affected.push(later.id);
            }
        }
        let seconds: f64 =
            rows.iter().filter(|row| affected.contains(&row.id)).filter_map(|row| row.estimate.seconds).sum();
        let follows = affected.len() - 1;
        let follow = if follows == 0 {
            String::new()
        } else {
            format!(", {} after it", text::plural(follows as u64, "stage"))
        };
        lines.push(format!(
            "Root cause: {} of {}{follow} ({}).",
            reasons::text(reason, graph),
            graph.stage(row.id).name,
            text::duration(seconds)
        ));
    }
    lines
}

/// The plan as JSON; the form is described in `spec/`.
pub(super) fn as_json(pipeline: &Pipeline, rows: &[Row]) -> Value {
    let compilation = &pipeline.compilation;
    let stages: Vec<_> = rows
        .iter()
        .map(|row| {
            let stage = compilation.graph.stage(row.id);
            let word = row.action().word();
            let mut value = json!({"name": stage.name, "stage": stage.kind, "action": word,
                "place": compilation.sources.place(stage.span)});
            let Some(fields) = value.as_object_mut() else { return value };
            match &row.decision {
                Decision::Cached { key, artifact } => {
                    fields.insert("key".into(), json!(key.digest));
                    fields.insert("artifact".into(), json!(artifact));
                }
                Decision::Run { key, reasons, may_skip, shards } => {
                    fields.insert("key".into(), json!(key.as_ref().map(|key| key.digest)));
                    fields.insert("may_skip".into(), json!(may_skip));
                    fields.insert(
                        "shards".into(),
                        json!(shards.map(|(run, all)| json!({"run": run, "all": all}))),
                    );
                    let reasons: Vec<_> =
                        reasons.iter().map(|reason| reason_json(reason, pipeline)).collect();
                    fields.insert("reasons".into(), json!(reasons));
                    let estimate = &row.estimate;
                    fields.insert(
                        "estimate".into(),
                        json!({"seconds": estimate.seconds, "band": estimate.band, "basis": estimate.basis,
                            "work": estimate.work, "memory": estimate.memory, "disk": estimate.disk}),
                    );
                }
                Decision::Blocked(_) => {
                    fields.insert("blocked".into(), json!(why(row, pipeline, true).first()));
                }
            }
            value
        })
        .collect();
    let count = |action: Action| rows.iter().filter(|row| row.action() == action).count();
    json!({
        "format_version": 1,
        "pipeline": pipeline.main,
        "profiles": pipeline.profiles,
        "fingerprint": fingerprint(pipeline, rows),
        "cached": count(Action::Cached), "rerun": count(Action::Rerun), "new": count(Action::New),
        "blocked": count(Action::Blocked),
        "stages": stages,
    })
}

fn reason_json(reason: &llmp_compiler::plan::Reason, pipeline: &Pipeline) -> Value {
    use llmp_compiler::plan::Reason;
    let compilation = &pipeline.compilation;
    let text = reasons::text(reason, &compilation.graph);
    let place = reasons::place(reason, &compilation.sources);
    match reason {
        Reason::Changed { name, old, new, .. } => {
            json!({"kind": "changed", "name": name, "old": old, "new": new, "place": place, "text": text,
                   "root": reason.is_root()})
        }
        Reason::Waits(stage) => {
            json!({"kind": "waits", "stage": compilation.graph.stage(*stage).name, "text": text, "root": false})
        }
        Reason::New => json!({"kind": "new", "text": text, "root": true}),
        Reason::Lost => json!({"kind": "lost", "text": text, "root": true}),
        Reason::Forced => json!({"kind": "forced", "text": text, "root": true}),
    }
}
