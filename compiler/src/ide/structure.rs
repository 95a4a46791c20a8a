//! The shape of a text: what can be folded, and what lies around a place.

use super::View;
use crate::syntax::{NodeId, NodeKind, Tree};

/// A stretch of lines that can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// First byte of what is folded.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What it is.
    pub what: Folded,
}

/// What is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// Brackets, or a pipe of several lines.
    Code,
    /// Comments on neighbouring lines.
    Comment,
    /// Imports on neighbouring lines.
    Imports,
}

/// What can be folded, in order of text; each spans several lines.
#[must_use]
pub fn folds(view: &View<'_>) -> Vec<Fold> {
    let (tree, text) = (&view.file.tree, view.text());
    let mut folds = Vec::new();
    for id in tree.ids() {
        let range = tree.range(id);
        let what = match tree.kind(id) {
            NodeKind::Args
            | NodeKind::Body
            | NodeKind::Clauses
            | NodeKind::Group
            | NodeKind::List
            | NodeKind::ListType
            | NodeKind::Parameters
            | NodeKind::Record
            | NodeKind::RecordType => Folded::Code,
            NodeKind::Binding => Folded::Code,
            _ => continue,
        };
        if text[range.clone()].contains('\n') {
            folds.push(Fold { start: range.start as u32, end: range.end as u32, what });
        }
    }
    folds.extend(runs(tree, text, Folded::Comment, |kind| {
        matches!(kind, NodeKind::Comment | NodeKind::Doc | NodeKind::FileDoc)
    }));
    folds.extend(runs(tree, text, Folded::Imports, |kind| kind == NodeKind::Import));
    folds.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
    folds
}

/// Runs of neighbouring nodes at the top of the file with nothing but line ends between them.
fn runs(tree: &Tree, text: &str, what: Folded, wanted: impl Fn(NodeKind) -> bool) -> Vec<Fold> {
    let mut runs: Vec<Fold> = Vec::new();
    let mut goes_on = false;
    for child in tree.children(Tree::ROOT) {
        let (kind, range) = (tree.kind(child), tree.range(child));
        let (start, end) = (range.start as u32, range.end as u32);
        if wanted(kind) {
            match runs.last_mut().filter(|_| goes_on) {
                Some(run) => run.end = end,
                None => runs.push(Fold { start, end, what }),
            }
            goes_on = true;
        } else if !matches!(kind, NodeKind::Space | NodeKind::Newline) {
            goes_on = false;
        }
    }
    runs.retain(|run| text[run.start as usize..run.end as usize].trim_end().contains('\n'));
    runs
}

/// The ranges around `offset`, from the smallest to the file: each is what an editor selects next.
#[must_use]
pub fn selections(view: &View<'_>, offset: u32) -> Vec<(u32, u32)> {
    let tree = &view.file.tree;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    // Between two tokens, space comes last.
    let (left, right) = (tree.at(offset), tree.at(offset + 1));
    let space = |id: NodeId| matches!(tree.kind(id), NodeKind::Space | NodeKind::Newline | NodeKind::File);
    let mut at = Some(if space(left) && !space(right) { right } else { left });
    while let Some(id) = at {
        let range = tree.range(id);
        let range = (range.start as u32, range.end as u32);
        if ranges.last() != Some(&range) {
            ranges.push(range);
        }
        at = tree.parent(id);
    }
    ranges
}
