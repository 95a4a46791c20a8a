//! What could stand at a place, the likeliest first.
//!
//! The word at the cursor is completed, or one is put there for the purpose, so that the tree says what the
//! place is for even where nothing has been written yet. Names and types are those of the last compilation.

mod entries;
mod places;
mod values;

use std::borrow::Cow;

use super::View;
use super::callable::Callable;
use super::context::{Expects, Site};
use crate::artifact::ArtifactKind;
use crate::syntax::{self, NodeId, NodeKind};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompletionKind {
    Stage,
    Function,
    Binding,
    Param,
    /// A setting, a field, or an input's name.
    Setting,
    /// A word of an enumeration, `true`, `none`.
    Word,
    Unit,
    Keyword,
    Type,
}

/// Something that could stand at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What people choose from.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type or first line; may be empty.
    pub detail: String,
    /// Markdown; may be empty.
    pub docs: String,
    /// What replaces the word at the cursor.
    pub insert: String,
    /// The same with places to fill in, `${1:docs}`, for editors that can.
    pub snippet: Option<String>,
    /// How likely; the lowest first.
    rank: u8,
}

/// Files whose names could stand at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder as written, with its `/`; empty for the one that paths are relative to.
    pub folder: String,
    /// Whether programs are wanted, relative to this file, or else any files, relative to the main file.
    pub programs: bool,
}

/// What could stand at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// First byte of what is replaced.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The likeliest first.
    pub items: Vec<Completion>,
    /// Files that could stand there.
    pub files: Option<Files>,
}

/// What could stand at `offset`.
#[must_use]
pub fn completions(view: &View<'_>, offset: u32) -> Completions {
    let text = view.text();
    let leaf = view.file.tree.at(offset);
    let range = view.file.tree.range(leaf);
    let inside = range.start < offset as usize;
    match view.file.tree.kind(leaf) {
        NodeKind::Comment | NodeKind::Doc | NodeKind::FileDoc | NodeKind::HashComment if inside => {
            return Completions::default();
        }
        NodeKind::Text if inside && !is_closed(&text[range.start..(offset as usize).min(range.end)]) => {
            return path(view, leaf, offset);
        }
        _ => {}
    }
    let patched = Patched::new(text, offset);
    let Some(tree) = syntax::tree(&patched.text) else { return Completions::default() };
    let site = Site { view, tree: &tree, text: &patched.text };
    let Patched { start, end, .. } = patched;
    let cursor = Cursor { site, leaf: tree.at(start + 1), start, end };
    let mut completions = cursor.completions();
    // Among the digits of a number there is nothing to complete.
    if !(completions.start..=completions.end).contains(&offset) {
        return Completions::default();
    }
    completions.items.sort_by_key(|item| item.rank);
    completions
}

/// A name that no program uses.
const PLACE: &str = "zz_here";

/// A text with a word at the cursor.
pub(super) struct Patched<'a> {
    pub(super) text: Cow<'a, str>,
    /// Where the word stands in the text as it is; empty where it is made up.
    pub(super) start: u32,
    pub(super) end: u32,
}

impl<'a> Patched<'a> {
    pub(super) fn new(text: &'a str, offset: u32) -> Self {
        let (before, behind) = text.split_at(offset as usize);
        let is_word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
        let start = before.trim_end_matches(is_word).len() as u32;
        let end = offset + behind.find(|sign| !is_word(sign)).unwrap_or(behind.len()) as u32;
        let text = match start == end {
            true => Cow::Owned(format!("{before}{PLACE}{behind}")),
            false => Cow::Borrowed(text),
        };
        Self { text, start, end }
    }
}

/// Whether a text that begins with a quote is over.
fn is_closed(text: &str) -> bool {
    let mut escaped = false;
    let closes = |sign: char| {
        let closes = sign == '"' && !escaped;
        escaped = sign == '\\' && !escaped;
        closes
    };
    text.chars().skip(1).any(closes)
}

/// Files whose paths could stand in a text.
fn path(view: &View<'_>, leaf: NodeId, offset: u32) -> Completions {
    let site = Site { view, tree: &view.file.tree, text: view.text() };
    let range = view.file.tree.range(leaf);
    if let Some(items) = places::labels(&site, leaf) {
        let rest = &view.text()[offset as usize..range.end];
        let end = offset as usize + rest.find(['"', '\n']).unwrap_or(rest.len());
        return Completions { start: range.start as u32 + 1, end: end as u32, items, files: None };
    }
    let programs =
        view.file.tree.parent(leaf).is_some_and(|parent| view.file.tree.kind(parent) == NodeKind::Import);
    let expected = site.around(leaf, |kind| kind == NodeKind::Expr).map(|expr| site.expects(expr));
    let wanted = programs
        || match expected {
            Some(Expects::Value(spec)) => spec.ty.is_path(),
            Some(Expects::Artifact(kind)) => kind.is_none_or(|kind| kind == ArtifactKind::Files),
            Some(Expects::Condition) | None => false,
        };
    let typed = &view.text()[range.start + 1..offset as usize];
    let (folder, start) = match typed.rfind('/') {
        Some(at) => (&typed[..=at], range.start + at + 2),
        None => ("", range.start + 1),
    };
    // The rest of the path's part is replaced, too.
    let rest = &view.text()[offset as usize..range.end];
    let end = offset as usize + rest.find(['"', '/', '\n']).unwrap_or(rest.len());
    let files = wanted.then(|| Files { folder: folder.to_owned(), programs });
    Completions { start: start as u32, end: end as u32, items: Vec::new(), files }
}

/// A word that is to be completed.
struct Cursor<'a, 't> {
    site: Site<'a, 't>,
    /// The word, which may be a made-up one.
    leaf: NodeId,
    /// Where it stands in the text as it is.
    start: u32,
    end: u32,
}

impl<'a> Cursor<'a, '_> {
    fn completions(&self) -> Completions {
        let tree = self.site.tree;
        let Some(parent) = tree.parent(self.leaf) else { return Completions::default() };
        let items = match (tree.kind(self.leaf), tree.kind(parent)) {
            (NodeKind::Digits, _) => return self.suffixes(),
            (NodeKind::Unit, _) => self.units(),
            (NodeKind::ErrorItem, _) => return self.item(self.leaf),
            (_, NodeKind::ErrorItem) => return self.item(parent),
            (NodeKind::Junk, NodeKind::Record) => self.fields(parent),
            (NodeKind::Junk, NodeKind::Args) => self.argument(parent, self.leaf),
            (NodeKind::Junk, NodeKind::Body) => self.artifacts(None),
            (NodeKind::Junk | NodeKind::Name, NodeKind::Clauses | NodeKind::Property) => self.clauses(),
            (_, NodeKind::Phrase) => self.phrase(),
            (_, NodeKind::NamedType | NodeKind::Type) => self.types(),
            (_, NodeKind::Arg) => self.argument(tree.parent(parent).unwrap_or(parent), parent),
            (_, NodeKind::Path) => return self.path(parent),
            _ => Vec::new(),
        };
        self.answer(items)
    }

    fn answer(&self, items: Vec<Completion>) -> Completions {
        Completions { start: self.start, end: self.end, items, files: None }
    }

    fn path(&self, path: NodeId) -> Completions {
        let (site, tree) = (&self.site, self.site.tree);
        let Some(owner) = tree.parent(path) else { return Completions::default() };
        match tree.kind(owner) {
            NodeKind::Field => {
                let record = tree.parent(owner).unwrap_or(owner);
                let items = self.place_names(owner).unwrap_or_else(|| self.fields(record));
                self.answer(items)
            }
            NodeKind::Measure => self.answer(self.measures(path)),
            NodeKind::Call if let Some(items) = self.executors(owner) => self.answer(items),
            NodeKind::Call => {
                let Some(expr) = tree.parent(owner) else { return Completions::default() };
                // The word replaces the whole of a stage's name.
                let start = tree.range(path).start as u32;
                let items = match site.piped(owner) {
                    Some(end) => self.steps(end),
                    None if start < self.start => self.callables(None, None),
                    None => match tree.parent(expr).map(|parent| (parent, tree.kind(parent))) {
                        Some((args, NodeKind::Args)) => self.argument(args, expr),
                        Some((arg, NodeKind::Arg)) if site.child(arg, NodeKind::Name).is_none() => {
                            self.argument(tree.parent(arg).unwrap_or(arg), arg)
                        }
                        _ => self.fitting(site.expects(expr)),
                    },
                };
                Completions { start, ..self.answer(items) }
            }
            _ => Completions::default(),
        }
    }

    fn fitting(&self, expected: Expects<'a>) -> Vec<Completion> {
        match expected {
            Expects::Value(spec) => self.values(spec),
            Expects::Condition => self.conditions(),
            Expects::Artifact(kind) => self.artifacts(kind),
        }
    }

    /// What can stand in the parentheses of a call: values of the input at this place, and names of others.
    fn argument(&self, args: NodeId, arg: NodeId) -> Vec<Completion> {
        let site = &self.site;
        let call = site.tree.parent(args);
        let Some((call, callee)) = call.and_then(|call| Some((call, site.callee(call)?))) else {
            return self.artifacts(None);
        };
        let Some(role) = site.role(call, callee, arg) else { return self.artifacts(None) };
        let inputs = callee.inputs();
        let Some(&(name, ty)) = inputs.get(role) else { return Vec::new() };
        let setting = callee.settings().into_iter().find(|spec| spec.name == name);
        let mut items = match (setting, callee) {
            (Some(spec), Callable::Function(_)) => self.values(spec),
            _ => self.artifacts(ty.map(|ty| ty.kind)),
        };
        let given = |name: &str| {
            let mut others = site.tree.children(args).filter(|&other| other != arg);
            others.any(|other| site.child(other, NodeKind::Name).is_some_and(|given| site.str(given) == name))
        };
        let named = inputs.iter().skip(role).filter(|(name, _)| !given(name));
        items.extend(named.map(|(name, ty)| entries::named_input(name, *ty)));
        items
    }
}
