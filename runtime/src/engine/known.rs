//! What is known of artifacts before they are made: from settings, from the user's files, and from how they came out when they
//! were last made. Estimates start from it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::graph::{Graph, Producer, Stage, StageId};
use llmp_stage::{Cost, Inputs, Known};

use super::Past;
use super::action::settings;
use crate::library::Implementations;
use crate::store::Record;

/// Counts that say how many items an artifact has.
const ITEMS: [&str; 5] = ["pages", "documents", "conversations", "questions", "passages"];

/// Largest `config.json` that is read.
const MAX_CONFIG: u64 = 1 << 20;

/// What the stages of a graph will cost; worked out where it is asked for.
pub(super) struct Costs<'a> {
    graph: &'a Graph,
    past: &'a Past,
    implementations: &'a Implementations,
    known: RefCell<BTreeMap<StageId, Known>>,
}

impl<'a> Costs<'a> {
    pub(super) fn new(graph: &'a Graph, past: &'a Past, implementations: &'a Implementations) -> Self {
        Self { graph, past, implementations, known: RefCell::default() }
    }

    /// What a stage will cost; `None` where its implementation does not say.
    pub(super) fn of(&self, stage: &Stage) -> Option<Cost> {
        let implementation = self.implementations.get(&stage.kind)?;
        self.learn(stage);
        implementation.cost(&settings(stage), &self.inputs(stage))
    }

    /// Works out what is known of the artifacts before a stage.
    fn learn(&self, stage: &Stage) {
        let mut open: Vec<StageId> = before(stage).collect();
        let mut wanted = BTreeSet::new();
        while let Some(id) = open.pop() {
            let stage = self.graph.stage(id);
            // Documents say nothing more than their own record does.
            let told = stage.makes(ArtifactKind::Docs) && self.past.last(&stage.name).is_some();
            if !self.known.borrow().contains_key(&id) && wanted.insert(id) && !told {
                open.extend(before(stage));
            }
        }
        // Inputs come before their users.
        for id in wanted {
            let known = self.result(self.graph.stage(id));
            self.known.borrow_mut().insert(id, known);
        }
    }

    /// What is known of a stage's result, once that of its inputs is.
    fn result(&self, stage: &Stage) -> Known {
        let inputs = self.inputs(stage);
        let record = self.past.last(&stage.name).and_then(|(key, _)| self.past.ledger().record(&key).ok()?);
        let mut known = record.as_ref().map(of_record).unwrap_or_default();
        let implementation = self.implementations.get(&stage.kind);
        if let Some(cost) = implementation.and_then(|one| one.cost(&settings(stage), &inputs)) {
            known.or(&cost.result);
        }
        for input in inputs.0.values().flatten() {
            known.or(input);
        }
        known
    }

    fn inputs(&self, stage: &Stage) -> Inputs {
        let mut inputs = Inputs::default();
        for input in &stage.inputs {
            let known = match &input.from {
                Producer::Stage(id) => self.known.borrow().get(id).cloned().unwrap_or_default(),
                Producer::Files(pattern) => self.files(pattern),
            };
            inputs.0.entry(input.role.clone()).or_default().push(known);
        }
        inputs
    }

    /// What is known of the user's files: their bytes, and what a model folder says of its model.
    fn files(&self, pattern: &str) -> Known {
        let Ok(files) = self.past.find(pattern) else { return Known::default() };
        let bytes = files.found.iter().map(|file| file.size).sum();
        let is_config = |label: &str| label.rsplit('/').next() == Some("config.json");
        let config = files.found.iter().find(|file| is_config(&file.label) && file.size <= MAX_CONFIG);
        let model = config.and_then(|file| serde_json::from_slice(&std::fs::read(&file.path).ok()?).ok());
        Known { bytes, model, ..Known::default() }
    }
}

fn before(stage: &Stage) -> impl Iterator<Item = StageId> + '_ {
    stage.inputs.iter().filter_map(|input| match input.from {
        Producer::Stage(id) => Some(id),
        Producer::Files(_) => None,
    })
}

fn of_record(record: &Record) -> Known {
    let count = |name: &str| record.counts.get(name).copied();
    Known {
        items: ITEMS.iter().find_map(|name| count(name)).unwrap_or(0),
        bytes: record.bytes,
        vocabulary: count("vocabulary").unwrap_or(0),
        model: None,
    }
}
