//! Values as far as they are known before functions are written out and families expanded.

use std::sync::Arc;

use super::Value;
use crate::ast::Operator;
use crate::source::Span;

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
