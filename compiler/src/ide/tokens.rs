//! What every word of a file is, for highlighting.

use std::collections::BTreeMap;

use super::View;
use super::context::{Expects, Site, words};
use super::names::{NameKind, definitions};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum TokenKind {
    Keyword,
    Comment,
    Text,
    Number,
    Operator,
    /// A stage or function.
    Function,
    /// A binding.
    Variable,
    /// A param, or a parameter of a function.
    Parameter,
    /// A setting, a field, or an input's name.
    Property,
    /// A word of an enumeration, `true`, `none`.
    Word,
    Type,
    Profile,
}

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What it is.
    pub kind: TokenKind,
    /// Whether the name is defined here.
    pub defines: bool,
    /// Whether it is of the standard library.
    pub library: bool,
    /// Whether it is documentation.
    pub docs: bool,
}

/// All words of the file that touch `start..end`, in order.
#[must_use]
pub fn tokens(view: &View<'_>, start: u32, end: u32) -> Vec<Token> {
    let site = Site { view, tree: &view.file.tree, text: view.text() };
    let file = view.file.id;
    let defined: BTreeMap<Span, NameKind> =
        definitions(view.compilation).into_iter().map(|name| (name.span, name.kind)).collect();
    let references = view.compilation.references.iter().filter(|reference| reference.at.file == file);
    let used: BTreeMap<(u32, u32), Span> =
        references.map(|reference| ((reference.at.start, reference.at.end), reference.to)).collect();
    let names = Names { site, defined, used };
    let leaves = view.file.tree.leaves().filter(|&leaf| {
        let range = view.file.tree.range(leaf);
        range.start as u32 <= end && start <= range.end as u32
    });
    leaves.filter_map(|leaf| names.token(leaf)).collect()
}

struct Names<'a, 't> {
    site: Site<'a, 't>,
    defined: BTreeMap<Span, NameKind>,
    /// Where names are used, and where what they mean is defined.
    used: BTreeMap<(u32, u32), Span>,
}

impl Names<'_, '_> {
    fn token(&self, leaf: NodeId) -> Option<Token> {
        let tree = self.site.tree;
        let range = tree.range(leaf);
        let (start, mut end) = (range.start as u32, range.end as u32);
        let plain = |kind| Some((kind, false, false));
        let (kind, defines, library) = match tree.kind(leaf) {
            NodeKind::Keyword | NodeKind::Prefix | NodeKind::Not => plain(TokenKind::Keyword),
            NodeKind::Comment | NodeKind::Doc | NodeKind::FileDoc | NodeKind::HashComment => {
                end = start + self.site.str(leaf).trim_end().len() as u32;
                plain(TokenKind::Comment)
            }
            NodeKind::Text => plain(TokenKind::Text),
            NodeKind::Digits | NodeKind::Unit => plain(TokenKind::Number),
            NodeKind::Operator => match self.site.str(leaf) {
                "and" | "or" => plain(TokenKind::Keyword),
                _ => plain(TokenKind::Operator),
            },
            NodeKind::Pipe | NodeKind::Plus => plain(TokenKind::Operator),
            NodeKind::Name => self.name(leaf),
            _ => None,
        }?;
        let docs = matches!(tree.kind(leaf), NodeKind::Doc | NodeKind::FileDoc);
        Some(Token { start, end, kind, defines, library, docs })
    }

    /// What a name is, whether it is defined here, and whether it is of the library.
    fn name(&self, leaf: NodeId) -> Option<(TokenKind, bool, bool)> {
        let (site, tree) = (&self.site, self.site.tree);
        let range = tree.range(leaf);
        let span = Span::new(site.view.file.id, range.start as u32, range.end as u32);
        if let Some(kind) = self.defined.get(&span) {
            return Some((of_kind(*kind), true, false));
        }
        let parent = tree.parent(leaf)?;
        match tree.kind(parent) {
            NodeKind::Path => self.path(leaf, parent, span),
            NodeKind::Arg | NodeKind::PerShard | NodeKind::Property | NodeKind::Setting => {
                Some((TokenKind::Property, false, false))
            }
            NodeKind::Phrase => Some((TokenKind::Keyword, false, false)),
            NodeKind::Measured => Some((TokenKind::Property, true, false)),
            NodeKind::Parameter => Some((TokenKind::Parameter, true, false)),
            NodeKind::NamedType => {
                let lower = site.str(leaf).starts_with(|first: char| first.is_ascii_lowercase());
                Some((if lower { TokenKind::Word } else { TokenKind::Type }, false, false))
            }
            NodeKind::TypeArg => Some((TokenKind::Type, false, false)),
            _ => None,
        }
    }

    fn path(&self, leaf: NodeId, path: NodeId, span: Span) -> Option<(TokenKind, bool, bool)> {
        let (site, tree) = (&self.site, self.site.tree);
        let owner = tree.parent(path)?;
        let range = tree.range(path);
        // A stage's name is one, with its dots.
        let to = self.used.get(&(span.start, span.end));
        let to = to.or_else(|| self.used.get(&(range.start as u32, range.end as u32)));
        let known = to.and_then(|to| self.defined.get(to)).map(|kind| (of_kind(*kind), false, false));
        match tree.kind(owner) {
            NodeKind::Stage => Some((TokenKind::Function, true, false)),
            NodeKind::Field => Some(known.unwrap_or((TokenKind::Property, false, false))),
            NodeKind::Call => {
                let called = site.child(owner, NodeKind::Args).is_some()
                    || site.child(owner, NodeKind::Record).is_some()
                    || site.piped(owner).is_some();
                if called {
                    let library = to.is_some() && known.is_none();
                    return Some((TokenKind::Function, false, library));
                }
                known.or_else(|| self.word(leaf, owner))
            }
            _ => None,
        }
    }

    /// A name that means nothing by itself: a word of an enumeration, a value, or unknown.
    fn word(&self, leaf: NodeId, call: NodeId) -> Option<(TokenKind, bool, bool)> {
        let text = self.site.str(leaf);
        let due = self.site.tree.parent(call).map(|expr| self.site.expects(expr));
        let is_word = matches!(text, "true" | "false" | "none")
            || matches!(due, Some(Expects::Value(spec)) if words(&spec.ty).iter().any(|word| word == text));
        is_word.then_some((TokenKind::Word, false, false))
    }
}

fn of_kind(kind: NameKind) -> TokenKind {
    match kind {
        NameKind::Param | NameKind::Parameter | NameKind::Input => TokenKind::Parameter,
        NameKind::Binding | NameKind::Local => TokenKind::Variable,
        NameKind::Function | NameKind::Stage => TokenKind::Function,
        NameKind::Profile => TokenKind::Profile,
        NameKind::Setting => TokenKind::Property,
    }
}
