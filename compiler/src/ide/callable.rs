//! Stages and functions, seen alike.

use super::View;
use crate::compile::Function;
use crate::signature::Signature;
use crate::source::Span;
use crate::types::{Pattern, SettingSpec, SettingType};

/// Something that can be called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callable<'a> {
    Stage(&'a Signature),
    Function(&'a Function),
}

impl<'a> Callable<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Stage(stage) => &stage.name,
            Self::Function(function) => &function.name,
        }
    }

    pub(super) fn docs(self) -> &'a str {
        match self {
            Self::Stage(stage) => &stage.docs,
            Self::Function(function) => &function.docs,
        }
    }

    /// Where the name is declared.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Stage(stage) => stage.span,
            Self::Function(function) => function.span,
        }
    }

    /// The first line.
    pub(super) fn display(self) -> String {
        match self {
            Self::Stage(stage) => stage.display(),
            Self::Function(function) => function.display(),
        }
    }

    /// What goes into parentheses: names, with the type of those that are artifacts.
    pub(super) fn inputs(self) -> Vec<(&'a str, Option<&'a Pattern>)> {
        match self {
            Self::Stage(stage) => {
                stage.inputs.iter().map(|input| (input.name.as_str(), input.ty.as_ref())).collect()
            }
            Self::Function(function) => function
                .parameters
                .iter()
                .map(|parameter| (parameter.name.as_str(), parameter.artifact.as_ref()))
                .collect(),
        }
    }

    /// What goes into braces.
    pub(super) fn settings(self) -> Vec<&'a SettingSpec> {
        match self {
            Self::Stage(stage) => stage.settings.iter().collect(),
            Self::Function(function) => {
                function.parameters.iter().filter_map(|parameter| parameter.value.as_ref()).collect()
            }
        }
    }

    /// What comes out.
    pub(super) fn output(self) -> Option<&'a Pattern> {
        match self {
            Self::Stage(stage) => stage.output.as_ref(),
            Self::Function(function) => function.result.as_ref(),
        }
    }
}

impl<'a> View<'a> {
    /// All that can be called in the file: the program's functions and stages that it sees, then the library.
    pub(super) fn callables(&self) -> impl Iterator<Item = Callable<'a>> + use<'a> {
        let (compilation, seen) = (self.compilation, self.seen());
        let sees = move |span: Span| seen.contains(&span.file);
        let own = compilation.functions.iter().map(Callable::Function);
        let own = own.chain(compilation.stages.iter().map(|stage| Callable::Stage(stage)));
        own.filter(move |one| sees(one.span())).chain(self.library.iter().map(Callable::Stage))
    }

    /// What a path calls.
    pub(super) fn callable(&self, path: &str) -> Option<Callable<'a>> {
        self.callables().find(|callable| callable.name() == path)
    }

    /// What is declared at `span`, and the setting of it, where it is one.
    pub(super) fn declared(&self, span: Span) -> Option<(Callable<'a>, Option<&'a SettingSpec>)> {
        let functions = self.compilation.functions.iter().map(Callable::Function);
        let own = self.compilation.stages.iter().map(|stage| Callable::Stage(stage));
        let library = self.library.iter().map(Callable::Stage);
        functions.chain(own).chain(library).find_map(|callable| {
            let setting = || callable.settings().into_iter().find_map(|spec| inside(spec, span));
            match callable.span() == span {
                true => Some((callable, None)),
                false => setting().map(|spec| (callable, Some(spec))),
            }
        })
    }
}

/// The setting or field declared at `span`.
fn inside(spec: &SettingSpec, span: Span) -> Option<&SettingSpec> {
    if spec.span == span {
        return Some(spec);
    }
    fields(&spec.ty).iter().find_map(|field| inside(field, span))
}

/// The fields of a record type, also of a list of records or an optional one.
pub(super) fn fields(ty: &SettingType) -> &[SettingSpec] {
    match ty {
        SettingType::Record(fields) => fields,
        SettingType::Optional(inner) | SettingType::List(inner) => fields(inner),
        _ => &[],
    }
}

/// A setting as its declaration reads: `min_score: Ratio = 65% in 0%..100%`.
pub(super) fn declaration(spec: &SettingSpec) -> String {
    let mut text = format!("{}: {}", spec.name, spec.ty);
    if let Some(default) = &spec.default {
        text += &format!(" = {}", default.display(&spec.ty));
    }
    let element = match &spec.ty {
        SettingType::List(element) => element,
        other => other,
    };
    if let Some(dimension) = element.dimension().filter(|_| spec.bounds != crate::types::Bounds::default()) {
        text += &format!(" in {}", spec.bounds.display(&dimension));
    }
    text
}
