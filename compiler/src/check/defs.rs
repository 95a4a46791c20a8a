//! Functions: their headings, and their bodies on their own, whether they are called or not.

use std::collections::BTreeMap;

use super::nodes::Place;
use super::scope::{Local, LocalKind, Scope};
use super::tree::{Def, Node};
use super::{Checker, Type, errors};
use crate::ast;
use crate::diagnostic::Diagnostics;
use crate::resolve::{Found, Item, Meaning, errors as name_errors, sort_locals};
use crate::signature::{self, Declared, ReadType, type_of};
use crate::source::Span;
use crate::types::{Artifact, Kind, Pattern, SettingSpec, Vocabulary};

/// What callers need to know of a function.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
    /// `None` where it is broken.
    pub(super) result: Option<Pattern>,
    /// Where the result type stands.
    result_span: Span,
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    span: Span,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Artifact(Pattern),
    Value(SettingSpec),
    Broken,
}

impl Parameter {
    /// What must go in, where it is an artifact.
    pub(super) fn artifact(&self) -> Option<&Pattern> {
        match &self.what {
            What::Artifact(pattern) => Some(pattern),
            What::Value(_) | What::Broken => None,
        }
    }

    /// What must go in, where it is a value.
    pub(super) fn value(&self) -> Option<&SettingSpec> {
        match &self.what {
            What::Value(spec) => Some(spec),
            What::Artifact(_) | What::Broken => None,
        }
    }
}

impl Heading {
    /// `clean(pages: Pages, least: Int) -> Docs`
    pub(super) fn display(&self) -> String {
        let parameters: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match &parameter.what {
                What::Artifact(pattern) => format!("{}: {pattern}", parameter.name),
                What::Value(spec) => format!("{}: {}", parameter.name, spec.ty),
                What::Broken => format!("{}: ?", parameter.name),
            })
            .collect();
        let result = self.result.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
        format!("{}({}) -> {result}", self.name, parameters.join(", "))
    }
}

impl Checker<'_> {
    /// Reads the first line of a function.
    pub(super) fn heading(&mut self, item: &Item<'_, ast::Def>) -> Heading {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for parameter in &item.ast.params {
            let Some(name) = &parameter.name else { continue };
            if let Some(&first) = seen.get(name.text.as_str()) {
                self.report(name_errors::twice("the parameter", &name.text, name.span, first));
                continue;
            }
            seen.insert(&name.text, name.span);
            let what = self.parameter(parameter, name, item);
            parameters.push(Parameter { name: name.text.clone(), span: name.span, what });
        }
        let result_span = item.ast.result.as_ref().map_or(item.name.span, |ty| ty.span);
        let result = item.ast.result.as_ref().and_then(|ty| match type_of(ty, self.diagnostics)? {
            ReadType::Artifact(pattern)
                if !pattern.keeps && !pattern.optional && pattern.kind != Kind::Files =>
            {
                Some(pattern)
            }
            other => {
                self.report(errors::bad_result(&other.display(), ty.span));
                None
            }
        });
        Heading { name: item.name.text.clone(), parameters, result, result_span }
    }

    fn parameter(&mut self, parameter: &ast::Parameter, name: &ast::Name, item: &Item<'_, ast::Def>) -> What {
        let Some(ty) = &parameter.ty else { return What::Broken };
        match type_of(ty, &mut Diagnostics::default()) {
            Some(ReadType::Artifact(pattern)) if pattern.optional || pattern.keeps => {
                self.report(signature::errors::wrong_type_here(&pattern.to_string(), "a parameter", ty.span));
                What::Broken
            }
            Some(ReadType::Artifact(pattern)) => {
                if let Some(default) = &parameter.default {
                    self.report(errors::artifact_default(&name.text, default.span));
                }
                What::Artifact(pattern)
            }
            Some(ReadType::Value(_)) | None => {
                let declared = Declared {
                    name: Some(name),
                    docs: "",
                    ty: Some(ty),
                    default: parameter.default.as_ref(),
                    range: None,
                    runtime: false,
                };
                let scope = Scope { file: item.file, ..Scope::default() };
                let names = Self::names(self.context, &scope);
                signature::setting(&declared, &names, self.diagnostics).map_or(What::Broken, What::Value)
            }
        }
    }

    /// Checks the function at position `at` on its own.
    pub(super) fn def(&mut self, at: usize, item: &Item<'_, ast::Def>) -> Def {
        let heading = self.defs[at].clone();
        let mut scope =
            Scope { file: item.file, def: Some(&item.name.text), name: &item.name.text, ..Scope::default() };
        let mut rigid: BTreeMap<String, Vocabulary> = BTreeMap::new();
        for (slot, parameter) in heading.parameters.iter().enumerate() {
            self.shadowing(&parameter.name, parameter.span, item.file);
            let what = match &parameter.what {
                What::Artifact(pattern) => {
                    LocalKind::Artifact(Some(self.assumed(pattern, parameter.span, &mut rigid)))
                }
                What::Value(spec) => LocalKind::Value(spec.ty.clone()),
                What::Broken => LocalKind::Artifact(None),
            };
            scope.locals.insert(&parameter.name, Local { slot, span: parameter.span, what });
        }
        let parameters: Vec<&str> =
            heading.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let mut bindings = Vec::new();
        for local in sort_locals(&item.ast.bindings, &parameters, self.diagnostics) {
            let name = local.name;
            self.shadowing(&name.text, name.span, item.file);
            if let Some(first) = scope.locals.get(name.text.as_str()) {
                let first = first.span;
                self.report(name_errors::shadows(&name.text, name.span, first));
                continue;
            }
            let inner = Scope { name: &name.text, locals: scope.locals.clone(), ..scope };
            let (node, ty) = match &local.ast.value {
                Some(value) if !local.cyclic => {
                    self.node(value, &inner, Place { due: None, label: "", head: false })
                }
                _ => (Node::Unknown, None),
            };
            self.note_type(name.span, ty.as_ref());
            let slot = heading.parameters.len() + bindings.len();
            scope.locals.insert(&name.text, Local { slot, span: name.span, what: LocalKind::Artifact(ty) });
            bindings.push((name.clone(), node));
        }
        let body = match &item.ast.body {
            _ if item.cyclic => Node::Unknown,
            Some(body) => {
                let (node, ty) = self.node(body, &scope, Place { due: None, label: "", head: false });
                if let (Some(ty), Some(result)) = (&ty, &heading.result) {
                    self.promised(&heading, result, ty, body.span, &rigid);
                }
                node
            }
            None => Node::Unknown,
        };
        let parameters = heading.parameters.into_iter().map(|parameter| match parameter.what {
            What::Value(spec) => Some(spec),
            What::Artifact(_) | What::Broken => None,
        });
        Def { name: heading.name, parameters: parameters.collect(), bindings, body }
    }

    /// A name inside a function must not be that of a param or function outside.
    fn shadowing(&mut self, name: &str, span: Span, file: usize) {
        if let Found::Here(Meaning::Param(_) | Meaning::Def(_), first) = self.context.program.find(file, name)
        {
            self.report(name_errors::shadows(name, span, first));
        }
    }

    /// The type that a parameter has inside: no more than it promises.
    fn assumed(&mut self, pattern: &Pattern, span: Span, rigid: &mut BTreeMap<String, Vocabulary>) -> Type {
        let vocabulary = pattern.vocabulary.as_ref().map(|variable| match rigid.get(variable) {
            Some(&vocabulary) => vocabulary,
            None => {
                let vocabulary = self.vocabularies.fresh(variable);
                rigid.insert(variable.clone(), vocabulary);
                vocabulary
            }
        });
        let artifact = Artifact { kind: pattern.kind, abilities: pattern.abilities.clone(), vocabulary };
        if pattern.list { Type::List(vec![(artifact, span)]) } else { Type::One(artifact) }
    }

    /// Whether the body yields what the heading promises.
    fn promised(
        &mut self,
        heading: &Heading,
        result: &Pattern,
        ty: &Type,
        span: Span,
        rigid: &BTreeMap<String, Vocabulary>,
    ) {
        let one;
        let items = match (ty, result.list) {
            (Type::List(items), true) => items.as_slice(),
            (Type::One(artifact), _) => {
                one = [(artifact.clone(), span)];
                &one
            }
            (Type::List(_), false) => {
                let found = format!("`{}`", self.display(ty));
                let due = result.to_string();
                self.report(errors::result_kind(&heading.name, &due, &found, span, heading.result_span));
                return;
            }
        };
        for (artifact, _) in items {
            if artifact.kind != result.kind {
                let found = format!("`{}`", artifact.display(&self.vocabularies));
                let due = result.to_string();
                self.report(errors::result_kind(&heading.name, &due, &found, span, heading.result_span));
                return;
            }
            if let Some(lacking) =
                result.abilities.iter().find(|ability| !artifact.abilities.contains(ability))
            {
                self.report(errors::result_ability(
                    &heading.name,
                    lacking,
                    artifact,
                    span,
                    heading.result_span,
                ));
                return;
            }
            let due = result.vocabulary.as_ref().and_then(|variable| rigid.get(variable));
            if let (Some(&due), Some(found)) = (due, artifact.vocabulary)
                && due != found
            {
                let (found, due) = (self.vocabularies.name(found), self.vocabularies.name(due));
                let error = errors::result_vocabulary(&heading.name, found, due, span);
                self.report(error);
                return;
            }
        }
    }
}
