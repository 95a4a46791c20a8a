//! Checks across stages, on the lowered graph: one small function each.

mod errors;
mod facts;
mod flow;
mod language;
mod licences;

use std::collections::BTreeSet;

use crate::artifact::ArtifactKind;
use crate::ast;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, Producer, Stage, StageId};
use crate::place::{fetched_address, scheme};
use crate::resolve::{Program, graph_names};
use crate::signature::{Library, Signature};
use facts::{Fact, Facts};

/// Runs all checks across stages; `signature` finds that of a kind, `library` holds the stages' own rules.
/// Warnings are about programs that work, so they wait until there are no errors.
pub(crate) fn check<'a>(
    graph: &'a Graph,
    program: &Program<'_>,
    signature: impl Fn(&str) -> Option<&'a Signature>,
    library: &Library,
    diagnostics: &mut Diagnostics,
) {
    let users = users(graph);
    let facts = Facts::new(graph, signature);
    let mut warnings = Vec::new();
    for stage in &graph.stages {
        elsewhere(stage, diagnostics);
        for found in library.lints().of(stage) {
            match found.is_error() {
                true => diagnostics.push(found),
                false => warnings.push(found),
            }
        }
        language::answers(stage, &facts, diagnostics);
    }
    for (stage, fact) in facts.iter() {
        if let Some(signature) = fact.signature {
            replaced(stage, signature, diagnostics);
            flow::measured_with_its_own(graph, stage, signature, diagnostics);
        }
    }
    language::special_tokens(&facts, diagnostics);
    flow::contamination(graph, &facts, diagnostics);
    if diagnostics.has_errors() {
        return;
    }
    diagnostics.extend(warnings);
    for (stage, fact) in facts.iter() {
        language::results(stage, &facts, diagnostics);
        language::nothing_to_search(stage, fact, &facts, diagnostics);
        without_effect(stage, fact, diagnostics);
    }
    unused(graph, program, &users, diagnostics);
    flow::personal_data(graph, &facts, library, diagnostics);
    flow::not_cleared(graph, &facts, library, diagnostics);
    licences::licences(graph, diagnostics);
    licences::identifiers(graph, diagnostics);
}

/// An input stands in for a setting, which cannot be written then.
fn replaced(stage: &Stage, signature: &Signature, diagnostics: &mut Diagnostics) {
    for (role, name) in &signature.flow.replaces {
        let input = stage.inputs.iter().find(|input| input.role == *role);
        let setting = stage.settings.iter().find(|setting| setting.name == *name);
        if let (Some(input), Some(span)) = (input, setting.and_then(|setting| setting.span)) {
            diagnostics.push(errors::replaced(name, span, role, input.span));
        }
    }
}

/// For every stage, those that its output goes into.
fn users(graph: &Graph) -> Vec<Vec<StageId>> {
    let mut users = vec![Vec::new(); graph.stages.len()];
    for id in graph.ids() {
        for from in producers(graph.stage(id)) {
            if let Some(users) = users.get_mut(from.0 as usize) {
                users.push(id);
            }
        }
    }
    users
}

fn producers(stage: &Stage) -> impl Iterator<Item = StageId> + '_ {
    stage.inputs.iter().filter_map(|input| match input.from {
        Producer::Stage(id) => Some(id),
        Producer::Files(_) => None,
    })
}

/// Files lie on this machine or are fetched from an address, and a param that names none is no folder.
fn elsewhere(stage: &Stage, diagnostics: &mut Diagnostics) {
    let mut look = |path: &str, span| {
        if path.is_empty() {
            diagnostics.push(super::errors::no_files(span));
        } else if let Some(scheme) = scheme(path).filter(|_| fetched_address(path).is_none()) {
            diagnostics.push(errors::elsewhere(path, scheme, span));
        }
    };
    for input in &stage.inputs {
        if let Producer::Files(files) = &input.from {
            files.patterns().iter().for_each(|path| look(path, input.span));
        }
    }
    for setting in &stage.settings {
        setting.paths().for_each(|path| look(path, setting.span.unwrap_or(stage.span)));
    }
}

/// A setting that begins with the name of an optional input, such as `replay_share`, is about that input.
fn without_effect(stage: &Stage, fact: &Fact<'_>, diagnostics: &mut Diagnostics) {
    let Some(signature) = fact.signature else { return };
    let given = |role: &str| stage.inputs.iter().any(|input| input.role == role);
    for input in signature.inputs.iter().filter(|input| !given(&input.name)) {
        let about = |name: &str| name.strip_prefix(&input.name).is_some_and(|rest| rest.starts_with('_'));
        for setting in stage.settings.iter().filter(|setting| about(&setting.name)) {
            if let Some(span) = setting.span {
                diagnostics.push(errors::without_effect(&setting.name, &stage.kind, &input.name, span));
            }
        }
    }
}

/// Something is made and nothing is done with it. Models and reports are ends in themselves, and so is what a
/// pipeline ends in, where that is documents, with all
/// others that stages make: a pipeline may be there for several sets of them. What is only read from files is
/// forgotten all the same.
fn unused(graph: &Graph, program: &Program<'_>, users: &[Vec<StageId>], diagnostics: &mut Diagnostics) {
    let main = program.files.first().map(|file| &file.ast);
    let last = main.and_then(|main| {
        main.items.iter().rev().find_map(|item| match item {
            ast::Item::Binding(binding) => Some(binding.name.text.as_str()),
            _ => None,
        })
    });
    let kind = |id: &StageId| graph.stage(*id).output.as_ref().map(|output| output.kind);
    let ends = last.and_then(|name| graph.bindings.get(name)).into_iter().flatten();
    let ends: Vec<ArtifactKind> = ends.filter_map(kind).filter(|kind| *kind == ArtifactKind::Docs).collect();
    let uses = program.bindings.iter().filter_map(|item| item.ast.value.as_ref()).flat_map(graph_names);
    let named: BTreeSet<&str> = uses.map(|name| name.text.as_str()).collect();
    for item in &program.bindings {
        let name = item.name.text.as_str();
        let Some(ids) = graph.bindings.get(name).filter(|_| Some(name) != last) else { continue };
        let idle = |id: &StageId| {
            let used = users.get(id.0 as usize).is_some_and(|users| !users.is_empty());
            let stage = graph.stage(*id);
            let is_end = stage.makes_any(&[ArtifactKind::Model, ArtifactKind::Report])
                || (stage.makes_any(&ends) && producers(stage).next().is_some());
            !used && !is_end
        };
        if !named.contains(name) && ids.iter().any(idle) {
            diagnostics.push(errors::unused(name, item.name.span));
        }
    }
}
