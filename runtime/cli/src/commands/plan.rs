//! `llmp plan`: what a run would do, why, and at what cost. Changes nothing in the store.

mod json;
mod totals;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_compiler::compile::Compilation;
use llmp_compiler::feasible::{Capacity, feasible};
use llmp_compiler::graph::Producer;
use llmp_compiler::plan::{Blocked, Decision, Reason};
use llmp_planning::machine::available_memory;
use llmp_planning::{
    self as planning, Action, Estimate, Latest, Past, Row, Upgrade, capacity, needs, reasons,
};
use llmp_records::{Expectation, text};
use llmp_store::write_atomically;
use serde_json::json;

use super::pipeline::Pipeline;
use super::{Failure, Format, Outcome, PipelineArguments};
use crate::library::standard;
use crate::render::{cells, coloured, json_diagnostics, pad, stdout_colour, stdout_width, wrapped};
pub(super) use json::{as_json, lowered};
use totals::Totals;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Go as far as this stage and no further; may be given several times
    #[arg(long, value_name = "STAGE")]
    to: Vec<String>,
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
    /// Go on with results of earlier versions where only the implementation of their stage has changed
    #[arg(long)]
    keep_old: bool,
    /// End with 2 where there is work to do, and with 0 only where there is none
    #[arg(long)]
    detailed_exitcode: bool,
    /// The device that the run will use: `auto`, `cpu`, `wgpu`, `cuda`, `cuda:1`
    #[arg(long, default_value = "auto", env = "LLMP_DEVICE", value_name = "DEVICE")]
    device: String,
}

/// Decides and estimates for every stage.
pub(super) fn rows(pipeline: &Pipeline, past: &Past) -> Vec<Row> {
    planning::rows(&pipeline.compilation.graph, past, standard(), &[])
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut pipeline = arguments.pipeline.checked()?.up_to(&arguments.to)?;
    if arguments.lowered {
        let text = serde_json::to_string_pretty(&lowered(&pipeline)).map_err(std::io::Error::from)?;
        writeln!(crate::output::stdout(), "{text}")?;
        return Ok(0);
    }
    let past = pipeline.open()?;
    let kept = match arguments.keep_old {
        true => planning::keep_old(&mut pipeline.compilation.graph, &past, &[]),
        false => Vec::new(),
    };
    let rows = rows(&pipeline, &past);
    // A cache: a store that cannot be written to can be planned with all the same.
    let _ = past.save();
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let capacity = capacity(&device, past.store().root());
    let against = feasible(&pipeline.compilation.graph, &needs(&rows), &capacity);
    let gates = planning::latest(&pipeline.compilation.graph, &past, standard(), &rows);
    let mut whole = as_json(&pipeline, &rows, &kept, &gates);
    if let Some(path) = &arguments.out {
        write_atomically(path, format!("{whole:#}\n").as_bytes())?;
    }
    if arguments.json || arguments.format == Format::Json {
        if let Some(fields) = whole.as_object_mut() {
            fields.insert("totals".into(), Totals::of(&pipeline, &rows).json());
            fields.insert(
                "machine".into(),
                json!({"device": device, "memory": capacity.memory,
                    "available_memory": available_memory(), "free_disk": capacity.disk}),
            );
            let diagnostics = json_diagnostics(&against, &pipeline.compilation.sources);
            fields.insert("diagnostics".into(), json!(diagnostics));
        }
        writeln!(crate::output::stdout(), "{whole:#}")?;
    } else {
        print(&pipeline, &rows, &capacity, &past, arguments.verbose)?;
        print_upgrades(&pipeline, &rows, &kept, &past)?;
        print_gates(&pipeline, &gates)?;
        pipeline.print(&against);
    }
    let stuck = rows.iter().any(|row| matches!(row.decision, Decision::Blocked(_)))
        || against.iter().any(llmp_compiler::diagnostic::Diagnostic::is_error);
    let work = rows.iter().any(|row| matches!(row.decision, Decision::Run { .. }));
    Ok(if stuck { 1 } else { u8::from(work && arguments.detailed_exitcode) * 2 })
}

/// What runs again because this program is newer, and what is kept though it is.
fn print_upgrades(pipeline: &Pipeline, rows: &[Row], kept: &[Upgrade], past: &Past) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let again: Vec<(Upgrade, &Row)> = planning::upgrades(&pipeline.compilation.graph, past)
        .into_iter()
        .filter_map(|upgrade| {
            let row = rows.get(upgrade.stage.0 as usize)?;
            matches!(row.decision, Decision::Run { .. }).then_some((upgrade, row))
        })
        .collect();
    for (upgrade, row) in &again {
        let time = row.estimate.seconds.map_or(String::new(), |time| format!(", {}", text::duration(time)));
        writeln!(out, "re-run: {upgrade}{time}")?;
    }
    if !again.is_empty() {
        writeln!(out, "        `--keep-old` goes on with the old results")?;
    }
    for upgrade in kept {
        writeln!(out, "kept: {upgrade}")?;
    }
    Ok(())
}

/// The outcomes of gates as they are written down, each with whether its reports are those of the program as
/// it is.
fn outcomes(pipeline: &Pipeline, gates: &[Latest<'_>]) -> Vec<(Expectation, bool)> {
    let Compilation { graph, sources, .. } = &pipeline.compilation;
    gates.iter().map(|one| (one.expectation(graph, sources), one.current)).collect()
}

/// What a run holds its reports against, and what the newest ones are.
fn print_gates(pipeline: &Pipeline, gates: &[Latest<'_>]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if !gates.is_empty() {
        writeln!(out, "\nGates:")?;
    }
    for (one, current) in outcomes(pipeline, gates) {
        let now = match (one.holds, current) {
            (None, _) => "not measured yet".to_owned(),
            (Some(_), true) => one.outcome(),
            (Some(_), false) => format!("last {}; measured again by a run", one.outcome()),
        };
        writeln!(out, "  {}  {}  {now}", one.text, one.place)?;
    }
    Ok(())
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
                // How much it is says more.
                .filter(|reason| **reason != Reason::Fetches || row.fetch.is_none())
                .map(|reason| {
                    let text = reasons::text(reason);
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
                *first = match (first.as_str(), *todo) {
                    // The stage as it stands never ran, and yet all it needs is there.
                    ("never run", 0) => format!("all {all} shards are there, made by another stage"),
                    ("never run", _) => format!("new; {} of {all} shards are there already", all - todo),
                    (_, todo) => format!("{first}  ({todo} of {all} shards)"),
                };
            }
            if let Some(fetch) = &row.fetch {
                texts.push(format!("fetch: {fetch}"));
            }
            texts.extend(row.estimate.follows.clone());
            if let Some(stem) = &row.goes_on {
                let step = text::count(stem.from.step);
                texts.insert(0, format!("goes on from step {step} of run {}", stem.from.run));
            }
            if let Some(saved) = &row.saved {
                let (step, steps) = (text::count(saved.step), text::count(saved.steps));
                texts.insert(0, format!("goes on from step {step} of {steps}"));
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

/// `nano.llmp to base  ·  profile h200  ·  device cpu, 23.4 GiB  ·  store .llmp  ·  last run 41`
fn header(pipeline: &Pipeline, rows: &[Row], capacity: &Capacity, past: &Past) -> String {
    let mut parts = vec![pipeline.title()];
    if !pipeline.profiles.is_empty() {
        parts.push(format!("profile {}", pipeline.profiles.join(", ")));
    }
    let memory = capacity.memory.map_or(String::new(), |memory| format!(", {}", text::bytes(memory)));
    parts.push(format!("device {}{memory}", capacity.device));
    parts.push(format!("store {}", past.store().root().display()));
    if let Some(run) = rows.iter().filter_map(|row| row.last_run).max() {
        parts.push(format!("last run {run}"));
    }
    parts.push(text::plural(rows.len() as u64, "stage"));
    parts.join("  ·  ")
}

/// `20.0M tokens, 2.5 epochs · 12.3 MFLOP`, or nothing.
fn work(row: &Row) -> String {
    let estimate = &row.estimate;
    match estimate.epochs {
        Some(epochs) => format!("{} · {epochs:.1} epochs", estimate.work),
        None => estimate.work.clone(),
    }
}

fn print(
    pipeline: &Pipeline,
    rows: &[Row],
    capacity: &Capacity,
    past: &Past,
    verbose: bool,
) -> Result<(), Failure> {
    let mut out = crate::output::stdout();
    let graph = &pipeline.compilation.graph;
    writeln!(out, "{}\n", header(pipeline, rows, capacity, past))?;
    let bytes = |bytes: Option<u64>| bytes.map_or_else(String::new, text::bytes);
    let mut table = vec![["", "stage", "action", "why", "work", "memory", "disk", "time"].map(str::to_owned)];
    let mut more = vec![Vec::new()];
    for row in rows {
        let mut why = why(row, pipeline, verbose).into_iter();
        let name = graph.stage(row.id).name.clone();
        let (mark, action) = (row.action().mark().to_string(), row.action().word().to_owned());
        let first = why.next().unwrap_or_default();
        let estimate = &row.estimate;
        let (memory, disk) = (bytes(estimate.memory), bytes(estimate.disk));
        table.push([mark, name, action, first, work(row), memory, disk, time(estimate)]);
        more.push(why.collect());
    }
    let widths: Vec<usize> = (0..8)
        .map(|column| {
            let cells = table.iter().skip(1).map(|row| cells(&row[column]));
            match cells.max().unwrap_or(0) {
                0 => 0,
                most => most.max(table[0][column].len()).min(72),
            }
        })
        .collect();
    let colour = stdout_colour();
    let actions = std::iter::once(None).chain(rows.iter().map(|row| Some(row.action())));
    let natural = 1 + widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum::<usize>();
    // On a narrow terminal the reasons stand below their stage.
    let narrow = stdout_width().filter(|columns| natural > *columns + 2);
    let indent = match narrow {
        Some(_) => 7,
        None => 8 + widths.iter().skip(1).take(2).sum::<usize>(),
    };
    for ((row, more), action) in table.iter().zip(more).zip(actions) {
        let mut line = String::from(" ");
        // A column with nothing in it is left out.
        for (column, (cell, &width)) in
            row.iter().zip(&widths).enumerate().filter(|(_, (_, width))| **width > 0)
        {
            if column == WHY && narrow.is_some() {
                continue;
            }
            let shown = pad(cell, width);
            line += &match action {
                Some(action) if column < WHY => coloured(&shown, code(action), colour),
                Some(_) => shown,
                None => coloured(&shown, "1", colour),
            };
            line += "  ";
        }
        let lines = match narrow {
            Some(columns) if action.is_some() => {
                let first = row[WHY].clone();
                wrap_row(&line, columns)
                    .into_iter()
                    .chain(
                        std::iter::once(first)
                            .chain(more)
                            .filter(|text| !text.is_empty())
                            .flat_map(|text| wrapped(&text, columns.saturating_sub(indent).max(20)))
                            .map(|text| format!("{:indent$}{text}", "")),
                    )
                    .collect()
            }
            Some(columns) => wrap_row(&line, columns),
            None => std::iter::once(line)
                .chain(more.into_iter().map(|text| format!("{:indent$}{text}", "")))
                .collect::<Vec<_>>(),
        };
        for line in lines {
            writeln!(out, "{}", line.trim_end())?;
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
    writeln!(out, "Plan: {}.", parts.join(", "))?;
    let totals = Totals::of(pipeline, rows).text(capacity);
    if !totals.is_empty() {
        writeln!(out, "Cost: {totals}.")?;
    }
    let fetches: Vec<_> = rows.iter().filter_map(|row| row.fetch).collect();
    if fetches.len() > 1
        && let Some(all) = fetches.into_iter().reduce(planning::Fetch::and)
    {
        writeln!(out, "Fetch: {all}.")?;
    }
    for line in root_causes(pipeline, rows) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The column of reasons.
const WHY: usize = 3;

/// A row that is wider than the terminal, cut at the blanks between its columns; what comes over stands
/// below, indented.
fn wrap_row(line: &str, columns: usize) -> Vec<String> {
    let plain = console::strip_ansi_codes(line);
    if cells(plain.trim_end()) <= columns {
        return vec![line.to_owned()];
    }
    let mut parts =
        wrapped(&plain.split_whitespace().collect::<Vec<_>>().join(" "), columns.saturating_sub(7).max(20));
    for part in parts.iter_mut().skip(1) {
        part.insert_str(0, "       ");
    }
    if let Some(first) = parts.first_mut() {
        first.insert(0, ' ');
    }
    parts
}

/// The colour of an action, as ANSI numbers it.
fn code(action: Action) -> &'static str {
    match action {
        Action::Cached => "2",
        Action::Rerun => "33",
        Action::New => "32",
        Action::Blocked => "31",
    }
}

/// Root causes that are listed; the rest is counted.
const MAX_ROOTS: usize = 8;

/// Each root cause with what follows from it.
fn root_causes(pipeline: &Pipeline, rows: &[Row]) -> Vec<String> {
    let graph = &pipeline.compilation.graph;
    let root = |row: &Row| match &row.decision {
        Decision::Run { reasons, .. } => {
            reasons.iter().find(|reason| reason.is_root() && **reason != Reason::New).cloned()
        }
        Decision::Cached { .. } | Decision::Blocked(_) => None,
    };
    let roots: Vec<(&Row, Reason)> = rows.iter().filter_map(|row| Some((row, root(row)?))).collect();
    let mut lines = Vec::new();
    for (row, reason) in roots.iter().take(MAX_ROOTS) {
        let mut affected = vec![false; rows.len()];
        let mut seconds = 0.0;
        let mut follows = 0;
        for (at, later) in rows.iter().enumerate().skip(row.id.0 as usize) {
            let follows_it = graph.stage(later.id).inputs.iter().any(|input| match input.from {
                Producer::Stage(from) => affected.get(from.0 as usize) == Some(&true),
                Producer::Files(_) => false,
            });
            if later.id == row.id || follows_it {
                affected[at] = true;
                follows += usize::from(follows_it);
                seconds += later.estimate.seconds.unwrap_or(0.0);
            }
        }
        let follow = match follows {
            0 => String::new(),
            _ => format!(", {} after it", text::plural(follows as u64, "stage")),
        };
        lines.push(format!(
            "Root cause: {} of {}{follow} ({}).",
            reasons::text(reason),
            graph.stage(row.id).name,
            text::duration(seconds)
        ));
    }
    if roots.len() > MAX_ROOTS {
        lines.push(format!("And {} more root causes; `llmp plan --json` has all.", roots.len() - MAX_ROOTS));
    }
    lines
}
