//! Arguments at the places of parameters.

use std::sync::Arc;

use super::Piped;
use crate::artifact::ArtifactKind;
use crate::ast::{Arg, Call, Expr, ExprKind, Name};
use crate::check::nodes::{Place, is_value};
use crate::check::scope::Scope;
use crate::check::tree::Node;
use crate::check::{Checker, Type, errors};
use crate::compile::Function;
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::names::closest;
use crate::signature::Signature;
use crate::source::Span;
use crate::types::Pattern;

/// An argument at its place.
pub(super) enum Placed<'a> {
    Piped,
    Expr(&'a Expr),
}

impl Checker<'_> {
    /// Puts arguments at the places of parameters; also says whether what is missing is surely missing.
    pub(super) fn place<'e>(
        &mut self,
        callee: &str,
        roles: &[&str],
        declared: &dyn Declared,
        call: Option<&'e Call>,
        piped: &Piped,
    ) -> (Vec<Option<Placed<'e>>>, bool) {
        let mut placed: Vec<Option<Placed<'e>>> = roles.iter().map(|_| None).collect();
        let mut spans: Vec<Option<Span>> = vec![None; roles.len()];
        let in_braces = call.and_then(|call| call.settings.as_ref()).map_or(&[][..], |record| &record.fields);
        // An input in braces is at the wrong place, and not missing.
        let misplaced = in_braces.iter().any(|field| declared.input(&field.name.text));
        let mut complete = !misplaced && !call.is_some_and(|call| call.broken);
        let mut next = 0;
        if let Some((_, span)) = piped {
            match placed.first_mut() {
                Some(first) => {
                    *first = Some(Placed::Piped);
                    spans[0] = Some(*span);
                }
                None => {
                    self.report(errors::too_many(callee, roles.len(), &declared.text(), *span));
                    complete = false;
                }
            }
            next = 1;
        }
        let mut named = false;
        for Arg { name, value, .. } in call.map_or(&[][..], |call| &call.args) {
            let at = match name {
                Some(name) => {
                    named = true;
                    if let Some(span) = declared.declared(&name.text) {
                        self.context.refer(name.span, span);
                    }
                    match roles.iter().position(|role| *role == name.text) {
                        Some(at) => at,
                        None => {
                            self.report(match declared.setting(&name.text) {
                                true => {
                                    let error = errors::value_argument(callee, Some(&name.text), name.span);
                                    match call.and_then(|call| self.braced(call, name)) {
                                        Some(fix) => Diagnostic { fix: Some(fix), ..error },
                                        None => error,
                                    }
                                }
                                false => {
                                    let meant = closest(&name.text, roles.iter().copied());
                                    errors::unknown_argument(
                                        callee,
                                        &name.text,
                                        &declared.text(),
                                        name.span,
                                        meant,
                                    )
                                }
                            });
                            complete = false;
                            continue;
                        }
                    }
                }
                None if named => {
                    self.report(errors::positional_after_named(value.span));
                    complete = false;
                    continue;
                }
                None if next >= roles.len() => {
                    let value_like = matches!(
                        value.kind,
                        ExprKind::Number(_) | ExprKind::Record(_) | ExprKind::Binary(_) | ExprKind::Not(_)
                    );
                    self.report(match value_like {
                        true => errors::value_argument(callee, None, value.span),
                        false => errors::too_many(callee, roles.len(), &declared.text(), value.span),
                    });
                    complete = false;
                    continue;
                }
                None => {
                    next += 1;
                    next - 1
                }
            };
            let span = name.as_ref().map_or(value.span, |name| name.span);
            if let Some(first) = spans[at] {
                self.report(errors::argument_twice(callee, roles[at], span, first));
                continue;
            }
            spans[at] = Some(span);
            placed[at] = Some(Placed::Expr(value));
        }
        (placed, complete)
    }

    /// Moves arguments without names further on where one before them seems to be forgotten: `encode(vocab)` lacks the
    /// documents, not the vocabulary. `wanted` says what each place takes; nothing where that is not known.
    pub(super) fn shift<'e>(
        &mut self,
        placed: &mut Vec<Option<Placed<'e>>>,
        wanted: &[Wanted],
        call: Option<&'e Call>,
        scope: &Scope<'_>,
    ) {
        let args = call.map_or(&[][..], |call| &call.args);
        let args = &args[..args.iter().take_while(|arg| arg.name.is_none()).count()];
        let first = usize::from(matches!(placed.first(), Some(Some(Placed::Piped))));
        // All places but those that are given by name.
        let free: Vec<usize> =
            (first..wanted.len()).filter(|&at| at < first + args.len() || placed[at].is_none()).collect();
        if args.len() >= free.len() {
            return;
        }
        let found: Vec<Wanted> = args.iter().map(|arg| self.found(&arg.value, scope)).collect();
        if found.iter().zip(&free).all(|(found, &at)| found.fits(wanted[at])) {
            return;
        }
        let mut places = Vec::with_capacity(found.len());
        let mut left = free.iter().copied();
        for found in &found {
            let Some(at) = left.find(|&at| found.fits(wanted[at])) else { return };
            places.push(at);
        }
        for at in free {
            placed[at] = None;
        }
        for (at, arg) in places.into_iter().zip(args) {
            placed[at] = Some(Placed::Expr(&arg.value));
        }
    }

    /// What an argument is; it is looked at again where it goes in.
    fn found(&mut self, value: &Expr, scope: &Scope<'_>) -> Wanted {
        if is_value(value) || matches!(&value.kind, ExprKind::Each(members) if members.iter().all(is_value)) {
            return if matches!(value.kind, ExprKind::Text(_)) { Wanted::Text } else { Wanted::Value };
        }
        let before = self.diagnostics.len();
        let (_, ty) = self.node(value, scope, Place { due: None, label: "", head: false });
        self.diagnostics.forget(before);
        match ty {
            Some(Type::One(artifact)) => Wanted::Artifact(artifact.kind),
            Some(Type::List(items)) => {
                items.first().map_or(Wanted::Anything, |(artifact, _)| Wanted::Artifact(artifact.kind))
            }
            None => Wanted::Anything,
        }
    }

    /// Moves the argument called `name`, which is a setting, from the parentheses into the braces of `call`.
    fn braced(&self, call: &Call, name: &Name) -> Option<Fix> {
        let named = |arg: &Arg| arg.name.as_ref().is_some_and(|found| found.span == name.span);
        let at = call.args.iter().position(named)?;
        let (arg, end) = (call.args.get(at)?, call.parentheses?.end);
        let cut = match (at.checked_sub(1).and_then(|before| call.args.get(before)), call.args.get(at + 1)) {
            (Some(before), _) => Span { start: before.span.end, ..arg.span },
            (None, Some(after)) => Span { end: after.span.start, ..arg.span },
            (None, None) => arg.span,
        };
        let text = self.context.sources.text(arg.span);
        let (place, text) = match &call.settings {
            Some(record) if record.fields.is_empty() => return None,
            Some(record) => (record.span.start + 1, format!(" {text},")),
            None => (end, format!(" {{ {text} }}")),
        };
        let place = Span { start: place, end: place, ..arg.span };
        let edits = [(cut, String::new()), (place, text)].map(|(span, text)| Edit { span, text }).to_vec();
        Some(Fix { title: "move it into braces".to_owned(), edits })
    }

    pub(super) fn argument(
        &mut self,
        placed: Placed<'_>,
        pattern: Option<&Pattern>,
        role: &str,
        piped: &Piped,
        scope: &Scope<'_>,
    ) -> (Node, Option<Type>, Span) {
        match (placed, piped) {
            (Placed::Expr(value), _) => {
                let place = Place { due: pattern.map(|pattern| pattern.kind), label: role, head: false };
                let before = self.diagnostics.len();
                let (node, ty) = self.node(value, scope, place);
                if pattern.is_none() {
                    // A value may be due as well.
                    self.diagnostics.forget(before);
                }
                (node, ty, value.span)
            }
            (Placed::Piped, Some((ty, span))) => (Node::Previous, ty.clone(), *span),
            (Placed::Piped, None) => (Node::Unknown, None, Span::default()),
        }
    }
}

/// What can go in at a place, or stands there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Artifact(ArtifactKind),
    Value,
    /// A value that can name files, too.
    Text,
    Anything,
}

impl Wanted {
    fn fits(self, place: Self) -> bool {
        self == place
            || self == Self::Anything
            || place == Self::Anything
            || self == Self::Text && place == Self::Artifact(ArtifactKind::Files)
    }

    /// What goes in where `pattern` is due.
    pub(super) fn of(pattern: Option<&Pattern>) -> Self {
        pattern.map_or(Self::Anything, |pattern| Self::Artifact(pattern.kind))
    }
}

/// What messages about arguments need to know of a stage or function.
pub(super) trait Declared {
    /// The declaration in one line.
    fn text(&self) -> String;

    /// Whether it has a setting of this name.
    fn setting(&self, name: &str) -> bool;

    /// Whether an artifact of this name goes in.
    fn input(&self, name: &str) -> bool;

    /// Where what goes in under this name is declared.
    fn declared(&self, name: &str) -> Option<Span>;
}

impl Declared for Arc<Signature> {
    fn text(&self) -> String {
        self.display()
    }

    fn setting(&self, name: &str) -> bool {
        Signature::setting(self, name).is_some()
    }

    fn input(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.name == name)
    }

    fn declared(&self, name: &str) -> Option<Span> {
        self.inputs.iter().find(|input| input.name == name).map(|input| input.span)
    }
}

impl Declared for Function {
    fn text(&self) -> String {
        self.display()
    }

    fn setting(&self, _: &str) -> bool {
        false
    }

    fn input(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name && parameter.value.as_ref().is_none())
    }

    fn declared(&self, name: &str) -> Option<Span> {
        self.parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.span)
    }
}
