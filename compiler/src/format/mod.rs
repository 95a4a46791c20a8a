//! The formatter: one style, no options. It changes nothing but space.
//!
//! Line breaks stay where the author put them, with three exceptions: brackets that hold a line break open
//! and close on lines of their own, a chain of pipes that is broken once is broken before every `|>`, and two
//! blank lines are one. Everything else follows from the tree: two spaces a level, one space around most
//! signs, and columns: the `=` of neighbouring lines, the `{` of neighbouring profiles and of a chain of
//! pipes, and comments at the ends of neighbouring lines.
//!
//! Error nodes are printed as they stand. A text whose brackets do not match is left alone, since its lines
//! would end up in the wrong places.

mod align;
mod layout;
mod space;

use crate::syntax::{self, NodeId, NodeKind, Tree};
use align::Line;
use layout::Layout;

/// The text of a file in the one style.
#[must_use]
pub fn format(text: &str) -> String {
    match syntax::tree(text) {
        Some(tree) if !tree.is_unclosed() => {
            let mut lines = lines(&tree, text);
            align::align(&mut lines);
            align::print(&lines)
        }
        _ => text.to_owned(),
    }
}

fn lines(tree: &Tree, text: &str) -> Vec<Line> {
    let layout = Layout::new(tree, text);
    let mut lines: Vec<Line> = Vec::new();
    let mut previous: Option<NodeId> = None;
    let (mut newlines, mut spaced) = (0, false);
    for leaf in tree.leaves() {
        match tree.kind(leaf) {
            NodeKind::Space => {
                spaced = true;
                continue;
            }
            NodeKind::Newline => {
                newlines += 1;
                spaced = false;
                continue;
            }
            _ => {}
        }
        let token = text[tree.range(leaf)].trim_end_matches([' ', '\t', '\r']);
        let breaks = previous.is_none_or(|previous| layout.breaks(previous, leaf, newlines));
        match lines.last_mut() {
            Some(line) if !breaks => {
                if previous.is_some_and(|previous| space::between(tree, text, previous, leaf, spaced)) {
                    line.text.push(' ');
                }
                line.push(token, layout.column(leaf), is_comment(tree.kind(leaf)));
            }
            _ => {
                let blank =
                    newlines > 1 && previous.is_some_and(|previous| layout.may_be_apart(previous, leaf));
                let mut line = Line::new(layout.indent(leaf), blank);
                line.push(token, layout.column(leaf), false);
                lines.push(line);
            }
        }
        previous = Some(leaf);
        (newlines, spaced) = (0, false);
    }
    lines
}

fn is_comment(kind: NodeKind) -> bool {
    kind.is_trivia()
}
