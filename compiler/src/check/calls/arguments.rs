//! Arguments at the places of parameters.

use super::declaration::{Declaration, Slot, Wanted};
use super::{Piped, Site};
use crate::ast::{Arg, Call, Expr, ExprKind, Name};
use crate::check::nodes::Position;
use crate::check::scope::Scope;
use crate::check::tree::Node;
use crate::check::{Checker, Type, errors};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::names::closest;
use crate::source::Span;
use crate::types::Pattern;

/// An argument at its place.
pub(super) enum Placed<'a> {
    Piped,
    Expr(&'a Expr),
}

/// The places of parameters while arguments are put there.
struct Places<'a> {
    placed: Vec<Option<Placed<'a>>>,
    /// What stands at each place: the name of an argument, or else the argument.
    spans: Vec<Option<Span>>,
    /// Where the next argument without a name goes.
    next: usize,
    /// Whether an argument had a name.
    named: bool,
    /// Whether what is missing is surely missing: an argument that found no place may have been meant for it.
    complete: bool,
}

impl<'a> Places<'a> {
    fn new(count: usize, complete: bool) -> Self {
        let placed = (0..count).map(|_| None).collect();
        Self { placed, spans: vec![None; count], next: 0, named: false, complete }
    }

    /// Puts an argument at a place; gives the one that stands there already.
    fn put(&mut self, at: usize, argument: Placed<'a>, span: Span) -> Option<Span> {
        match self.spans.get_mut(at) {
            Some(&mut Some(first)) => return Some(first),
            Some(place) => *place = Some(span),
            None => {}
        }
        if let Some(place) = self.placed.get_mut(at) {
            *place = Some(argument);
        }
        None
    }
}

/// The error for names that stand one by one where the first input left to fill is a list and there are more
/// of them than inputs. What is not a name may be meant otherwise.
fn loose_elements(
    site: Site<'_>,
    callee: Declaration<'_>,
    slots: &[Slot<'_>],
    filled: usize,
) -> Option<Diagnostic> {
    let args: Vec<&Arg> = site.args().iter().collect();
    let open = slots.get(filled..)?;
    let first = open.first().filter(|slot| slot.artifact.is_some_and(|pattern| pattern.list))?;
    let lists = open.iter().filter(|slot| slot.artifact.is_some_and(|pattern| pattern.list)).count();
    let due = open.iter().filter(|slot| !slot.is_optional()).count();
    let names: Vec<(String, Span)> = args
        .iter()
        .map_while(|arg| match (&arg.name, &arg.value.kind) {
            (None, ExprKind::Path(path)) => Some((path.text(), arg.value.span)),
            _ => None,
        })
        .collect();
    // What is due behind the list takes the last of them.
    let elements = (args.len() + 1).checked_sub(due)?;
    if lists != 1 || args.len() <= open.len() || names.len() < args.len() || elements < 2 {
        return None;
    }
    let (elements, _) = names.split_at_checked(elements)?;
    let (begin, end) = (elements.first()?.1, elements.last()?.1);
    let names: Vec<String> = elements.iter().map(|(name, _)| name.clone()).collect();
    Some(errors::loose_elements(callee.name(), first.name, &names, begin.to(end)))
}

impl Checker<'_> {
    /// Puts arguments at the places of parameters; also says whether what is missing is surely missing.
    pub(super) fn arguments<'a>(
        &mut self,
        site: Site<'a>,
        callee: Declaration<'_>,
        slots: &[Slot<'_>],
    ) -> (Vec<Option<Placed<'a>>>, bool) {
        let (mut placed, complete) = self.place(site, callee, slots);
        if complete {
            self.shift(site, slots, &mut placed);
        }
        (placed, complete)
    }

    fn place<'a>(
        &mut self,
        site: Site<'a>,
        callee: Declaration<'_>,
        slots: &[Slot<'_>],
    ) -> (Vec<Option<Placed<'a>>>, bool) {
        // An input in braces is at the wrong place, and not missing.
        let in_braces = site.record().map_or(&[][..], |record| &record.fields);
        let misplaced = in_braces.iter().any(|field| callee.has_input(&field.name.text));
        let broken = site.call.is_some_and(|call| call.broken);
        let mut places = Places::new(slots.len(), !misplaced && !broken);
        if let Some(Piped { span, .. }) = site.piped {
            if slots.is_empty() {
                self.report(errors::too_many(callee.name(), slots.len(), &callee.text(), *span));
                places.complete = false;
            }
            places.put(0, Placed::Piped, *span);
            places.next = 1;
        }
        if let Some(error) = loose_elements(site, callee, slots, places.next) {
            self.report(error);
            places.complete = false;
            return (places.placed, false);
        }
        for arg in site.args() {
            match self.place_of(arg, site, callee, slots, &mut places) {
                Ok(at) => {
                    let span = arg.name.as_ref().map_or(arg.value.span, |name| name.span);
                    if let Some(first) = places.put(at, Placed::Expr(&arg.value), span) {
                        let role = slots.get(at).map_or("", |slot| slot.name);
                        self.report(errors::argument_twice(callee.name(), role, span, first));
                    }
                }
                Err(error) => {
                    self.report(*error);
                    places.complete = false;
                }
            }
        }
        (places.placed, places.complete)
    }

    /// Which place an argument goes to.
    fn place_of(
        &self,
        Arg { name, value, .. }: &Arg,
        site: Site<'_>,
        callee: Declaration<'_>,
        slots: &[Slot<'_>],
        places: &mut Places<'_>,
    ) -> Result<usize, Box<Diagnostic>> {
        if let Some(name) = name {
            places.named = true;
            let at = slots.iter().position(|slot| slot.name == name.text);
            if let Some(slot) = at.and_then(|at| slots.get(at)) {
                self.context.refer(name.span, slot.span);
            }
            return at.ok_or_else(|| Box::new(self.no_such_place(name, site, callee, slots)));
        }
        if places.named {
            return Err(Box::new(errors::positional_after_named(value.span)));
        }
        if places.next < slots.len() {
            places.next += 1;
            return Ok(places.next - 1);
        }
        let is_value = matches!(
            value.kind,
            ExprKind::Number(_) | ExprKind::Record(_) | ExprKind::Binary(_) | ExprKind::Not(_)
        );
        Err(Box::new(match is_value {
            true => errors::value_argument(callee.name(), None, value.span),
            false => errors::too_many(callee.name(), slots.len(), &callee.text(), value.span),
        }))
    }

    /// The error for an argument whose name is that of no parameter.
    fn no_such_place(
        &self,
        name: &Name,
        site: Site<'_>,
        callee: Declaration<'_>,
        slots: &[Slot<'_>],
    ) -> Diagnostic {
        if callee.has_setting(&name.text) {
            let error = errors::value_argument(callee.name(), Some(&name.text), name.span);
            let fix = site.call.and_then(|call| self.braced(call, name));
            return Diagnostic { fix: fix.or(error.fix), ..error };
        }
        let meant = closest(&name.text, slots.iter().map(|slot| slot.name));
        errors::unknown_argument(callee.name(), &name.text, &callee.text(), name.span, meant)
    }

    /// Moves arguments without names further on where one before them seems to be forgotten: `encode(vocab)`
    /// lacks the documents, not the vocabulary.
    ///
    /// An argument's kind is known only once it is looked at, and how it is looked at depends on its place.
    /// So each is tried out, and all that this recorded is taken back.
    fn shift<'a>(&mut self, site: Site<'a>, slots: &[Slot<'_>], placed: &mut [Option<Placed<'a>>]) {
        let args = site.args();
        let args = &args[..args.iter().take_while(|arg| arg.name.is_none()).count()];
        let first = usize::from(matches!(placed.first(), Some(Some(Placed::Piped))));
        // All places but those that are given by name.
        let free: Vec<usize> =
            (first..slots.len()).filter(|&at| at < first + args.len() || placed[at].is_none()).collect();
        if args.len() >= free.len() {
            return;
        }
        let wanted: Vec<Wanted> = slots.iter().map(Slot::wanted).collect();
        let found: Vec<Wanted> = args.iter().map(|arg| self.found(&arg.value, site.scope)).collect();
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
        let is_value = |expr: &Expr| expr.is_value();
        if is_value(value) || matches!(&value.kind, ExprKind::Each(members) if members.iter().all(is_value)) {
            return if matches!(value.kind, ExprKind::Text(_)) { Wanted::Text } else { Wanted::Value };
        }
        let mark = self.mark();
        let (_, ty) = self.node(value, scope, Position::default());
        self.back_to(mark);
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

    /// The node of an argument, its type and its place.
    pub(super) fn argument(
        &mut self,
        placed: Placed<'_>,
        slot: &Slot<'_>,
        site: Site<'_>,
    ) -> (Node, Option<Type>, Span) {
        match (placed, site.piped) {
            (Placed::Expr(value), _) => {
                let due = slot.artifact.map(Pattern::kinds).unwrap_or_default();
                let before = self.diagnostics.mark();
                let position = Position { due: &due, label: slot.name, ..Position::default() };
                let (node, ty) = self.node(value, site.scope, position);
                if slot.artifact.is_none() {
                    // A value may be due as well.
                    self.diagnostics.back_to(before);
                }
                (node, ty, value.span)
            }
            (Placed::Piped, Some(Piped { ty, span })) => (Node::Previous, ty.clone(), *span),
            (Placed::Piped, None) => (Node::Unknown, None, Span::default()),
        }
    }
}
