//! Stages and functions applied: arguments to parameters, fields to settings, types to types.

mod arguments;
mod declaration;
mod settings;
mod suggest;
pub(super) mod types;

use std::rc::Rc;
use std::sync::Arc;

use super::errors::{self, Role};
use super::nodes::{FILES, Part, Position, Typed};
use super::scope::Scope;
use super::tree::{Argument, DefCall, Input, Node, StageCall};
use super::{Checker, Context, Type};
use crate::artifact::ArtifactKind;
use crate::ast::{Arg, Call, ExprKind, Path, Record};
use crate::code;
use crate::diagnostic::{Diagnostic, Mark};
use crate::resolve::{Found, Meaning};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Artifact, Pattern};
use arguments::Placed;
use declaration::{Declaration, Slot};
use types::{Variables, identity};

const BROKEN: Typed = (Node::Unknown, None);

/// The value of the step before, in a pipe.
pub(super) struct Piped {
    /// `None` where it is broken.
    pub(super) ty: Option<Type>,
    pub(super) span: Span,
}

/// A call as it is written, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) callee: &'a Path,
    /// Arguments and settings; `None` for a bare name in a pipe.
    pub(super) call: Option<&'a Call>,
    /// What flows in, in a pipe.
    pub(super) piped: Option<&'a Piped>,
    /// All of it.
    pub(super) span: Span,
    pub(super) part: Part,
    pub(super) scope: &'a Scope<'a>,
}

impl<'a> Site<'a> {
    /// The arguments in parentheses.
    fn args(self) -> &'a [Arg] {
        self.call.map_or(&[], |call| &call.args)
    }

    /// The fields in braces.
    fn record(self) -> Option<&'a Record> {
        self.call?.settings.as_ref()
    }

    /// Where arguments are missed.
    fn parentheses(self) -> Span {
        self.call.and_then(|call| call.parentheses).unwrap_or(self.callee.span)
    }

    /// What a vocabulary that is made here is called.
    fn vocabulary<'n>(self, callee: &'n str) -> &'n str
    where
        'a: 'n,
    {
        let named = self.part == Part::Whole && !self.scope.name.is_empty();
        if named { self.scope.name } else { callee }
    }
}

/// What a name means where something is called.
enum Callee {
    /// The function at this position, and where it is declared.
    Function(usize, Span),
    Stage(Arc<Signature>),
    /// Nothing that can be called.
    Unknown,
}

impl Context<'_> {
    fn callee(&self, path: &Path, file: usize) -> Callee {
        if let [name] = path.names.as_slice()
            && let Found::Here(Meaning::Def(at), declared) = self.program.find(file, &name.text)
        {
            return Callee::Function(at, declared);
        }
        self.stage(&path.text(), file).map_or(Callee::Unknown, |stage| Callee::Stage(Arc::clone(stage)))
    }

    /// Whether the declaration of what is called could not be read as a whole.
    fn is_broken(&self, callee: &Callee) -> bool {
        match callee {
            Callee::Function(at, _) => {
                let def = self.program.defs.get(*at);
                def.is_some_and(|def| self.program.is_broken(def.file, def.ast.span))
            }
            Callee::Stage(signature) => self.broken_stages.contains(&signature.name),
            Callee::Unknown => false,
        }
    }
}

impl Checker<'_> {
    /// What is called: a function, a stage, or nothing that can be.
    pub(super) fn call(&mut self, site: Site<'_>) -> Typed {
        let callee = self.context.callee(site.callee, site.scope.file);
        match &callee {
            Callee::Function(_, declared) => self.context.refer(site.callee.span, *declared),
            Callee::Stage(signature) => self.context.refer(site.callee.span, signature.span),
            Callee::Unknown => {}
        }
        if self.context.is_broken(&callee) {
            return BROKEN;
        }
        match callee {
            Callee::Function(at, _) => self.apply(site, at),
            Callee::Stage(signature) => self.stage(site, signature),
            Callee::Unknown => {
                let error = self.unknown_callee(site.callee, site.scope);
                self.report(error);
                self.arguments_of_unknown(site);
                BROKEN
            }
        }
    }

    /// The kinds and the name of the first input of what is called.
    pub(super) fn first_input(&self, path: &Path, scope: &Scope<'_>) -> Option<(Vec<ArtifactKind>, String)> {
        let first = |declaration: Declaration<'_>| {
            let slots = declaration.slots();
            let slot = slots.first()?;
            Some((slot.artifact?.kinds(), slot.name.to_owned()))
        };
        match self.context.callee(path, scope.file) {
            Callee::Function(at, _) => first(Declaration::Function(&self.defs.get(at)?.function)),
            Callee::Stage(signature) => first(Declaration::Stage(&signature)),
            Callee::Unknown => None,
        }
    }

    /// Whether the first input of a stage can be of this kind, among others.
    pub(super) fn accepts(&self, callee: &Path, kind: ArtifactKind, scope: &Scope<'_>) -> bool {
        let first = self.context.stage(&callee.text(), scope.file).and_then(|stage| stage.inputs.first());
        first.and_then(|input| input.ty.as_ref()).is_some_and(|ty| ty.takes(kind))
    }

    /// The kind that what is called makes, where it makes one.
    pub(super) fn result(&self, path: &Path, scope: &Scope<'_>) -> Option<ArtifactKind> {
        match self.context.callee(path, scope.file) {
            Callee::Function(at, _) => Some(self.defs.get(at)?.function.result.as_ref()?.kind),
            Callee::Stage(signature) => Some(signature.output.as_ref()?.kind),
            Callee::Unknown => None,
        }
    }

    /// Arguments of something unknown are looked at for errors of their own.
    fn arguments_of_unknown(&mut self, site: Site<'_>) {
        let position = Position { due: FILES, ..Position::default() };
        for arg in site.args() {
            match arg.value.kind {
                ExprKind::Call(_) | ExprKind::Pipe(_) | ExprKind::List(_) => {
                    self.node(&arg.value, site.scope, position);
                }
                ExprKind::Path(_) => {
                    let before = self.diagnostics.mark();
                    self.node(&arg.value, site.scope, position);
                    // A value may be due.
                    if self.diagnostics.since(before).iter().any(|it| it.code == code::NOT_AN_ARTIFACT) {
                        self.diagnostics.back_to(before);
                    }
                }
                _ => {}
            }
        }
    }

    /// A stage applied: artifacts in parentheses, settings in braces.
    fn stage(&mut self, site: Site<'_>, signature: Arc<Signature>) -> Typed {
        let callee = Declaration::Stage(&signature);
        let slots = callee.slots();
        let (placed, complete) = self.arguments(site, callee, &slots);
        let mut variables = Variables::new();
        let mut inputs = Vec::with_capacity(slots.len());
        let mut model: Option<Option<Artifact>> = None;
        let (before, mut given) = (self.diagnostics.mark(), Vec::new());
        for (slot, placed) in slots.iter().zip(placed) {
            let Some(placed) = placed else {
                inputs.push(self.absent_input(site, callee, slot, complete));
                continue;
            };
            let (node, ty, span) = self.input(site, callee, slot, placed, &mut variables);
            let artifact = match ty {
                Some(Type::One(artifact)) => Some(artifact),
                _ => None,
            };
            if let (Some(pattern), Some(artifact)) = (slot.artifact, &artifact) {
                given.push((pattern, artifact.clone(), span));
            }
            if model.is_none() && slot.artifact.is_some_and(|due| due.kind == ArtifactKind::Model) {
                model = Some(artifact);
            }
            inputs.push(Some(Input { node, span }));
        }
        self.swapped_inputs(site, callee, &given, before);
        let settings = self.settings(site, &signature);
        let identity = identity(&signature, &inputs, &settings);
        let ty = self.output(site, &signature, &variables, model, identity).map(Type::One);
        let call = StageCall { signature, span: site.span, inputs, settings };
        (Node::Call(Box::new(call)), ty)
    }

    /// Two inputs that stand in each other's place are one mistake: it takes the place of what was said of
    /// each `since` then.
    fn swapped_inputs(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        given: &[(&Pattern, Artifact, Span)],
        since: Mark,
    ) {
        let [one, other] = self.diagnostics.since(since) else { return };
        let input = |error: &Diagnostic| {
            given.iter().find(|(_, _, span)| error.code == code::WRONG_KIND && error.span() == *span)
        };
        let (Some(one), Some(other)) = (input(one), input(other)) else { return };
        let piped = site.piped.is_some_and(|piped| [one.2, other.2].contains(&piped.span));
        let fits = |artifact: &Artifact, due: &Pattern| types::mismatch(artifact, due).is_none();
        if !piped && fits(&one.1, other.0) && fits(&other.1, one.0) {
            let place = |(_, artifact, span): &(&Pattern, Artifact, Span)| {
                (artifact.kind.name(), *span, self.context.sources.text(*span).to_owned())
            };
            let error = errors::swapped_inputs(callee.name(), place(one), place(other));
            self.diagnostics.back_to(since);
            self.report(error);
        }
    }

    /// An input of a stage that is not given; `complete` says whether what is missing is surely missing.
    fn absent_input(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        slot: &Slot<'_>,
        complete: bool,
    ) -> Option<Input> {
        if slot.is_optional() {
            return None;
        }
        if complete {
            self.missing(site, callee, slot);
        }
        Some(Input { node: Node::Unknown, span: site.span })
    }

    /// Says that nothing is given for a parameter.
    fn missing(&mut self, site: Site<'_>, callee: Declaration<'_>, slot: &Slot<'_>) {
        let due = match (slot.artifact, slot.value) {
            (Some(pattern), _) => pattern.to_string(),
            (None, Some(spec)) => spec.ty.to_string(),
            (None, None) => String::new(),
        };
        let kind = slot.artifact.map(|pattern| pattern.kind).filter(|kind| *kind != ArtifactKind::Files);
        // Who calls a function knows what it is for.
        let kind = kind.filter(|_| matches!(callee, Declaration::Stage(_)));
        let makers = kind.map_or_else(Vec::new, |kind| self.context.makers(kind, site.scope.file));
        let role = Role { callee: callee.name(), role: slot.name };
        let error = errors::missing_input(role, &due, &callee.text(), &makers, site.parentheses());
        self.report(error);
    }

    /// A function applied: artifacts and values in parentheses, values in braces too.
    fn apply(&mut self, site: Site<'_>, at: usize) -> Typed {
        let Some(heading) = self.defs.get(at).map(Rc::clone) else { return BROKEN };
        let callee = Declaration::Function(&heading.function);
        let slots = callee.slots();
        let (placed, complete) = self.arguments(site, callee, &slots);
        let elsewhere = self.overridden_of(site, callee.name());
        let mut fields = self.fields(site, callee, &elsewhere).into_iter();
        let broken =
            !complete || site.record().is_some_and(|record| record.broken) || callee.has_unknown(site);
        let mut variables = Variables::new();
        let mut arguments = Vec::with_capacity(slots.len());
        for (slot, placed) in slots.iter().zip(placed) {
            arguments.push(match (slot.value, placed) {
                (Some(spec), placed) => {
                    let field = fields.next().flatten();
                    let given = self.value_argument(site, callee, spec, placed, field);
                    let absent = |checker: &mut Self| {
                        let broken = broken || checker.has_default(at, &spec.name);
                        checker.absent_value(site, callee, slot, &elsewhere, broken)
                    };
                    Argument::Value(given.unwrap_or_else(|| absent(self)))
                }
                (None, Some(placed)) => {
                    Argument::Node(self.input(site, callee, slot, placed, &mut variables).0)
                }
                (None, None) => {
                    if complete && slot.artifact.is_some() {
                        self.missing(site, callee, slot);
                    }
                    Argument::Node(Node::Unknown)
                }
            });
        }
        let ty = self.yielded(site, &heading.function, &variables);
        let call = DefCall { def: at, span: site.span, arguments };
        (Node::Apply(Box::new(call)), ty)
    }

    /// An artifact that goes in, checked against what its parameter takes; with its type and place.
    fn input(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        slot: &Slot<'_>,
        placed: Placed<'_>,
        variables: &mut Variables,
    ) -> (Node, Option<Type>, Span) {
        let (node, ty, span) = self.argument(placed, slot, site);
        if let (Some(pattern), Some(ty)) = (slot.artifact, &ty) {
            let role = Role { callee: callee.name(), role: slot.name };
            self.admit(role, pattern, ty, span, variables, site.scope);
        }
        (node, ty, span)
    }
}
