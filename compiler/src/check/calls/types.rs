//! What may go in, and what comes out: kinds, abilities and vocabularies.

use std::collections::BTreeMap;

use crate::check::errors::{self, Place as Role};
use crate::check::scope::Scope;
use crate::check::tree::{Const, Given, Input, Node};
use crate::check::{Checker, Type};
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Artifact, Pattern, Vocabulary};

/// Which vocabulary each variable of a signature stands for, and the argument that says so.
pub(super) type Variables = BTreeMap<String, (Vocabulary, Span)>;

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
                let error = errors::wrong_kind(role, pattern.kind, &found, converter, &makers, *span);
                let text = self.context.sources.text(*span);
                let chains = !text.starts_with("if ") && !text.contains("//");
                let error =
                    match converter.filter(|name| chains && self.context.stands_alone(name, scope.file)) {
                        Some(converter) => errors::piped_through(error, converter, *span),
                        None => error,
                    };
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
    pub(super) fn output(
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

    pub(super) fn vocabulary_of<'p>(
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

/// What tells the output of a stage without stages before it: two calls with the same give the same vocabulary.
pub(super) fn identity(
    signature: &Signature,
    inputs: &[Option<Input>],
    settings: &[Given],
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
