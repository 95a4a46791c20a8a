//! What was probably meant, and which stages would help.

use std::sync::Arc;

use crate::artifact::ArtifactKind;
use crate::ast::Path;
use crate::check::scope::Scope;
use crate::check::{Checker, Context, errors};
use crate::diagnostic::Diagnostic;
use crate::names::closest;
use crate::resolve::{Found, Meaning, errors as name_errors};
use crate::signature::{InputSpec, Signature};
use crate::types::Pattern;

impl Context<'_> {
    /// The stage called `name` in the file at position `file`.
    pub(in crate::check) fn stage(&self, name: &str, file: usize) -> Option<&Arc<Signature>> {
        match self.stages.get(name) {
            Some((signature, home)) => self.program.sees(file, *home).then_some(signature),
            None => self.library.shared(name),
        }
    }

    fn stage_names(&self, file: usize) -> impl Iterator<Item = &str> {
        let own = self.stages.iter().filter(move |(_, (_, home))| self.program.sees(file, *home));
        self.library.names().chain(own.map(|(name, _)| name.as_str()))
    }

    /// The stages whose output is of this kind.
    pub(super) fn makers(&self, kind: ArtifactKind, file: usize) -> Vec<&str> {
        const SHOWN: usize = 4;
        let names = self.stage_names(file);
        let makes = |name: &&str| {
            let output = self.stage(name, file).and_then(|stage| stage.output.as_ref());
            output.is_some_and(|output| output.kind == kind)
        };
        names.filter(makes).take(SHOWN).collect()
    }

    /// The stage that makes this kind of files and of nothing else, where there is just one.
    pub(in crate::check) fn reader(&self, to: ArtifactKind, file: usize) -> Option<&str> {
        let reads = |stage: &Signature| {
            let made = stage.output.as_ref().is_some_and(|output| output.kind == to);
            let files =
                |input: &InputSpec| input.ty.as_ref().is_some_and(|ty| ty.kind == ArtifactKind::Files);
            made && matches!(stage.inputs.as_slice(), [input] if files(input)) && stage.command.is_none()
        };
        let mut readers =
            self.stage_names(file).filter(|name| self.stage(name, file).is_some_and(|it| reads(it)));
        readers.next().filter(|_| readers.next().is_none())
    }

    /// Whether a stage can stand in a pipe by its name alone.
    pub(super) fn stands_alone(&self, name: &str, file: usize) -> bool {
        self.stage(name, file).is_some_and(|stage| {
            let given = |input: &InputSpec| input.ty.as_ref().is_some_and(|ty| ty.optional);
            stage.inputs.iter().skip(1).all(given) && stage.settings.iter().all(|it| it.default.is_some())
        })
    }

    /// A stage that makes one kind from another.
    pub(super) fn converter(&self, from: ArtifactKind, to: ArtifactKind, file: usize) -> Option<&str> {
        self.stage_names(file).find(|name| {
            self.stage(name, file).is_some_and(|stage| {
                let kind = |ty: &Option<Pattern>| ty.as_ref().map(|ty| ty.kind);
                let takes = stage.inputs.first().and_then(|input| kind(&input.ty));
                kind(&stage.output) == Some(to) && takes == Some(from)
            })
        })
    }

    /// A stage that takes a model and gives one with this ability.
    pub(super) fn teacher(&self, ability: &str, file: usize) -> Option<&str> {
        self.stage_names(file).find(|name| {
            self.stage(name, file).is_some_and(|stage| {
                let model = |ty: &Option<Pattern>| {
                    ty.as_ref().is_some_and(|ty| ty.kind == ArtifactKind::Model && !ty.list)
                };
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
    /// The error for a callee that cannot be called.
    pub(in crate::check) fn unknown_callee(&self, callee: &Path, scope: &Scope<'_>) -> Diagnostic {
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
        let namesakes: Vec<&str> =
            known.iter().copied().filter(|name| name.rsplit('.').next() == Some(last)).collect();
        let meant = closest(&text, known.iter().copied());
        match (meant, namesakes.as_slice()) {
            (None, [one]) => name_errors::unknown_stage(&text, callee.span, Some(one), &[]),
            (None, [_, _, ..]) => name_errors::unknown_stage(&text, callee.span, None, &namesakes),
            _ => name_errors::unknown_stage(&text, callee.span, meant, &kin(&text, &known)),
        }
    }
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
