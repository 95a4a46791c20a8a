//! The typed syntax tree. Broken places are `Error` nodes or absent `Option`s; a phase works on what is there
//! and stays silent about what is not, since the parser has already said so.

use crate::source::Span;

/// A file: items in order of appearance.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// `//!` documentation of the file.
    pub docs: String,
    /// Items.
    pub items: Vec<Item>,
    /// The items whose brackets do not match, or whose heading is incomplete: what they say is a guess.
    pub broken: Vec<Span>,
}

/// What can stand at the top of a file.
#[derive(Clone, Debug)]
pub enum Item {
    /// `edition 2026`
    Edition(Edition),
    /// `import "common.llmp"`
    Import(Import),
    /// `param width: Int = 192 in 64..4096`
    Param(Param),
    /// `profile smoke { base.for = 200k tokens }`
    Profile(Profile),
    /// `def clean(pages: Pages) -> Docs { … }`
    Def(Def),
    /// `stage my.clean(docs: Docs) -> Docs { … }`: a signature, of the standard library or of a user's
    /// command.
    Stage(Stage),
    /// `docs = crawl.warc("data/*.warc.gz")`
    Binding(Binding),
    /// `expect table.wrong["honest"] <= 8%`
    Expect(Expect),
    /// Text that is no item; already reported.
    Error(Span),
}

/// A name where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// From its first byte to one past its last.
    pub span: Span,
    /// The text.
    pub text: String,
}

/// Names joined by dots: `filter.language`, `base.model.width`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The whole.
    pub span: Span,
    /// At least one.
    pub names: Vec<Name>,
}

impl Path {
    /// `a.b.c`
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for name in &self.names {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&name.text);
        }
        text
    }
}

/// `edition 2026`: the language that a file is written in.
#[derive(Clone, Debug)]
pub struct Edition {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// The number as written.
    pub number: Option<Name>,
}

/// `expect table.wrong["honest"] <= 8%`: what a report has to say.
#[derive(Clone, Debug)]
pub struct Expect {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// A comparison, over [`ExprKind::Measure`], numbers and params.
    pub condition: Option<Expr>,
}

/// `import "common.llmp"`: the items of another file.
#[derive(Clone, Debug)]
pub struct Import {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Where the path stands, and the path.
    pub path: Option<Name>,
}

/// `param name: Type = default in range`
#[derive(Clone, Debug)]
pub struct Param {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// `///` documentation, before or at the end of the line.
    pub docs: String,
    /// `None` where it is missing, which the parser has said.
    pub name: Option<Name>,
    /// `None` where it is missing, which the parser has said.
    pub ty: Option<Type>,
    /// Its default; a param without one must be set.
    pub default: Option<Expr>,
    /// What it is limited to.
    pub range: Option<Range>,
}

/// `low..high`, both ends included; either may be absent.
#[derive(Clone, Debug)]
pub struct Range {
    /// The whole range.
    pub span: Span,
    /// Lowest value.
    pub low: Option<Box<Expr>>,
    /// Highest value.
    pub high: Option<Box<Expr>>,
}

/// `profile name { path = value … }`
#[derive(Clone, Debug)]
pub struct Profile {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// `None` where it is missing, which the parser has said.
    pub name: Option<Name>,
    /// What it overrides.
    pub entries: Vec<ProfileEntry>,
}

/// `base.model.width = 64`
#[derive(Clone, Debug)]
pub struct ProfileEntry {
    /// From its path to the end of its value.
    pub span: Span,
    /// Whether it says where a run takes place, and changes nothing of the program.
    pub runtime: bool,
    /// A param, or a binding with a path into its settings.
    pub path: Path,
    /// The new value.
    pub value: Option<Expr>,
}

/// `def name(params) -> Type { bindings… expression }`
#[derive(Clone, Debug)]
pub struct Def {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// `None` where it is missing, which the parser has said.
    pub name: Option<Name>,
    /// Parameters: artifacts or values.
    pub params: Vec<Parameter>,
    /// Result type.
    pub result: Option<Type>,
    /// Local bindings, in order.
    pub bindings: Vec<Binding>,
    /// The last expression: what the function yields.
    pub body: Option<Expr>,
}

/// `name: Type = default` in the parentheses of a `def` or a `stage`.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The whole parameter.
    pub span: Span,
    /// `None` where it is missing, which the parser has said.
    pub name: Option<Name>,
    /// `None` where it is missing, which the parser has said.
    pub ty: Option<Type>,
    /// Its default, for value parameters of functions.
    pub default: Option<Expr>,
}

/// A stage signature.
#[derive(Clone, Debug)]
pub struct Stage {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Documentation: first paragraph is the summary.
    pub docs: String,
    /// `filter.language`
    pub name: Option<Path>,
    /// Inputs.
    pub params: Vec<Parameter>,
    /// Output type.
    pub result: Option<Type>,
    /// `epoch = 1`, `per shard docs`, `resumes = true`, `run = ["python3", "clean.py"]`, in order.
    pub clauses: Vec<Clause>,
    /// Settings.
    pub settings: Vec<SettingDecl>,
}

/// A line of a signature that is no setting.
#[derive(Clone, Debug)]
pub enum Clause {
    /// `per shard docs`
    PerShard(Name),
    /// `name = value`
    Property(Name, Option<Expr>),
    /// `require width % heads == 0 else "…"`
    Require(Require),
    /// `measure wrong[model, group]: Ratio`
    Measure(MeasureDecl),
    /// Words that say what the stage does: `cleans pii`, `trains on probe`; at least two.
    Phrase(Vec<Name>),
}

/// `require condition else "message"`: a rule about the settings of a stage.
#[derive(Clone, Debug)]
pub struct Require {
    /// The whole clause.
    pub span: Span,
    /// What must hold.
    pub condition: Option<Expr>,
    /// What is wrong where it does not.
    pub message: Option<Expr>,
}

/// `measure name[keys]: Type`: a number that a report holds.
#[derive(Clone, Debug)]
pub struct MeasureDecl {
    /// The whole clause.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// As written before the `=` or `[`, never a path.
    pub name: Name,
    /// What it is looked up by.
    pub keys: Vec<Expr>,
    /// `None` where it is missing, which the parser has said.
    pub ty: Option<Type>,
}

/// `runtime name: Type = default in range`
#[derive(Clone, Debug)]
pub struct SettingDecl {
    /// The whole declaration.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// Whether the result cannot depend on it, so that it is no part of the key.
    pub runtime: bool,
    /// `None` where it is missing, which the parser has said.
    pub name: Option<Name>,
    /// `None` where it is missing, which the parser has said.
    pub ty: Option<Type>,
    /// Its default.
    pub default: Option<Expr>,
    /// What it is limited to.
    pub range: Option<Range>,
}

/// A type as written.
#[derive(Clone, Debug)]
pub struct Type {
    /// From its first byte to one past its last.
    pub span: Span,
    /// What.
    pub kind: TypeKind,
}

/// The forms of a type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `Docs`, `Model<chat, V>`, `Count<tokens>`
    Named(Name, Vec<TypeArg>),
    /// `[T]`
    List(Box<Type>),
    /// `T?`
    Optional(Box<Type>),
    /// `gopher | c4 | fineweb`
    OneOf(Vec<Name>),
    /// `{ layers: Int = 4 … }`
    Record(Vec<SettingDecl>),
    /// Already reported.
    Error,
}

/// An argument of a type: `V`, `chat`, `+refuses`.
#[derive(Clone, Debug)]
pub struct TypeArg {
    /// The whole argument.
    pub span: Span,
    /// Whether a `+` stands before it: "as the input, and this too".
    pub plus: bool,
    /// An ability, a unit, or what stands for a vocabulary.
    pub name: Name,
}

/// `name = value`
#[derive(Clone, Debug)]
pub struct Binding {
    /// From its first word to its end, without documentation.
    pub span: Span,
    /// Documentation.
    pub docs: String,
    /// What the value is called from here on.
    pub name: Name,
    /// `None` where it is missing, which the parser has said.
    pub value: Option<Expr>,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// From its first byte to one past its last.
    pub span: Span,
    /// What.
    pub kind: ExprKind,
}

impl Expr {
    /// Whether it is evidently a value, not the output of a stage.
    #[must_use]
    pub fn is_value(&self) -> bool {
        match &self.kind {
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Record(_)
            | ExprKind::Range(_)
            | ExprKind::Not(_)
            | ExprKind::Binary(_) => true,
            ExprKind::Path(path) => {
                matches!(path.names.as_slice(), [name] if matches!(name.text.as_str(), "true" | "false"))
            }
            ExprKind::List(items) => !items.is_empty() && items.iter().all(Self::is_value),
            ExprKind::If(choice) => choice.then.is_value(),
            _ => false,
        }
    }
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `width`, `adult`, `true`, `false`, `none`, or a stage without parentheses in a pipe: `extract.text`
    Path(Path),
    /// `4_096`, `20M tokens`, `1.5GB`, `3h`, `80%`, `1e-3`, `-2`
    Number(Number),
    /// `"data/*.warc.gz"`, escapes resolved.
    Text(String),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ layers = 6, width = width }`
    Record(Record),
    /// `each [1e-3, 3e-4]`
    Each(Vec<Expr>),
    /// `if big then 24 else 6`
    If(Box<If>),
    /// `filter.urls(pages) { block = [adult] }`
    Call(Box<Call>),
    /// `left |> stage(…) { … }`
    Pipe(Box<Pipe>),
    /// `a == b`, `a and b`, `width * 4`
    Binary(Box<Binary>),
    /// `not a`
    Not(Box<Expr>),
    /// `1..20`, both ends included; a missing end is an `Error`.
    Range(Box<(Expr, Expr)>),
    /// `table.wrong["honest", "unseen"]`, in what a program expects.
    Measure(Box<Measure>),
    /// Already reported.
    Error,
}

/// A number literal, undigested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Digits with sign, point and exponent, `_` removed: `-1.5e3`.
    pub digits: String,
    /// What stands right behind the digits: `k`, `M`, `GiB`, `h`, `%`; with its place.
    pub suffix: Option<Name>,
    /// A word after a space: `tokens`.
    pub unit: Option<Name>,
}

/// Fields in braces.
#[derive(Clone, Debug)]
pub struct Record {
    /// From `{` to `}`.
    pub span: Span,
    /// Fields in order.
    pub fields: Vec<Field>,
    /// Whether some field or the closing brace is broken, so that "missing setting" must not be said.
    pub broken: bool,
}

/// `name = value` in a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// The whole field.
    pub span: Span,
    /// As written before the `=` or `[`, never a path.
    pub name: Name,
    /// `None` where it is missing, which the parser has said.
    pub value: Option<Expr>,
}

/// `if condition then a else b`
#[derive(Clone, Debug)]
pub struct If {
    /// A `Bool` over params.
    pub condition: Expr,
    /// Where it holds.
    pub then: Expr,
    /// Where not.
    pub otherwise: Option<Expr>,
}

/// A stage or function applied.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub callee: Path,
    /// From `(` to `)`, where written.
    pub parentheses: Option<Span>,
    /// Arguments in order.
    pub args: Vec<Arg>,
    /// Settings, where braces follow.
    pub settings: Option<Record>,
    /// Whether the arguments are broken.
    pub broken: bool,
}

/// `tokens`, or `replay = tokens`
#[derive(Clone, Debug)]
pub struct Arg {
    /// The whole argument.
    pub span: Span,
    /// The input that it is for, where it is named.
    pub name: Option<Name>,
    /// An artifact, or a value of a function's parameter.
    pub value: Expr,
}

/// `left |> right`
#[derive(Clone, Debug)]
pub struct Pipe {
    /// Becomes the first argument.
    pub left: Expr,
    /// Where `|>` stands.
    pub operator: Span,
    /// A `Call`, a bare `Path`, or an `Error`.
    pub right: Expr,
}

/// `table.wrong["honest", "unseen"]`: a number of a report.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The report's binding and the measure; one name alone is a param.
    pub path: Path,
    /// What it is looked up by, in brackets.
    pub keys: Option<Vec<Expr>>,
}

/// Two operands.
#[derive(Clone, Debug)]
pub struct Binary {
    /// Which operation.
    pub operator: Operator,
    /// Where the operator stands.
    pub operator_span: Span,
    /// Left operand.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
}

/// Operators, weakest first: `or`, `and`, comparisons, `+ -`, `* / %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
