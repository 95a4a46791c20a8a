//! Where what stands at a place is defined.

use super::View;
use crate::ast::Item;
use crate::source::Span;

/// A name and its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name that was asked about.
    pub at: Span,
    /// Its definition: a name, or the start of an imported file. It may lie in a signature of the standard library.
    pub to: Span,
}

/// Where the name at `offset` is defined, or the file whose import stands there.
#[must_use]
pub fn definition(view: &View<'_>, offset: u32) -> Option<Definition> {
    let here = |span: Span| span.file == view.file.id && span.touches(offset);
    for item in &view.file.ast.items {
        if let Item::Import(import) = item
            && let Some(path) = import.path.as_ref().filter(|path| here(path.span))
        {
            let (file, _) = view.file.imports.iter().find(|(_, at)| *at == path.span)?;
            let id = view.compilation.files.get(*file)?.id;
            return Some(Definition { at: path.span, to: Span::new(id, 0, 0) });
        }
    }
    let references = view.compilation.references.iter().filter(|reference| here(reference.at));
    let smallest = references.min_by_key(|reference| reference.at.end - reference.at.start)?;
    Some(Definition { at: smallest.at, to: smallest.to })
}
