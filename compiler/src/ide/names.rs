//! Names where they are defined, and what stands below a place.

use super::View;
use crate::ast::{Binding, File, Item, Name, SettingDecl, Type, TypeKind};
use crate::compile::Compilation;
use crate::source::Span;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum NameKind {
    Param,
    Binding,
    Function,
    /// Of a function.
    Parameter,
    /// A binding in a function.
    Local,
    Profile,
    /// One of the program's own.
    Stage,
    /// Of such a stage.
    Input,
    /// Of such a stage, or a field of a record.
    Setting,
}

/// A name where it is defined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) kind: NameKind,
    pub(super) span: Span,
    /// The whole definition.
    pub(super) whole: Span,
    pub(super) docs: &'a str,
    /// The function or stage that it belongs to.
    pub(super) inside: Option<Span>,
}

/// All names that a program defines, file by file, in order of text.
pub(super) fn definitions(compilation: &Compilation) -> Vec<Named<'_>> {
    compilation.files.iter().flat_map(|file| of_file(&file.ast)).collect()
}

/// All names that a file defines, in order of text.
pub(super) fn of_file(file: &File) -> Vec<Named<'_>> {
    let mut names = Names { names: Vec::new(), inside: None };
    for item in &file.items {
        names.item(item);
    }
    names.names
}

struct Names<'a> {
    names: Vec<Named<'a>>,
    inside: Option<Span>,
}

impl<'a> Names<'a> {
    fn add(&mut self, kind: NameKind, span: Option<Span>, whole: Span, docs: &'a str) {
        let Some(span) = span else { return };
        self.names.push(Named { kind, span, whole, docs, inside: self.inside });
    }

    fn item(&mut self, item: &'a Item) {
        let at = |name: &Option<Name>| name.as_ref().map(|name| name.span);
        self.inside = None;
        match item {
            Item::Import(_) | Item::Edition(_) | Item::Expect(_) | Item::Error(_) => {}
            Item::Param(param) => {
                self.add(NameKind::Param, at(&param.name), param.span, &param.docs);
                self.fields(param.ty.as_ref());
            }
            Item::Profile(profile) => {
                self.add(NameKind::Profile, at(&profile.name), profile.span, &profile.docs);
            }
            Item::Binding(binding) => self.binding(NameKind::Binding, binding),
            Item::Def(def) => {
                self.add(NameKind::Function, at(&def.name), def.span, &def.docs);
                self.inside = Some(def.span);
                for parameter in &def.params {
                    self.add(NameKind::Parameter, at(&parameter.name), parameter.span, "");
                }
                for binding in &def.bindings {
                    self.binding(NameKind::Local, binding);
                }
            }
            Item::Stage(stage) => {
                let span = stage.name.as_ref().map(|path| path.span);
                self.add(NameKind::Stage, span, stage.span, &stage.docs);
                self.inside = Some(stage.span);
                for input in &stage.params {
                    self.add(NameKind::Input, at(&input.name), input.span, "");
                }
                self.settings(&stage.settings);
            }
        }
    }

    fn binding(&mut self, kind: NameKind, binding: &'a Binding) {
        // A binding without a name is one that could not be read.
        let span = Some(binding.name.span).filter(|_| !binding.name.text.is_empty());
        self.add(kind, span, binding.span, &binding.docs);
    }

    fn settings(&mut self, settings: &'a [SettingDecl]) {
        for setting in settings {
            let span = setting.name.as_ref().map(|name| name.span);
            self.add(NameKind::Setting, span, setting.span, &setting.docs);
            self.fields(setting.ty.as_ref());
        }
    }

    /// The fields of a record type; types nest no deeper than brackets may.
    fn fields(&mut self, ty: Option<&'a Type>) {
        match ty.map(|ty| &ty.kind) {
            Some(TypeKind::List(inner) | TypeKind::Optional(inner)) => self.fields(Some(inner)),
            Some(TypeKind::Record(settings)) => self.settings(settings),
            _ => {}
        }
    }
}

/// A name in a text and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name that stands at the place.
    pub at: Span,
    /// Where what it means is defined; `at` itself in a definition.
    pub to: Span,
}

/// The name at `offset` and what it means; `None` where that is unknown.
#[must_use]
pub fn target(view: &View<'_>, offset: u32) -> Option<Target> {
    let here = |span: Span| span.file == view.file.id && span.touches(offset);
    let references = view.compilation.references.iter().filter(|reference| here(reference.at));
    let used = references.map(|reference| Target { at: reference.at, to: reference.to });
    let defined = of_file(&view.file.ast).into_iter().filter(|name| here(name.span));
    let defined = defined.map(|name| Target { at: name.span, to: name.span });
    // Between two names the one that begins is meant, as it is below an editor's cursor.
    used.chain(defined).min_by_key(|target| (target.at.end == offset, target.at.end - target.at.start))
}
