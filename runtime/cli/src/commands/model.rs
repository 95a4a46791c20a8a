//! Finding a model in the store: by stage name, or the newest that can chat.

use std::path::PathBuf;
use std::sync::Arc;

use llmp_compiler::artifact::{ArtifactKind, CHAT};
use llmp_compiler::key::Digest;
use llmp_records::{Run, StageRun};
use llmp_store::{Lock, Store};

use super::{Failure, PipelineArguments};

/// A model, and the index it searches, as folders.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) index: Option<PathBuf>,
    /// Keeps `llmp gc` from the folders.
    _in_use: Option<Lock>,
}

/// Which model is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One trained on conversations.
    Chat,
    /// The base model.
    Base,
}

/// The model of the stage `name`, or the last wanted one of the newest run of the pipeline.
pub(super) fn find(
    pipeline: &PipelineArguments,
    name: Option<&str>,
    wanted: Wanted,
) -> Result<Found, Failure> {
    let store = pipeline.store()?;
    let in_use = store.in_use()?;
    let main = pipeline.file.as_ref().and_then(|file| file.file_name());
    let fits = |stage: &&StageRun| {
        let Some(chat) = can_chat(stage) else { return false };
        let right = match (name, wanted) {
            (Some(name), _) => stage.name == name,
            (None, Wanted::Chat) => chat,
            (None, Wanted::Base) => !chat,
        };
        right && stage.artifact.is_some()
    };
    let mut runs = 0;
    for run in store.all_runs() {
        if main.is_some() && run.pipeline.file_name() != main {
            continue;
        }
        runs += 1;
        let Some(stage) = run.stages.iter().rev().find(fits) else { continue };
        let Some(artifact) = stage.artifact else { continue };
        let searched = index_of(&run, stage);
        let index = searched.map(|index| unpack(&store, &index)).transpose()?;
        return Ok(Found {
            name: stage.name.clone(),
            folder: unpack(&store, &artifact)?,
            index,
            _in_use: in_use,
        });
    }
    let what = match (name, wanted) {
        (Some(name), _) => format!("there is no model `{name}`"),
        (None, Wanted::Chat) => "there is no chat model".to_owned(),
        (None, Wanted::Base) => "there is no base model".to_owned(),
    };
    let help = if runs == 0 {
        "run a pipeline first: `llmp run FILE`"
    } else {
        "`llmp log` lists the runs and `llmp log --run N` their stages"
    };
    Err(Failure::new(format!("{what} in the store `{}`", store.root().display())).help(help))
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

/// An artifact as a folder, linked once and kept while the artifact is.
pub(super) fn unpack(store: &Arc<Store>, artifact: &Digest) -> Result<PathBuf, Failure> {
    let folder = store.root().join("open").join(artifact.hex());
    if !folder.exists() {
        let fresh = store.root().join("open").join(format!(".new-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&fresh);
        store.objects.link(&store.objects.manifest(artifact)?, &fresh)?;
        if std::fs::rename(&fresh, &folder).is_err() {
            // Another process was faster.
            let _ = std::fs::remove_dir_all(&fresh);
        }
    }
    Ok(folder)
}
