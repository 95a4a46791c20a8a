//! The syntax tree: every byte of a file in order, for the formatter and the editor.
//!
//! Nodes lie in one vector in the order of their first byte, so that a subtree is a range of indices and the
//! leaves, read in order, are the text.

use super::kind::NodeKind;
use super::lexer::{Lexed, NEWLINE};

/// A node; an index into its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: NodeKind,
    start: u32,
    end: u32,
    parent: u32,
    /// One past the last node of the subtree.
    after: u32,
}

/// A file's syntax tree.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    unclosed: bool,
}

impl Tree {
    /// The whole file.
    pub const ROOT: NodeId = NodeId(0);

    /// The tree of a text that could not be read: one error.
    pub(super) fn unread(text: &str) -> Self {
        let end = text.len() as u32;
        let root = Node { kind: NodeKind::File, start: 0, end, parent: 0, after: 1 + u32::from(end > 0) };
        let error = Node { kind: NodeKind::ErrorItem, after: 2, ..root };
        Self { nodes: if end > 0 { vec![root, error] } else { vec![root] }, unclosed: true }
    }

    /// Whether some bracket is never closed, or a text lacks a quote, so that the tree is a guess from there
    /// on.
    #[must_use]
    pub fn is_unclosed(&self) -> bool {
        self.unclosed
    }

    /// What a node is.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> NodeKind {
        self.node(id).kind
    }

    /// The bytes below a node.
    #[must_use]
    pub fn range(&self, id: NodeId) -> std::ops::Range<usize> {
        let node = self.node(id);
        node.start as usize..node.end as usize
    }

    /// A node's parent; `None` for the root.
    #[must_use]
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        (id != Self::ROOT).then(|| NodeId(self.node(id).parent))
    }

    /// A node's children in order, trivia included.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = id.0 + 1;
        let after = self.node(id).after;
        std::iter::from_fn(move || {
            let child = (next < after).then_some(NodeId(next))?;
            next = self.node(child).after;
            Some(child)
        })
    }

    /// The node that starts where `id` ends, if any.
    #[must_use]
    pub fn following(&self, id: NodeId) -> Option<NodeId> {
        let after = self.node(id).after;
        ((after as usize) < self.nodes.len()).then_some(NodeId(after))
    }

    /// All nodes, parents before their children.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// All nodes inside of a node, parents before their children.
    pub fn below(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (id.0 + 1..self.node(id).after).map(NodeId)
    }

    /// The tokens and trivia in order; their texts, joined, are the file.
    pub fn leaves(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(|&id| self.kind(id).is_token())
    }

    /// The smallest node that covers the byte `offset`, the left one between two.
    #[must_use]
    pub fn at(&self, offset: u32) -> NodeId {
        let mut at = Self::ROOT;
        while let Some(child) = self.children(at).find(|&child| {
            let node = self.node(child);
            node.start < offset && offset <= node.end || node.start == 0 && offset == 0
        }) {
            at = child;
        }
        at
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

/// Builds a tree from the begins and ends of nodes, both counted in letters; tokens between become leaves.
pub(super) struct TreeBuilder<'l> {
    lexed: &'l Lexed,
    nodes: Vec<Node>,
    open: Vec<u32>,
    /// The first token that is not in the tree yet.
    next: usize,
}

impl<'l> TreeBuilder<'l> {
    pub(super) fn new(lexed: &'l Lexed) -> Self {
        let root = Node { kind: NodeKind::File, start: 0, end: 0, parent: 0, after: 0 };
        let mut nodes = Vec::with_capacity(3 * lexed.letters.len() + 1);
        nodes.push(root);
        Self { lexed, nodes, open: vec![0], next: 0 }
    }

    /// Begins a node before the letter `at`.
    pub(super) fn begin(&mut self, kind: NodeKind, at: usize) {
        let start = self.lexed.places.get(at).map_or(self.lexed.tokens.len(), |&place| place as usize);
        self.cover(start);
        let offset = self.lexed.tokens.get(start).map_or(0, |token| token.start);
        let id = self.push(kind, offset, offset);
        self.open.push(id);
    }

    /// Ends the node begun last, before the letter `at`; newlines at its end go to its parent.
    pub(super) fn end(&mut self, mut at: usize) {
        let Some(&id) = self.open.last() else { return };
        while at > 0 && self.lexed.letters.as_bytes()[at - 1] == NEWLINE {
            at -= 1;
        }
        let last =
            at.checked_sub(1).and_then(|at| self.lexed.places.get(at)).map_or(0, |&place| place as usize + 1);
        if self.nodes[id as usize].kind.is_token() {
            self.next = self.next.max(last);
        } else {
            self.cover(last);
        }
        self.open.pop();
        let after = self.nodes.len() as u32;
        let end = last.checked_sub(1).map_or(0, |last| self.lexed.tokens[last].end);
        let node = &mut self.nodes[id as usize];
        node.end = end;
        node.after = after;
    }

    pub(super) fn finish(mut self, unclosed: bool) -> Tree {
        self.cover(self.lexed.tokens.len());
        self.nodes[0].end = self.lexed.tokens.last().map_or(0, |token| token.end);
        self.nodes[0].after = self.nodes.len() as u32;
        Tree { nodes: self.nodes, unclosed }
    }

    fn push(&mut self, kind: NodeKind, start: u32, end: u32) -> u32 {
        let id = self.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(0);
        self.nodes.push(Node { kind, start, end, parent, after: id + 1 });
        id
    }

    /// Makes leaves of the tokens up to `end`.
    fn cover(&mut self, end: usize) {
        let lexed = self.lexed;
        for token in lexed.tokens.get(self.next..end).unwrap_or_default() {
            self.push(token.kind, token.start, token.end);
        }
        self.next = self.next.max(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::tree;

    #[test]
    fn the_node_at_an_offset_is_the_smallest_and_the_left_one() {
        let text = "a = f(b)\n";
        let Some(tree) = tree(text) else { panic!("small enough") };
        let at = |offset| (tree.kind(tree.at(offset)), &text[tree.range(tree.at(offset))]);
        assert_eq!(at(0), (NodeKind::Name, "a"));
        assert_eq!(at(1), (NodeKind::Name, "a"));
        assert_eq!(at(5), (NodeKind::Name, "f"));
        assert_eq!(at(7), (NodeKind::Name, "b"));
        assert_eq!(at(8), (NodeKind::Sign, ")"));
        assert_eq!(at(9), (NodeKind::Newline, "\n"));
        assert_eq!(at(100), (NodeKind::File, text));
    }
}
