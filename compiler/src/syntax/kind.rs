//! What the nodes of a syntax tree are, structure first, then tokens.

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum NodeKind {
    // Structure.
    File,
    Edition,
    Import,
    Param,
    Profile,
    Def,
    Stage,
    Binding,
    Expect,
    Range,
    Parameters,
    Parameter,
    Body,
    Clauses,
    PerShard,
    Require,
    Property,
    Setting,
    /// `measure wrong[model]: Ratio`
    Measured,
    /// `cleans pii`
    Phrase,
    Type,
    ListType,
    RecordType,
    NamedType,
    TypeArgs,
    TypeArg,
    Expr,
    /// `..20`, behind the low end of a range that is a value.
    Interval,
    /// `table.wrong["honest"]`
    Measure,
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

impl NodeKind {
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
