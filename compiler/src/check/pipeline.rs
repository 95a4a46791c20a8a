//! Checks across stages, on the lowered graph: one small function each.

mod errors;
mod facts;
mod language;
mod licences;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::artifact::ArtifactKind;
use crate::ast;
use crate::diagnostic::Diagnostics;
use crate::graph::{Graph, Producer, Stage, StageId};
use crate::resolve::{Program, graph_names};
use crate::signature::Signature;
use crate::source::Span;
use facts::{Fact, Facts};

/// Runs all checks across stages; `signature` finds that of a kind. Lints are about programs that work, so
/// they wait until there are no errors.
pub(crate) fn check<'a>(
    graph: &'a Graph,
    program: &Program<'_>,
    signature: impl Fn(&str) -> Option<&'a Signature>,
    diagnostics: &mut Diagnostics,
) {
    let users = users(graph);
    let facts = Facts::new(graph, signature);
    for stage in &graph.stages {
        elsewhere(stage, diagnostics);
        heads(stage, diagnostics);
        probe_thresholds(stage, diagnostics);
        bands(stage, diagnostics);
        language::answers(stage, &facts, diagnostics);
    }
    language::special_tokens(&facts, diagnostics);
    contamination(graph, &users, diagnostics);
    if diagnostics.has_errors() {
        return;
    }
    for (stage, fact) in facts.iter() {
        language::results(stage, &facts, diagnostics);
        language::horizon(stage, diagnostics);
        language::nothing_to_search(stage, fact, &facts, diagnostics);
        without_effect(stage, fact, diagnostics);
    }
    unused(graph, program, &users, diagnostics);
    personal_data(graph, diagnostics);
    licences::licences(graph, diagnostics);
    licences::identifiers(graph, diagnostics);
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

/// The value of a setting, or of a field in it, and where it is written.
fn setting<'a>(stage: &'a Stage, path: &[&str]) -> Option<(&'a Value, Option<Span>)> {
    let (name, fields) = path.split_first()?;
    let setting = stage.settings.iter().find(|setting| setting.name == *name)?;
    let value = fields.iter().try_fold(&setting.value, |value, field| value.get(field))?;
    Some((value, setting.span))
}

/// The same of a whole number.
fn number(stage: &Stage, path: &[&str]) -> Option<(u64, Option<Span>)> {
    setting(stage, path).and_then(|(value, span)| Some((value.as_u64()?, span)))
}

/// Files lie on this machine.
fn elsewhere(stage: &Stage, diagnostics: &mut Diagnostics) {
    let inputs = stage.inputs.iter().filter_map(|input| match &input.from {
        Producer::Files(path) => Some((path.as_str(), input.span)),
        Producer::Stage(_) => None,
    });
    let settings = stage.settings.iter();
    let settings = settings
        .flat_map(|setting| setting.paths().map(move |path| (path, setting.span.unwrap_or(stage.span))));
    for (path, span) in inputs.chain(settings) {
        if let Some(scheme) = scheme(path) {
            diagnostics.push(errors::elsewhere(path, scheme, span));
        }
    }
}

/// The scheme of a URL: `s3` of `s3://bucket/key`.
fn scheme(path: &str) -> Option<&str> {
    let (scheme, _) = path.split_once("://")?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(letter))
        .then_some(scheme)
}

/// Heads of attention share the model's width equally, unless theirs is given; rotary positions turn pairs of numbers;
/// each key-value head serves equally many heads.
fn heads(stage: &Stage, diagnostics: &mut Diagnostics) {
    let number = |field| number(stage, &["model", field]);
    let (Some((width, span)), Some((heads, _))) = (number("width"), number("heads")) else { return };
    let span = span.unwrap_or(stage.span);
    let given = number("head_width").map(|(width, _)| width);
    match (given, width.checked_rem(heads), width.checked_div(heads)) {
        (None, Some(rest), _) if rest > 0 => diagnostics.push(errors::heads(width, heads, span)),
        (Some(head), ..) | (None, _, Some(head)) if !head.is_multiple_of(2) => {
            diagnostics.push(errors::odd_heads(head, given.is_some(), span));
        }
        _ => {}
    }
    if let Some((shared, _)) = number("kv_heads")
        && heads.checked_rem(shared).is_some_and(|rest| rest > 0)
    {
        diagnostics.push(errors::shared_heads(heads, shared, span));
    }
}

/// A question cannot be known and unknown at once.
fn probe_thresholds(stage: &Stage, diagnostics: &mut Diagnostics) {
    if !stage.makes(ArtifactKind::Probe) {
        return;
    }
    let ratio = |name| setting(stage, &[name]).and_then(|(value, span)| Some((value.as_f64()?, span)));
    if let (Some((known, at)), Some((unknown, also))) = (ratio("known"), ratio("unknown"))
        && unknown >= known
    {
        diagnostics.push(errors::thresholds(known, unknown, at.or(also).unwrap_or(stage.span)));
    }
}

/// Bands of locality-sensitive hashing are so many of so many hashes each, which there have to be.
fn bands(stage: &Stage, diagnostics: &mut Diagnostics) {
    let given = |name| number(stage, &[name]).map(|(value, span)| (value, span.unwrap_or(stage.span)));
    match (given("bands"), given("band_hashes"), given("hashes")) {
        (Some((bands, span)), Some((width, _)), Some((hashes, _)))
            if bands.saturating_mul(width) > hashes =>
        {
            diagnostics.push(errors::too_few_hashes(bands, width, hashes, span));
        }
        (Some((_, span)), None, Some(_)) => {
            diagnostics.push(errors::half_of_two("bands", "band_hashes", span))
        }
        (None, Some((_, span)), Some(_)) => {
            diagnostics.push(errors::half_of_two("band_hashes", "bands", span))
        }
        _ => {}
    }
}

/// Questions that models are measured with must not have been trained on: the same files, or the same stage's
/// output.
fn contamination(graph: &Graph, users: &[Vec<StageId>], diagnostics: &mut Diagnostics) {
    // Questions by what they are made from: files, or one stage.
    let mut sources: BTreeMap<String, Vec<StageId>> = BTreeMap::new();
    for id in graph.ids() {
        let stage = graph.stage(id);
        if !stage.makes(ArtifactKind::Questions) {
            continue;
        }
        let files: Vec<&str> = stage
            .inputs
            .iter()
            .filter_map(|input| match &input.from {
                Producer::Files(pattern) => Some(pattern.as_str()),
                Producer::Stage(_) => None,
            })
            .collect();
        match files.is_empty() {
            true => sources.entry(format!("#{}", id.0)).or_default().push(id),
            false => files.into_iter().for_each(|file| sources.entry(file.to_owned()).or_default().push(id)),
        }
    }
    for (source, questions) in sources {
        let mut measured = None;
        let mut trained = None;
        for &id in &questions {
            for &user in users.get(id.0 as usize).into_iter().flatten() {
                let stage = graph.stage(user);
                match stage.output.as_ref().map(|output| output.kind) {
                    Some(ArtifactKind::Report) => measured = measured.or(use_of(stage, id)),
                    // What a probe finds out is trained on by `refusal` and its like.
                    Some(ArtifactKind::Probe) if leads_to_model(graph, users, user) => {
                        trained = trained.or(use_of(stage, id))
                    }
                    Some(ArtifactKind::Model | ArtifactKind::Conversations) => {
                        trained = trained.or(use_of(stage, id));
                    }
                    _ => {}
                }
            }
        }
        if let (Some(measured), Some(trained), Some(&first)) = (measured, trained, questions.first()) {
            let name = if source.starts_with('#') { &graph.stage(first).name } else { &source };
            diagnostics.push(errors::contamination(name, measured, trained));
        }
    }
}

/// Where a stage takes the output of `from`.
fn use_of(stage: &Stage, from: StageId) -> Option<Span> {
    stage.inputs.iter().find(|input| input.from == Producer::Stage(from)).map(|input| input.span)
}

fn leads_to_model(graph: &Graph, users: &[Vec<StageId>], id: StageId) -> bool {
    users
        .get(id.0 as usize)
        .is_some_and(|users| users.iter().any(|&user| graph.stage(user).makes(ArtifactKind::Model)))
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
/// pipeline ends in.
fn unused(graph: &Graph, program: &Program<'_>, users: &[Vec<StageId>], diagnostics: &mut Diagnostics) {
    let main = program.files.first().map(|file| &file.ast);
    let last = main.and_then(|main| {
        main.items.iter().rev().find_map(|item| match item {
            ast::Item::Binding(binding) => Some(binding.name.text.as_str()),
            _ => None,
        })
    });
    let uses = program.bindings.iter().filter_map(|item| item.ast.value.as_ref()).flat_map(graph_names);
    let named: BTreeSet<&str> = uses.map(|name| name.text.as_str()).collect();
    for item in &program.bindings {
        let name = item.name.text.as_str();
        let Some(ids) = graph.bindings.get(name).filter(|_| Some(name) != last) else { continue };
        let idle = |id: &StageId| {
            let used = users.get(id.0 as usize).is_some_and(|users| !users.is_empty());
            !used && !graph.stage(*id).makes_any(&[ArtifactKind::Model, ArtifactKind::Report])
        };
        if !named.contains(name) && ids.iter().any(idle) {
            diagnostics.push(errors::unused(name, item.name.span));
        }
    }
}

/// Models repeat what they have read: personal data is best masked before documents become tokens.
fn personal_data(graph: &Graph, diagnostics: &mut Diagnostics) {
    // Whether documents may hold personal data, by stage.
    let mut unmasked = vec![false; graph.stages.len()];
    for id in graph.ids() {
        let stage = graph.stage(id);
        let is_text = stage.makes_any(&[ArtifactKind::Docs, ArtifactKind::Pages]);
        let mut from = producers(stage).peekable();
        let raw = from.peek().is_none() || from.any(|id| unmasked.get(id.0 as usize) == Some(&true));
        if let Some(slot) = unmasked.get_mut(id.0 as usize) {
            *slot = is_text && raw && stage.kind != "filter.pii";
        }
        if stage.kind == "tokenize.encode"
            && let Some(input) = stage.inputs.iter().find(|input| match input.from {
                Producer::Stage(id) => unmasked.get(id.0 as usize) == Some(&true),
                Producer::Files(_) => false,
            })
        {
            diagnostics.push(errors::personal_data(input.span));
        }
    }
}
