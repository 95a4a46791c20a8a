//! `llmp export STAGE DIR`: a result as files of one's own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_insight::card::{Subject, card};
use llmp_records::text;
use llmp_stage::Error;

use super::results::{OfRun, One, Results};
use super::{Failure, Outcome, PipelineArguments};
use crate::library::standard;

/// The card of an export.
const CARD: &str = "CARD.md";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage whose result is wanted
    stage: String,
    /// A folder that does not exist yet
    to: PathBuf,
    /// Write documents as JSON lines, with all their columns side by side, instead of Parquet
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let results = Results::of(&arguments.pipeline, arguments.of.run.as_deref())?;
    let one = results.named(&arguments.stage, &|_| true)?;
    let name = &one.stage.name;
    if arguments.to.exists() {
        return Err(
            Failure::new(format!("`{}` exists already", arguments.to.display())).help("name a new folder")
        );
    }
    results.say(&one);
    if arguments.jsonl {
        return lines(arguments, &results, &one);
    }
    let objects = &results.store.objects;
    let manifest = objects.manifest(&one.artifact)?;
    for (file, entry) in &manifest.files {
        let target = arguments.to.join(file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
        }
        // A copy, not a link: what is exported may be changed.
        let mut from = std::fs::File::open(objects.localize(&entry.digest)?)?;
        let copied = std::fs::File::create(&target).and_then(|mut to| std::io::copy(&mut from, &mut to));
        copied.map_err(Error::io("cannot write", &target))?;
    }
    describe(arguments, &results, &one)?;
    let count = text::plural(manifest.files.len() as u64, "file");
    writeln!(
        crate::output::stdout(),
        "{name}: {count}, {} in {}",
        text::bytes(manifest.size()),
        arguments.to.display()
    )?;
    Ok(0)
}

/// Writes the card beside what is exported, where its kind has one.
fn describe(arguments: &Arguments, results: &Results, one: &One<'_>) -> Result<(), Failure> {
    let mut licences = BTreeMap::new();
    let graph = results.pipeline.as_ref().map(|pipeline| &pipeline.compilation.graph);
    for stage in graph.into_iter().flat_map(|graph| &graph.stages) {
        let licence = stage.settings.iter().find(|setting| setting.name == "license");
        if let Some(licence) = licence.and_then(|setting| setting.value.as_str()) {
            licences.insert(stage.name.clone(), licence.to_owned());
        }
    }
    let command = match &results.pipeline {
        Some(pipeline) => pipeline.run_command(),
        None => format!("llmp run {}", text::path(&one.run.pipeline)),
    };
    let subject = Subject { stage: &one.stage.name, licences, command };
    if let Some(page) = card(&results.store, &results.ledger, standard(), one.run, &subject) {
        let path = arguments.to.join(CARD);
        std::fs::write(&path, page).map_err(Error::io("cannot write", &path))?;
    }
    Ok(())
}

/// Writes a result's rows as JSON lines.
fn lines(arguments: &Arguments, results: &Results, one: &One<'_>) -> Outcome {
    let kind = one.stage.output.as_ref().map_or("Files", |output| output.kind.name());
    let form = standard().form(kind);
    let (mut files, mut rows) = (0, 0);
    std::fs::create_dir_all(&arguments.to)?;
    for file in results.input(one)?.files {
        let written = form.map(|form| form.as_lines(&file.name, &file.path, &arguments.to)).transpose();
        if let Some((_, count)) = written.map_err(|error| Failure::new(error.to_string()))?.flatten() {
            (files, rows) = (files + 1, rows + count);
        }
    }
    if files == 0 {
        std::fs::remove_dir(&arguments.to)?;
        return Err(Failure::new(format!("{kind} are not written as JSON lines otherwise than they are"))
            .help("leave out `--jsonl`"));
    }
    describe(arguments, results, one)?;
    let name = &one.stage.name;
    let (files, rows) = (text::plural(files, "file"), text::plural(rows, "row"));
    writeln!(crate::output::stdout(), "{name}: {files}, {rows} in {}", arguments.to.display())?;
    Ok(0)
}
