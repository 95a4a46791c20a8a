//! Where what stands at a place is defined, and where imports and paths lead.

use super::View;
use super::context::{Expects, Site};
use super::names::target;
use crate::artifact::ArtifactKind;
use crate::ast::Item;
use crate::source::{FileId, Span};
use crate::syntax::NodeKind;

/// A name and its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name that was asked about.
    pub at: Span,
    /// Its definition: a name, or the start of an imported file. It may lie in a signature of the standard
    /// library.
    pub to: Span,
}

/// Where the name at `offset` is defined, or the file whose import stands there.
#[must_use]
pub fn definition(view: &View<'_>, offset: u32) -> Option<Definition> {
    let link = links(view).into_iter().find(|link| link.at.touches(offset));
    let import = link.map(|link| Definition { at: link.at, to: Span::new(link.to, 0, 0) });
    import.or_else(|| target(view, offset).map(|target| Definition { at: target.at, to: target.to }))
}

/// An import's path and the file that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The path, without its quotes.
    pub at: Span,
    /// The file that is imported; it could be read.
    pub to: FileId,
}

/// The imports of the file that could be read, in order of text.
#[must_use]
pub fn links(view: &View<'_>) -> Vec<Link> {
    let imports = view.file.ast.items.iter().filter_map(|item| match item {
        Item::Import(import) => import.path.as_ref(),
        _ => None,
    });
    let links = imports.filter_map(|path| {
        let (file, _) = view.file.imports.iter().find(|(_, at)| *at == path.span)?;
        let to = view.compilation.files.get(*file)?.id;
        let quoted = path.span.end - path.span.start > 2;
        let (start, end) = match quoted {
            true => (path.span.start + 1, path.span.end - 1),
            false => (path.span.start, path.span.end),
        };
        Some(Link { at: Span::new(path.span.file, start, end), to })
    });
    links.collect()
}

/// The paths of single files, without their quotes, that the file names for its pipeline, in order of text.
/// They are relative to the main file's folder.
#[must_use]
pub fn paths(view: &View<'_>) -> Vec<Span> {
    let site = Site { view, tree: &view.file.tree, text: view.text() };
    let texts = site.tree.leaves().filter(|&leaf| site.tree.kind(leaf) == NodeKind::Text);
    let paths = texts.filter_map(|leaf| {
        let range = site.tree.range(leaf);
        let path = view.text()[range.clone()].strip_prefix('"')?.strip_suffix('"')?;
        let expr = site.around(leaf, |kind| kind == NodeKind::Expr)?;
        let is_path = || match site.expects(expr) {
            Expects::Value(spec) => spec.ty.is_path(),
            Expects::Artifact(kind) => kind == Some(ArtifactKind::Files),
            Expects::Condition => false,
        };
        // A pattern names no file, and what is escaped is rarely one.
        let is_single = !path.is_empty() && !path.contains(['*', '?', '[', '{', '\\']);
        let span = || Span::new(view.file.id, range.start as u32 + 1, range.end as u32 - 1);
        (is_single && is_path()).then(span)
    });
    paths.collect()
}
