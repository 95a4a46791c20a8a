//! What happens to data on its way: what is trained on must not be measured with, and what is personal must
//! not become tokens. Signatures say it in words; where they say nothing, it follows from what goes in and
//! comes out.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use super::{errors, producers};
use crate::artifact::ArtifactKind;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, Producer, Stage, StageId};
use crate::signature::{Flow, Library, Signature};
use crate::source::Span;

/// What a stage does with an input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A model learns from it.
    Trains,
    /// A model is measured with it.
    Measures,
    /// It goes into what is made.
    Passes,
    /// It is what is kept out of what is made.
    Excludes,
}

/// What `stage` does with what goes in as `role`. A model and conversations are made to learn from what goes
/// in, a report is a measurement; words of the signature say it more precisely.
fn use_of(stage: &Stage, signature: Option<&Signature>, role: &str) -> Use {
    let flow = signature.map(|signature| &signature.flow);
    let says = |roles: &[String]| roles.iter().any(|one| one == role);
    match flow {
        Some(flow) if says(&flow.trains_on) => return Use::Trains,
        Some(flow) if says(&flow.evaluates_on) => return Use::Measures,
        Some(flow) if says(&flow.clear_of) => return Use::Excludes,
        Some(Flow { trains_on, evaluates_on, clear_of, .. })
            if [trains_on, evaluates_on, clear_of].iter().any(|roles| !roles.is_empty()) =>
        {
            return Use::Passes;
        }
        _ => {}
    }
    match stage.output.as_ref().map(|output| output.kind) {
        Some(ArtifactKind::Model | ArtifactKind::Conversations) => Use::Trains,
        Some(ArtifactKind::Report) => Use::Measures,
        _ => Use::Passes,
    }
}

/// Where questions are used: first to measure, and first to teach.
#[derive(Clone, Copy, Default)]
struct Uses {
    measured: Option<Span>,
    trained: Option<Span>,
}

/// Questions that models are measured with must not have been trained on: the same files, or the same stage's
/// output.
pub(super) fn contamination(graph: &Graph, facts: &Facts<'_>, diagnostics: &mut Diagnostics) {
    let uses = uses(graph, facts);
    // Questions by what they are made from: files, or one stage.
    let mut sources: BTreeMap<String, (StageId, Uses)> = BTreeMap::new();
    for id in graph.ids().filter(|&id| graph.stage(id).makes(ArtifactKind::Questions)) {
        let own = uses.get(id.0 as usize).copied().unwrap_or_default();
        for source in made_from(graph, id) {
            let (_, uses) = sources.entry(source).or_insert((id, Uses::default()));
            uses.measured = uses.measured.or(own.measured);
            uses.trained = uses.trained.or(own.trained);
        }
    }
    for (source, (first, uses)) in sources {
        if let (Some(measured), Some(trained)) = (uses.measured, uses.trained) {
            let name = if source.starts_with('#') { &graph.stage(first).name } else { &source };
            diagnostics.push(errors::contamination(name, measured, trained));
        }
    }
}

/// What a stage's result is made from, to tell whether it is the same as another's: files, or the stage
/// itself.
fn made_from(graph: &Graph, id: StageId) -> Vec<String> {
    let files = graph.stage(id).inputs.iter().filter_map(|input| match &input.from {
        Producer::Files(files) => Some(files.patterns()),
        Producer::Stage(_) => None,
    });
    let files: Vec<String> = files.flatten().cloned().collect();
    if files.is_empty() { vec![format!("#{}", id.0)] } else { files }
}

/// Where text is kept clear of some questions, it is best kept clear of all that its models are measured
/// with.
pub(super) fn not_cleared(
    graph: &Graph,
    facts: &Facts<'_>,
    library: &Library,
    diagnostics: &mut Diagnostics,
) {
    let clear_of =
        |id: StageId| signature(facts, id).map_or(&[][..], |signature| signature.flow.clear_of.as_slice());
    if graph.ids().all(|id| clear_of(id).is_empty()) {
        return;
    }
    // By stage, whether text became tokens on the way to it, and what this text was kept clear of.
    let mut ways: Vec<(bool, BTreeSet<String>)> = Vec::with_capacity(graph.stages.len());
    for id in graph.ids() {
        let stage = graph.stage(id);
        let mut way = (stage.makes(ArtifactKind::Tokens), BTreeSet::new());
        for input in &stage.inputs {
            let Producer::Stage(from) = input.from else { continue };
            if clear_of(id).contains(&input.role) {
                way.1.extend(made_from(graph, from));
            } else if let Some((tokens, cleared)) = ways.get(from.0 as usize) {
                way.0 |= tokens;
                way.1.extend(cleared.iter().cloned());
            }
        }
        for input in &stage.inputs {
            let Producer::Stage(from) = input.from else { continue };
            let measures = use_of(stage, signature(facts, id), &input.role) == Use::Measures;
            let questions = graph.stage(from).makes(ArtifactKind::Questions);
            if way.0 && measures && questions && made_from(graph, from).iter().any(|one| !way.1.contains(one))
            {
                let clears = library.iter().filter(|signature| !signature.flow.clear_of.is_empty());
                let clears: Vec<&str> = clears.map(|signature| signature.name.as_str()).collect();
                diagnostics.push(errors::not_cleared(&graph.stage(from).name, &clears, input.span));
            }
        }
        ways.push(way);
    }
}

/// A stage must not measure with what it trains on itself: then nothing is held out.
pub(super) fn measured_with_its_own(
    graph: &Graph,
    stage: &Stage,
    signature: &Signature,
    diagnostics: &mut Diagnostics,
) {
    let of = |roles: &[String]| -> Vec<&crate::graph::Input> {
        stage.inputs.iter().filter(|input| roles.contains(&input.role)).collect()
    };
    let trained = of(&signature.flow.trains_on);
    for measured in of(&signature.flow.evaluates_on) {
        let Producer::Stage(from) = measured.from else { continue };
        if let Some(same) = trained.iter().find(|input| input.from == measured.from) {
            let name = &graph.stage(from).name;
            let roles = [measured.role.as_str(), same.role.as_str()];
            diagnostics.push(errors::measured_with_its_own(name, roles, measured.span, same.span));
        }
    }
}

/// By stage, how what it makes is used. What goes on into something else, as what a probe finds out does, is
/// used as that is; questions that are made from others are looked at for themselves.
fn uses(graph: &Graph, facts: &Facts<'_>) -> Vec<Uses> {
    let mut uses = vec![Uses::default(); graph.stages.len()];
    // Users come after what they use.
    for at in (0..graph.stages.len()).rev() {
        let (id, stage) = (StageId(at as u32), &graph.stages[at]);
        let goes_on = !stage.makes(ArtifactKind::Questions) && uses[at].trained.is_some();
        // The first use counts.
        for input in stage.inputs.iter().rev() {
            let Producer::Stage(from) = input.from else { continue };
            let Some(of_input) = uses.get_mut(from.0 as usize) else { continue };
            match use_of(stage, signature(facts, id), &input.role) {
                Use::Measures => of_input.measured = Some(input.span),
                Use::Trains => of_input.trained = Some(input.span),
                Use::Passes if goes_on => of_input.trained = Some(input.span),
                Use::Passes | Use::Excludes => {}
            }
        }
    }
    uses
}

fn signature<'a>(facts: &Facts<'a>, id: StageId) -> Option<&'a Signature> {
    facts.get(id)?.signature
}

/// Models repeat what they have read: personal data is best masked before documents become tokens.
/// The stages of `library` that mask it are told.
pub(super) fn personal_data(
    graph: &Graph,
    facts: &Facts<'_>,
    library: &Library,
    diagnostics: &mut Diagnostics,
) {
    // Whether documents may hold personal data, by stage.
    let mut unmasked = vec![false; graph.stages.len()];
    for id in graph.ids() {
        let stage = graph.stage(id);
        let cleans = signature(facts, id).is_some_and(|signature| signature.flow.cleans_pii);
        let is_text = stage.makes_any(&[ArtifactKind::Docs, ArtifactKind::Pages]);
        let mut from = producers(stage).peekable();
        let raw = from.peek().is_none() || from.any(|id| unmasked.get(id.0 as usize) == Some(&true));
        if let Some(slot) = unmasked.get_mut(id.0 as usize) {
            *slot = is_text && raw && !cleans;
        }
        if stage.makes(ArtifactKind::Tokens)
            && let Some(span) = unmasked_input(stage, &unmasked)
        {
            let masks = library.iter().filter(|signature| signature.flow.cleans_pii);
            let masks: Vec<&str> = masks.map(|signature| signature.name.as_str()).collect();
            diagnostics.push(errors::personal_data(&masks, span));
        }
    }
}

fn unmasked_input(stage: &Stage, unmasked: &[bool]) -> Option<Span> {
    let input = stage.inputs.iter().find(|input| match input.from {
        Producer::Stage(id) => unmasked.get(id.0 as usize) == Some(&true),
        Producer::Files(_) => false,
    });
    input.map(|input| input.span)
}
