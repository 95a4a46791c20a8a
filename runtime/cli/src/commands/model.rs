//! Finding a model, and the index that it searches.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_compiler::artifact::{ArtifactKind, CHAT};
use llmp_compiler::key::Digest;
use llmp_records::{Run, StageRun};

use super::results::{One, Results, must_make, unpack};
use super::{Failure, PipelineArguments, at_least_one, share};

/// A model, and the index it searches, as folders.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) index: Option<PathBuf>,
    /// Keeps `llmp gc` from the folders; `None` where whoever asked has it.
    _results: Option<Results>,
}

/// The tokens that a model chooses among.
#[derive(Debug, Args)]
pub(super) struct Among {
    /// Choose among the N likeliest tokens only
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) top_k: Option<usize>,
    /// Choose among the likeliest tokens that sum up to P
    #[arg(long, value_name = "P", value_parser = share)]
    pub(super) top_p: Option<f32>,
    /// Choose among the tokens that are at least P times as likely as the likeliest
    #[arg(long, value_name = "P", value_parser = share)]
    pub(super) min_p: Option<f32>,
}

/// Which model is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One trained on conversations.
    Chat,
    /// The base model.
    Base,
}

/// The model of the stage `name`, or the last wanted one of the pipeline; says on standard error which one
/// that is.
pub(super) fn find(
    pipeline: &PipelineArguments,
    run: Option<&str>,
    name: Option<&str>,
    wanted: Wanted,
) -> Result<Found, Failure> {
    let results = Results::of(pipeline, run)?;
    let is_model = |stage: &StageRun| stage.makes(ArtifactKind::Model);
    let one = match name {
        Some(name) => {
            let one = results.named(name, &is_model)?;
            must_make(one.stage, ArtifactKind::Model, one.run)?;
            one
        }
        None => last(&results, wanted)?,
    };
    results.say(&one);
    let index = index_of(one.run, one.stage).map(|index| unpack(&results.store, &index)).transpose()?;
    let (name, folder) = (one.stage.name.clone(), unpack(&results.store, &one.artifact)?);
    Ok(Found { name, folder, index, _results: Some(results) })
}

/// All models that the arguments mean, in the order of their stages, each with its artifact; those called
/// `names`, where some are. The results keep `llmp gc` from them.
pub(super) fn all(
    pipeline: &PipelineArguments,
    run: Option<&str>,
    names: &[String],
) -> Result<(Vec<(Digest, Found)>, Results), Failure> {
    let results = Results::of(pipeline, run)?;
    let is_model = |stage: &StageRun| stage.makes(ArtifactKind::Model);
    let mut ones: Vec<One<'_>> = Vec::new();
    for name in names {
        let one = results.named(name, &is_model)?;
        must_make(one.stage, ArtifactKind::Model, one.run)?;
        ones.push(one);
    }
    if names.is_empty() {
        // Where no pipeline says which, those of the newest run that made any.
        let models =
            |run: &'_ Run| run.stages.iter().any(|stage| is_model(stage) && stage.artifact.is_some());
        let run = results.runs.iter().find(|run| models(run));
        let stages = run.into_iter().flat_map(|run| run.stages.iter().map(move |stage| (run, stage)));
        ones.extend(
            stages
                .filter(|(_, stage)| is_model(stage))
                .filter_map(|(run, stage)| Some(One { run, stage, artifact: stage.artifact? })),
        );
        ones.retain(|one| results.store.objects.contains(&one.artifact));
    }
    if ones.is_empty() {
        let failure = Failure::new("there is no model to serve yet");
        return Err(results.with_those_at_hand(failure, &is_model).help("make one: `llmp run FILE`"));
    }
    let mut found = Vec::new();
    for one in ones {
        let index = index_of(one.run, one.stage).map(|index| unpack(&results.store, &index)).transpose()?;
        let (name, folder) = (one.stage.name.clone(), unpack(&results.store, &one.artifact)?);
        found.push((one.artifact, Found { name, folder, index, _results: None }));
    }
    Ok((found, results))
}

/// The last wanted model; where what the file wants has no result yet, that is said.
fn last(results: &Results, wanted: Wanted) -> Result<One<'_>, Failure> {
    let fits = |stage: &StageRun| match wanted {
        Wanted::Chat => can_chat(stage) == Some(true),
        Wanted::Base => can_chat(stage) == Some(false),
    };
    let is_model = |stage: &StageRun| can_chat(stage).is_some();
    let Some((one, without)) = results.last(&fits) else {
        let what = if wanted == Wanted::Chat { "chat" } else { "base" };
        let wanted = results.runs.iter().flat_map(|run| &run.stages).rev().find(|stage| fits(stage));
        if let Some(stage) = wanted {
            return results.named(&stage.name, &is_model);
        }
        let store = results.store.root().display();
        let failure = Failure::new(match &results.pipeline {
            Some(pipeline) => format!("`{}` makes no {what} model", pipeline.main.display()),
            None => format!("there is no {what} model in the store `{store}`"),
        });
        return Err(results.with_those_at_hand(failure, &is_model));
    };
    if let [missing, ..] = without.as_slice() {
        let _ = writeln!(crate::output::stderr(), "`{missing}` has no result yet; taken instead:");
    }
    Ok(one)
}

/// Whether a model can chat; `None` where the stage makes no model.
fn can_chat(stage: &StageRun) -> Option<bool> {
    let output = stage.output.as_ref().filter(|output| output.kind == ArtifactKind::Model)?;
    Some(output.has(CHAT))
}

/// The index that the model, or one it was made from, was taught to search.
fn index_of(run: &Run, stage: &StageRun) -> Option<Digest> {
    let mut stage = stage;
    loop {
        for (role, from) in &stage.inputs {
            if role == "index" {
                return run.stage(from)?.artifact;
            }
        }
        let (_, from) = stage.inputs.iter().find(|(role, _)| role == "model")?;
        stage = run.stage(from)?;
    }
}
