//! The outline of a file.

use super::View;
use super::names::{NameKind, Named, of_file};
use crate::source::Span;

/// An entry of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// As it stands in the program: `clean`, `filter.mine`.
    pub name: String,
    /// What it is of.
    pub kind: NameKind,
    /// Its type or first line; may be empty.
    pub detail: String,
    /// Where that name stands; inside of `whole`.
    pub at: Span,
    /// The whole definition.
    pub whole: Span,
    /// What is defined inside.
    pub inside: Vec<Symbol>,
}

/// What the file defines, in order of text.
#[must_use]
pub fn symbols(view: &View<'_>) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for named in of_file(&view.file.ast) {
        let symbol = symbol(view, &named);
        // Settings of a param's record type lie in the param, everything else in its function or stage.
        match symbols.last_mut().filter(|last| last.whole != named.whole && contains(last.whole, named.whole))
        {
            Some(last) => last.inside.push(symbol),
            None => symbols.push(symbol),
        }
    }
    symbols
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn symbol(view: &View<'_>, named: &Named<'_>) -> Symbol {
    let name = view.compilation.sources.text(named.span).to_owned();
    let declared = || view.declared(named.span);
    let detail = match named.kind {
        NameKind::Binding | NameKind::Local => view.type_text_at(named.span).unwrap_or_default(),
        NameKind::Param => {
            let param = view.compilation.params.iter().find(|param| param.span == named.span);
            param.map(|param| param.ty.clone()).unwrap_or_default()
        }
        NameKind::Function | NameKind::Stage => {
            let text = declared().map(|(callable, _)| callable.display()).unwrap_or_default();
            text.strip_prefix(&name).unwrap_or_default().to_owned()
        }
        NameKind::Setting => declared()
            .and_then(|(_, spec)| spec)
            .map(|spec| spec.ty.to_string())
            .filter(|ty| ty.chars().count() < 60)
            .unwrap_or_default(),
        NameKind::Parameter | NameKind::Input => {
            let text = view.compilation.sources.text(named.whole);
            text.split_once(':').map(|(_, ty)| ty.trim().to_owned()).unwrap_or_default()
        }
        NameKind::Profile => String::new(),
    };
    Symbol { name, kind: named.kind, detail, at: named.span, whole: named.whole, inside: Vec::new() }
}
