//! What can stand in expectations, and where a profile says where a run takes place.

use super::{Completion, CompletionKind, Cursor};
use crate::artifact::ArtifactKind;
use crate::graph::Producer;
use crate::ide::callable::Callable;
use crate::ide::context::Site;
use crate::place;
use crate::syntax::{NodeId, NodeKind};

/// The texts by which a measure may be looked up, where `leaf` is one of them: what fills the input of the
/// report that the key is named after, as `model` after `models`. Other keys are in the report, and no
/// program knows them.
pub(super) fn labels(site: &Site<'_, '_>, leaf: NodeId) -> Option<Vec<Completion>> {
    let tree = site.tree;
    let key = tree.parent(leaf)?;
    let list = tree.parent(key).filter(|&list| tree.kind(list) == NodeKind::List)?;
    let measure = tree.parent(list).filter(|&measure| tree.kind(measure) == NodeKind::Measure)?;
    let at =
        tree.children(list).filter(|&part| tree.kind(part) == NodeKind::Expr).position(|part| part == key)?;
    let path = tree.children(measure).find(|&part| tree.kind(part) == NodeKind::Path)?;
    let mut names = tree.children(path).filter(|&part| tree.kind(part) == NodeKind::Name);
    let (report, measure) = (site.str(names.next()?), site.str(names.next()?));
    let graph = &site.view.compilation.graph;
    let stage = graph.stage(*graph.bindings.get(report)?.first()?);
    let Some(Callable::Stage(signature)) = site.view.callable(&stage.kind) else { return None };
    let key = signature.measures.iter().find(|one| one.name == measure)?.keys.get(at)?;
    let about = |role: &str| role.strip_prefix(key.as_str()).is_some_and(|rest| matches!(rest, "" | "s"));
    let filled =
        stage.inputs.iter().filter(|input| about(&input.role)).filter_map(|input| match input.from {
            Producer::Stage(id) => Some(graph.stage(id).name.as_str()),
            Producer::Files(_) => None,
        });
    Some(filled.map(|name| Completion::new(name, CompletionKind::Word, 0)).collect())
}

impl Cursor<'_, '_> {
    /// A word of a measure: a report's binding or a param, or behind the dot what the report measures.
    pub(super) fn measures(&self, path: NodeId) -> Vec<Completion> {
        let tree = self.site.tree;
        let report = tree.children(path).find(|&part| tree.kind(part) == NodeKind::Name);
        match report.filter(|&report| report != self.leaf) {
            None => self.artifact_names(Some(ArtifactKind::Report)),
            Some(report) => self.measures_of(self.site.str(report)),
        }
    }

    fn measures_of(&self, report: &str) -> Vec<Completion> {
        let graph = &self.site.view.compilation.graph;
        let stage = graph.bindings.get(report).and_then(|ids| ids.first()).map(|id| graph.stage(*id));
        let Some(Callable::Stage(signature)) = stage.and_then(|stage| self.site.view.callable(&stage.kind))
        else {
            return Vec::new();
        };
        let entry = |measure: &crate::signature::Measure| {
            let keys: Vec<String> = measure
                .keys
                .iter()
                .enumerate()
                .map(|(at, key)| format!("\"${{{}:{key}}}\"", at + 1))
                .collect();
            let keys = if keys.is_empty() { String::new() } else { format!("[{}]", keys.join(", ")) };
            Completion::new(measure.name.as_str(), CompletionKind::Setting, 0)
                .detail(measure.display())
                .docs(measure.docs.as_str())
                .snippet(format!("{}{keys}", measure.name))
        };
        signature.measures.iter().map(entry).collect()
    }

    /// What a profile can say of the place of a run, where `field` begins with `runtime`.
    pub(super) fn place_names(&self, field: NodeId) -> Option<Vec<Completion>> {
        self.site.child(field, NodeKind::Keyword)?;
        let entry =
            |&(name, docs): &(&str, &str)| Completion::new(name, CompletionKind::Setting, 0).docs(docs);
        Some(place::PLACES.iter().map(entry).collect())
    }

    /// The executors, where `call` is what a profile says behind `runtime on =`.
    pub(super) fn executors(&self, call: NodeId) -> Option<Vec<Completion>> {
        let tree = self.site.tree;
        let field = tree.parent(tree.parent(call)?)?;
        self.site.child(field, NodeKind::Keyword).filter(|_| tree.kind(field) == NodeKind::Field)?;
        let entry = |name: &&str| Completion::new(*name, CompletionKind::Word, 0);
        Some(place::executors().keys().map(entry).collect())
    }
}
