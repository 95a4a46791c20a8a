//! What names mean in values.

use std::cell::RefCell;

use super::{Const, errors};
use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::source::{Reference, Span};
use crate::types::SettingType;

/// What a name means where a value is due.
pub(crate) enum Lookup {
    /// A param or value parameter.
    Value(SettingType, Const),
    /// Something that is known and broken: stay silent.
    Broken,
    /// Something that is no value: this is wrong with it.
    Error(Box<Diagnostic>),
    /// Nothing at all.
    Unknown(Box<Diagnostic>),
}

/// The names that values can use.
pub(crate) trait Names {
    fn lookup(&self, name: &ast::Name) -> Lookup;

    /// What a name with dots means; `None` where names have none.
    fn field(&self, path: &ast::Path) -> Option<Lookup> {
        let _ = path;
        None
    }

    /// Whether `a == none or …` goes on with an `a` that is there, as rules of signatures do.
    fn narrows(&self) -> bool {
        false
    }

    /// Whether params can stand here.
    fn has_params(&self) -> bool {
        true
    }

    /// The text below a span, for the names of a family's members.
    fn text(&self, span: Span) -> String;

    /// Notes that the field named at `at` is declared at `to`.
    fn refer(&self, at: Span, to: Span);
}

/// No names at all.
pub(crate) enum NoNames<'a> {
    /// In a signature.
    Signature,
    /// In what a profile says of the place of a run.
    Place,
    /// In a change of a param.
    Change(&'a RefCell<Vec<Reference>>),
}

impl Names for NoNames<'_> {
    fn has_params(&self) -> bool {
        false
    }

    fn lookup(&self, name: &ast::Name) -> Lookup {
        let place = match self {
            Self::Signature => "defaults and ranges of a signature",
            Self::Place => "what a profile says with `runtime`",
            Self::Change(_) => "new values of params",
        };
        Lookup::Unknown(Box::new(errors::not_constant(&name.text, place, name.span)))
    }

    fn text(&self, _: Span) -> String {
        String::new()
    }

    fn refer(&self, at: Span, to: Span) {
        if let Self::Change(references) = self {
            references.borrow_mut().push(Reference { at, to });
        }
    }
}
