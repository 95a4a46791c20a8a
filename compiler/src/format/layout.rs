//! Where lines break, how far they are indented, and which tokens stand in columns.

use crate::syntax::{NodeId, NodeKind, Tree};

/// A column that a token takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Shared with the lines directly above and below that hold such a node with the same parent.
    Neighbours(NodeId, NodeKind),
    /// Shared with all lines of a chain of pipes.
    Chain(NodeId),
}

/// What is known about the layout of a tree.
pub(super) struct Layout<'t> {
    tree: &'t Tree,
    text: &'t str,
    /// By node: whether it spreads over several lines by a line break of its own.
    broken: Vec<bool>,
    /// By node: whether it or a node in it spreads over several lines.
    tall: Vec<bool>,
    /// By node: whether it opens or closes its parent.
    ends: Vec<Option<End>>,
    /// By node: for a chain of pipes, its first pipe.
    first_pipe: Vec<Option<NodeId>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Close,
}

fn is_bracket(kind: NodeKind) -> bool {
    use NodeKind::{Args, Body, Clauses, Group, List, ListType, Parameters, Record, RecordType, TypeArgs};
    matches!(
        kind,
        Args | Body | Clauses | Group | List | ListType | Parameters | Record | RecordType | TypeArgs
    )
}

/// The opening and the closing sign of brackets.
fn signs(tree: &Tree, text: &str, id: NodeId) -> (Option<NodeId>, Option<NodeId>) {
    let is_sign = |child: &NodeId| {
        tree.kind(*child) == NodeKind::Sign && !matches!(&text[tree.range(*child)], "," | ";")
    };
    let mut signs = tree.children(id).filter(is_sign);
    (signs.next(), signs.next())
}

impl<'t> Layout<'t> {
    pub(super) fn new(tree: &'t Tree, text: &'t str) -> Self {
        let nodes = tree.ids().count();
        let mut layout = Self {
            tree,
            text,
            broken: vec![false; nodes],
            tall: vec![false; nodes],
            ends: vec![None; nodes],
            first_pipe: vec![None; nodes],
        };
        for id in tree.ids() {
            let kind = tree.kind(id);
            let mut children = tree.children(id);
            let mut broken = tree.children(id).any(|child| tree.kind(child) == NodeKind::Newline);
            if is_bracket(kind) {
                let (open, close) = signs(tree, text, id);
                for (sign, end) in [(open, End::Open), (close, End::Close)] {
                    if let Some(sign) = sign {
                        layout.ends[sign.0 as usize] = Some(end);
                    }
                }
                let is_sign = |child: NodeId| layout.ends[child.0 as usize].is_some();
                broken &= !children.all(|child| {
                    is_sign(child) || matches!(tree.kind(child), NodeKind::Space | NodeKind::Newline)
                });
            } else if kind == NodeKind::Expr {
                layout.first_pipe[id.0 as usize] = children.find(|&child| tree.kind(child) == NodeKind::Pipe);
            }
            layout.broken[id.0 as usize] = broken;
            layout.tall[id.0 as usize] = broken || kind.is_error() && text[tree.range(id)].contains('\n');
        }
        // Children stand behind their parents.
        for id in (0..nodes).rev().map(|id| NodeId(id as u32)) {
            if let Some(parent) = tree.parent(id).filter(|_| layout.tall[id.0 as usize]) {
                layout.tall[parent.0 as usize] = true;
            }
        }
        layout
    }

    fn is_broken(&self, id: NodeId) -> bool {
        self.broken[id.0 as usize]
    }

    fn parent(&self, id: NodeId) -> NodeId {
        self.tree.parent(id).unwrap_or(Tree::ROOT)
    }

    fn is_open(&self, leaf: NodeId) -> bool {
        self.ends[leaf.0 as usize] == Some(End::Open)
    }

    fn is_close(&self, leaf: NodeId) -> bool {
        self.ends[leaf.0 as usize] == Some(End::Close)
    }

    /// Whether a new line starts between two neighbours that `newlines` separate so far.
    pub(super) fn breaks(&self, left: NodeId, right: NodeId, newlines: usize) -> bool {
        let parent = self.parent(right);
        if self.is_open(left) && self.is_close(right) && parent == self.parent(left) {
            return false;
        }
        let opens =
            self.is_open(left) && self.is_broken(self.parent(left)) && !self.tree.kind(right).is_trivia();
        let closes = self.is_close(right) && self.is_broken(parent);
        let pipes = self.tree.kind(right) == NodeKind::Pipe && self.is_broken(parent);
        newlines > 0 || opens || closes || pipes
    }

    /// Whether a blank line may stand between two neighbours.
    pub(super) fn may_be_apart(&self, left: NodeId, right: NodeId) -> bool {
        !self.is_open(left) && !self.is_close(right)
    }

    /// How many levels a line is indented that starts with `leaf`.
    pub(super) fn indent(&self, leaf: NodeId) -> usize {
        let mut levels = 0;
        let mut below = leaf;
        while let Some(id) = self.tree.parent(below) {
            let deeper = match self.tree.kind(id) {
                kind if is_bracket(kind) => {
                    self.is_broken(id) && !(below == leaf && (self.is_open(leaf) || self.is_close(leaf)))
                }
                NodeKind::Expr => self.is_broken(id) && self.is_step(id, below),
                NodeKind::Type => self.is_broken(id) && below.0 > id.0 + 1,
                NodeKind::If => {
                    below.0 > id.0 + 1 && self.tree.kind(self.parent(self.parent(id))) != NodeKind::Else
                }
                _ => false,
            };
            levels += usize::from(deeper);
            below = id;
        }
        levels
    }

    /// Whether `child` of a chain of pipes stands behind the value that the chain starts with: comments on
    /// lines of their own before the first pipe do, too.
    fn is_step(&self, chain: NodeId, child: NodeId) -> bool {
        let trivia = self.tree.kind(child).is_trivia();
        self.first_pipe[chain.0 as usize].is_some_and(|pipe| trivia || child >= pipe)
    }

    /// The column that a token takes part in.
    pub(super) fn column(&self, leaf: NodeId) -> Option<Column> {
        let tree = self.tree;
        let parent = self.parent(leaf);
        let (entry, column) = match (tree.kind(parent), &self.text[tree.range(leaf)]) {
            (NodeKind::Binding | NodeKind::Field | NodeKind::Property, "=") => {
                (parent, Column::Neighbours(self.parent(parent), tree.kind(parent)))
            }
            (NodeKind::Record, "{") if self.is_open(leaf) => {
                let owner = self.parent(parent);
                let chain = self.parent(owner);
                match tree.kind(owner) {
                    NodeKind::Profile => (owner, Column::Neighbours(chain, NodeKind::Profile)),
                    NodeKind::Call
                        if tree.kind(chain) == NodeKind::Expr
                            && self.is_broken(chain)
                            && self.is_step(chain, owner) =>
                    {
                        (owner, Column::Chain(chain))
                    }
                    _ => return None,
                }
            }
            _ => return None,
        };
        (!self.tall[entry.0 as usize]).then_some(column)
    }
}
