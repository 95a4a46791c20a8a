//! `llmp search [INDEX] QUERY`: asks a search index, as a model that searches does.

use std::io::Write;

use clap::Args;
use llmp_assistant::search::Search;
use llmp_compiler::artifact::ArtifactKind;
use serde_json::json;

use super::results::{OfRun, Results, must_make, unpack};
use super::{Failure, Outcome, PipelineArguments, at_least_one};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage whose index is asked, where there are several, and what is looked for
    #[arg(required = true, num_args = 1..=3, value_name = "INDEX QUERY FILE")]
    words: Vec<String>,
    /// Apply a profile; may be given several times
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Set a param or a stage's setting
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Read params from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    params: Option<std::path::PathBuf>,
    /// The store; by default the nearest `.llmp` at or above the pipeline's folder, else one in this folder
    #[arg(long, value_name = "DIR", env = "LLMP_STORE")]
    store: Option<std::path::PathBuf>,
    #[command(flatten)]
    of: OfRun,
    /// Passages to show at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    results: usize,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (files, words): (Vec<&String>, Vec<&String>) =
        arguments.words.iter().partition(|word| word.ends_with(".llmp"));
    let (name, query) = match words.as_slice() {
        [query] => (None, *query),
        [name, query] => (Some(*name), *query),
        _ => {
            return Err(Failure::new("what is looked for?")
                .help("write `llmp search \"words\"`, or `llmp search INDEX \"words\" FILE`"));
        }
    };
    let pipeline = PipelineArguments {
        file: files.first().map(Into::into),
        profile: arguments.profile.clone(),
        set: arguments.set.clone(),
        params: arguments.params.clone(),
        store: arguments.store.clone(),
    };
    let results = Results::of(&pipeline, arguments.of.run.as_deref())?;
    let is_index = |stage: &llmp_records::StageRun| stage.makes(ArtifactKind::Index);
    let one = match name {
        Some(name) => results.named(name, &is_index)?,
        None => match results.last(&is_index) {
            Some((one, _)) => one,
            None => {
                let none = Failure::new("there is no search index with a result");
                return Err(
                    none.help("`tools.search` makes one of documents; run the pipeline, and then ask")
                );
            }
        },
    };
    must_make(one.stage, ArtifactKind::Index, one.run)?;
    if !arguments.json {
        results.say(&one);
    }
    let hits = Search::open(&unpack(&results.store, &one.artifact)?)?.find(query, arguments.results)?;
    let mut out = crate::output::stdout();
    if hits.is_empty() && !arguments.json {
        writeln!(out, "nothing found")?;
    }
    for hit in hits {
        match arguments.json {
            true => writeln!(out, "{}", json!(hit))?,
            false => writeln!(out, "{:.2}  {}\n{}\n", hit.score, hit.url, hit.text)?,
        }
    }
    Ok(0)
}
