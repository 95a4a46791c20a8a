//! Expressions that make artifacts.

use super::calls::{Piped, Site};
use super::scope::{Artifacts, Scope};
use super::tree::Node;
use super::{Checker, Type, errors};
use crate::artifact::ArtifactKind;
use crate::ast::{self, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::resolve::{Item, value_names};
use crate::source::Span;
use crate::types::{Artifact, SettingType};
use crate::units::{self, Dimension};
use crate::value::names::Lookup;
use crate::value::{Const, Each, Member, Value, Values};

/// A node and its type; no type where it is broken.
pub(super) type Typed = (Node, Option<Type>);

const BROKEN: Typed = (Node::Unknown, None);

/// What is due where only files can stand.
pub(super) const FILES: &[ArtifactKind] = &[ArtifactKind::Files];

/// How an expression contributes to the value of its binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// It is the value: a profile reaches its settings by the binding's name alone, and a vocabulary that it
    /// makes is called as the binding is.
    Whole,
    /// It goes into something else.
    #[default]
    Inner,
}

impl Part {
    pub(super) fn is_whole(self) -> bool {
        self == Self::Whole
    }

    /// The part of a step of a pipe that is this part.
    pub(super) fn of_step(self, is_last: bool) -> Self {
        if is_last { self } else { Self::Inner }
    }
}

/// What is known of an expression from where it stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Position<'a> {
    /// The kinds that can stand here; none where nothing is known.
    pub(super) due: &'a [ArtifactKind],
    /// What a family here is called.
    pub(super) label: &'a str,
    pub(super) part: Part,
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
        let (node, ty) = self.node(value, &scope, Position { part: Part::Whole, ..Position::default() });
        if self.context.program.is_broken(item.file, item.ast.span) {
            return BROKEN;
        }
        self.note_type(item.name.span, ty.as_ref());
        (node, ty)
    }

    /// Whether a binding's value is a value, and of which type, where that is evident.
    fn value_type(&self, value: &Expr, file: usize) -> Option<Option<String>> {
        value.is_value().then(|| self.type_of_value(value, file))
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
                    Dimension::Times(unit) => format!("Count<x {unit}>"),
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
    pub(super) fn node(&mut self, expr: &Expr, scope: &Scope<'_>, position: Position<'_>) -> Typed {
        let (node, ty) = match &expr.kind {
            ExprKind::Error => BROKEN,
            ExprKind::Path(path) => self.path(path, scope, position),
            ExprKind::Text(text) if position.due == FILES => {
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
                let mut readers = position.due.iter().filter_map(|due| self.context.reader(*due, scope.file));
                if let Some(reader) = readers.next() {
                    let error = errors::unread_files(position.due, text, reader, expr.span);
                    self.report(error);
                    return BROKEN;
                }
                self.value_here("text", position, expr.span)
            }
            ExprKind::Number(_) | ExprKind::Binary(_) => self.value_here("a number", position, expr.span),
            ExprKind::Range(_) => self.value_here("a range", position, expr.span),
            ExprKind::Measure(_) => BROKEN,
            ExprKind::Not(_) => self.value_here("a truth value", position, expr.span),
            ExprKind::Record(_) => self.value_here("fields in braces", position, expr.span),
            ExprKind::List(items) => self.list(items, scope, position),
            ExprKind::Each(members) => self.each(expr, members, scope, position),
            ExprKind::If(choice) => self.choice(expr, choice, scope, position),
            ExprKind::Call(call) => {
                let (callee, part) = (&call.callee, position.part);
                self.call(Site { callee, call: Some(call), piped: None, span: expr.span, part, scope })
            }
            ExprKind::Pipe(_) => self.pipe(expr, scope, position),
        };
        self.note_type(expr.span, ty.as_ref());
        (node, ty)
    }

    fn value_here(&mut self, found: &str, position: Position<'_>, span: Span) -> Typed {
        self.report(errors::value_as_artifact(found, position.due, span));
        BROKEN
    }

    fn path(&mut self, path: &ast::Path, scope: &Scope<'_>, position: Position<'_>) -> Typed {
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
            Artifacts::Value(Lookup::Value(ty, value), _) if position.due == FILES && names_files(&ty) => {
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

    fn list(&mut self, items: &[Expr], scope: &Scope<'_>, position: Position<'_>) -> Typed {
        let mut nodes = Vec::with_capacity(items.len());
        let mut types = Vec::with_capacity(items.len());
        let mut known = true;
        for item in items {
            let (node, ty) = self.node(item, scope, Position { part: Part::Inner, ..position });
            nodes.push(node);
            match ty {
                Some(Type::One(artifact)) => types.push((artifact, item.span)),
                Some(Type::List(inner)) => types.extend(inner),
                None => known = false,
            }
        }
        // Several sources are one input: files without order.
        let all_files = !items.is_empty() && nodes.iter().all(|node| matches!(node, Node::Files(_)));
        if position.due == FILES && known && all_files {
            let files = nodes.into_iter().filter_map(|node| match node {
                Node::Files(files) => Some(files),
                _ => None,
            });
            let files = crate::value::fold::list(files.collect());
            return (Node::Files(files), Some(Type::One(plain(ArtifactKind::Files))));
        }
        (Node::List(nodes), known.then_some(Type::List(types)))
    }

    fn each(&mut self, expr: &Expr, items: &[Expr], scope: &Scope<'_>, position: Position<'_>) -> Typed {
        if items.is_empty() {
            self.report(errors::empty_each(expr.span));
            return BROKEN;
        }
        let mut types = Vec::with_capacity(items.len());
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let (value, ty) = self.node(item, scope, position);
            types.push(ty);
            members.push(Member { text: self.text(item.span), value });
        }
        let ty = self.join("members", types, expr.span, scope);
        (Node::Each(Box::new(Each { span: expr.span, label: position.label.to_owned(), members })), ty)
    }

    fn choice(&mut self, expr: &Expr, choice: &ast::If, scope: &Scope<'_>, position: Position<'_>) -> Typed {
        let condition = {
            let names = Self::names(self.context, scope);
            Values::new(&names, self.diagnostics).condition(&choice.condition)
        };
        let then = self.node(&choice.then, scope, position);
        let Some(otherwise) = &choice.otherwise else { return BROKEN };
        let otherwise = self.node(otherwise, scope, position);
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
    fn pipe(&mut self, expr: &Expr, scope: &Scope<'_>, position: Position<'_>) -> Typed {
        let (first, steps) = steps(expr);
        let input = steps.first().and_then(|(step, _)| self.first_input(callee(step)?, scope));
        let position_of_first = Position {
            // Whatever is unknown may take files.
            due: input.as_ref().map_or(FILES, |(kinds, _)| kinds),
            label: input.as_ref().map_or("", |it| &it.1),
            part: Part::Inner,
        };
        let (node, ty) = self.node(first, scope, position_of_first);
        let mut nodes = vec![node];
        let mut flow = Piped { ty, span: first.span };
        let last = steps.len().saturating_sub(1);
        // The second of two steps that stand in the wrong order, and what the first makes.
        let mut second: Option<(usize, Option<Type>)> = None;
        // What flows into the step before.
        let mut before: Option<Type> = None;
        for (at, &(step, span)) in steps.iter().enumerate() {
            let found = flow.ty.clone();
            let mut misplaced = second.as_ref().is_some_and(|&(second, _)| second == at);
            if !misplaced
                && let Some(neighbour) = self.swapped(found.as_ref(), before.as_ref(), &steps, at, scope)
                && let Some(error) = self.swapped_steps(&flow, &steps, (at, neighbour), scope)
            {
                self.report(error);
                misplaced = true;
                second = Some(if neighbour > at { (neighbour, None) } else { (at, found.clone()) });
            }
            if misplaced {
                flow.ty = None;
            }
            let (node, mut ty) = self.step(step, &flow, position.part.of_step(at == last), scope);
            nodes.push(node);
            self.note_type(step.span, ty.as_ref());
            match &mut second {
                Some((second, made)) if at == *second => ty = made.take(),
                Some((second, made)) if at + 1 == *second => *made = ty.clone(),
                _ => {}
            }
            before = found;
            flow = Piped { ty, span };
        }
        (Node::Pipe(nodes), flow.ty)
    }

    /// A step of a pipe, with what flows in.
    fn step(&mut self, step: &Expr, flow: &Piped, part: Part, scope: &Scope<'_>) -> Typed {
        let site = |callee, call| Site { callee, call, piped: Some(flow), span: step.span, part, scope };
        match &step.kind {
            ExprKind::Path(path) => self.call(site(path, None)),
            ExprKind::Call(call) => self.call(site(&call.callee, Some(call))),
            _ => BROKEN,
        }
    }

    /// The neighbour of the step `at` of a pipe that it should change places with: the step cannot take what
    /// flows into it, and both can where they stand the other way round. `before` is what flows into the step
    /// before.
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
        let takes = |at: usize| self.first_input(callee(steps.get(at)?.0)?, scope)?.0.first().copied();
        let makes = |at: usize| self.result(callee(steps.get(at)?.0)?, scope);
        let (found, due) = (kind(ty)?, takes(at)?);
        let accepted =
            |step: &(&Expr, Span)| callee(step.0).is_some_and(|own| self.accepts(own, found, scope));
        if due == found || steps.get(at).is_some_and(accepted) {
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
        flow: &Piped,
        steps: &[(&Expr, Span)],
        (at, neighbour): (usize, usize),
        scope: &Scope<'_>,
    ) -> Option<Diagnostic> {
        let (step, other) = (steps.get(at)?.0, steps.get(neighbour)?.0);
        let own = callee(step)?;
        let (due, role) = self.first_input(own, scope)?;
        let text = |expr: &Expr| self.context.sources.text(expr.span).to_owned();
        let edits = [(step.span, text(other)), (other.span, text(step))];
        let role = errors::Role { callee: &own.text(), role: &role };
        // The later one goes first.
        let (first, second) = if neighbour > at { (other, step) } else { (step, other) };
        let names = (callee(first)?.text(), callee(second)?.text());
        let found = self.display(flow.ty.as_ref()?);
        Some(errors::swapped_steps(role, &due, &found, (&names.0, &names.1), flow.span, edits))
    }
}

/// The first value of a pipe, and its steps, each with the place of all up to it.
fn steps(expr: &Expr) -> (&Expr, Vec<(&Expr, Span)>) {
    let mut steps = Vec::new();
    let mut first = expr;
    while let ExprKind::Pipe(pipe) = &first.kind {
        steps.push((&pipe.right, first.span));
        first = &pipe.left;
    }
    steps.reverse();
    (first, steps)
}

/// The name of what a step calls.
fn callee(step: &Expr) -> Option<&ast::Path> {
    match &step.kind {
        ExprKind::Path(path) => Some(path),
        ExprKind::Call(call) => Some(&call.callee),
        _ => None,
    }
}

/// Whether values of this type name files: a path, or several.
fn names_files(ty: &SettingType) -> bool {
    match ty {
        SettingType::List(element) => element.fits(&SettingType::Path),
        ty => ty.fits(&SettingType::Path),
    }
}

/// An artifact of a kind without abilities or vocabulary.
pub(super) fn plain(kind: ArtifactKind) -> Artifact {
    Artifact { kind, abilities: Vec::new(), vocabulary: None }
}
