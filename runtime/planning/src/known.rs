//! What is known of artifacts before they are made: from settings, from the user's files, and from how they
//! came out when they were last made. Estimates start from it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use llmp_compiler::graph::{FileSet, Graph, Producer, Stage, StageId};
use llmp_records::Record;
use llmp_stage::{Cost, Form, Holds, Inputs, Known, Registry};
use serde_json::{Map, Value};

use super::{Found, Past};

/// Largest `config.json` that is read.
const MAX_CONFIG: u64 = 1 << 20;

/// What the stages of a graph will cost; worked out where it is asked for.
pub struct Costs<'a> {
    graph: &'a Graph,
    past: &'a Past,
    registry: &'a Registry,
    known: RefCell<BTreeMap<StageId, Known>>,
    /// The user's files, whose rows are counted once.
    files: RefCell<HashMap<FileSet, Known>>,
}

impl<'a> Costs<'a> {
    /// Of the stages of `graph`.
    #[must_use]
    pub fn new(graph: &'a Graph, past: &'a Past, registry: &'a Registry) -> Self {
        Self { graph, past, registry, known: RefCell::default(), files: RefCell::default() }
    }

    /// What a stage will cost; `None` where its implementation does not say.
    #[must_use]
    pub fn of(&self, stage: &Stage) -> Option<Cost> {
        let implementation = self.registry.stage(&stage.kind)?;
        self.learn(stage);
        implementation.cost(&settings(stage), &self.inputs(stage))
    }

    /// What artifacts are counted in.
    pub(super) fn units(&self) -> impl Iterator<Item = &'static str> {
        self.registry.units()
    }

    /// Works out what is known of the artifacts before a stage.
    fn learn(&self, stage: &Stage) {
        let mut open: Vec<StageId> = before(stage).collect();
        let mut wanted = BTreeSet::new();
        while let Some(id) = open.pop() {
            let stage = self.graph.stage(id);
            // Documents say nothing more than their own record does.
            let documents = self.form(stage).is_some_and(|form| form.holds() == Holds::Documents);
            let told = documents && self.past.last(&stage.name).is_some();
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

    /// What a stage's output is on disk.
    fn form(&self, stage: &Stage) -> Option<&'static dyn Form> {
        self.registry.form(stage.output.as_ref()?.kind.name())
    }

    /// What is known of a stage's result, once that of its inputs is.
    fn result(&self, stage: &Stage) -> Known {
        let inputs = self.inputs(stage);
        let record = self.past.last(&stage.name).and_then(|(key, _)| self.past.ledger().record(&key).ok()?);
        let form = self.form(stage);
        let mut known = record.as_ref().map(|record| of_record(record, form)).unwrap_or_default();
        let implementation = self.registry.stage(&stage.kind);
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
                Producer::Files(files) => self.files(files),
            };
            inputs.0.entry(input.role.clone()).or_default().push(known);
        }
        inputs
    }

    /// What is known of the user's files: their bytes, and what a model folder says of its model.
    fn files(&self, set: &FileSet) -> Known {
        if let Some(known) = self.files.borrow().get(set) {
            return known.clone();
        }
        let known = self.look_into(set);
        self.files.borrow_mut().insert(set.clone(), known.clone());
        known
    }

    fn look_into(&self, files: &FileSet) -> Known {
        let Ok(files) = self.past.find(files) else { return Known::default() };
        let bytes = files.found.iter().map(|file| file.size).sum();
        let is_config = |label: &str| label.rsplit('/').next() == Some("config.json");
        let config = files.found.iter().find(|file| is_config(&file.label) && file.size <= MAX_CONFIG);
        let model = config.and_then(|file| serde_json::from_slice(&std::fs::read(&file.path).ok()?).ok());
        let items = if bytes <= MAX_COUNTED { rows_of(&files.found) } else { None };
        Known { items, bytes: Some(bytes), model, ..Known::default() }
    }
}

/// Bytes of the files whose rows are counted when a plan is made.
const MAX_COUNTED: u64 = 8 << 20;

/// Rows of files that are all JSONL: their lines; `None` for others, whose rows are not known.
fn rows_of(files: &[Found]) -> Option<u64> {
    let mut rows = 0;
    for file in files {
        let text = file.label.ends_with(".jsonl").then(|| std::fs::read(&file.path).ok()).flatten()?;
        rows += text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
    }
    Some(rows)
}

/// The settings as the implementation takes them.
#[must_use]
pub fn settings(stage: &Stage) -> Value {
    let settings: Map<_, _> =
        stage.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone())).collect();
    Value::Object(settings)
}

fn before(stage: &Stage) -> impl Iterator<Item = StageId> + '_ {
    stage.inputs.iter().filter_map(|input| match input.from {
        Producer::Stage(id) => Some(id),
        Producer::Files(_) => None,
    })
}

fn of_record(record: &Record, form: Option<&dyn Form>) -> Known {
    let count = |name: &str| record.counts.get(name).copied();
    Known {
        items: form.and_then(Form::items).and_then(count),
        bytes: Some(record.bytes),
        tokens: form.filter(|form| form.unit() == Some("tokens")).and_then(|_| count("tokens")),
        vocabulary: count("vocabulary"),
        model: None,
    }
}
