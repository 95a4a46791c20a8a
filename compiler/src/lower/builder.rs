//! Collects stages: equal ones become one, names are made unique.

use std::collections::{BTreeMap, HashMap};

use crate::graph::{Graph, Producer, Stage, StageId};

/// A graph in the making.
#[derive(Default)]
pub(super) struct Builder {
    stages: Vec<Stage>,
    /// Whether a stage has a binding's name, rather than one made for it.
    named: Vec<bool>,
    /// Looked up only, never walked through.
    known: HashMap<String, StageId>,
    names: HashMap<String, usize>,
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

    /// Adds a stage, unless there is an equal one. `named` says that its name is a binding's.
    pub(super) fn add(&mut self, stage: Stage, named: bool) -> StageId {
        let key = identity(&stage);
        if let Some(&id) = self.known.get(&key) {
            let at = id.0 as usize;
            if let (Some(known), Some(has_name)) = (self.stages.get_mut(at), self.named.get_mut(at))
                && named
                && !*has_name
            {
                (known.name, known.span, *has_name) = (stage.name, stage.span, true);
            }
            return id;
        }
        let id = StageId(self.stages.len() as u32);
        self.stages.push(stage);
        self.named.push(named);
        self.known.insert(key, id);
        id
    }

    /// The graph of all stages that some binding needs.
    pub(super) fn finish(self, mut bindings: BTreeMap<String, Vec<StageId>>) -> Graph {
        let mut needed = vec![false; self.stages.len()];
        for id in bindings.values().flatten() {
            if let Some(needed) = needed.get_mut(id.0 as usize) {
                *needed = true;
            }
        }
        for (at, stage) in self.stages.iter().enumerate().rev() {
            if needed.get(at) == Some(&true) {
                for input in &stage.inputs {
                    if let Producer::Stage(id) = input.from
                        && let Some(needed) = needed.get_mut(id.0 as usize)
                    {
                        *needed = true;
                    }
                }
            }
        }
        let mut next = 0;
        let moved: Vec<StageId> = needed
            .iter()
            .map(|&needed| {
                let id = StageId(next);
                next += u32::from(needed);
                id
            })
            .collect();
        let place = |id: &mut StageId| *id = moved.get(id.0 as usize).copied().unwrap_or(*id);
        let kept = self.stages.into_iter().zip(&needed).filter(|&(_, &needed)| needed);
        let stages = kept.map(|(mut stage, _)| {
            for input in &mut stage.inputs {
                if let Producer::Stage(id) = &mut input.from {
                    place(id);
                }
            }
            stage
        });
        let stages = stages.collect();
        bindings.values_mut().flatten().for_each(place);
        Graph { stages, bindings }
    }
}

/// What makes two stages the same: all that can tell them apart but names and places.
fn identity(stage: &Stage) -> String {
    use std::fmt::Write;
    let mut key = format!("{}\u{0}{:?}", stage.kind, stage.command);
    // Writing to a string cannot fail.
    for setting in &stage.settings {
        let _ = write!(key, "\u{0}{}={}", setting.name, setting.value);
    }
    for input in &stage.inputs {
        let _ = match &input.from {
            Producer::Stage(id) => write!(key, "\u{0}{}<{}", input.role, id.0),
            Producer::Files(pattern) => write!(key, "\u{0}{}<{pattern:?}", input.role),
        };
    }
    key
}
