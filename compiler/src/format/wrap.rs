//! What is spread over several lines because its line would be too wide.

use std::collections::BTreeMap;

use super::align::Line;
use super::layout::Layout;
use crate::syntax::{NodeId, Tree};

/// Characters that a line may have, comments behind it and padding not counted.
pub const WIDTH: usize = 120;

/// A node that could be spread: how deep it lies, and the character of its line behind which it ends.
struct Candidate {
    node: NodeId,
    depth: u32,
    end: usize,
}

/// The nodes to spread so that lines become narrower; none where nothing helps any more.
///
/// Of a line that is too wide, these are the outermost nodes that reach over the width, each counted from
/// where the one before it would end; or else the last of the outermost, behind which too much stands.
pub(super) fn too_wide(tree: &Tree, layout: &Layout<'_>, lines: &[Line], width: usize) -> Vec<NodeId> {
    let mut found = Vec::new();
    for line in lines.iter().filter(|line| line.code_width() > width) {
        let candidates = candidates(tree, layout, line);
        let Some(outermost) = candidates.iter().map(|candidate| candidate.depth).min() else { continue };
        let before = found.len();
        let mut begins = 0;
        let mut last = None;
        for candidate in candidates.iter().filter(|candidate| candidate.depth == outermost) {
            if candidate.end > begins + width {
                found.push(candidate.node);
                begins = candidate.end.saturating_sub(line.indented() + 1);
            }
            last = Some(candidate.node);
        }
        if found.len() == before {
            found.extend(last);
        }
    }
    found
}

/// The nodes of a line that would break it if they were spread, in order of text.
fn candidates(tree: &Tree, layout: &Layout<'_>, line: &Line) -> Vec<Candidate> {
    let pairs = line.tokens.iter().zip(line.tokens.iter().skip(1));
    let nodes = pairs.filter_map(|(left, right)| layout.would_break(left.leaf, right.leaf));
    let mut found = BTreeMap::new();
    for node in nodes {
        found.entry(node).or_insert_with(|| {
            let after = tree.range(node).end;
            let inside = line.tokens.partition_point(|token| tree.range(token.leaf).start < after);
            let end = line.tokens.get(inside.saturating_sub(1)).map_or(0, |token| line.width(token.end));
            Candidate { node, depth: layout.depth(node), end }
        });
    }
    found.into_values().collect()
}
