//! Settings that are not given: those that have to be, with a value to start from, or all with their
//! defaults.

use super::{CodeAction, CodeActionKind, action, edit};
use crate::ide::callable::fields;
use crate::ide::context::Site;
use crate::ide::format::TextEdit;
use crate::syntax::{NodeId, NodeKind};
use crate::types::{Bounds, SettingSpec, SettingType, Unit};
use crate::units::{self, Dimension, Exact};

pub(super) fn missing(site: &Site<'_, '_>, leaf: NodeId) -> Vec<CodeAction> {
    let tree = site.tree;
    let wanted = |kind| matches!(kind, NodeKind::Call | NodeKind::Record);
    let Some(owner) = site.around(leaf, wanted) else { return Vec::new() };
    let (record, specs) = match tree.kind(owner) {
        NodeKind::Record => (Some(owner), site.settings(owner)),
        _ => {
            let specs = site.callee(owner).map(|callee| match callee {
                crate::ide::callable::Callable::Stage(_) => callee.settings(),
                // A function's values may stand in parentheses.
                crate::ide::callable::Callable::Function(_) => Vec::new(),
            });
            (site.child(owner, NodeKind::Record), specs.unwrap_or_default())
        }
    };
    let given = |spec: &SettingSpec| {
        let fields = record.into_iter().flat_map(|record| tree.children(record));
        fields
            .filter(|&field| tree.kind(field) == NodeKind::Field)
            .any(|field| site.path_of(field).split('.').next() == Some(spec.name.as_str()))
    };
    let missing: Vec<&SettingSpec> = specs.into_iter().filter(|spec| !given(spec)).collect();
    let required: Vec<&SettingSpec> = missing.iter().copied().filter(|spec| is_required(spec)).collect();
    let mut actions = Vec::new();
    if !required.is_empty() {
        let names: Vec<String> = required.iter().map(|spec| format!("`{}`", spec.name)).collect();
        let edits = vec![insertion(site, owner, record, &required)];
        actions.push(action(site.view, CodeActionKind::Fix, format!("add {}", names.join(", ")), edits));
    }
    if missing.len() > required.len() {
        let edits = vec![insertion(site, owner, record, &missing)];
        actions.push(action(
            site.view,
            CodeActionKind::Rewrite,
            "add all settings with their defaults",
            edits,
        ));
    }
    actions
}

fn is_required(spec: &SettingSpec) -> bool {
    spec.default.is_none()
        && match &spec.ty {
            SettingType::Optional(_) => false,
            SettingType::Record(specs) => specs.iter().any(is_required),
            _ => true,
        }
}

/// The edit that puts settings into a record, or behind the call.
fn insertion(site: &Site<'_, '_>, owner: NodeId, record: Option<NodeId>, specs: &[&SettingSpec]) -> TextEdit {
    let tree = site.tree;
    let entries: Vec<String> = specs.iter().map(|spec| format!("{} = {}", spec.name, value(spec))).collect();
    let Some(record) = record else {
        let end = tree.range(owner).end;
        return edit(end..end, format!(" {{ {} }}", entries.join(", ")));
    };
    let range = tree.range(record);
    let last = tree.children(record).filter(|&child| tree.kind(child) == NodeKind::Field).last();
    let Some(last) = last else {
        return edit(range, format!("{{ {} }}", entries.join(", ")));
    };
    let comma = tree.children(record).filter(|&child| child > last && site.str(child) == ",").last();
    let end = tree.range(comma.unwrap_or(last)).end;
    if site.str(record).contains('\n') {
        let start = tree.range(last).start;
        let line = &site.text[site.text[..start].rfind('\n').map_or(0, |at| at + 1)..];
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        return edit(end..end, entries.iter().map(|entry| format!("\n{indent}{entry}")).collect::<String>());
    }
    let separator = if comma.is_some() { " " } else { ", " };
    edit(end..end, format!("{separator}{}", entries.join(", ")))
}

/// The default, else something of the right type to start from.
fn value(spec: &SettingSpec) -> String {
    match &spec.default {
        Some(default) => default.display(&spec.ty),
        None => example(spec),
    }
}

fn example(spec: &SettingSpec) -> String {
    let number = |value: i64, dimension: Dimension| {
        let mut value = Exact::whole(value);
        let Bounds { low, high } = spec.bounds;
        value = low.filter(|low| *low > value).unwrap_or(value);
        value = high.filter(|high| *high < value).unwrap_or(value);
        units::display(value, &dimension)
    };
    match &spec.ty {
        SettingType::Optional(_) => "none".to_owned(),
        SettingType::Bool => "false".to_owned(),
        SettingType::Text | SettingType::Path => "\"\"".to_owned(),
        SettingType::OneOf(words) => words.first().cloned().unwrap_or_default(),
        SettingType::List(_) => "[]".to_owned(),
        SettingType::Record(_) => {
            let required = fields(&spec.ty).iter().filter(|field| is_required(field));
            let entries: Vec<String> =
                required.map(|field| format!("{} = {}", field.name, value(field))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        SettingType::Count(Some(unit)) => number(1_000_000, Dimension::Count(unit.clone())),
        SettingType::Units(units) if units.first().is_some_and(Unit::is_share) => number(1, Dimension::Ratio),
        SettingType::Units(units) => {
            let unit = units.first().map_or_else(String::new, |unit| unit.name.clone());
            number(1_000_000, Dimension::Count(unit))
        }
        SettingType::Range => "1..1".to_owned(),
        SettingType::Bytes => number(1_000_000_000, Dimension::Bytes),
        SettingType::Duration => number(3_600, Dimension::Time),
        SettingType::Ratio => number(1, Dimension::Ratio),
        SettingType::Int | SettingType::Float | SettingType::Count(None) => number(1, Dimension::Plain),
        SettingType::Unknown => "?".to_owned(),
    }
}
