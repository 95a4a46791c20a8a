//! The formatter: one style, no options. It changes nothing but space.
//!
//! Line breaks stay where the author put them, with four exceptions: brackets that hold a line break open
//! and close on lines of their own, a chain of pipes that is broken once is broken before every `|>`, two
//! blank lines are one, and of what makes a line wider than [`WIDTH`] each entry, or each `|>`, stands on a
//! line of its own. Everything else follows from the tree: two spaces a level, one space around most signs,
//! and columns: the `=` of neighbouring lines, the `{` of neighbouring profiles and of a chain of
//! pipes, and comments at the ends of neighbouring lines.
//!
//! Error nodes are printed as they stand. A text whose brackets do not match is left alone, since its lines
//! would end up in the wrong places.

mod align;
mod layout;
mod space;
mod wrap;

use crate::syntax::{self, NodeId, NodeKind, Tree};
use align::Line;
use layout::Layout;
pub use wrap::WIDTH;

/// The text of a file in the one style.
#[must_use]
pub fn format(text: &str) -> String {
    within(text, WIDTH)
}

/// The same for lines of another width.
#[must_use]
pub fn within(text: &str, width: usize) -> String {
    match syntax::tree(text) {
        Some(tree) if !tree.is_unclosed() => {
            let mut layout = Layout::new(&tree, text);
            let mut lines = lines(&tree, &layout, text);
            // What is no llmp stays as it is, and what is around it may be meant otherwise.
            let right = !tree.ids().any(|id| tree.kind(id).is_error());
            let too_wide = |layout: &Layout<'_>, lines: &[Line]| match right {
                true => wrap::too_wide(&tree, layout, lines, width),
                false => Vec::new(),
            };
            let mut wide = too_wide(&layout, &lines);
            // Each round spreads what was not spread before.
            while !wide.is_empty() {
                wide.into_iter().for_each(|id| layout.spread(id));
                lines = self::lines(&tree, &layout, text);
                wide = too_wide(&layout, &lines);
            }
            align::align(&mut lines);
            align::print(&lines)
        }
        _ => text.to_owned(),
    }
}

fn lines(tree: &Tree, layout: &Layout<'_>, text: &str) -> Vec<Line> {
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
                line.push(leaf, token, layout.column(leaf), is_comment(tree.kind(leaf)));
            }
            _ => {
                let blank =
                    newlines > 1 && previous.is_some_and(|previous| layout.may_be_apart(previous, leaf));
                let mut line = Line::new(layout.indent(leaf), blank);
                line.push(leaf, token, layout.column(leaf), false);
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
