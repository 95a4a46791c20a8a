//! A value that becomes a param, and a param that becomes its default.

use std::collections::BTreeSet;

use super::{CodeAction, CodeActionKind, action, edit};
use crate::ast::Item;
use crate::ide::View;
use crate::ide::callable::declaration;
use crate::ide::context::{Expects, Site, words};
use crate::ide::format::TextEdit;
use crate::ide::names::{definitions, target};
use crate::ide::references::uses;
use crate::source::{FileId, Span};
use crate::syntax::{NodeId, NodeKind, Tree, is_reserved};
use crate::types::{SettingSpec, SettingType};

/// A number, text or word in a setting becomes a param with the setting's name.
pub(super) fn extract(site: &Site<'_, '_>, leaf: NodeId) -> Option<CodeAction> {
    let (tree, view) = (site.tree, site.view);
    let literal = match tree.kind(leaf) {
        NodeKind::Text => leaf,
        NodeKind::Name => site.around(leaf, |kind| kind == NodeKind::Call)?,
        _ => site.around(leaf, |kind| kind == NodeKind::Number)?,
    };
    let expr = tree.parent(literal).filter(|&expr| tree.range(expr) == tree.range(literal))?;
    let Expects::Value(spec) = site.expects(expr) else { return None };
    // Params, profiles and declarations are values already.
    let item = std::iter::successors(Some(expr), |&id| tree.parent(id))
        .find(|&id| tree.parent(id) == Some(Tree::ROOT))
        .filter(|&item| matches!(tree.kind(item), NodeKind::Binding | NodeKind::Def))?;
    let element = match (&spec.ty, tree.parent(expr).map(|parent| tree.kind(parent))) {
        (SettingType::List(element), Some(NodeKind::List)) => element.required(),
        (ty, _) => ty.required(),
    };
    let written = site.str(literal);
    let is_word = match element {
        SettingType::Bool => matches!(written, "true" | "false"),
        _ => words(element).iter().any(|word| word == written),
    };
    if tree.kind(literal) == NodeKind::Call && !is_word {
        return None;
    }
    let name = free_name(view, &spec.name);
    let declared = SettingSpec { name: name.clone(), ty: element.clone(), default: None, ..spec.clone() };
    let declared = declaration(&declared);
    let (declared, range) = match declared.split_once(" in ") {
        Some((declared, range)) => (declared, format!(" in {range}")),
        None => (declared.as_str(), String::new()),
    };
    let at = with_docs(site.text, tree.range(item).start);
    let edits = vec![
        edit(at..at, format!("param {declared} = {written}{range}\n")),
        edit(tree.range(literal), name.as_str()),
    ];
    Some(action(view, CodeActionKind::Extract, format!("make it the param `{name}`"), edits))
}

/// Where the lines of the item at `start` begin, documentation included.
fn with_docs(text: &str, start: usize) -> usize {
    let lines = text[..start].split_inclusive('\n').rev().skip_while(|line| !line.ends_with('\n'));
    let docs = lines.take_while(|line| line.trim_start().starts_with("///"));
    start - docs.map(str::len).sum::<usize>()
}

/// A name that nothing has: `name`, `name_2`, …
fn free_name(view: &View<'_>, name: &str) -> String {
    let all = definitions(view.compilation);
    let taken: BTreeSet<&str> = all.iter().map(|one| view.compilation.sources.text(one.span)).collect();
    let mut free = name.to_owned();
    let mut next = 2;
    while taken.contains(free.as_str()) || is_reserved(&free) || view.library.stage(&free).is_some() {
        free = format!("{name}_{next}");
        next += 1;
    }
    free
}

/// The param at `offset` is replaced by its default, everywhere.
pub(super) fn inline(view: &View<'_>, offset: u32) -> Option<CodeAction> {
    let target = target(view, offset)?;
    let (file, param) = view.compilation.files.iter().find_map(|file| {
        file.ast.items.iter().find_map(|item| match item {
            Item::Param(param) if param.name.as_ref().is_some_and(|name| name.span == target.to) => {
                Some((file.id, param))
            }
            _ => None,
        })
    })?;
    let default = param.default.as_ref()?;
    let sources = &view.compilation.sources;
    // What is changed elsewhere is more than its default.
    let changed = |at: Span| {
        view.compilation.files.iter().filter(|file| file.id == at.file).any(|file| {
            file.ast.items.iter().any(|item| match item {
                Item::Profile(profile) => profile
                    .entries
                    .iter()
                    .any(|entry| entry.path.names.first().is_some_and(|name| name.span == at)),
                _ => false,
            })
        })
    };
    let uses: Vec<Span> =
        uses(view, target.to).into_iter().filter(|one| !one.defines).map(|one| one.at).collect();
    if uses.iter().any(|&at| changed(at)) {
        return None;
    }
    // A word means something only where its type is due, and a name where it is seen.
    let info = view.compilation.params.iter().find(|info| info.span == target.to)?;
    let names = !crate::resolve::value_names(default).is_empty();
    if !words(&info.spec.ty).is_empty() || names && uses.iter().any(|at| at.file != file) {
        return None;
    }
    let text = sources.text(default.span);
    let compound = matches!(
        default.kind,
        crate::ast::ExprKind::Binary(_) | crate::ast::ExprKind::Not(_) | crate::ast::ExprKind::If(_)
    );
    let text = if compound { format!("({text})") } else { text.to_owned() };
    let mut edits: Vec<(FileId, TextEdit)> = uses
        .into_iter()
        .map(|at| (at.file, TextEdit { start: at.start, end: at.end, text: text.clone() }))
        .collect();
    edits.push((file, deletion(&sources.get(file)?.text, param.span)));
    let title = format!("replace `{}` by its default", sources.text(target.to));
    Some(CodeAction { title, kind: CodeActionKind::Inline, diagnostic: None, edits })
}

/// Takes an item out with its documentation and its line's end.
fn deletion(text: &str, span: Span) -> TextEdit {
    let start = with_docs(text, span.start as usize);
    let rest = &text[span.end as usize..];
    let end = span.end as usize + rest.find('\n').map_or(rest.len(), |at| at + 1);
    edit(start..end, "")
}
