//! Stages and functions applied: arguments to parameters, fields to settings, types to types.

mod arguments;
mod suggest;
mod types;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::errors::{self, Place as Role};
use super::nodes::{Place, Typed};
use super::scope::Scope;
use super::tree::{Argument, Const, DefCall, Given, Input, Node, StageCall};
use super::values::{Due, Values, below, has_unknown, missing};
use super::{Checker, Type};
use crate::artifact::ArtifactKind;
use crate::ast::{Call, ExprKind, Parameter, Path, Record};
use crate::code;
use crate::resolve::{Found, Meaning};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Artifact, SettingSpec, SettingType};
use arguments::{Declared, Placed, Wanted};
use types::{Variables, identity};

/// The value of the step before, in a pipe: its type and place.
pub(super) type Piped = Option<(Option<Type>, Span)>;

const BROKEN: Typed = (Node::Unknown, None);

impl Checker<'_> {
    /// What is called: a function, a stage, or nothing that can be.
    pub(super) fn call(
        &mut self,
        callee: &Path,
        call: Option<&Call>,
        piped: Piped,
        span: Span,
        scope: &Scope<'_>,
        head: bool,
    ) -> Typed {
        if let [name] = callee.names.as_slice()
            && let Found::Here(Meaning::Def(at), to) = self.context.program.find(scope.file, &name.text)
        {
            self.context.refer(name.span, to);
            let def = self.context.program.defs.get(at);
            if def.is_some_and(|def| self.context.program.is_broken(def.file, def.ast.span)) {
                return BROKEN;
            }
            return self.apply(at, callee, call, piped, span, scope, head);
        }
        match self.context.stage(&callee.text(), scope.file).cloned() {
            Some(signature) => {
                self.context.refer(callee.span, signature.span);
                if self.context.broken_stages.contains(&signature.name) {
                    return BROKEN;
                }
                self.stage(signature, callee, call, piped, span, scope, head)
            }
            None => {
                let error = self.unknown_callee(callee, scope);
                self.report(error);
                self.arguments_of_unknown(call, scope);
                BROKEN
            }
        }
    }

    /// The kind and name of the first input of what is called.
    pub(super) fn first_input(&self, callee: &Path, scope: &Scope<'_>) -> Option<(ArtifactKind, String)> {
        if let [name] = callee.names.as_slice()
            && let Found::Here(Meaning::Def(at), _) = self.context.program.find(scope.file, &name.text)
        {
            let parameter = self.defs.get(at)?.function.parameters.first()?;
            return Some((parameter.artifact.as_ref()?.kind, parameter.name.clone()));
        }
        let input = self.context.stage(&callee.text(), scope.file)?.inputs.first()?;
        Some((input.ty.as_ref()?.kind, input.name.clone()))
    }

    /// The kind that what is called makes, where it makes one.
    pub(super) fn result(&self, callee: &Path, scope: &Scope<'_>) -> Option<ArtifactKind> {
        if let [name] = callee.names.as_slice()
            && let Found::Here(Meaning::Def(at), _) = self.context.program.find(scope.file, &name.text)
        {
            return Some(self.defs.get(at)?.function.result.as_ref()?.kind);
        }
        Some(self.context.stage(&callee.text(), scope.file)?.output.as_ref()?.kind)
    }

    /// Arguments of something unknown are looked at for errors of their own.
    fn arguments_of_unknown(&mut self, call: Option<&Call>, scope: &Scope<'_>) {
        for arg in call.map_or(&[][..], |call| &call.args) {
            let before = self.diagnostics.len();
            if matches!(
                arg.value.kind,
                ExprKind::Call(_) | ExprKind::Pipe(_) | ExprKind::Path(_) | ExprKind::List(_)
            ) {
                self.node(
                    &arg.value,
                    scope,
                    Place { due: Some(ArtifactKind::Files), label: "", head: false },
                );
            }
            if matches!(arg.value.kind, ExprKind::Path(_))
                && self.diagnostics.get(before).is_some_and(|error| error.code == code::NOT_AN_ARTIFACT)
            {
                // A value may be due.
                self.diagnostics.forget(before);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a call as it is written, and where")]
    fn stage(
        &mut self,
        signature: Arc<Signature>,
        callee: &Path,
        call: Option<&Call>,
        piped: Piped,
        span: Span,
        scope: &Scope<'_>,
        head: bool,
    ) -> Typed {
        let name = signature.name.clone();
        let roles: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
        let (mut placed, complete) = self.place(&name, &roles, &signature, call, &piped);
        if complete {
            let wanted: Vec<Wanted> =
                signature.inputs.iter().map(|input| Wanted::of(input.ty.as_ref())).collect();
            self.shift(&mut placed, &wanted, call, scope);
        }
        let mut variables = Variables::new();
        let mut inputs = Vec::with_capacity(roles.len());
        let mut model: Option<Option<Artifact>> = None;
        for (input, placed) in signature.inputs.iter().zip(placed) {
            let Some(placed) = placed else {
                let optional = input.ty.as_ref().is_none_or(|ty| ty.optional);
                if !optional && complete {
                    let due = input.ty.as_ref().map_or_else(String::new, ToString::to_string);
                    let place = call.and_then(|call| call.parentheses).unwrap_or(callee.span);
                    let kind =
                        input.ty.as_ref().map(|ty| ty.kind).filter(|kind| *kind != ArtifactKind::Files);
                    let makers = kind.map_or_else(Vec::new, |kind| self.context.makers(kind, scope.file));
                    let role = Role { callee: &name, role: &input.name };
                    let error = errors::missing_input(role, &due, &signature.display(), &makers, place);
                    self.report(error);
                }
                let missing = Input { node: Node::Unknown, span };
                inputs.push((!optional).then_some(missing));
                continue;
            };
            let (node, ty, place) = self.argument(placed, input.ty.as_ref(), &input.name, &piped, scope);
            if let (Some(pattern), Some(ty)) = (&input.ty, &ty) {
                let role = Role { callee: &name, role: &input.name };
                self.admit(role, pattern, ty, place, &mut variables, scope);
            }
            if model.is_none() && input.ty.as_ref().is_some_and(|ty| ty.kind == ArtifactKind::Model) {
                model = Some(match ty {
                    Some(Type::One(artifact)) => Some(artifact),
                    _ => None,
                });
            }
            inputs.push(Some(Input { node, span: place }));
        }
        let record = call.and_then(|call| call.settings.as_ref());
        let mut overridden = self.overridden_of(scope, head, &name);
        // A setting in parentheses is at the wrong place, and not missing.
        let named = call.into_iter().flat_map(|call| &call.args).filter_map(|arg| arg.name.as_ref());
        overridden.extend(named.map(|name| vec![name.text.clone()]));
        let settings = self.settings(&signature, callee.span, record, &overridden, scope);
        let identity = identity(&signature, &inputs, &settings);
        let ty = self.output(&signature, &variables, model, identity, scope, head).map(Type::One);
        let call = StageCall { signature, span, inputs, settings };
        (Node::Call(Box::new(call)), ty)
    }

    /// The settings of a call of `name` that are set elsewhere: by name, or by the binding where its value is made (`head`).
    fn overridden_of(&self, scope: &Scope<'_>, head: bool, name: &str) -> Vec<Vec<String>> {
        let paths = scope.binding.and_then(|at| self.overridden.get(at)).map_or(&[][..], Vec::as_slice);
        let named = name.split('.').fold(paths.to_vec(), |paths, part| below(&paths, part));
        paths.iter().filter(|_| head).cloned().chain(named).collect()
    }

    /// The fields in braces behind a stage, by position of its settings.
    fn settings(
        &mut self,
        signature: &Signature,
        callee: Span,
        record: Option<&Record>,
        overridden: &[Vec<String>],
        scope: &Scope<'_>,
    ) -> Vec<Given> {
        let specs: Vec<&SettingSpec> = signature.settings.iter().collect();
        let inputs: BTreeSet<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
        let mut given = self.fields(&signature.name, &specs, &inputs, record, overridden, scope);
        let place = record.map_or(callee, |record| record.span);
        let broken = record.is_some_and(|record| record.broken) || has_unknown(record, &specs);
        let all = specs.iter().zip(&mut given).map(|(spec, given)| {
            given.take().unwrap_or_else(|| {
                let value = match &spec.default {
                    // What is not given may have been meant by what is wrong.
                    _ if broken => Const::Unknown,
                    Some(default) => Const::Value(default.clone()),
                    None if spec.ty == SettingType::Unknown => Const::Unknown,
                    None if overridden.iter().any(|path| path.first() == Some(&spec.name)) => Const::Missing,
                    None => {
                        let error = errors::missing_setting(&spec.name, &signature.name, &spec.ty, place);
                        self.diagnostics.push(error);
                        Const::Unknown
                    }
                };
                Given { value, span: None }
            })
        });
        all.collect()
    }

    /// Checks the fields of `record` against `specs`; `None` where one is not given.
    fn fields(
        &mut self,
        callee: &str,
        specs: &[&SettingSpec],
        inputs: &BTreeSet<&str>,
        record: Option<&Record>,
        overridden: &[Vec<String>],
        scope: &Scope<'_>,
    ) -> Vec<Option<Given>> {
        let mut given: Vec<Option<Given>> = vec![None; specs.len()];
        for field in record.map_or(&[][..], |record| &record.fields) {
            let name = &field.name;
            let Some(at) = specs.iter().position(|spec| spec.name == name.text) else {
                let error = match inputs.contains(name.text.as_str()) {
                    true => errors::input_in_braces(callee, &name.text, name.span),
                    false => {
                        let known: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
                        let specs = specs.iter().copied();
                        let missing =
                            record.map_or_else(Vec::new, |record| missing(specs, record, overridden));
                        errors::unknown_setting(&name.text, callee, &known, &missing, name.span)
                    }
                };
                self.report(error);
                continue;
            };
            let spec = specs[at];
            self.context.refer(name.span, spec.span);
            if given[at].is_some() {
                let first =
                    record.and_then(|record| record.fields.iter().find(|first| first.name.text == name.text));
                let first = first.map_or(name.span, |first| first.name.span);
                self.report(errors::setting_twice(&name.text, name.span, first));
                continue;
            }
            let value = match &field.value {
                Some(value) => {
                    let names = Self::names(self.context, scope);
                    let values = Values::new(&names, self.diagnostics).with_families();
                    values.with_overridden(below(overridden, &name.text)).check(value, &Due::of(spec))
                }
                None => Const::Unknown,
            };
            given[at] = Some(Given { value, span: Some(field.span) });
        }
        given
    }

    /// Whether a parameter of the function at position `at` has a default, be it broken.
    fn has_default(&self, at: usize, name: &str) -> bool {
        let parameters = self.context.program.defs.get(at).map_or(&[][..], |def| &def.ast.params);
        let named = |parameter: &&Parameter| parameter.name.as_ref().is_some_and(|own| own.text == name);
        parameters.iter().find(named).is_some_and(|parameter| parameter.default.is_some())
    }

    /// A function applied: artifacts and values in parentheses, values in braces too.
    #[expect(clippy::too_many_arguments, reason = "a call as it is written, and where")]
    fn apply(
        &mut self,
        at: usize,
        callee: &Path,
        call: Option<&Call>,
        piped: Piped,
        span: Span,
        scope: &Scope<'_>,
        head: bool,
    ) -> Typed {
        let heading = self.defs[at].clone();
        let roles: Vec<&str> =
            heading.function.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let (mut placed, complete) =
            self.place(&heading.function.name, &roles, &heading.function, call, &piped);
        if complete {
            let wanted = heading.function.parameters.iter().map(|parameter| match &parameter.value {
                Some(spec) if spec.ty.fits(&SettingType::Text) || spec.ty.is_path() => Wanted::Text,
                Some(_) => Wanted::Value,
                None => Wanted::of(parameter.artifact.as_ref()),
            });
            let wanted: Vec<Wanted> = wanted.collect();
            self.shift(&mut placed, &wanted, call, scope);
        }
        let specs: Vec<&SettingSpec> =
            heading.function.parameters.iter().filter_map(|it| it.value.as_ref()).collect();
        let record = call.and_then(|call| call.settings.as_ref());
        let inputs: BTreeSet<&str> = heading
            .function
            .parameters
            .iter()
            .filter(|it| it.value.as_ref().is_none())
            .map(|it| it.name.as_str())
            .collect();
        let overridden = self.overridden_of(scope, head, &heading.function.name);
        let mut fields =
            self.fields(&heading.function.name, &specs, &inputs, record, &overridden, scope).into_iter();
        let broken = !complete || record.is_some_and(|record| record.broken) || has_unknown(record, &specs);
        let place = call.and_then(|call| call.parentheses).unwrap_or(callee.span);
        let mut variables = Variables::new();
        let mut arguments = Vec::with_capacity(roles.len());
        for (parameter, placed) in heading.function.parameters.iter().zip(placed) {
            let role = Role { callee: &heading.function.name, role: &parameter.name };
            let Some(spec) = parameter.value.as_ref() else {
                let pattern = parameter.artifact.as_ref();
                let Some(placed) = placed else {
                    if complete && let Some(pattern) = pattern {
                        let due = pattern.to_string();
                        self.report(errors::missing_input(role, &due, &heading.function.text(), &[], place));
                    }
                    arguments.push(Argument::Node(Node::Unknown));
                    continue;
                };
                let (node, ty, place) = self.argument(placed, pattern, &parameter.name, &piped, scope);
                if let (Some(pattern), Some(ty)) = (pattern, &ty) {
                    self.admit(role, pattern, ty, place, &mut variables, scope);
                }
                arguments.push(Argument::Node(node));
                continue;
            };
            let field = fields.next().flatten();
            let given = match (placed, field) {
                (Some(Placed::Piped), _) => {
                    let span = piped.as_ref().map_or(span, |(_, span)| *span);
                    self.report(errors::stage_as_value(&parameter.name, span));
                    Given { value: Const::Unknown, span: None }
                }
                (Some(Placed::Expr(value)), None) => {
                    let names = Self::names(self.context, scope);
                    let checked =
                        Values::new(&names, self.diagnostics).with_families().check(value, &Due::of(spec));
                    Given { value: checked, span: Some(value.span) }
                }
                (Some(Placed::Expr(value)), Some(field)) => {
                    let second = field.span.unwrap_or(value.span);
                    self.report(errors::argument_twice(
                        &heading.function.name,
                        &parameter.name,
                        second,
                        value.span,
                    ));
                    field
                }
                (None, Some(field)) => field,
                (None, None) => {
                    let value = match &spec.default {
                        Some(default) => Const::Value(default.clone()),
                        None if broken || spec.ty == SettingType::Unknown => Const::Unknown,
                        None if self.has_default(at, &spec.name) => Const::Unknown,
                        None if overridden.iter().any(|path| path.first() == Some(&spec.name)) => {
                            Const::Missing
                        }
                        None => {
                            let due = spec.ty.to_string();
                            self.report(errors::missing_input(
                                role,
                                &due,
                                &heading.function.text(),
                                &[],
                                place,
                            ));
                            Const::Unknown
                        }
                    };
                    Given { value, span: None }
                }
            };
            arguments.push(Argument::Value(given));
        }
        let ty = heading.function.result.as_ref().map(|pattern| {
            let name = if head && !scope.name.is_empty() { scope.name } else { &heading.function.name };
            let inputs = heading.function.parameters.iter().filter_map(|it| it.artifact.as_ref()).map(Some);
            let vocabulary = self.vocabulary_of(pattern, inputs, &variables, name);
            let artifact = Artifact { kind: pattern.kind, abilities: pattern.abilities.clone(), vocabulary };
            match pattern.list {
                true => Type::List(vec![(artifact, span)]),
                false => Type::One(artifact),
            }
        });
        let call = DefCall { def: at, span, arguments };
        (Node::Apply(Box::new(call)), ty)
    }
}
