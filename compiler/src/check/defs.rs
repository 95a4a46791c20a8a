//! Functions: their headings, and their bodies on their own, whether they are called or not.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::calls::types::{Mismatch, Variables, elements, mismatch};
use super::nodes::Position;
use super::scope::{Local, LocalKind, Scope};
use super::tree::{Def, Function, Node, Parameter};
use super::{Checker, Type, errors};
use crate::artifact::ArtifactKind;
use crate::ast;
use crate::diagnostic::Diagnostics;
use crate::resolve::{Found, Item, Meaning, errors as name_errors, sort_locals};
use crate::signature::errors::{TypePlace, wrong_type_here};
use crate::signature::{self, Declared, ReadType, type_of};
use crate::source::Span;
use crate::types::{Artifact, Pattern, SettingType};

/// What callers need to know of a function.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) function: Function,
    /// Where the result type stands.
    result_span: Span,
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
            parameters.push(self.parameter(parameter, name, item));
        }
        let result_span = item.ast.result.as_ref().map_or(item.name.span, |ty| ty.span);
        let result = item.ast.result.as_ref().and_then(|ty| match type_of(ty, self.diagnostics)? {
            ReadType::Artifact(pattern)
                if !pattern.keeps
                    && !pattern.optional
                    && pattern.others.is_empty()
                    && pattern.kind != ArtifactKind::Files =>
            {
                Some(pattern)
            }
            other => {
                self.report(errors::bad_result(&other.display(), ty.span));
                None
            }
        });
        let (name, docs) = (item.name.text.clone(), item.ast.docs.clone());
        let function = Function { name, docs, span: item.name.span, parameters, result };
        Heading { function, result_span }
    }

    fn parameter(
        &mut self,
        parameter: &ast::Parameter,
        name: &ast::Name,
        item: &Item<'_, ast::Def>,
    ) -> Parameter {
        let broken = Parameter { name: name.text.clone(), span: name.span, artifact: None, value: None };
        let Some(ty) = &parameter.ty else { return broken };
        if let Some(error) = signature::lone_word(Some(ty), parameter.default.as_ref()) {
            self.report(error);
            return broken;
        }
        match type_of(ty, &mut Diagnostics::default()) {
            Some(ReadType::Artifact(pattern))
                if pattern.optional || pattern.keeps || !pattern.others.is_empty() =>
            {
                self.report(wrong_type_here(&pattern.to_string(), TypePlace::Parameter, ty.span));
                broken
            }
            Some(ReadType::Artifact(pattern)) => {
                if let Some(default) = &parameter.default {
                    self.report(errors::artifact_default(&name.text, default.span));
                }
                Parameter { artifact: Some(pattern), ..broken }
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
                let value = signature::setting(&declared, &names, self.diagnostics);
                // One whose type is broken may as well be an artifact.
                let value = value.filter(|spec| spec.ty != SettingType::Unknown);
                Parameter { value, ..broken }
            }
        }
    }

    /// Checks the function at position `at` on its own.
    pub(super) fn def(&mut self, at: usize, item: &Item<'_, ast::Def>) -> Def {
        let heading = Rc::clone(&self.defs[at]);
        let function = &heading.function;
        let mut scope =
            Scope { file: item.file, def: Some(&item.name.text), name: &item.name.text, ..Scope::default() };
        let mut rigid = Variables::new();
        for (slot, parameter) in function.parameters.iter().enumerate() {
            self.shadowing(&parameter.name, parameter.span, item.file);
            let what = match (&parameter.artifact, &parameter.value) {
                (Some(pattern), _) => {
                    LocalKind::Artifact(Some(self.assumed(pattern, parameter.span, &mut rigid)))
                }
                (None, Some(spec)) => LocalKind::Value(spec.ty.clone()),
                (None, None) => LocalKind::Unknown,
            };
            scope.locals.insert(&parameter.name, Local { slot, span: parameter.span, what });
        }
        let parameters: Vec<&str> =
            function.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
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
                Some(value) if !local.cyclic => self.node(value, &inner, Position::default()),
                _ => (Node::Unknown, None),
            };
            self.note_type(name.span, ty.as_ref());
            let slot = function.parameters.len() + bindings.len();
            scope.locals.insert(&name.text, Local { slot, span: name.span, what: LocalKind::Artifact(ty) });
            bindings.push((name.clone(), node));
        }
        let body = match &item.ast.body {
            _ if item.cyclic => Node::Unknown,
            Some(body) => {
                let (node, ty) = self.node(body, &scope, Position::default());
                if let (Some(ty), Some(result)) = (&ty, &function.result) {
                    self.promised(&heading, result, ty, body.span, &rigid);
                }
                node
            }
            None => Node::Unknown,
        };
        let parameters = function.parameters.iter().map(|parameter| parameter.value.clone());
        Def { name: function.name.clone(), parameters: parameters.collect(), bindings, body }
    }

    /// A name inside a function must not be that of a param or function outside.
    fn shadowing(&mut self, name: &str, span: Span, file: usize) {
        if let Found::Here(Meaning::Param(_) | Meaning::Def(_), first) = self.context.program.find(file, name)
        {
            self.report(name_errors::shadows(name, span, first));
        }
    }

    /// The type that a parameter has inside: no more than it promises.
    fn assumed(&mut self, pattern: &Pattern, span: Span, rigid: &mut Variables) -> Type {
        let vocabulary = pattern.vocabulary.as_ref().map(|variable| {
            let fresh = || (self.vocabularies.fresh(variable), span);
            rigid.entry(variable.clone()).or_insert_with(fresh).0
        });
        let artifact = Artifact { kind: pattern.kind, abilities: pattern.abilities.clone(), vocabulary };
        if pattern.list { Type::List(vec![(artifact, span)]) } else { Type::One(artifact) }
    }

    /// Whether the body yields what the heading promises; the first thing that it does not is said.
    fn promised(&mut self, heading: &Heading, result: &Pattern, ty: &Type, span: Span, rigid: &Variables) {
        let name = &heading.function.name;
        let wrong_kind = |found: &str| {
            let (due, found) = (result.to_string(), format!("`{found}`"));
            errors::result_kind(name, &due, &found, span, heading.result_span)
        };
        let Some(items) = elements(ty, result, span) else {
            self.report(wrong_kind(&self.display(ty)));
            return;
        };
        for (artifact, _) in items.iter() {
            let due = result.vocabulary.as_ref().and_then(|variable| rigid.get(variable));
            let error = match (mismatch(artifact, result), due, artifact.vocabulary) {
                (Some(Mismatch::Kind), ..) => wrong_kind(&artifact.display(&self.vocabularies)),
                (Some(Mismatch::Ability(lacking)), ..) => {
                    errors::result_ability(name, lacking, artifact, span, heading.result_span)
                }
                (None, Some(&(due, _)), Some(found)) if due != found => {
                    let (found, due) = (self.vocabularies.name(found), self.vocabularies.name(due));
                    errors::result_vocabulary(name, found, due, span)
                }
                _ => continue,
            };
            self.report(error);
            return;
        }
    }
}
