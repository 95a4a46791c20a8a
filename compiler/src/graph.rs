//! The lowered pipeline: stages with all settings resolved, in topological order. What `lower` makes, and all that
//! keys, plans and runs are made from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::source::Span;

/// A stage of the graph; an index into [`Graph::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StageId(pub u32);

/// The lowered pipeline.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Stages; every input comes before its user.
    pub stages: Vec<Stage>,
    /// What each binding's value is: one stage, or several for a family (`each`) or a list.
    pub bindings: BTreeMap<String, Vec<StageId>>,
}

/// One stage with everything resolved.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What people call it: the binding's name, or `docs/filter.urls` for a stage inside a binding's value.
    pub name: String,
    /// The signature, e.g. `filter.urls`.
    pub kind: String,
    /// The signature's epoch.
    pub epoch: u32,
    /// All settings, sorted by name, defaults included.
    pub settings: Vec<Setting>,
    /// Inputs, in the signature's order; a list parameter gives several with one role.
    pub inputs: Vec<Input>,
    /// The output's type as people read it, e.g. `Model<chat, vocab>`.
    pub output: String,
    /// The role whose shards are processed one by one.
    pub per_shard: Option<String>,
    /// Whether the stage keeps checkpoints.
    pub resumes: bool,
    /// What it takes while it runs.
    pub needs: Needs,
    /// The user's command and the files it names, for stages declared with `run`.
    pub command: Option<Vec<String>>,
    /// The call as written.
    pub span: Span,
}

/// What each of a stage's actions takes while it runs. No part of a key: results do not depend on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Cores; `None` where it can use as many as are free.
    pub cores: Option<u32>,
    /// Bytes of memory; `None` where nothing is declared.
    pub memory: Option<u64>,
    /// Whether it has the device for itself.
    pub device: bool,
    /// Seconds after which a command is stopped; `None` for no limit.
    pub time_limit: Option<f64>,
}

/// A resolved setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value in base units: tokens, bytes, seconds, ratios as fractions; enums as text; absent ones `null`.
    pub value: Value,
    /// Whether the result cannot depend on it.
    pub runtime: bool,
    /// Whether its value is the path of a file whose content counts.
    pub path: bool,
    /// Where the value was written; `None` for a default.
    pub span: Option<Span>,
}

impl Setting {
    /// The files it names, where it is a path or a list of paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let list = self.value.as_array().into_iter().flatten();
        list.chain(std::iter::once(&self.value)).filter_map(Value::as_str).filter(|_| self.path)
    }
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The parameter of the signature.
    pub role: String,
    /// The producer.
    pub from: Producer,
    /// The argument as written.
    pub span: Span,
}

/// What makes an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Producer {
    /// Another stage.
    Stage(StageId),
    /// Files that a path or pattern names, relative to the main file's folder.
    Files(String),
}

impl Graph {
    /// The stage with this id.
    #[must_use]
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[id.0 as usize]
    }

    /// Ids in topological order.
    pub fn ids(&self) -> impl Iterator<Item = StageId> + use<> {
        (0..self.stages.len() as u32).map(StageId)
    }

    /// The stages whose inputs include `id`.
    pub fn users(&self, id: StageId) -> impl Iterator<Item = StageId> + '_ {
        self.ids().filter(move |&user| {
            self.stage(user).inputs.iter().any(|input| input.from == Producer::Stage(id))
        })
    }
}
