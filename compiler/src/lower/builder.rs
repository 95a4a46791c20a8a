//! Collects stages: equal ones become one, names are made unique, output types are worked out.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::artifact::ArtifactKind;
use crate::graph::{Graph, Output, Producer, Source, Stage, StageId, is_inner};
use crate::key::{Digest, Hasher};
use crate::signature::Signature;

/// A graph in the making. The hash maps and sets are looked up only, never walked through.
#[derive(Default)]
pub(super) struct Builder {
    stages: Vec<Stage>,
    known: HashMap<Digest, StageId>,
    /// How often a name was asked for.
    names: HashMap<String, usize>,
    taken: HashSet<String>,
}

impl Builder {
    pub(super) fn len(&self) -> usize {
        self.stages.len()
    }

    /// `name`, or `name#2` where it is taken.
    pub(super) fn unique(&mut self, name: String) -> String {
        let times = self.names.entry(name.clone()).or_insert(0);
        *times += 1;
        if *times == 1 { name } else { format!("{name}#{times}") }
    }

    /// Adds a stage, unless there is an equal one; inputs have been added before.
    pub(super) fn add(&mut self, mut stage: Stage, signature: &Signature) -> StageId {
        let key = identity(&stage);
        if let Some(&id) = self.known.get(&key) {
            if let Some(known) = self.stages.get_mut(id.0 as usize)
                && is_inner(&known.name)
                && !is_inner(&stage.name)
            {
                (known.name, known.span) = (stage.name, stage.span);
            }
            return id;
        }
        let id = StageId(self.stages.len() as u32);
        stage.output = self.output(&stage, signature, id);
        // Both branches of an `if`, for different members of a family, ask for one name.
        if !self.taken.insert(stage.name.clone()) {
            stage.name = format!("{}#{}", stage.name, id.0);
            self.taken.insert(stage.name.clone());
        }
        self.stages.push(stage);
        self.known.insert(key, id);
        id
    }

    /// Gives a stage that came out of a function the name of its binding.
    pub(super) fn claim(&mut self, id: StageId, name: &str) {
        if let Some(stage) = self.stages.get_mut(id.0 as usize)
            && is_inner(&stage.name)
        {
            stage.name = name.to_owned();
        }
    }

    fn output(&self, stage: &Stage, signature: &Signature, id: StageId) -> Option<Output> {
        let pattern = signature.output.as_ref()?;
        let of_role = |role: &str| {
            let input = stage.inputs.iter().find(|input| input.role == role)?;
            match input.from {
                Producer::Stage(id) => self.stages.get(id.0 as usize)?.output.as_ref(),
                Producer::Files(_) => None,
            }
        };
        let typed = signature.inputs.iter().filter_map(|input| Some((input, input.ty.as_ref()?)));
        let model = typed.clone().find(|(_, ty)| pattern.keeps && ty.kind == ArtifactKind::Model);
        let model = model.and_then(|(input, _)| of_role(&input.name));
        let mut abilities = model.map_or_else(Vec::new, |model| model.abilities.clone());
        for ability in &pattern.abilities {
            if !abilities.contains(ability) {
                abilities.push(ability.clone());
            }
        }
        let vocabulary = pattern.vocabulary.as_ref().and_then(|variable| {
            let mut bound = typed.filter(|(_, ty)| ty.vocabulary.as_ref() == Some(variable)).peekable();
            match bound.peek() {
                None => Some(id),
                Some(_) => bound.find_map(|(input, _)| of_role(&input.name)?.vocabulary),
            }
        });
        Some(Output { kind: pattern.kind, abilities, vocabulary })
    }

    /// The graph of all stages that some binding needs.
    pub(super) fn finish(self, bindings: BTreeMap<String, Vec<StageId>>) -> Graph {
        let named: Vec<StageId> = bindings.values().flatten().copied().collect();
        Graph { stages: self.stages, bindings, gates: Vec::new() }.up_to(named)
    }
}

/// What makes two stages the same: all that can tell them apart but names and places.
fn identity(stage: &Stage) -> Digest {
    let mut hasher = Hasher::new("llmp stage 1");
    hasher.text(&stage.kind).number(stage.command.as_ref().map_or(0, |command| 1 + command.len() as u64));
    for argument in stage.command.iter().flatten() {
        hasher.text(argument);
    }
    hasher.number(u64::from(stage.jsonl)).number(stage.settings.len() as u64);
    for setting in &stage.settings {
        hasher.text(&setting.name).value(&setting.value);
    }
    for input in &stage.inputs {
        hasher.text(&input.role);
        match &input.from {
            Producer::Stage(id) => hasher.number(id.0.into()),
            Producer::Files(files) => match &files.source {
                Source::Patterns(patterns) => {
                    patterns.iter().fold(&mut hasher, |hasher, pattern| hasher.text(pattern))
                }
                Source::Lock(request) => hasher.text(request),
            },
        };
    }
    hasher.finish()
}
