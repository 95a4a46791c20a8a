//! `llmp trace TEXT`: what became of one document, stage by stage.

use std::io::Write;

use clap::Args;
use llmp_insight::trace::{Fate, Found, Name, Query, Step, Tracer, find};
use llmp_records::{Run, text};
use serde_json::json;

use super::results::{OfRun, Results};
use super::{Failure, Outcome, PipelineArguments};
use crate::library::standard;
use crate::render::{cells, pad};

/// Documents that are followed at once.
const MAX_SHOWN: usize = 5;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The document's URL, with or without its scheme, a part of it, its id, or any piece of its text
    url: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, url) = arguments.pipeline.with_first(Some(&arguments.url));
    let url = url
        .filter(|url| !url.trim().is_empty())
        .ok_or_else(|| Failure::new("which document?").help("give its URL: `llmp trace URL`"))?;
    let results = Results::of(&pipeline, arguments.of.run.as_deref())?;
    let run = results.whole()?;
    if run.stages.is_empty() {
        return Err(Failure::new(format!("run {} has not ended", run.run)).help("`llmp log` lists the runs"));
    }
    if run.run > 0 && !arguments.json {
        let _ = writeln!(crate::output::stderr(), "{} ({})", what(&run), text::path(&run.pipeline));
    }
    let tracer = Tracer::new(&results.store, &results.ledger, &run, standard())?;
    let mut found = find(&tracer, &Query::of(&url))?;
    if found.documents.is_empty() {
        // A text need have no blank: one word, or a line of Chinese.
        let with_text = find(&tracer, &Query::Text(url.clone()))?;
        if !with_text.documents.is_empty() {
            found = with_text;
        }
    }
    if found.documents.is_empty() {
        return Err(unknown(&url, &run, &found));
    }
    let traced = found
        .documents
        .iter()
        .take(MAX_SHOWN)
        .map(|name| Ok((name, tracer.follow(name)?)))
        .collect::<Result<Vec<(&Name, Vec<Step>)>, Failure>>()?;
    let mut out = crate::output::stdout();
    if arguments.json {
        let documents: Vec<_> = traced
            .iter()
            .map(|(name, steps)| json!({"url": name.url, "id": name.id, "steps": steps}))
            .collect();
        writeln!(
            out,
            "{:#}",
            json!({"format_version": 1, "run": (run.run > 0).then_some(run.run), "documents": documents})
        )?;
        return Ok(0);
    }
    for (name, steps) in &traced {
        print(&mut out, name, steps)?;
    }
    let rest = found.documents.len() - traced.len();
    if rest > 0 || found.more {
        let least = if found.more { "more than " } else { "" };
        writeln!(
            out,
            "\n{least}{} fit `{url}`; give more of the one you mean",
            text::plural(rest as u64, "more document")
        )?;
    }
    Ok(0)
}

/// `run 3`, or the pipeline where no run of its own made what there is.
fn what(run: &Run) -> String {
    match run.run {
        0 => format!("`{}`", text::path(&run.pipeline)),
        number => format!("run {number}"),
    }
}

fn unknown(url: &str, run: &Run, found: &Found) -> Failure {
    let failure = Failure::new(format!("{} saw no document `{url}`", what(run)));
    match found.close.as_slice() {
        [] => failure.help(
            "a document is found by its URL, a part of it, its id (`urn:uuid:…`), or a piece of its text; pages that \
             are no HTML or lie in damaged parts of a file leave no trace",
        ),
        close => {
            let close: Vec<_> = close.iter().map(|url| format!("`{url}`")).collect();
            failure.help(format!("did you mean {}?", close.join(" or ")))
        }
    }
}

/// Its URL, where it has one, and its id.
fn called(name: &Name) -> String {
    if name.url.is_empty() { name.id.clone() } else { format!("{}  {}", name.url, name.id) }
}

fn print(out: &mut impl Write, name: &Name, steps: &[Step]) -> Result<(), Failure> {
    let source = steps.iter().find_map(|step| match &step.fate {
        Fate::Kept { source: Some(source), .. } => Some(format!("  from {source}")),
        _ => None,
    });
    writeln!(out, "{}{}", called(name), source.unwrap_or_default())?;
    let width = steps.iter().map(|step| cells(&step.stage)).max().unwrap_or(0);
    let mut words_before = None;
    for step in steps {
        let told = match &step.fate {
            Fate::Kept { words, language, duplicates, .. } => {
                let told = kept(*words, words_before, language.as_deref(), duplicates);
                words_before = words.or(words_before);
                told
            }
            Fate::Dropped { rule, value, like } => match like {
                Some(like) => format!("dropped  {rule}: like {}", called(like)),
                None => format!("dropped  {rule}: {value}"),
            },
            Fate::Missing { dropped, sampled } => format!(
                "dropped  by a rule that is not known: reasons are kept of {} of {}",
                text::count(*sampled),
                text::plural(*dropped, "dropped document")
            ),
            Fate::Tokens { shard, from, to, from_in_set, to_in_set, begins } => format!(
                "tokens   {} to {} of shard {shard} ({} to {} of all): {begins:?}",
                text::count(*from),
                text::count(*to),
                text::count(*from_in_set),
                text::count(*to_in_set)
            ),
            Fate::Read => "read".to_owned(),
        };
        writeln!(out, "  {}  {}", pad(&step.stage, width), told.trim_end())?;
    }
    Ok(())
}

fn kept(words: Option<u64>, before: Option<u64>, language: Option<&str>, duplicates: &[Name]) -> String {
    let mut told = Vec::new();
    match (words, before) {
        (Some(words), Some(before)) if words != before => {
            told.push(format!("{}, before {}", text::plural(words, "word"), text::count(before)));
        }
        (Some(words), _) => told.push(text::plural(words, "word")),
        _ => {}
    }
    told.extend(language.map(|language| format!("language {language}")));
    if !duplicates.is_empty() {
        let short = |name: &Name| if name.url.is_empty() { name.id.clone() } else { name.url.clone() };
        told.push(format!("kept for {}", duplicates.iter().map(short).collect::<Vec<_>>().join(", ")));
    }
    format!("kept     {}", told.join(" · "))
}
