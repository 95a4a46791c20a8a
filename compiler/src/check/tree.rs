//! The checked program: what `check` hands to `lower`. Names are resolved, arguments and settings stand at their places,
//! and every value that depends on nothing but params is worked out.

use std::sync::Arc;

use crate::ast::{Name, Operator};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::SettingSpec;
use crate::value::Value;

/// A value that may still depend on a function's parameters or be a family.
#[derive(Clone, Debug)]
pub(crate) enum Const {
    /// Broken, and reported.
    Unknown,
    /// To be given by a profile or on the command line, which has not happened yet.
    Missing,
    /// Worked out.
    Value(Value),
    /// A value parameter of the function, by slot.
    Local(usize),
    List(Vec<Const>),
    /// All fields, in declared order.
    Record(Vec<(String, Const)>),
    Each(Arc<Each<Const>>),
    /// Condition, then, else.
    If(Box<(Const, Const, Const)>),
    Binary(Operator, Box<(Const, Const)>, Span),
    Not(Box<Const>),
}

impl Const {
    /// The value, where it is worked out.
    pub(crate) fn into_value(self) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// `each [..]`: the members and what they are called.
#[derive(Debug)]
pub(crate) struct Each<T> {
    pub(crate) span: Span,
    /// What varies: a setting, or the parameter that the family is given for.
    pub(crate) label: String,
    pub(crate) members: Vec<Member<T>>,
}

#[derive(Debug)]
pub(crate) struct Member<T> {
    /// The member as written.
    pub(crate) text: String,
    pub(crate) value: T,
}

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
    pub(crate) settings: Vec<Given>,
}

#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) node: Node,
    pub(crate) span: Span,
}

/// The value of a setting.
#[derive(Clone, Debug)]
pub(crate) struct Given {
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
    Value(Given),
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
