//! The syntax tree: every byte of a file in order, for the formatter and the editor.
//!
//! Nodes lie in one vector in the order of their first byte, so that a subtree is a range of indices and the leaves,
//! read in order, are the text.

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    // Structure.
    File,
    Import,
    Param,
    Profile,
    Def,
    Stage,
    Binding,
    Range,
    Parameters,
    Parameter,
    Body,
    Clauses,
    PerShard,
    Property,
    Setting,
    Type,
    ListType,
    RecordType,
    NamedType,
    TypeArgs,
    TypeArg,
    Expr,
    Call,
    Args,
    Arg,
    Record,
    Field,
    List,
    Group,
    Each,
    If,
    Then,
    Else,
    Path,
    Number,
    // Tokens.
    Name,
    DanglingDot,
    Assign,
    /// `let ` and its like before a binding; already an error.
    Prefix,
    Plus,
    Not,
    Operator,
    Pipe,
    Digits,
    Unit,
    Text,
    /// A word of the grammar: `param`, `if`, `in`.
    Keyword,
    /// A sign of the grammar: `{`, `,`, `->`.
    Sign,
    // Trivia.
    Space,
    Newline,
    /// `// text`
    Comment,
    /// `/// text`
    Doc,
    /// `//! text`
    FileDoc,
    /// `# text`; an error that is read as a comment.
    HashComment,
    // What is no llmp.
    /// Text that fits nowhere, inside an item.
    Junk,
    /// Text that is no item.
    ErrorItem,
}

impl Kind {
    /// Whether it has no children.
    #[must_use]
    pub fn is_token(self) -> bool {
        self >= Self::Name
    }

    /// Whether it is space or a comment.
    #[must_use]
    pub fn is_trivia(self) -> bool {
        (Self::Space..=Self::HashComment).contains(&self)
    }

    /// Whether it is text that is no llmp.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Self::Junk
    }
}

/// A node; an index into its [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
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
}

impl Tree {
    /// The whole file.
    pub const ROOT: NodeId = NodeId(0);

    /// The tree of a text that could not be read: one error.
    pub(super) fn unread(text: &str) -> Self {
        let mut tree = TreeBuilder::new(text);
        if !text.is_empty() {
            tree.token(Kind::ErrorItem, text.len());
        }
        tree.finish()
    }

    /// What a node is.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> Kind {
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

    /// All nodes, parents before their children.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
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

/// Builds a tree from the begins and ends of nodes; what lies between becomes tokens.
pub(super) struct TreeBuilder<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    open: Vec<u32>,
    /// Up to here the tree covers the text.
    done: usize,
}

impl<'t> TreeBuilder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let root = Node { kind: Kind::File, start: 0, end: text.len() as u32, parent: 0, after: 0 };
        Self { text, nodes: vec![root], open: vec![0], done: 0 }
    }

    pub(super) fn begin(&mut self, kind: Kind, start: usize) {
        self.cover(start);
        let id = self.push(kind, start, start);
        self.open.push(id);
    }

    pub(super) fn end(&mut self, end: usize) {
        let Some(id) = self.open.pop() else { return };
        if self.nodes[id as usize].kind.is_token() {
            self.done = end;
        } else {
            self.open.push(id);
            self.cover(end);
            self.open.pop();
        }
        let after = self.nodes.len() as u32;
        let node = &mut self.nodes[id as usize];
        node.end = end as u32;
        node.after = after;
    }

    fn token(&mut self, kind: Kind, end: usize) {
        self.push(kind, self.done, end);
        self.done = end;
    }

    pub(super) fn finish(mut self) -> Tree {
        self.cover(self.text.len());
        self.nodes[0].after = self.nodes.len() as u32;
        Tree { nodes: self.nodes }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> u32 {
        let id = self.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(0);
        self.nodes.push(Node { kind, start: start as u32, end: end as u32, parent, after: id + 1 });
        id
    }

    /// Makes tokens of what the grammar passed over without a node of its own.
    fn cover(&mut self, end: usize) {
        while self.done < end {
            let (kind, length) = token(&self.text[self.done..end]);
            self.token(kind, self.done + length);
        }
    }
}

/// The first token of `text`, which is not empty: space, comments, keywords and signs.
fn token(text: &str) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let line = || bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let run = |of: fn(&u8) -> bool| bytes.iter().position(|byte| !of(byte)).unwrap_or(bytes.len());
    match bytes[0] {
        b' ' | b'\t' | b'\r' => (Kind::Space, run(|byte| matches!(byte, b' ' | b'\t' | b'\r'))),
        b'\n' => (Kind::Newline, 1),
        b'/' if text.starts_with("///") && !text.starts_with("////") => (Kind::Doc, line()),
        b'/' if text.starts_with("//!") => (Kind::FileDoc, line()),
        b'/' if text.starts_with("//") => (Kind::Comment, line()),
        byte if byte.is_ascii_alphabetic() => (Kind::Keyword, run(|byte| byte.is_ascii_alphanumeric())),
        _ if text.starts_with("->") || text.starts_with("..") => (Kind::Sign, 2),
        _ if text.starts_with('\u{feff}') => (Kind::Space, '\u{feff}'.len_utf8()),
        _ => (Kind::Sign, text.chars().next().map_or(1, char::len_utf8)),
    }
}
