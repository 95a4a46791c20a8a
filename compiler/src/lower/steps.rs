//! Stages that work in steps: those before the last become stages of their own, each with a key, so that what
//! only one of them needs again is not done by all.

use crate::graph::{Graph, Input, Producer, Stage, StageId};
use crate::signature::Signature;

/// Puts the steps of each stage in front of it: `clean` with `after sign` is what `clean/sign` makes of its
/// input, and so on.
///
/// A step has the stage's name and its own for a kind, takes what comes out of the step before where the
/// stage takes its first input, and those of the stage's settings that it declares. A stage whose steps are
/// unknown stays as it is.
pub(crate) fn written_out<'s>(mut graph: Graph, signature: impl Fn(&str) -> Option<&'s Signature>) -> Graph {
    let steps = |stage: &Stage| -> Option<Vec<&'s Signature>> {
        let of = signature(&stage.kind)?;
        let step = |step: &String| signature(&format!("{}.{step}", of.name));
        of.flow.steps.iter().map(step).collect::<Option<Vec<_>>>().filter(|steps| !steps.is_empty())
    };
    if graph.stages.iter().all(|stage| steps(stage).is_none()) {
        return graph;
    }
    let mut places: Vec<StageId> = Vec::with_capacity(graph.stages.len());
    let mut stages: Vec<Stage> = Vec::with_capacity(graph.stages.len());
    for mut stage in graph.stages {
        let moved = |id: &mut StageId| {
            if let Some(place) = places.get(id.0 as usize) {
                *id = *place;
            }
        };
        for input in &mut stage.inputs {
            if let Producer::Stage(id) = &mut input.from {
                moved(id);
            }
        }
        // A stage that makes its own vocabulary has no steps before it, so its place is the next one.
        let own = StageId(places.len() as u32);
        let vocabulary = stage.output.as_mut().and_then(|output| output.vocabulary.as_mut());
        match vocabulary {
            Some(vocabulary) if *vocabulary == own => *vocabulary = StageId(stages.len() as u32),
            Some(vocabulary) => moved(vocabulary),
            None => {}
        }
        for of in steps(&stage).unwrap_or_default() {
            let Some(first) = stage.inputs.first() else { continue };
            let role = of.inputs.first().map_or_else(|| first.role.clone(), |input| input.name.clone());
            let name = of.name.rsplit('.').next().unwrap_or_default();
            let step = Stage {
                name: format!("{}/{name}", stage.name),
                kind: of.name.clone(),
                epoch: of.epoch,
                settings: stage
                    .settings
                    .iter()
                    .filter(|setting| of.setting(&setting.name).is_some())
                    .cloned()
                    .collect(),
                inputs: vec![Input { role, from: first.from.clone(), span: first.span }],
                output: stage.output.clone(),
                per_shard: of.per_shard.clone(),
                resumes: of.resumes,
                stem: of.stem.clone(),
                needs: of.needs.clone(),
                amounts: of.amounts.clone(),
                command: None,
                command_span: None,
                jsonl: false,
                span: stage.span,
            };
            // Two stages that begin in the same way share a step.
            let place = stages.iter().position(|other| same(other, &step)).unwrap_or(stages.len());
            if place == stages.len() {
                stages.push(step);
            }
            let from = Producer::Stage(StageId(place as u32));
            if let Some(first) = stage.inputs.first_mut() {
                first.from = from;
            }
        }
        let place = StageId(stages.len() as u32);
        places.push(place);
        stages.push(stage);
    }
    for id in graph.bindings.values_mut().flatten() {
        if let Some(place) = places.get(id.0 as usize) {
            *id = *place;
        }
    }
    Graph { stages, ..graph }
}

/// Whether two steps do the same.
fn same(one: &Stage, other: &Stage) -> bool {
    one.kind == other.kind
        && one.inputs.iter().map(|input| &input.from).eq(other.inputs.iter().map(|input| &input.from))
        && one
            .settings
            .iter()
            .map(|setting| (&setting.name, &setting.value))
            .eq(other.settings.iter().map(|setting| (&setting.name, &setting.value)))
}
