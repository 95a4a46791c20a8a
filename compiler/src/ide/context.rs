//! What a place in a text is for: which setting, which input, which type.
//!
//! Answered from the syntax tree, which exists for every text, and from what is known of names. The tree may
//! be of a text that differs from the compiled one by the word at the cursor.

use super::View;
use super::callable::{Callable, fields};
use crate::artifact::ArtifactKind;
use crate::ast::{Expr, ExprKind, Item, Path};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind, Tree};
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
pub(super) enum Expects<'a> {
    /// The value of a setting, a param or a field.
    Value(&'a SettingSpec),
    /// The condition of an `if`.
    Condition,
    /// Something made by stages: an input of this kind, or anything.
    Artifact(Option<ArtifactKind>),
}

impl<'a> Site<'a, '_> {
    fn kind(&self, id: NodeId) -> NodeKind {
        self.tree.kind(id)
    }

    pub(super) fn str(&self, id: NodeId) -> &str {
        &self.text[self.tree.range(id)]
    }

    /// The nearest node around `id`, itself included, that `wanted` accepts.
    pub(super) fn around(&self, id: NodeId, wanted: impl Fn(NodeKind) -> bool) -> Option<NodeId> {
        std::iter::successors(Some(id), |&id| self.tree.parent(id)).find(|&id| wanted(self.kind(id)))
    }

    pub(super) fn child(&self, id: NodeId, kind: NodeKind) -> Option<NodeId> {
        self.tree.children(id).find(|&child| self.kind(child) == kind)
    }

    /// The names of a path, as written.
    pub(super) fn path(&self, id: NodeId) -> String {
        let parts = self.tree.children(id).filter(|&part| !self.kind(part).is_trivia());
        parts.map(|part| self.str(part)).collect()
    }

    /// The text of the path that a call, a field or a stage begins with.
    pub(super) fn path_of(&self, id: NodeId) -> String {
        self.child(id, NodeKind::Path).map(|path| self.path(path)).unwrap_or_default()
    }

    /// What a call calls.
    pub(super) fn callee(&self, call: NodeId) -> Option<Callable<'a>> {
        self.view.callable(&self.path_of(call))
    }

    /// Whether a call is a step of a pipe; then where the step before ends.
    pub(super) fn piped(&self, call: NodeId) -> Option<u32> {
        let pipe = self.before(call).filter(|&id| self.kind(id) == NodeKind::Pipe)?;
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
            NodeKind::Call => match self.callee(parent) {
                Some(callee) => callee.settings(),
                None => crate::place::executors()
                    .get(self.path_of(parent).as_str())
                    .map_or_else(Vec::new, |settings| settings.iter().collect()),
            },
            NodeKind::Expr => match self.expects(parent) {
                Expects::Value(spec) => fields(&spec.ty).iter().collect(),
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
        if self.tree.parent(record).is_some_and(|owner| self.kind(owner) == NodeKind::Profile) {
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
    pub(super) fn expects(&self, expr: NodeId) -> Expects<'a> {
        let Some(parent) = self.tree.parent(expr) else { return Expects::Artifact(None) };
        match self.kind(parent) {
            NodeKind::Field => self.field(parent).map_or(Expects::Artifact(None), Expects::Value),
            NodeKind::Arg => self.argument(parent),
            NodeKind::If => match self.child(parent, NodeKind::Expr) == Some(expr) {
                true => Expects::Condition,
                false => self.expects(parent),
            },
            NodeKind::Param | NodeKind::Parameter | NodeKind::Setting => self.declared(parent),
            NodeKind::Range => match self.tree.parent(parent) {
                Some(declared) => self.declared(declared),
                None => Expects::Artifact(None),
            },
            NodeKind::List
            | NodeKind::Each
            | NodeKind::Group
            | NodeKind::Then
            | NodeKind::Else
            | NodeKind::Expr => self.expects(parent),
            NodeKind::Args => self.argument(expr),
            _ => Expects::Artifact(None),
        }
    }

    fn declared(&self, declared: NodeId) -> Expects<'a> {
        let Some(name) = self.child(declared, NodeKind::Name) else { return Expects::Artifact(None) };
        let range = self.tree.range(name);
        let (file, text) = (self.view.file.id, self.str(name));
        let span = Span::new(file, range.start as u32, range.end as u32);
        let param = || self.view.compilation.params.iter().find(|param| param.name == text);
        let declared = self.view.declared(span).and_then(|(_, spec)| spec);
        declared.or_else(|| param().map(|param| &param.spec)).map_or(Expects::Artifact(None), Expects::Value)
    }

    /// What an argument is for; `arg` may also be text among the arguments that is none yet.
    fn argument(&self, arg: NodeId) -> Expects<'a> {
        let found = self.tree.parent(arg).and_then(|args| self.tree.parent(args)).and_then(|call| {
            let callee = self.callee(call)?;
            let (name, _) = *callee.inputs().get(self.role(call, callee, arg)?)?;
            Some((callee, name))
        });
        let Some((callee, name)) = found else { return Expects::Artifact(None) };
        let value = callee.settings().into_iter().find(|spec| spec.name == name);
        match (value, callee) {
            (Some(spec), Callable::Function(_)) => Expects::Value(spec),
            _ => {
                let input = callee.inputs().into_iter().find(|(input, _)| *input == name);
                Expects::Artifact(input.and_then(|(_, ty)| ty).map(|ty| ty.kind))
            }
        }
    }

    /// The position of the input that an argument is given for.
    pub(super) fn role(&self, call: NodeId, callee: Callable<'_>, arg: NodeId) -> Option<usize> {
        if let Some(name) = self.child(arg, NodeKind::Name).filter(|_| self.kind(arg) == NodeKind::Arg) {
            return callee.inputs().iter().position(|(input, _)| *input == self.str(name));
        }
        let args = self.tree.parent(arg)?;
        let before = self.tree.children(args).take_while(|&other| other < arg);
        // No stage takes more; a broken text may have any number.
        const MOST: usize = 64;
        Some(
            before.filter(|&other| self.kind(other) == NodeKind::Arg).take(MOST).count()
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
