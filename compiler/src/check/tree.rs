//! The checked program: what `check` hands to `lower`. Names are resolved, arguments and settings stand at
//! their places, and every value that depends on nothing but params is worked out.

use std::sync::Arc;

use crate::ast::Name;
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Pattern, SettingSpec};
use crate::value::{Const, Each};

/// An expression that makes artifacts.
#[derive(Debug)]
pub(crate) enum Node {
    /// Broken, and reported.
    Unknown,
    /// A binding, by position.
    Binding(usize),
    /// A parameter or binding of the function, by slot.
    Local(usize),
    /// Files that a path or pattern names.
    Files(Const),
    List(Vec<Node>),
    Each(Box<Each<Node>>),
    /// Condition, then, else.
    If(Box<(Const, Node, Node)>),
    Call(Box<StageCall>),
    Apply(Box<DefCall>),
    /// Steps of a pipe: in each but the first, [`Node::Previous`] is the value of the step before.
    Pipe(Vec<Node>),
    Previous,
}

/// A stage applied.
#[derive(Debug)]
pub(crate) struct StageCall {
    pub(crate) signature: Arc<Signature>,
    pub(crate) span: Span,
    /// By position of the signature's inputs; `None` where an optional one is not given.
    pub(crate) inputs: Vec<Option<Input>>,
    /// By position of the signature's settings.
    pub(crate) settings: Vec<SettingValue>,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) node: Node,
    pub(crate) span: Span,
}

/// The value of a setting.
#[derive(Clone, Debug)]
pub(crate) struct SettingValue {
    pub(crate) value: Const,
    /// Where it is written; `None` for a default.
    pub(crate) span: Option<Span>,
}

/// A function applied.
#[derive(Debug)]
pub(crate) struct DefCall {
    /// The function, by position.
    pub(crate) def: usize,
    pub(crate) span: Span,
    /// By slot of the function's parameters.
    pub(crate) arguments: Vec<Argument>,
}

#[derive(Debug)]
pub(crate) enum Argument {
    Node(Node),
    Value(SettingValue),
}

impl Argument {
    /// The artifact, where it is one.
    pub(crate) fn node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            Self::Value(_) => None,
        }
    }
}

/// A function: its parameters fill the first slots, its bindings the rest.
#[derive(Debug)]
pub(crate) struct Def {
    pub(crate) name: String,
    /// For value parameters, what they must be.
    pub(crate) parameters: Vec<Option<SettingSpec>>,
    /// Bindings, each behind those it is made from.
    pub(crate) bindings: Vec<(Name, Node)>,
    pub(crate) body: Node,
}

/// A binding of the top level.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: Name,
    pub(crate) node: Node,
}

/// What is known of a function from its first line.
#[derive(Clone, Debug)]
pub struct Function {
    /// What it is called by; in another file than its own, no path stands before it.
    pub name: String,
    /// Markdown; its first paragraph is the summary.
    pub docs: String,
    /// Where its name is declared.
    pub span: Span,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// What it yields; `None` where that is broken.
    pub result: Option<Pattern>,
}

/// A parameter of a function: an artifact, a value, or neither where it is broken.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// By which an argument can be given: `least` of `clean(pages, least = 3)`.
    pub name: String,
    /// Where its name is declared.
    pub span: Span,
    /// What must go in, where it is an artifact.
    pub artifact: Option<Pattern>,
    /// What must go in, where it is a value.
    pub value: Option<SettingSpec>,
}

impl Function {
    /// `clean(pages: Pages, least: Int) -> Docs`
    #[must_use]
    pub fn display(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match (&parameter.artifact, &parameter.value) {
                (Some(pattern), _) => format!("{}: {pattern}", parameter.name),
                (None, Some(spec)) => format!("{}: {}", parameter.name, spec.ty),
                (None, None) => format!("{}: ?", parameter.name),
            })
            .collect();
        let result = self.result.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        format!("{}({}) -> {result}", self.name, parameters.join(", "))
    }
}
