//! What can stand in expectations, and where a profile says where a run takes place.

use super::{Completion, CompletionKind, Cursor};
use crate::artifact::ArtifactKind;
use crate::ide::callable::Callable;
use crate::place;
use crate::syntax::{Kind, NodeId};

impl Cursor<'_, '_> {
    /// A word of a measure: a report's binding or a param, or behind the dot what the report measures.
    pub(super) fn measures(&self, path: NodeId) -> Vec<Completion> {
        let tree = self.site.tree;
        let report = tree.children(path).find(|&part| tree.kind(part) == Kind::Name);
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
        self.site.child(field, Kind::Keyword)?;
        let names = [("on", "what runs the stages"), ("store", "where results are kept")];
        let entry = |(name, docs)| Completion::new(name, CompletionKind::Setting, 0).docs(docs);
        Some(names.map(entry).to_vec())
    }

    /// The executors, where `call` is what a profile says behind `runtime on =`.
    pub(super) fn executors(&self, call: NodeId) -> Option<Vec<Completion>> {
        let tree = self.site.tree;
        let field = tree.parent(tree.parent(call)?)?;
        self.site.child(field, Kind::Keyword).filter(|_| tree.kind(field) == Kind::Field)?;
        let entry = |name: &&str| Completion::new(*name, CompletionKind::Word, 0);
        Some(place::executors().keys().map(entry).collect())
    }
}
