//! Stages and functions applied: arguments to parameters, fields to settings, types to types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::defs::Heading;
use super::errors::{self, Place as Role};
use super::nodes::{Place, Typed};
use super::scope::Scope;
use super::tree::{Argument, Const, DefCall, Given, Input, Node, StageCall};
use super::values::{Due, Values, below};
use super::{Checker, Context, Type};
use crate::ast::{Arg, Call, Expr, ExprKind, Path, Record};
use crate::diagnostic::Diagnostic;
use crate::names::closest;
use crate::resolve::{Found, Meaning, errors as name_errors};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Artifact, Kind, Pattern, SettingSpec, SettingType, Vocabulary};

/// The value of the step before, in a pipe: its type and place.
pub(super) type Piped = Option<(Option<Type>, Span)>;

/// Which vocabulary each variable of a signature stands for, and the argument that says so.
type Variables = BTreeMap<String, (Vocabulary, Span)>;

/// An argument at its place.
enum Placed<'a> {
    Piped,
    Expr(&'a Expr),
}

const BROKEN: Typed = (Node::Unknown, None);

impl Context<'_> {
    /// The stage called `name` in the file at position `file`.
    pub(super) fn stage(&self, name: &str, file: usize) -> Option<&Arc<Signature>> {
        match self.stages.get(name) {
            Some((signature, home)) => self.program.sees(file, *home).then_some(signature),
            None => self.library.shared(name),
        }
    }

    fn stage_names(&self, file: usize) -> impl Iterator<Item = &str> {
        let own = self.stages.iter().filter(move |(_, (_, home))| self.program.sees(file, *home));
        self.library.iter().map(|stage| stage.name.as_str()).chain(own.map(|(name, _)| name.as_str()))
    }

    /// The stages whose output is of this kind.
    fn makers(&self, kind: Kind, file: usize) -> Vec<&str> {
        const SHOWN: usize = 4;
        let names = self.stage_names(file);
        let makes = |name: &&str| {
            let output = self.stage(name, file).and_then(|stage| stage.output.as_ref());
            output.is_some_and(|output| output.kind == kind)
        };
        names.filter(makes).take(SHOWN).collect()
    }

    /// A stage that makes one kind from another.
    fn converter(&self, from: Kind, to: Kind, file: usize) -> Option<&str> {
        self.stage_names(file).find(|name| {
            self.stage(name, file).is_some_and(|stage| {
                let kind = |ty: &Option<Pattern>| ty.as_ref().map(|ty| ty.kind);
                let takes = stage.inputs.first().and_then(|input| kind(&input.ty));
                kind(&stage.output) == Some(to) && takes == Some(from)
            })
        })
    }

    /// A stage that takes a model and gives one with this ability.
    fn teacher(&self, ability: &str, file: usize) -> Option<&str> {
        self.stage_names(file).find(|name| {
            self.stage(name, file).is_some_and(|stage| {
                let model =
                    |ty: &Option<Pattern>| ty.as_ref().is_some_and(|ty| ty.kind == Kind::Model && !ty.list);
                let gives = stage
                    .output
                    .as_ref()
                    .is_some_and(|output| output.abilities.iter().any(|it| it == ability));
                model(&stage.output) && gives && stage.inputs.first().is_some_and(|input| model(&input.ty))
            })
        })
    }
}

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
            return self.apply(at, callee, call, piped, span, scope, head);
        }
        match self.context.stage(&callee.text(), scope.file).cloned() {
            Some(signature) => {
                self.context.refer(callee.span, signature.span);
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
    pub(super) fn first_input(&self, callee: &Path, scope: &Scope<'_>) -> Option<(Kind, String)> {
        if let [name] = callee.names.as_slice()
            && let Found::Here(Meaning::Def(at), _) = self.context.program.find(scope.file, &name.text)
        {
            let parameter = self.defs.get(at)?.parameters.first()?;
            return Some((parameter.artifact()?.kind, parameter.name.clone()));
        }
        let input = self.context.stage(&callee.text(), scope.file)?.inputs.first()?;
        Some((input.ty.as_ref()?.kind, input.name.clone()))
    }

    pub(super) fn unknown_callee(&self, callee: &Path, scope: &Scope<'_>) -> Diagnostic {
        let (context, text) = (self.context, callee.text());
        if let [name] = callee.names.as_slice() {
            if let Some(local) = scope.locals.get(name.text.as_str()) {
                return errors::not_callable(&text, "a name of this function", callee.span, local.span);
            }
            match context.program.find(scope.file, &name.text) {
                Found::Here(Meaning::Binding(_), to) => {
                    return errors::not_callable(&text, "a binding", callee.span, to);
                }
                Found::Here(Meaning::Param(_), to) => {
                    return errors::not_callable(&text, "a param", callee.span, to);
                }
                Found::Elsewhere(home, to) => {
                    return context.program.not_imported(scope.file, home, &text, callee.span, to);
                }
                Found::Here(Meaning::Def(_), _) | Found::Nowhere => {}
            }
        }
        if let Some((signature, home)) = context.stages.get(&text) {
            return context.program.not_imported(scope.file, *home, &text, callee.span, signature.span);
        }
        let defs = context.program.visible_names(scope.file, |what| matches!(what, Meaning::Def(_)));
        let known: Vec<&str> = context.stage_names(scope.file).chain(defs).collect();
        let last = callee.names.last().map_or("", |name| name.text.as_str());
        // A slip in the name, else the right name in another family: `language` for `filter.language`.
        let meant = closest(&text, known.iter().copied())
            .or_else(|| known.iter().copied().find(|name| name.rsplit('.').next() == Some(last)));
        name_errors::unknown_stage(&text, callee.span, meant, &kin(&text, &known))
    }

    /// Arguments of something unknown are looked at for errors of their own.
    fn arguments_of_unknown(&mut self, call: Option<&Call>, scope: &Scope<'_>) {
        for arg in call.map_or(&[][..], |call| &call.args) {
            if matches!(
                arg.value.kind,
                ExprKind::Call(_) | ExprKind::Pipe(_) | ExprKind::Path(_) | ExprKind::List(_)
            ) {
                self.node(&arg.value, scope, Place { due: Some(Kind::Files), label: "", head: false });
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
        let (placed, complete) = self.place(&name, &roles, &signature, call, &piped);
        let mut variables = Variables::new();
        let mut inputs = Vec::with_capacity(roles.len());
        let mut model: Option<Option<Artifact>> = None;
        for (input, placed) in signature.inputs.iter().zip(placed) {
            let Some(placed) = placed else {
                let optional = input.ty.as_ref().is_none_or(|ty| ty.optional);
                if !optional && complete {
                    let due = input.ty.as_ref().map_or_else(String::new, ToString::to_string);
                    let place = call.and_then(|call| call.parentheses).unwrap_or(callee.span);
                    self.report(errors::missing_input(&name, &input.name, &due, &signature.display(), place));
                }
                inputs.push(None);
                continue;
            };
            let (node, ty, place) = self.argument(placed, input.ty.as_ref(), &input.name, &piped, scope);
            if let (Some(pattern), Some(ty)) = (&input.ty, &ty) {
                let role = Role { callee: &name, role: &input.name };
                self.admit(role, pattern, ty, place, &mut variables, scope);
            }
            if model.is_none() && input.ty.as_ref().is_some_and(|ty| ty.kind == Kind::Model) {
                model = Some(match ty {
                    Some(Type::One(artifact)) => Some(artifact),
                    _ => None,
                });
            }
            inputs.push(Some(Input { node, span: place }));
        }
        let record = call.and_then(|call| call.settings.as_ref());
        let overridden = self.overridden_of(scope, head);
        let settings = self.settings(&signature, callee.span, record, &overridden, scope);
        let identity = identity(&signature, &inputs, &settings);
        let ty = self.output(&signature, &variables, model, identity, scope, head).map(Type::One);
        let call = StageCall { signature, span, inputs, settings };
        (Node::Call(Box::new(call)), ty)
    }

    fn overridden_of(&self, scope: &Scope<'_>, head: bool) -> Vec<Vec<String>> {
        let binding = scope.binding.filter(|_| head);
        binding.and_then(|at| self.overridden.get(at)).cloned().unwrap_or_default()
    }

    /// Puts arguments at the places of parameters; also says whether what is missing is surely missing.
    fn place<'e>(
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
                    match roles.iter().position(|role| *role == name.text) {
                        Some(at) => at,
                        None => {
                            self.report(match declared.setting(&name.text) {
                                true => errors::value_argument(callee, Some(&name.text), name.span),
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

    fn argument(
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
                let (node, ty) = self.node(value, scope, place);
                (node, ty, value.span)
            }
            (Placed::Piped, Some((ty, span))) => (Node::Previous, ty.clone(), *span),
            (Placed::Piped, None) => (Node::Unknown, None, Span::default()),
        }
    }

    /// Whether something of type `ty` can go in where `pattern` is due.
    fn admit(
        &mut self,
        role: Role<'_>,
        pattern: &Pattern,
        ty: &Type,
        span: Span,
        variables: &mut Variables,
        scope: &Scope<'_>,
    ) {
        let one;
        let items = match ty {
            Type::List(_) if !pattern.list => {
                self.report(errors::list_for_one(role, pattern, span));
                return;
            }
            Type::List(items) => items.as_slice(),
            Type::One(artifact) => {
                one = [(artifact.clone(), span)];
                &one
            }
        };
        for (artifact, span) in items {
            if artifact.kind != pattern.kind {
                let found = artifact.display(&self.vocabularies);
                let converter = self.context.converter(artifact.kind, pattern.kind, scope.file);
                let makers = self.context.makers(pattern.kind, scope.file);
                let error = errors::wrong_kind(role, pattern, &found, converter, &makers, *span);
                self.report(error);
                continue;
            }
            if let Some(lacking) =
                pattern.abilities.iter().find(|ability| !artifact.abilities.contains(ability))
            {
                let teacher = self.context.teacher(lacking, scope.file);
                let name = self.text(*span);
                let error = errors::lacks_ability(role, lacking, artifact, &name, teacher, *span);
                self.report(error);
            }
            if let (Some(variable), Some(vocabulary)) = (&pattern.vocabulary, artifact.vocabulary) {
                let &mut (first, place) = variables.entry(variable.clone()).or_insert((vocabulary, *span));
                if first != vocabulary {
                    let found = (self.vocabularies.name(vocabulary), *span);
                    let first = (self.vocabularies.name(first), place);
                    let error = errors::two_vocabularies(role.callee, found, first);
                    self.report(error);
                }
            }
        }
    }

    /// The type of a stage's output.
    fn output(
        &mut self,
        signature: &Signature,
        variables: &Variables,
        model: Option<Option<Artifact>>,
        identity: Option<String>,
        scope: &Scope<'_>,
        head: bool,
    ) -> Option<Artifact> {
        let pattern = signature.output.as_ref()?;
        let mut abilities = match (pattern.keeps, model) {
            (false, _) => Vec::new(),
            // The model that goes in is broken: nothing is known of the one that comes out.
            (true, None | Some(None)) => return None,
            (true, Some(Some(model))) => model.abilities,
        };
        for ability in &pattern.abilities {
            if !abilities.contains(ability) {
                abilities.push(ability.clone());
            }
        }
        let name = if head && !scope.name.is_empty() { scope.name } else { &signature.name };
        let inputs = signature.inputs.iter().map(|input| input.ty.as_ref());
        let known = identity.as_ref().and_then(|identity| self.known_vocabularies.get(identity)).copied();
        let vocabulary = known.or_else(|| self.vocabulary_of(pattern, inputs, variables, name));
        if let (Some(identity), Some(vocabulary)) = (identity, vocabulary) {
            self.known_vocabularies.insert(identity, vocabulary);
        }
        Some(Artifact { kind: pattern.kind, abilities, vocabulary })
    }

    fn vocabulary_of<'p>(
        &mut self,
        pattern: &Pattern,
        mut inputs: impl Iterator<Item = Option<&'p Pattern>>,
        variables: &Variables,
        name: &str,
    ) -> Option<Vocabulary> {
        let variable = pattern.vocabulary.as_ref()?;
        match variables.get(variable) {
            Some(&(vocabulary, _)) => Some(vocabulary),
            // It goes in, and is broken or left out.
            None if inputs
                .any(|input| input.is_none_or(|input| input.vocabulary.as_ref() == Some(variable))) =>
            {
                None
            }
            None => Some(self.vocabularies.fresh(name)),
        }
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
        let broken = record.is_some_and(|record| record.broken);
        let all = specs.iter().zip(&mut given).map(|(spec, given)| {
            given.take().unwrap_or_else(|| {
                let value = match &spec.default {
                    Some(default) => Const::Value(default.clone()),
                    None if broken
                        || spec.ty == SettingType::Unknown
                        || misspelt(&spec.name, &specs, record) =>
                    {
                        Const::Unknown
                    }
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
                        let meant = closest(&name.text, known.iter().copied());
                        errors::unknown_setting(&name.text, callee, &known, name.span, meant)
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
        let roles: Vec<&str> = heading.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let (placed, complete) = self.place(&heading.name, &roles, &heading, call, &piped);
        let specs: Vec<&SettingSpec> = heading.parameters.iter().filter_map(|it| it.value()).collect();
        let record = call.and_then(|call| call.settings.as_ref());
        let inputs: BTreeSet<&str> =
            heading.parameters.iter().filter(|it| it.value().is_none()).map(|it| it.name.as_str()).collect();
        let overridden = self.overridden_of(scope, head);
        let mut fields = self.fields(&heading.name, &specs, &inputs, record, &overridden, scope).into_iter();
        let broken = !complete || record.is_some_and(|record| record.broken);
        let place = call.and_then(|call| call.parentheses).unwrap_or(callee.span);
        let mut variables = Variables::new();
        let mut arguments = Vec::with_capacity(roles.len());
        for (parameter, placed) in heading.parameters.iter().zip(placed) {
            let role = Role { callee: &heading.name, role: &parameter.name };
            let Some(spec) = parameter.value() else {
                let pattern = parameter.artifact();
                let Some(placed) = placed else {
                    if complete && let Some(pattern) = pattern {
                        let due = pattern.to_string();
                        self.report(errors::missing_input(
                            role.callee,
                            role.role,
                            &due,
                            &heading.text(),
                            place,
                        ));
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
                    self.report(errors::argument_twice(&heading.name, &parameter.name, second, value.span));
                    field
                }
                (None, Some(field)) => field,
                (None, None) => {
                    let value = match &spec.default {
                        Some(default) => Const::Value(default.clone()),
                        None if broken || spec.ty == SettingType::Unknown => Const::Unknown,
                        None if misspelt(&spec.name, &specs, record) => Const::Unknown,
                        None if overridden.iter().any(|path| path.first() == Some(&spec.name)) => {
                            Const::Missing
                        }
                        None => {
                            let due = spec.ty.to_string();
                            self.report(errors::missing_input(
                                role.callee,
                                role.role,
                                &due,
                                &heading.text(),
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
        let ty = heading.result.as_ref().map(|pattern| {
            let name = if head && !scope.name.is_empty() { scope.name } else { &heading.name };
            let inputs = heading.parameters.iter().filter_map(|it| it.artifact()).map(Some);
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

/// What tells the output of a stage without stages before it: two calls with the same give the same vocabulary.
fn identity(signature: &Signature, inputs: &[Option<Input>], settings: &[Given]) -> Option<String> {
    signature.output.as_ref()?.vocabulary.as_ref()?;
    let mut identity = signature.name.clone();
    for input in inputs.iter().flatten() {
        let Node::Files(Const::Value(files)) = &input.node else { return None };
        identity.push_str(&format!(" {files:?}"));
    }
    for given in settings {
        let Const::Value(value) = &given.value else { return None };
        identity.push_str(&format!(" {value:?}"));
    }
    Some(identity)
}

/// Whether a field that is no setting was meant to be `name`.
fn misspelt(name: &str, specs: &[&SettingSpec], record: Option<&Record>) -> bool {
    let fields = record.map_or(&[][..], |record| &record.fields);
    fields.iter().any(|field| {
        let known = specs.iter().map(|spec| spec.name.as_str());
        known.clone().all(|known| known != field.name.text) && closest(&field.name.text, known) == Some(name)
    })
}

/// The stages of the family that `name` speaks of, else all families.
fn kin<'n>(name: &str, known: &[&'n str]) -> Vec<&'n str> {
    const SHOWN: usize = 16;
    let family = |name: &'n str| name.split_once('.').map_or(name, |(family, _)| family);
    let wanted = name.split_once('.').map(|(family, _)| family);
    let same: Vec<&str> = known.iter().copied().filter(|known| Some(family(known)) == wanted).collect();
    let mut kin = if same.is_empty() { known.iter().copied().map(family).collect() } else { same };
    kin.dedup();
    kin.truncate(SHOWN);
    kin
}

/// What messages about arguments need to know of a stage or function.
trait Declared {
    /// The declaration in one line.
    fn text(&self) -> String;

    /// Whether it has a setting of this name.
    fn setting(&self, name: &str) -> bool;

    /// Whether an artifact of this name goes in.
    fn input(&self, name: &str) -> bool;
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
}

impl Declared for Heading {
    fn text(&self) -> String {
        self.display()
    }

    fn setting(&self, _: &str) -> bool {
        false
    }

    fn input(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name && parameter.value().is_none())
    }
}
