//! What a place in a text is for: which setting, which input, which type.
//!
//! Answered from the syntax tree, which exists for every text, and from what is known of names. The tree may
//! be of a text that differs from the compiled one by the word at the cursor.

use super::View;
use super::callable::{Callable, fields};
use crate::artifact::ArtifactKind;
use crate::ast::{Expr, ExprKind, Item, Path};
use crate::source::Span;
use crate::syntax::{Kind, NodeId, Tree};
use crate::types::{SettingSpec, SettingType, takes_text};

/// A tree and what its names mean.
#[derive(Clone, Copy)]
pub(super) struct Site<'a, 't> {
    pub(super) view: &'t View<'a>,
    pub(super) tree: &'t Tree,
    pub(super) text: &'t str,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due<'a> {
    /// The value of a setting, a param or a field.
    Value(&'a SettingSpec),
    /// The condition of an `if`.
    Condition,
    /// Something made by stages: an input of this kind, or anything.
    Artifact(Option<ArtifactKind>),
}

impl<'a> Site<'a, '_> {
    fn kind(&self, id: NodeId) -> Kind {
        self.tree.kind(id)
    }

    pub(super) fn str(&self, id: NodeId) -> &str {
        &self.text[self.tree.range(id)]
    }

    /// The nearest node around `id`, itself included, that `wanted` accepts.
    pub(super) fn around(&self, id: NodeId, wanted: impl Fn(Kind) -> bool) -> Option<NodeId> {
        std::iter::successors(Some(id), |&id| self.tree.parent(id)).find(|&id| wanted(self.kind(id)))
    }

    pub(super) fn child(&self, id: NodeId, kind: Kind) -> Option<NodeId> {
        self.tree.children(id).find(|&child| self.kind(child) == kind)
    }

    /// The names of a path, as written.
    pub(super) fn path(&self, id: NodeId) -> String {
        let parts = self.tree.children(id).filter(|&part| !self.kind(part).is_trivia());
        parts.map(|part| self.str(part)).collect()
    }

    /// The text of the path that a call, a field or a stage begins with.
    pub(super) fn path_of(&self, id: NodeId) -> String {
        self.child(id, Kind::Path).map(|path| self.path(path)).unwrap_or_default()
    }

    /// What a call calls.
    pub(super) fn callee(&self, call: NodeId) -> Option<Callable<'a>> {
        self.view.callable(&self.path_of(call))
    }

    /// Whether a call is a step of a pipe; then where the step before ends.
    pub(super) fn piped(&self, call: NodeId) -> Option<u32> {
        let pipe = self.before(call).filter(|&id| self.kind(id) == Kind::Pipe)?;
        let last = self.before(pipe).filter(|_| self.tree.parent(pipe) == self.tree.parent(call))?;
        Some(self.tree.range(last).end as u32)
    }

    /// The last token before `id`, space and comments left out.
    fn before(&self, id: NodeId) -> Option<NodeId> {
        let before = (0..id.0).rev().map(NodeId);
        before.into_iter().find(|&id| self.kind(id).is_token() && !self.kind(id).is_trivia())
    }

    /// What can stand before `=` in a record.
    pub(super) fn settings(&self, record: NodeId) -> Vec<&'a SettingSpec> {
        let Some(parent) = self.tree.parent(record) else { return Vec::new() };
        match self.kind(parent) {
            Kind::Call => match self.callee(parent) {
                Some(callee) => callee.settings(),
                None => crate::place::executors()
                    .get(self.path_of(parent).as_str())
                    .map_or_else(Vec::new, |settings| settings.iter().collect()),
            },
            Kind::Expr => match self.due(parent) {
                Due::Value(spec) => fields(&spec.ty).iter().collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The setting that a field gives a value to.
    pub(super) fn field(&self, field: NodeId) -> Option<&'a SettingSpec> {
        let path = self.path_of(field);
        let record = self.tree.parent(field)?;
        let names: Vec<&str> = path.split('.').collect();
        if self.tree.parent(record).is_some_and(|owner| self.kind(owner) == Kind::Profile) {
            let (last, before) = names.split_last()?;
            return self.changeable(before).into_iter().find(|spec| spec.name == *last);
        }
        self.settings(record).into_iter().find(|spec| Some(spec.name.as_str()) == names.first().copied())
    }

    /// What a profile can change below a path: params, settings of bindings, and fields in them. At the top,
    /// params only; bindings are no settings.
    pub(super) fn changeable(&self, path: &[&str]) -> Vec<&'a SettingSpec> {
        let params = &self.view.compilation.params;
        let Some((first, rest)) = path.split_first() else {
            let seen = self.view.seen();
            let params = params.iter().filter(|param| seen.contains(&param.span.file));
            return params.map(|param| &param.spec).collect();
        };
        let mut specs: Vec<&'a SettingSpec> = match params.iter().find(|param| param.name == *first) {
            Some(param) => fields(&param.spec.ty).iter().collect(),
            None => {
                let heads = binding_value(self.view, first).map(heads).unwrap_or_default();
                let calls = heads.into_iter().filter_map(|path| self.view.callable(&path.text()));
                calls.flat_map(Callable::settings).collect()
            }
        };
        for name in rest {
            specs =
                specs.iter().filter(|spec| spec.name == *name).flat_map(|spec| fields(&spec.ty)).collect();
        }
        specs
    }

    /// What an expression, or something inside one, is for.
    pub(super) fn due(&self, expr: NodeId) -> Due<'a> {
        let Some(parent) = self.tree.parent(expr) else { return Due::Artifact(None) };
        match self.kind(parent) {
            Kind::Field => self.field(parent).map_or(Due::Artifact(None), Due::Value),
            Kind::Arg => self.argument(parent),
            Kind::If => match self.child(parent, Kind::Expr) == Some(expr) {
                true => Due::Condition,
                false => self.due(parent),
            },
            Kind::Param | Kind::Parameter | Kind::Setting => self.declared(parent),
            Kind::Range => match self.tree.parent(parent) {
                Some(declared) => self.declared(declared),
                None => Due::Artifact(None),
            },
            Kind::List | Kind::Each | Kind::Group | Kind::Then | Kind::Else | Kind::Expr => self.due(parent),
            Kind::Args => self.argument(expr),
            _ => Due::Artifact(None),
        }
    }

    fn declared(&self, declared: NodeId) -> Due<'a> {
        let Some(name) = self.child(declared, Kind::Name) else { return Due::Artifact(None) };
        let range = self.tree.range(name);
        let (file, text) = (self.view.file.id, self.str(name));
        let span = Span::new(file, range.start as u32, range.end as u32);
        let param = || self.view.compilation.params.iter().find(|param| param.name == text);
        let declared = self.view.declared(span).and_then(|(_, spec)| spec);
        declared.or_else(|| param().map(|param| &param.spec)).map_or(Due::Artifact(None), Due::Value)
    }

    /// What an argument is for; `arg` may also be text among the arguments that is none yet.
    fn argument(&self, arg: NodeId) -> Due<'a> {
        let found = self.tree.parent(arg).and_then(|args| self.tree.parent(args)).and_then(|call| {
            let callee = self.callee(call)?;
            let (name, _) = *callee.inputs().get(self.role(call, callee, arg)?)?;
            Some((callee, name))
        });
        let Some((callee, name)) = found else { return Due::Artifact(None) };
        let value = callee.settings().into_iter().find(|spec| spec.name == name);
        match (value, callee) {
            (Some(spec), Callable::Function(_)) => Due::Value(spec),
            _ => {
                let input = callee.inputs().into_iter().find(|(input, _)| *input == name);
                Due::Artifact(input.and_then(|(_, ty)| ty).map(|ty| ty.kind))
            }
        }
    }

    /// The position of the input that an argument is given for.
    pub(super) fn role(&self, call: NodeId, callee: Callable<'_>, arg: NodeId) -> Option<usize> {
        if let Some(name) = self.child(arg, Kind::Name).filter(|_| self.kind(arg) == Kind::Arg) {
            return callee.inputs().iter().position(|(input, _)| *input == self.str(name));
        }
        let args = self.tree.parent(arg)?;
        let before = self.tree.children(args).take_while(|&other| other < arg);
        // No stage takes more; a broken text may have any number.
        const MOST: usize = 64;
        Some(
            before.filter(|&other| self.kind(other) == Kind::Arg).take(MOST).count()
                + usize::from(self.piped(call).is_some()),
        )
    }
}

/// The value of a binding that the file sees.
pub(super) fn binding_value<'a>(view: &View<'a>, name: &str) -> Option<&'a Expr> {
    let seen = view.seen();
    let files = view.compilation.files.iter().filter(|file| seen.contains(&file.id));
    files.flat_map(|file| &file.ast.items).find_map(|item| match item {
        Item::Binding(binding) if binding.name.text == name => binding.value.as_ref(),
        _ => None,
    })
}

/// What makes a value: the last step of a pipe, the members of a family, both branches of an `if`.
pub(super) fn heads(expr: &Expr) -> Vec<&Path> {
    match &expr.kind {
        ExprKind::Call(call) => vec![&call.callee],
        ExprKind::Pipe(pipe) => match &pipe.right.kind {
            ExprKind::Path(path) => vec![path],
            _ => heads(&pipe.right),
        },
        ExprKind::Each(members) => members.iter().flat_map(heads).collect(),
        ExprKind::If(choice) => {
            let otherwise = choice.otherwise.iter().flat_map(heads);
            heads(&choice.then).into_iter().chain(otherwise).collect()
        }
        _ => Vec::new(),
    }
}

/// The words that a value can be, also in lists of them.
pub(super) fn words(ty: &SettingType) -> &[String] {
    match ty {
        SettingType::OneOf(words) => match words.split_last() {
            Some((_, others)) if takes_text(words) => others,
            _ => words,
        },
        SettingType::List(inner) | SettingType::Optional(inner) => words(inner),
        _ => &[],
    }
}
