//! What may go in, and what comes out: kinds, abilities and vocabularies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Site;
use crate::check::errors::{self, Role};
use crate::check::scope::Scope;
use crate::check::tree::{Function, Input, Node, SettingValue};
use crate::check::{Checker, Type};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Artifact, Pattern, Vocabulary};
use crate::value::Const;

/// Which vocabulary each variable of a signature stands for, and the argument that says so.
pub(in crate::check) type Variables = BTreeMap<String, (Vocabulary, Span)>;

impl Checker<'_> {
    /// Whether something of type `ty` can go in where `pattern` is due.
    pub(super) fn admit(
        &mut self,
        role: Role<'_>,
        pattern: &Pattern,
        ty: &Type,
        span: Span,
        variables: &mut Variables,
        scope: &Scope<'_>,
    ) {
        let Some(items) = elements(ty, pattern, span) else {
            self.report(errors::list_for_one(role, pattern, span));
            return;
        };
        for (artifact, span) in items.iter() {
            match mismatch(artifact, pattern) {
                Some(Mismatch::Kind) => {
                    self.wrong_kind(role, pattern, artifact, *span, scope);
                    continue;
                }
                Some(Mismatch::Ability(lacking)) => {
                    let teacher = self.context.teacher(lacking, scope.file);
                    let name = self.text(*span);
                    let error = errors::lacks_ability(role, lacking, artifact, &name, teacher, *span);
                    self.report(error);
                }
                None => {}
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

    /// Says that an artifact is of another kind than is `due`, and how to make that of it.
    fn wrong_kind(
        &mut self,
        role: Role<'_>,
        due: &Pattern,
        artifact: &Artifact,
        span: Span,
        scope: &Scope<'_>,
    ) {
        let found = artifact.display(&self.vocabularies);
        let kinds = due.kinds();
        let converter =
            kinds.iter().find_map(|kind| self.context.converter(artifact.kind, *kind, scope.file));
        let makers = match due.others.is_empty() {
            true => self.context.makers(due.kind, scope.file),
            false => Vec::new(),
        };
        let error = errors::wrong_kind(role, &kinds, &found, converter, &makers, span);
        let text = self.context.sources.text(span);
        let chains = !text.starts_with("if ") && !text.contains("//");
        let converter = converter.filter(|name| chains && self.context.stands_alone(name, scope.file));
        self.report(match converter {
            Some(converter) => errors::piped_through(error, converter, span),
            None => error,
        });
    }

    /// The type of a stage's output.
    pub(super) fn output(
        &mut self,
        site: Site<'_>,
        signature: &Signature,
        variables: &Variables,
        model: Option<Option<Artifact>>,
        identity: Option<String>,
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
        let name = site.vocabulary(&signature.name);
        let inputs = signature.inputs.iter().map(|input| input.ty.as_ref());
        let known = identity.as_ref().and_then(|identity| self.known_vocabularies.get(identity)).copied();
        let vocabulary = known.or_else(|| self.vocabulary_of(pattern, inputs, variables, name));
        if let (Some(identity), Some(vocabulary)) = (identity, vocabulary) {
            self.known_vocabularies.insert(identity, vocabulary);
        }
        Some(Artifact { kind: pattern.kind, abilities, vocabulary })
    }

    /// The type of what a function yields.
    pub(super) fn yielded(
        &mut self,
        site: Site<'_>,
        function: &Function,
        variables: &Variables,
    ) -> Option<Type> {
        let pattern = function.result.as_ref()?;
        let inputs = function.parameters.iter().filter_map(|it| it.artifact.as_ref()).map(Some);
        let vocabulary = self.vocabulary_of(pattern, inputs, variables, site.vocabulary(&function.name));
        let artifact = Artifact { kind: pattern.kind, abilities: pattern.abilities.clone(), vocabulary };
        Some(match pattern.list {
            true => Type::List(vec![(artifact, site.span)]),
            false => Type::One(artifact),
        })
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
}

/// The artifacts of a type, each with its place; `None` for a list where one is due.
pub(in crate::check) fn elements<'t>(
    ty: &'t Type,
    due: &Pattern,
    span: Span,
) -> Option<Cow<'t, [(Artifact, Span)]>> {
    match ty {
        Type::List(_) if !due.list => None,
        Type::List(items) => Some(Cow::Borrowed(items)),
        Type::One(artifact) => Some(Cow::Owned(vec![(artifact.clone(), span)])),
    }
}

/// How an artifact differs from what is due, vocabularies aside.
pub(in crate::check) enum Mismatch<'p> {
    Kind,
    /// It lacks this.
    Ability(&'p str),
}

pub(in crate::check) fn mismatch<'p>(artifact: &Artifact, due: &'p Pattern) -> Option<Mismatch<'p>> {
    if !due.takes(artifact.kind) {
        return Some(Mismatch::Kind);
    }
    let lacking = due.abilities.iter().find(|ability| !artifact.abilities.contains(ability))?;
    Some(Mismatch::Ability(lacking))
}

/// What tells the output of a stage without stages before it: two calls with the same give the same
/// vocabulary.
pub(super) fn identity(
    signature: &Signature,
    inputs: &[Option<Input>],
    settings: &[SettingValue],
) -> Option<String> {
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
