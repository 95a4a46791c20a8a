//! What can be done about a place: repairs of mistakes, and rewritings that keep the meaning.

mod fixes;
mod params;
mod pipes;
mod settings;
mod units;

use super::View;
use super::context::Site;
use super::format::TextEdit;
use crate::source::FileId;
use crate::syntax::{NodeId, NodeKind};

/// What an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeActionKind {
    /// A repair of a mistake.
    Fix,
    /// All certain repairs of the file.
    FixAll,
    /// Something gets a name.
    Extract,
    /// A name is replaced by what it means.
    Inline,
    /// The same in other words.
    Rewrite,
}

/// Something that can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeAction {
    /// What it does, for a menu.
    pub title: String,
    /// What it is.
    pub kind: CodeActionKind,
    /// The mistake that it repairs, by position in [`Compilation::diagnostics`](crate::Compilation).
    pub diagnostic: Option<usize>,
    /// The edits, by file.
    pub edits: Vec<(FileId, TextEdit)>,
}

/// What can be done about the bytes `start..end`.
#[must_use]
pub fn actions(view: &View<'_>, start: u32, end: u32) -> Vec<CodeAction> {
    let site = Site { view, tree: &view.file.tree, text: view.text() };
    let mut actions = fixes::fixes(view, start, end);
    let left = view.file.tree.at(start);
    let right = view.file.tree.at(start + 1);
    let empty = |id: NodeId| {
        matches!(site.tree.kind(id), NodeKind::Space | NodeKind::Newline | NodeKind::Sign | NodeKind::File)
    };
    // Between two tokens, space and brackets come last.
    let leaf = if empty(left) && !empty(right) { right } else { left };
    actions.extend(settings::missing(&site, leaf));
    actions.extend(params::extract(&site, leaf));
    actions.extend(params::inline(view, start));
    actions.extend(units::units(&site, leaf));
    actions.extend(pipes::to_call(&site, leaf));
    actions.extend(pipes::to_pipe(&site, leaf));
    actions.extend(fixes::all(view));
    actions
}

/// An action of this file.
fn action(
    view: &View<'_>,
    kind: CodeActionKind,
    title: impl Into<String>,
    edits: Vec<TextEdit>,
) -> CodeAction {
    let edits = edits.into_iter().map(|edit| (view.file.id, edit)).collect();
    CodeAction { title: title.into(), kind, diagnostic: None, edits }
}

fn edit(range: std::ops::Range<usize>, text: impl Into<String>) -> TextEdit {
    TextEdit { start: range.start as u32, end: range.end as u32, text: text.into() }
}
