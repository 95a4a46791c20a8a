//! Expressions that make artifacts.

use super::scope::{Artifacts, Scope};
use super::tree::{Const, Each, Member, Node};
use super::values::{Lookup, Values};
use super::{Checker, Type, errors};
use crate::artifact::ArtifactKind;
use crate::ast::{self, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::resolve::{Item, value_names};
use crate::source::Span;
use crate::types::{Artifact, SettingType};
use crate::units::{self, Dimension};
use crate::value::Value;

/// A node and its type; no type where it is broken.
pub(super) type Typed = (Node, Option<Type>);

const BROKEN: Typed = (Node::Unknown, None);

/// What is known of an expression's place.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The kind that is due, where one is.
    pub(super) due: Option<ArtifactKind>,
    /// What a family here is called.
    pub(super) label: &'a str,
    /// Whether its value is the binding's value, so that profiles can reach the stage's settings.
    pub(super) head: bool,
}

impl Checker<'_> {
    /// Checks the binding at position `at` of the top level.
    pub(super) fn binding(&mut self, at: usize, item: &Item<'_, ast::Binding>) -> Typed {
        let Some(value) = &item.ast.value else { return BROKEN };
        if item.cyclic {
            return BROKEN;
        }
        if let Some(ty) = self.value_type(value, item.file) {
            self.report(errors::value_binding(&item.name.text, ty.as_deref(), item.name.span));
            return BROKEN;
        }
        let scope = Scope { file: item.file, name: &item.name.text, binding: Some(at), ..Scope::default() };
        let (node, ty) = self.node(value, &scope, Place { due: None, label: "", head: true });
        if self.context.program.is_broken(item.file, item.ast.span) {
            return BROKEN;
        }
        self.note_type(item.name.span, ty.as_ref());
        (node, ty)
    }

    /// Whether a binding's value is a value, and of which type, where that is evident.
    fn value_type(&self, value: &Expr, file: usize) -> Option<Option<String>> {
        is_value(value).then(|| self.type_of_value(value, file))
    }

    fn type_of_value(&self, value: &Expr, file: usize) -> Option<String> {
        let param = |name: &ast::Name| {
            let scope = Scope { file, ..Scope::default() };
            match self.context.artifact(name, &scope) {
                Artifacts::Value(Lookup::Value(ty, _), _) => Some(ty),
                _ => None,
            }
        };
        match &value.kind {
            ExprKind::Number(number) => units::quantity(number).ok().map(|quantity| {
                let whole = quantity.value.as_whole().is_some();
                match quantity.dimension {
                    Dimension::Plain if whole => "Int".to_owned(),
                    Dimension::Plain => "Float".to_owned(),
                    Dimension::Ratio => "Ratio".to_owned(),
                    Dimension::Bytes => "Bytes".to_owned(),
                    Dimension::Time => "Duration".to_owned(),
                    Dimension::Count(unit) => format!("Count<{unit}>"),
                }
            }),
            ExprKind::Text(_) => Some("Text".to_owned()),
            ExprKind::Not(_) | ExprKind::Path(_) => Some("Bool".to_owned()),
            ExprKind::Binary(_) => value_names(value).into_iter().find_map(param).map(|ty| ty.to_string()),
            ExprKind::List(items) => Some(format!("[{}]", self.type_of_value(items.first()?, file)?)),
            ExprKind::If(choice) => self.type_of_value(&choice.then, file),
            _ => None,
        }
    }

    /// Checks an expression that makes artifacts.
    pub(super) fn node(&mut self, expr: &Expr, scope: &Scope<'_>, place: Place<'_>) -> Typed {
        let (node, ty) = match &expr.kind {
            ExprKind::Error => BROKEN,
            ExprKind::Path(path) => self.path(path, scope, place),
            ExprKind::Text(text) if place.due == Some(ArtifactKind::Files) => {
                if text.is_empty() {
                    self.report(errors::no_files(expr.span));
                    return BROKEN;
                }
                (
                    Node::Files(Const::Value(Value::Text(text.clone()))),
                    Some(Type::One(plain(ArtifactKind::Files))),
                )
            }
            ExprKind::Text(text) => {
                let reader = place.due.and_then(|due| self.context.reader(due, scope.file));
                if let (Some(due), Some(reader)) = (place.due, reader) {
                    self.report(errors::unread_files(due.name(), text, reader, expr.span));
                    return BROKEN;
                }
                self.value_here("text", place, expr.span)
            }
            ExprKind::Number(_) | ExprKind::Binary(_) => self.value_here("a number", place, expr.span),
            ExprKind::Not(_) => self.value_here("a truth value", place, expr.span),
            ExprKind::Record(_) => self.value_here("fields in braces", place, expr.span),
            ExprKind::List(items) => self.list(items, scope, place),
            ExprKind::Each(members) => self.each(expr, members, scope, place),
            ExprKind::If(choice) => self.choice(expr, choice, scope, place),
            ExprKind::Call(call) => self.call(&call.callee, Some(call), None, expr.span, scope, place.head),
            ExprKind::Pipe(_) => self.pipe(expr, scope, place),
        };
        self.note_type(expr.span, ty.as_ref());
        (node, ty)
    }

    fn value_here(&mut self, found: &str, place: Place<'_>, span: Span) -> Typed {
        self.report(errors::value_as_artifact(found, place.due.map(ArtifactKind::name), span));
        BROKEN
    }

    fn path(&mut self, path: &ast::Path, scope: &Scope<'_>, place: Place<'_>) -> Typed {
        let [name] = path.names.as_slice() else {
            let text = path.text();
            let error = match self.context.stage(&text, scope.file) {
                Some(_) => errors::stage_without_call(&text, path.span),
                None => self.unknown_callee(path, scope),
            };
            self.report(error);
            return BROKEN;
        };
        match self.context.artifact(name, scope) {
            Artifacts::Binding(at) => {
                let ty = self.bindings.get(at).cloned().flatten();
                (Node::Binding(at), ty)
            }
            Artifacts::Local(slot, ty) => (Node::Local(slot), ty),
            Artifacts::Value(Lookup::Value(ty, value), _)
                if place.due == Some(ArtifactKind::Files) && ty.fits(&SettingType::Path) =>
            {
                (Node::Files(value), Some(Type::One(plain(ArtifactKind::Files))))
            }
            Artifacts::Value(Lookup::Value(ty, _), defined) => {
                self.report(errors::param_as_artifact(&name.text, &ty, name.span, defined));
                BROKEN
            }
            Artifacts::Value(Lookup::Broken, _) => BROKEN,
            Artifacts::Value(Lookup::Unknown(error) | Lookup::Error(error), _) | Artifacts::Error(error) => {
                self.report(*error);
                BROKEN
            }
        }
    }

    fn list(&mut self, items: &[Expr], scope: &Scope<'_>, place: Place<'_>) -> Typed {
        let mut nodes = Vec::with_capacity(items.len());
        let mut types = Vec::with_capacity(items.len());
        let mut known = true;
        for item in items {
            let (node, ty) = self.node(item, scope, Place { head: false, ..place });
            nodes.push(node);
            match ty {
                Some(Type::One(artifact)) => types.push((artifact, item.span)),
                Some(Type::List(inner)) => types.extend(inner),
                None => known = false,
            }
        }
        (Node::List(nodes), known.then_some(Type::List(types)))
    }

    fn each(&mut self, expr: &Expr, items: &[Expr], scope: &Scope<'_>, place: Place<'_>) -> Typed {
        if items.is_empty() {
            self.report(errors::empty_each(expr.span));
            return BROKEN;
        }
        let mut types = Vec::with_capacity(items.len());
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let (value, ty) = self.node(item, scope, place);
            types.push(ty);
            members.push(Member { text: self.text(item.span), value });
        }
        let ty = self.join("members", types, expr.span, scope);
        (Node::Each(Box::new(Each { span: expr.span, label: place.label.to_owned(), members })), ty)
    }

    fn choice(&mut self, expr: &Expr, choice: &ast::If, scope: &Scope<'_>, place: Place<'_>) -> Typed {
        let condition = {
            let names = Self::names(self.context, scope);
            Values::new(&names, self.diagnostics).condition(&choice.condition)
        };
        let then = self.node(&choice.then, scope, place);
        let Some(otherwise) = &choice.otherwise else { return BROKEN };
        let otherwise = self.node(otherwise, scope, place);
        let ty = self.join("branches", vec![then.1.clone(), otherwise.1.clone()], expr.span, scope);
        match (condition, ty) {
            (Const::Unknown, _) | (_, None) => BROKEN,
            // What is known is as precise as the branch taken.
            (Const::Value(Value::Bool(true)), _) => then,
            (Const::Value(Value::Bool(false)), _) => otherwise,
            (condition, ty) => (Node::If(Box::new((condition, then.0, otherwise.0))), ty),
        }
    }

    /// The type of something that is one of several.
    fn join(&mut self, what: &str, types: Vec<Option<Type>>, span: Span, scope: &Scope<'_>) -> Option<Type> {
        let mut types = types.into_iter().collect::<Option<Vec<Type>>>()?.into_iter();
        let mut joined = types.next()?;
        for ty in types {
            let (left, right) = (self.display(&joined), self.display(&ty));
            joined = match (joined, ty) {
                (Type::One(left), Type::One(right)) if left.kind == right.kind => {
                    let vocabulary = match (left.vocabulary, right.vocabulary) {
                        (Some(left), Some(right)) if left != right => {
                            Some(self.vocabularies.fresh(scope.name))
                        }
                        (left, right) => left.and(right),
                    };
                    let abilities =
                        left.abilities.into_iter().filter(|ability| right.abilities.contains(ability));
                    Type::One(Artifact { kind: left.kind, abilities: abilities.collect(), vocabulary })
                }
                (Type::List(mut left), Type::List(right)) => {
                    left.extend(right);
                    Type::List(left)
                }
                _ => {
                    self.report(errors::alternatives(what, &left, &right, span));
                    return None;
                }
            };
        }
        Some(joined)
    }

    /// A pipe, from its first value on; as long as people like, so without recursion.
    fn pipe(&mut self, expr: &Expr, scope: &Scope<'_>, place: Place<'_>) -> Typed {
        let mut steps = Vec::new();
        let mut first = expr;
        while let ExprKind::Pipe(pipe) = &first.kind {
            steps.push((&pipe.right, first.span));
            first = &pipe.left;
        }
        steps.reverse();
        let due =
            steps.first().and_then(|(step, _)| callee(step)).and_then(|path| self.first_input(path, scope));
        let place_of_first = Place {
            // Whatever is unknown may take files.
            due: Some(due.as_ref().map_or(ArtifactKind::Files, |(kind, _)| *kind)),
            label: due.as_ref().map_or("", |it| &it.1),
            head: false,
        };
        let (node, mut ty) = self.node(first, scope, place_of_first);
        let mut nodes = vec![node];
        let mut previous = first.span;
        let last = steps.len() - 1;
        // The second of two steps that stand in the wrong order, and what the first makes.
        let mut second: Option<(usize, Option<Type>)> = None;
        // What flows into the step before.
        let mut before: Option<Type> = None;
        for (at, &(step, span)) in steps.iter().enumerate() {
            let found = ty.clone();
            let mut misplaced = second.as_ref().is_some_and(|&(second, _)| second == at);
            if !misplaced
                && let Some(neighbour) = self.swapped(ty.as_ref(), before.as_ref(), &steps, at, scope)
                && let Some(error) = self.swapped_steps(ty.as_ref(), previous, &steps, (at, neighbour), scope)
            {
                self.report(error);
                misplaced = true;
                second = Some(if neighbour > at { (neighbour, None) } else { (at, ty.clone()) });
            }
            let piped = Some((ty.filter(|_| !misplaced), previous));
            let head = place.head && at == last;
            let typed = match &step.kind {
                ExprKind::Path(path) => self.call(path, None, piped, step.span, scope, head),
                ExprKind::Call(call) => self.call(&call.callee, Some(call), piped, step.span, scope, head),
                _ => BROKEN,
            };
            nodes.push(typed.0);
            ty = typed.1;
            before = found;
            previous = span;
            self.note_type(step.span, ty.as_ref());
            match &mut second {
                Some((second, made)) if at == *second => ty = made.take(),
                Some((second, made)) if at + 1 == *second => *made = ty.clone(),
                _ => {}
            }
        }
        (Node::Pipe(nodes), ty)
    }

    /// The neighbour of the step `at` of a pipe that it should change places with: the step cannot take what flows into it,
    /// and both can where they stand the other way round. `before` is what flows into the step before.
    fn swapped(
        &self,
        ty: Option<&Type>,
        before: Option<&Type>,
        steps: &[(&Expr, Span)],
        at: usize,
        scope: &Scope<'_>,
    ) -> Option<usize> {
        let kind = |ty: Option<&Type>| match ty {
            Some(Type::One(artifact)) => Some(artifact.kind),
            _ => None,
        };
        let takes = |at: usize| Some(self.first_input(callee(steps.get(at)?.0)?, scope)?.0);
        let makes = |at: usize| self.result(callee(steps.get(at)?.0)?, scope);
        let (found, due) = (kind(ty)?, takes(at)?);
        if due == found {
            return None;
        }
        if takes(at + 1) == Some(found) && makes(at + 1) == Some(due) {
            return Some(at + 1);
        }
        let earlier = at.checked_sub(1)?;
        (kind(before) == Some(due) && makes(at).is_some() && makes(at) == takes(earlier)).then_some(earlier)
    }

    /// The error for a step and its neighbour in the wrong order.
    fn swapped_steps(
        &self,
        ty: Option<&Type>,
        span: Span,
        steps: &[(&Expr, Span)],
        (at, neighbour): (usize, usize),
        scope: &Scope<'_>,
    ) -> Option<Diagnostic> {
        let (step, other) = (steps.get(at)?.0, steps.get(neighbour)?.0);
        let own = callee(step)?;
        let (due, role) = self.first_input(own, scope)?;
        let text = |expr: &Expr| self.context.sources.text(expr.span).to_owned();
        let edits = [(step.span, text(other)), (other.span, text(step))];
        let role = errors::Place { callee: &own.text(), role: &role };
        // The later one goes first.
        let (first, second) = if neighbour > at { (other, step) } else { (step, other) };
        let names = (callee(first)?.text(), callee(second)?.text());
        Some(errors::swapped_steps(role, due, &self.display(ty?), (&names.0, &names.1), span, edits))
    }
}

/// Whether an expression at the top is evidently a value, which no binding can be.
pub(super) fn is_value(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Record(_)
        | ExprKind::Not(_)
        | ExprKind::Binary(_) => true,
        ExprKind::Path(path) => {
            matches!(path.names.as_slice(), [name] if matches!(name.text.as_str(), "true" | "false"))
        }
        ExprKind::List(items) => !items.is_empty() && items.iter().all(is_value),
        ExprKind::If(choice) => is_value(&choice.then),
        _ => false,
    }
}

fn callee(step: &Expr) -> Option<&ast::Path> {
    match &step.kind {
        ExprKind::Path(path) => Some(path),
        ExprKind::Call(call) => Some(&call.callee),
        _ => None,
    }
}

/// An artifact of a kind without abilities or vocabulary.
pub(super) fn plain(kind: ArtifactKind) -> Artifact {
    Artifact { kind, abilities: Vec::new(), vocabulary: None }
}
