//! Uses of a name, and renaming it everywhere.

use std::collections::BTreeMap;

use super::View;
use super::format::TextEdit;
use super::names::{NameKind, Named, Target, definitions, target};
use crate::compile::{Options, compile};
use crate::source::{FileId, MemoryWorld, Span};

/// A place where a name stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The name, without what it stands in: the `width` of `model.width`.
    pub at: Span,
    /// Whether it is the definition.
    pub defines: bool,
}

/// All places of the program where the name stands that is defined at `to`, sorted. The definition itself is
/// among them where it is part of the program.
#[must_use]
pub fn uses(view: &View<'_>, to: Span) -> Vec<Use> {
    let references = view.compilation.references.iter().filter(|reference| reference.to == to);
    let mut uses: Vec<Use> = references.map(|reference| Use { at: reference.at, defines: false }).collect();
    if view.compilation.files.iter().any(|file| file.id == to.file) {
        uses.push(Use { at: to, defines: true });
    }
    uses.sort_unstable();
    uses.dedup_by_key(|one| one.at);
    uses
}

/// The name at `offset`, where it can be renamed.
///
/// # Errors
/// Why it cannot be, for the user.
pub fn renamable(view: &View<'_>, offset: u32) -> Result<Target, String> {
    let Some(target) = target(view, offset) else {
        return Err("there is no name here that could be renamed".to_owned());
    };
    match definitions(view.compilation).iter().any(|name| name.span == target.to) {
        true => Ok(target),
        false => {
            let name = view.compilation.sources.text(target.at);
            Err(format!("`{name}` is part of the standard library and keeps its name"))
        }
    }
}

/// The edits that give the name defined at `to` the name `new`, by file.
///
/// The renamed program is compiled to see that it means what it meant; so nothing is renamed that would be
/// confused with something else. `options` are those that the program was compiled with.
///
/// # Errors
/// Why `new` cannot be its name, for the user.
pub fn rename(
    view: &View<'_>,
    to: Span,
    new: &str,
    options: &Options,
) -> Result<BTreeMap<FileId, Vec<TextEdit>>, String> {
    let names = definitions(view.compilation);
    let Some(named) = names.iter().find(|name| name.span == to) else {
        return Err("this name is not defined in the program".to_owned());
    };
    check_name(named.kind, new)?;
    let old = view.compilation.sources.text(to);
    if old == new {
        return Ok(BTreeMap::new());
    }
    if let Some(other) = names.iter().find(|other| collides(named, other, new, view)) {
        return Err(format!("`{new}` is already defined at {}", view.compilation.sources.place(other.span)));
    }
    let uses = uses(view, to);
    let mut edits: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
    for one in &uses {
        let edit = TextEdit { start: one.at.start, end: one.at.end, text: new.to_owned() };
        edits.entry(one.at.file).or_default().push(edit);
    }
    match same_meaning(view, to, new, uses.len(), &edits, options) {
        true => Ok(edits),
        false => Err(format!("with the name `{new}`, the program would mean something else")),
    }
}

fn check_name(kind: NameKind, new: &str) -> Result<(), String> {
    let word = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|next| next.is_ascii_alphanumeric() || next == b'_')
    };
    let valid = match kind {
        NameKind::Stage => new.split('.').all(word),
        _ => word(new),
    };
    if !valid {
        return Err(format!("`{new}` is no name: letters, digits and `_`, and no digit first"));
    }
    let free = matches!(kind, NameKind::Setting | NameKind::Stage | NameKind::Input);
    if !free && crate::syntax::is_reserved(new) {
        return Err(format!("`{new}` is a word of the language"));
    }
    Ok(())
}

/// Whether a definition called `new` would stand in the way of `named`.
fn collides(named: &Named<'_>, other: &Named<'_>, new: &str, view: &View<'_>) -> bool {
    use NameKind::{Binding, Function, Input, Local, Param, Parameter, Profile, Setting, Stage};
    let together = match (named.kind, other.kind) {
        (Param | Binding | Function, Param | Binding | Function) => true,
        (Profile, Profile) | (Stage, Stage) => true,
        (Parameter | Local, Parameter | Local) | (Input | Setting, Input | Setting) => {
            named.inside == other.inside && named.inside.is_some()
        }
        (Parameter | Local, Param | Function) | (Param | Function, Parameter | Local) => true,
        _ => false,
    };
    together && other.span != named.span && view.compilation.sources.text(other.span) == new
}

/// Whether the program with `edits` is the same but for the name: as many uses, and no new mistakes.
fn same_meaning(
    view: &View<'_>,
    to: Span,
    new: &str,
    uses: usize,
    edits: &BTreeMap<FileId, Vec<TextEdit>>,
    options: &Options,
) -> bool {
    let compilation = view.compilation;
    let Some(main) = compilation.files.first() else { return false };
    let files = compilation.files.iter().filter_map(|file| {
        let text = &compilation.sources.get(file.id)?.text;
        let edits = edits.get(&file.id).map_or(&[][..], Vec::as_slice);
        Some((file.path.clone(), super::format::apply(text, edits).into()))
    });
    let world = MemoryWorld { files: files.collect() };
    let renamed = compile(&world, view.library, &main.path, options);
    let codes = |all: &[crate::diagnostic::Diagnostic]| {
        let mut codes: Vec<&str> = all.iter().map(|one| one.code.as_str()).collect();
        codes.sort_unstable();
        codes
    };
    if codes(&renamed.diagnostics) != codes(&compilation.diagnostics)
        || renamed.references.len() != compilation.references.len()
    {
        return false;
    }
    let before =
        edits.get(&to.file).map_or(&[][..], Vec::as_slice).iter().filter(|edit| edit.end <= to.start);
    let moved: i64 = before.map(|edit| edit.text.len() as i64 - i64::from(edit.end - edit.start)).sum();
    let start = (i64::from(to.start) + moved).max(0) as u32;
    let to = Span::new(to.file, start, start + new.len() as u32);
    View::new(&renamed, view.library, view.file.id).is_some_and(|view| super::uses(&view, to).len() == uses)
}
