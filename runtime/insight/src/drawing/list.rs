//! The pipeline as a list, in an order in which every stage stands behind those it takes its inputs from.

use std::fmt::Write as _;

use llmp_compiler::graph::{Graph, Producer, StageId};

use super::State;

/// `base model.pretrain(corpus, tok) -> Model<base, cl100k>`, a line a stage; before it the mark of its state
/// as in `llmp plan`, where that is known.
#[must_use]
pub fn list(graph: &Graph, state: &dyn Fn(StageId) -> State) -> String {
    let width = graph.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for id in graph.ids() {
        let stage = graph.stage(id);
        let inputs: Vec<_> = stage
            .inputs
            .iter()
            .map(|input| match &input.from {
                Producer::Stage(from) => graph.stage(*from).name.clone(),
                Producer::Files(files) => files.quoted(),
            })
            .collect();
        let mark = state(id).mark().map_or_else(String::new, |mark| format!("{mark} "));
        let (name, kind, inputs) = (&stage.name, &stage.kind, inputs.join(", "));
        let _ = writeln!(text, "{mark}{name:<width$}  {kind}({inputs}) -> {}", graph.type_of(stage));
    }
    text
}
