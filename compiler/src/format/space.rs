//! Space between two tokens of a line.

use crate::syntax::{NodeId, NodeKind, Tree, would_join};

/// Whether a space stands between the neighbours `left` and `right`; `spaced` says whether one does so far.
pub(super) fn between(tree: &Tree, text: &str, left: NodeId, right: NodeId, spaced: bool) -> bool {
    let (left_kind, right_kind) = (tree.kind(left), tree.kind(right));
    if left_kind.is_error() || right_kind.is_error() {
        return spaced;
    }
    if right_kind.is_trivia() {
        return true;
    }
    let (left_text, right_text) = (&text[tree.range(left)], &text[tree.range(right)]);
    let parent = |id| tree.parent(id).map_or(NodeKind::File, |parent| tree.kind(parent));
    let (left_parent, right_parent) = (parent(left), parent(right));
    let tight = match (left_text, right_text) {
        (_, "," | ";" | ")" | "]" | ":" | "?") | ("(" | "[", _) | ("{", "}") => true,
        (_, "(") => matches!(right_parent, NodeKind::Args | NodeKind::Parameters),
        ("in", "..") => false,
        (_, "..") | ("..", _) => true,
        (_, ".") | (".", _) => left_parent == NodeKind::Path && right_parent == NodeKind::Path,
        (_, "<" | ">") if right_parent == NodeKind::TypeArgs => true,
        ("<", _) if left_parent == NodeKind::TypeArgs => true,
        ("-", _) => left_parent == NodeKind::Number,
        ("+", _) => left_kind == NodeKind::Plus,
        ("!", _) => left_kind == NodeKind::Not,
        _ => false,
    };
    !tight || would_join(left_text, right_text)
}
