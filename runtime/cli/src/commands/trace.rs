//! `llmp trace URL`: what became of one document, stage by stage.

use std::io::Write;

use clap::Args;
use llmp_insight::trace::{Fate, Found, Name, Query, Step, Tracer, find, standing};
use llmp_records::{Run, text};
use llmp_store::{Ledger, Store, pipeline_id};
use serde_json::json;

use super::plan::rows;
use super::which_run::which_run;
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
    /// The run: its number, `last`, `last-1`, or the name of a pin [default: the newest]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, url) = arguments.pipeline.with_first(Some(&arguments.url));
    let url = url
        .filter(|url| !url.trim().is_empty())
        .ok_or_else(|| Failure::new("which document?").help("give its URL: `llmp trace URL`"))?;
    let store = pipeline.store()?;
    let _in_use = store.in_use()?;
    let run = match &arguments.run {
        Some(name) => Some(which_run(&store, name)?),
        None => newest(&pipeline, &store)?,
    };
    if let Some(run) = run.as_ref().filter(|run| run.run > 0 && !arguments.json) {
        let _ = writeln!(crate::output::stderr(), "{} ({})", what(run), text::path(&run.pipeline));
    }
    let run =
        run.ok_or_else(|| Failure::new("nothing has run yet").help("run a pipeline first: `llmp run FILE`"))?;
    if run.stages.is_empty() {
        return Err(Failure::new(format!("run {} has not ended", run.run)).help("`llmp log` lists the runs"));
    }
    let tracer = Tracer::new(&store, &Ledger::open(&store.ledger_path())?, &run, standard())?;
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

/// What is newest of a pipeline: its last run, or what stands in the store already where its results are others' now; of all
/// pipelines where none is meant.
fn newest(arguments: &PipelineArguments, store: &Store) -> Result<Option<Run>, Failure> {
    let Ok(main) = arguments.main() else { return Ok(store.ended_runs().next()) };
    let id = pipeline_id(store, &main);
    let last = store.ended_runs().find(|run| run.pipeline_id == id);
    let pipeline = arguments.compile()?;
    let standing = if pipeline.has_errors() {
        None
    } else {
        let rows = rows(&pipeline, &pipeline.open()?);
        Some(standing(&main, &pipeline.compilation.graph, &rows))
            .filter(|run| run.stages.iter().any(|stage| stage.artifact.is_some()))
    };
    let Some(standing) = standing else { return Ok(last.or_else(|| any(arguments, store))) };
    if !(arguments.set.is_empty() && arguments.profile.is_empty()) {
        // What was asked for is what those settings made, as far as they have.
        return Ok(Some(standing));
    }
    let whole = standing.stages.iter().all(|stage| stage.artifact.is_some());
    let same = |run: &Run| {
        let of = |name: &str| run.stage(name).and_then(|stage| stage.artifact);
        standing.stages.iter().all(|stage| of(&stage.name) == stage.artifact)
    };
    Ok(match last {
        Some(last) if same(&last) => Some(last),
        Some(last) if !whole => {
            let changed = standing.stages.iter().find(|stage| stage.artifact.is_none());
            let changed = changed.map_or("", |stage| stage.name.as_str());
            let _ = writeln!(
                crate::output::stderr(),
                "run {} is of other settings or files: `{changed}` as it stands has no result yet",
                last.run
            );
            Some(last)
        }
        _ => Some(standing),
    })
}

/// The newest run of all, where no pipeline was named.
fn any(arguments: &PipelineArguments, store: &Store) -> Option<Run> {
    store.ended_runs().next().filter(|_| arguments.file.is_none())
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

fn print(out: &mut impl Write, name: &Name, steps: &[Step]) -> Result<(), Failure> {
    let source = steps.iter().find_map(|step| match &step.fate {
        Fate::Kept { source: Some(source), .. } => Some(format!("  from {source}")),
        _ => None,
    });
    writeln!(out, "{}  {}{}", name.url, name.id, source.unwrap_or_default())?;
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
                Some(like) => format!("dropped  {rule}: like {}  {}", like.url, like.id),
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
        let urls: Vec<_> = duplicates.iter().map(|name| name.url.as_str()).collect();
        told.push(format!("kept for {}", urls.join(", ")));
    }
    format!("kept     {}", told.join(" · "))
}
