//! The typed tree from the syntax tree, and every syntax error on the way.
//!
//! A node reports at most one thing that is missing, and text that is left over is reported only where
//! nothing before it on the line was wrong: one cause, one message.

mod block;
mod docs;
mod expr;
mod item;
mod junk;
mod literal;
mod recover;
#[cfg(test)]
mod tests;
mod types;

use super::errors;
use super::{NodeId, NodeKind, Tree};
use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};

/// Reads a whole tree.
pub(super) fn build(file: FileId, text: &str, tree: &Tree) -> (ast::File, Vec<Diagnostic>) {
    let mut builder =
        Builder { file, text, tree, diagnostics: Diagnostics::default(), level: 0, broken: false };
    let ast = builder.file();
    for id in tree.leaves().filter(|&id| tree.kind(id) == NodeKind::HashComment) {
        let span = builder.span(id);
        builder.report(errors::hash_comment(span));
    }
    (ast, builder.diagnostics.sorted())
}

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    tree: &'t Tree,
    diagnostics: Diagnostics,
    /// How many expressions the one being built lies in.
    level: usize,
    /// Whether brackets of the item that is being read do not match.
    broken: bool,
}

impl<'t> Builder<'t> {
    fn kind(&self, id: NodeId) -> NodeKind {
        self.tree.kind(id)
    }

    fn span(&self, id: NodeId) -> Span {
        let range = self.tree.range(id);
        Span::new(self.file, range.start as u32, range.end as u32)
    }

    fn str(&self, id: NodeId) -> &'t str {
        &self.text[self.tree.range(id)]
    }

    /// The point behind a node, where something is missing.
    fn behind(&self, id: NodeId) -> Span {
        let span = self.span(id);
        Span { start: span.end, ..span }
    }

    /// A node's children without trivia.
    fn parts(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'t> {
        let tree = self.tree;
        tree.children(id).filter(|&child| !tree.kind(child).is_trivia())
    }

    fn part(&self, id: NodeId, kind: NodeKind) -> Option<NodeId> {
        self.parts(id).find(|&part| self.kind(part) == kind)
    }

    fn name(&self, id: NodeId) -> ast::Name {
        ast::Name { span: self.span(id), text: self.str(id).to_owned() }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// `a.b.c`
    fn path(&mut self, id: NodeId) -> ast::Path {
        let mut names = Vec::new();
        let mut span = self.span(id);
        let mut dot = None;
        for part in self.parts(id) {
            if self.kind(part) == NodeKind::Name {
                names.push(self.name(part));
                dot = None;
            } else {
                dot = Some(part);
            }
        }
        if let Some(dot) = dot {
            self.missing(dot, errors::missing_name(self.behind(dot), "."));
            span.end = self.span(dot).start;
        }
        ast::Path { span, names }
    }

    /// Reports an assignment by anything but `=`.
    fn assign(&mut self, id: NodeId) {
        let sign = self.str(id);
        if sign != "=" {
            self.report(errors::wrong_assign(self.span(id), sign));
        }
    }

    /// The value in `name = value`; the node's last part is the sign where there is none.
    fn value(&mut self, id: NodeId) -> Option<ast::Expr> {
        if let Some(span) = self.type_of_binding(id) {
            self.report(errors::typed_binding(span));
            return None;
        }
        let mut value = None;
        let mut missing = None;
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Assign => self.assign(part),
                NodeKind::Expr => value = Some(self.sound(id, part)),
                _ => {}
            }
            missing = matches!(self.kind(part), NodeKind::Assign | NodeKind::Sign).then_some(part);
        }
        if let Some(sign) = missing {
            self.missing(sign, errors::missing_value(self.behind(sign), self.str(sign)));
        }
        value
    }

    /// `: Type` in `name: Type = value`, where no type can stand.
    fn type_of_binding(&self, id: NodeId) -> Option<Span> {
        let assign = self.part(id, NodeKind::Assign).filter(|&sign| self.str(sign) == ":")?;
        let ty = self.part(id, NodeKind::Expr)?;
        let is_type = self.str(ty).starts_with(|sign: char| sign.is_ascii_uppercase() || sign == '[');
        let junk = self.junk_behind(id).filter(|&junk| self.str(junk).starts_with('='))?;
        let (start, end) = (self.tree.range(assign).start, self.tree.range(junk).start);
        is_type.then(|| Span::new(self.file, start as u32, end as u32))
    }
}

/// Whether no expression can use a name that is this word: it is one of the expression's keywords, or a
/// value.
pub(crate) fn is_reserved(word: &str) -> bool {
    junk::is_keyword(word) || matches!(word, "false" | "none" | "true")
}
