//! `llmp forget URL|FILE`: which results hold a source, what its removal costs, the list that keeps it out,
//! and after the next run the proof that nothing made from it is left.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use llmp_insight::forget::{Search, Traces, search, traces};
use llmp_planning::forget::list;
use llmp_records::text;
use llmp_stage::removed::Removed;
use llmp_store::write_atomically;
use serde_json::json;

use super::results::{Results, unpack};
use super::{Failure, Outcome, PipelineArguments};
use crate::library::standard;
use crate::render::{cells, pad};

/// What a new list begins with.
const HEAD: &str = "# Removed sources, one a line: URLs, starts of URLs with `*` behind, ids, files. Stages that start the pipeline leave\n\
                    # them out, and nothing of them is fetched. Written by `llmp forget`; a line that goes comes back with the next run.\n";
/// Documents that are named.
const MAX_NAMED: usize = 5;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What is to go: a URL, the start of URLs with `*` behind it, an id, or a file as the pipeline names it
    source: Option<String>,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Only tell what holds it and what its removal costs
    #[arg(long)]
    dry_run: bool,
    /// Search what stands now for all that is on the list, after a run
    #[arg(long, conflicts_with = "dry_run")]
    prove: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, source) = arguments.pipeline.with_first(arguments.source.as_deref());
    if arguments.prove {
        return prove(arguments, &pipeline, source.as_deref());
    }
    let source = source.map(|source| source.trim().to_owned()).filter(|source| !source.is_empty());
    let source = source.ok_or_else(|| {
        Failure::new("what is to go?")
            .help("name a URL or a file: `llmp forget URL`; `--prove` looks for what went")
    })?;
    if source.starts_with('#') || source.contains(['\n', '\r']) || source.contains(" #") {
        return Err(Failure::new(format!("`{}` cannot be a line of the list", source.escape_debug())));
    }
    let main = pipeline.main()?;
    let results = Results::of(&pipeline, None)?;
    let whole = results.whole()?;
    let wanted = Removed::read(&source);
    let found = traces(&results.store, &results.ledger, standard(), &whole, &wanted)?;
    let path = list(&main);
    let before = read(&path)?;
    let listed = Removed::read(&before).entries().any(|entry| entry == source);
    if !arguments.dry_run && !listed {
        let mut after = if before.is_empty() { HEAD.to_owned() } else { before };
        if !after.ends_with('\n') {
            after.push('\n');
        }
        let _ = writeln!(after, "{source}");
        write_atomically(&path, after.as_bytes())?;
    }
    let mut out = crate::output::stdout();
    if arguments.json {
        let documents: Vec<_> = found.documents.iter().collect();
        let list = (!arguments.dry_run).then(|| path.display().to_string());
        writeln!(
            out,
            "{:#}",
            json!({"format_version": 1, "source": source, "documents": documents, "stages": found.held, "list": list})
        )?;
        return Ok(0);
    }
    print(&mut out, &source, &found)?;
    if arguments.dry_run {
        return Ok(0);
    }
    let said = if listed { "is on the list already" } else { "is on the list now" };
    writeln!(out, "\n`{source}` {said}: {}", text::path(&path))?;
    writeln!(
        out,
        "next: `llmp run {0}`, then `llmp forget --prove {0}`, then `llmp gc --keep-runs 1`",
        text::path(&main)
    )?;
    Ok(0)
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::new(format!("cannot read `{}`: {error}", text::path(path)))),
    }
}

fn print(out: &mut impl Write, source: &str, found: &Traces) -> Result<(), Failure> {
    if found.held.is_empty() {
        writeln!(out, "no result holds `{source}`")?;
        return Ok(());
    }
    writeln!(out, "{} of `{source}`", text::plural(found.documents.len() as u64, "document"))?;
    for name in found.documents.iter().take(MAX_NAMED) {
        writeln!(out, "  {}", if name.url.is_empty() { &name.id } else { &name.url })?;
    }
    if found.documents.len() > MAX_NAMED {
        writeln!(out, "  and {} more", found.documents.len() - MAX_NAMED)?;
    }
    writeln!(out, "held by")?;
    let width = found.held.iter().map(|held| cells(&held.stage)).max().unwrap_or(0);
    for held in &found.held {
        let what = match (held.documents, held.tokens) {
            (0, 0) => "made from them".to_owned(),
            (0, tokens) => text::plural(tokens, "token"),
            (documents, _) => text::plural(documents, "document"),
        };
        writeln!(out, "  {}  {what}  {}", pad(&held.stage, width), text::duration(held.seconds))?;
    }
    let seconds: f64 = found.held.iter().map(|held| held.seconds).sum();
    writeln!(
        out,
        "exact removal makes {} again, {} at most: stages that go shard by shard make the shards that hold it",
        text::plural(found.held.len() as u64, "stage"),
        text::duration(seconds)
    )?;
    Ok(())
}

/// Searches what stands now for the texts of all that is on the list, which older runs still have.
fn prove(arguments: &Arguments, pipeline: &PipelineArguments, source: Option<&str>) -> Outcome {
    let main = pipeline.main()?;
    let path = list(&main);
    let list = Removed::read(&match source {
        Some(source) => source.to_owned(),
        None => read(&path)?,
    });
    if list.is_empty() {
        return Err(Failure::new(format!("nothing is on the list `{}`", text::path(&path)))
            .help("`llmp forget URL` puts something on it"));
    }
    let results = Results::of(pipeline, None)?;
    let whole = results.whole()?;
    if let Some(stage) = whole.stages.iter().find(|stage| stage.artifact.is_none()) {
        return Err(Failure::new(format!("`{}` has no result that is up to date", stage.name))
            .help(format!("make it: `llmp run {}`", text::path(&main))));
    }
    let now = traces(&results.store, &results.ledger, standard(), &whole, &list)?;
    let (mut texts, mut others) = (now.texts.clone(), BTreeSet::new());
    let same = |run: &llmp_records::Run| {
        let of = |run: &llmp_records::Run| {
            run.stages.iter().filter_map(|stage| stage.artifact).collect::<BTreeSet<_>>()
        };
        of(run).is_subset(&of(&whole))
    };
    for run in results.store.ended_runs().filter(|run| !same(run)) {
        let old = traces(&results.store, &results.ledger, standard(), &run, &list)?;
        if !old.documents.is_empty() {
            others.insert(run.run);
            texts.extend(old.texts);
        }
    }
    let searched = search(&results.store, standard(), &whole, &texts, &|_, artifact| {
        unpack(&results.store, artifact).map_err(|failure| llmp_stage::Error::new(failure.message))
    })?;
    let clean = searched.found.is_empty() && now.documents.is_empty();
    let mut out = crate::output::stdout();
    if arguments.json {
        writeln!(
            out,
            "{:#}",
            json!({"format_version": 1, "clean": clean, "texts": texts.len(), "searched": searched,
                   "documents": now.documents, "other_runs": others})
        )?;
    } else {
        told(&mut out, &searched, &now, &texts, &others)?;
    }
    Ok(u8::from(!clean))
}

fn told(
    out: &mut impl Write,
    searched: &Search,
    now: &Traces,
    texts: &BTreeSet<String>,
    others: &BTreeSet<u64>,
) -> Result<(), Failure> {
    writeln!(
        out,
        "searched {} ({}) and {} of what stands now for {}",
        text::plural(searched.files, "file"),
        text::bytes(searched.bytes),
        text::plural(searched.rows, "row"),
        text::plural(texts.len() as u64, "text")
    )?;
    for name in &now.documents {
        writeln!(out, "  still there: {}", if name.url.is_empty() { &name.id } else { &name.url })?;
    }
    for (stage, file) in &searched.found {
        writeln!(out, "  found in `{stage}`: {file}")?;
    }
    if searched.found.is_empty() && now.documents.is_empty() {
        writeln!(out, "nothing made from it is left")?;
    }
    if texts.is_empty() {
        writeln!(out, "no run has its texts any more; looked for URLs, ids and files alone")?;
    }
    if !others.is_empty() {
        let runs: Vec<String> = others.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "older results still hold it, of run {}: `llmp gc` with fewer kept runs removes them",
            runs.join(", ")
        )?;
    }
    Ok(())
}
