//! What names mean inside an expression.

use std::collections::BTreeMap;

use super::{Context, Reference, Type, errors};
use crate::ast;
use crate::resolve::{Found, Meaning, RESERVED, errors as name_errors, unknown_name};
use crate::source::Span;
use crate::types::SettingType;
use crate::value::Const;
use crate::value::names::{Lookup, Names};

/// Where an expression stands.
#[derive(Default)]
pub(super) struct Scope<'s> {
    /// The file, by position.
    pub(super) file: usize,
    /// The function around it.
    pub(super) def: Option<&'s str>,
    /// Parameters and bindings of that function.
    pub(super) locals: BTreeMap<&'s str, Local>,
    /// What a vocabulary made here is called: the binding's name.
    pub(super) name: &'s str,
    /// The binding of the top level around it.
    pub(super) binding: Option<usize>,
}

/// A name inside a function.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) slot: usize,
    pub(super) span: Span,
    pub(super) what: LocalKind,
}

#[derive(Clone, Debug)]
pub(super) enum LocalKind {
    Artifact(Option<Type>),
    Value(SettingType),
    /// A parameter whose type is broken.
    Unknown,
}

/// The names that values in a scope can use.
pub(super) struct ValueNames<'s> {
    pub(super) context: &'s Context<'s>,
    pub(super) scope: &'s Scope<'s>,
}

impl Names for ValueNames<'_> {
    fn lookup(&self, name: &ast::Name) -> Lookup {
        let Self { context, scope } = self;
        if let Some(local) = scope.locals.get(name.text.as_str()) {
            context.refer(name.span, local.span);
            return match &local.what {
                LocalKind::Value(SettingType::Unknown) => Lookup::Broken,
                LocalKind::Value(ty) => Lookup::Value(ty.clone(), Const::Local(local.slot)),
                LocalKind::Unknown => Lookup::Broken,
                LocalKind::Artifact(_) => {
                    Lookup::Error(Box::new(errors::artifact_as_value(&name.text, name.span, local.span)))
                }
            };
        }
        match context.program.find(scope.file, &name.text) {
            Found::Here(Meaning::Param(at), to) => {
                context.refer(name.span, to);
                match context.params.get(at).map(|param| (&param.spec.ty, &param.value)) {
                    Some((SettingType::Unknown, _)) | Some((_, None)) | None => Lookup::Broken,
                    Some((ty, Some(value))) => Lookup::Value(ty.clone(), Const::Value(value.clone())),
                }
            }
            // That the binding is a value has been said where it stands.
            Found::Here(Meaning::Binding(at), _) if context.is_value(at) => Lookup::Broken,
            Found::Here(Meaning::Binding(_), to) => {
                Lookup::Error(Box::new(errors::artifact_as_value(&name.text, name.span, to)))
            }
            Found::Here(Meaning::Def(_), _) => {
                Lookup::Error(Box::new(errors::def_as_value(&name.text, name.span)))
            }
            Found::Nowhere if context.program.may_miss(scope.file) => Lookup::Broken,
            Found::Elsewhere(..) | Found::Nowhere => {
                let params =
                    context.program.visible_names(scope.file, |what| matches!(what, Meaning::Param(_)));
                let known = params.chain(scope.value_names()).chain(RESERVED);
                Lookup::Unknown(Box::new(unknown_name(context.program, scope.file, name, known)))
            }
        }
    }

    fn text(&self, span: Span) -> String {
        short(self.context.sources.text(span))
    }

    fn refer(&self, at: Span, to: Span) {
        self.context.refer(at, to);
    }
}

/// One line, cut where it gets long.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
        if short.len() > LONGEST {
            return short.chars().take(LONGEST - 1).chain(['…']).collect();
        }
    }
    short
}

impl Scope<'_> {
    fn value_names(&self) -> impl Iterator<Item = &str> {
        let values = self.locals.iter().filter(|(_, local)| matches!(local.what, LocalKind::Value(_)));
        values.map(|(name, _)| *name)
    }

    pub(super) fn artifact_names(&self) -> impl Iterator<Item = &str> {
        let artifacts = self.locals.iter().filter(|(_, local)| matches!(local.what, LocalKind::Artifact(_)));
        artifacts.map(|(name, _)| *name)
    }
}

/// What a name means where an artifact is due.
pub(super) enum Artifacts {
    Binding(usize),
    Local(usize, Option<Type>),
    Value(Lookup, Span),
    Error(Box<crate::diagnostic::Diagnostic>),
}

impl Context<'_> {
    /// Whether the binding at position `at` is a value or has none, which is an error of its own.
    pub(super) fn is_value(&self, at: usize) -> bool {
        let value = self.program.bindings.get(at).and_then(|item| item.ast.value.as_ref());
        value.is_none_or(ast::Expr::is_value)
    }

    pub(super) fn refer(&self, at: Span, to: Span) {
        self.references.borrow_mut().push(Reference { at, to });
    }

    /// Looks `name` up where an artifact is due.
    pub(super) fn artifact(&self, name: &ast::Name, scope: &Scope<'_>) -> Artifacts {
        if let Some(local) = scope.locals.get(name.text.as_str()) {
            return match &local.what {
                LocalKind::Artifact(ty) => {
                    self.refer(name.span, local.span);
                    Artifacts::Local(local.slot, ty.clone())
                }
                LocalKind::Unknown => {
                    self.refer(name.span, local.span);
                    Artifacts::Local(local.slot, None)
                }
                LocalKind::Value(_) => {
                    Artifacts::Value(ValueNames { context: self, scope }.lookup(name), local.span)
                }
            };
        }
        let error = match self.program.find(scope.file, &name.text) {
            Found::Here(Meaning::Binding(at), to) => match scope.def {
                None => {
                    self.refer(name.span, to);
                    return Artifacts::Binding(at);
                }
                Some(def) => name_errors::outer_binding(&name.text, def, name.span, to),
            },
            Found::Here(Meaning::Param(_), to) => {
                return Artifacts::Value(ValueNames { context: self, scope }.lookup(name), to);
            }
            Found::Here(Meaning::Def(_), _) => errors::def_without_call(&name.text, name.span),
            Found::Elsewhere(..) | Found::Nowhere => {
                if RESERVED.contains(&name.text.as_str()) {
                    errors::value_as_artifact(&format!("`{}`", name.text), &[], name.span)
                } else if self.library.stage(&name.text).is_some() || self.stages.contains_key(&name.text) {
                    errors::stage_without_call(&name.text, name.span)
                } else {
                    let in_def = scope.def.is_some();
                    let wanted = |what| matches!(what, Meaning::Binding(_)) && !in_def;
                    let known = self.program.visible_names(scope.file, wanted).chain(scope.artifact_names());
                    unknown_name(self.program, scope.file, name, known)
                }
            }
        };
        Artifacts::Error(Box::new(error))
    }
}
