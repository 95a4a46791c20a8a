//! What is expected of a value, and of values that are not given.

use super::Const;
use crate::ast;
use crate::types::{Bounds, SettingSpec, SettingType};

/// What a value is for.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The setting or param.
    pub(crate) name: &'a str,
    pub(crate) ty: &'a SettingType,
    pub(crate) bounds: &'a Bounds,
}

impl<'a> Expected<'a> {
    pub(crate) fn of(spec: &'a SettingSpec) -> Self {
        Self { name: &spec.name, ty: &spec.ty, bounds: &spec.bounds }
    }
}

/// The value of a setting that is not given: its default, or nothing yet where it is set `elsewhere`; `None`
/// where it is missing. Where something is `broken`, what is not given may have been meant by that: then
/// nothing is missed.
pub(crate) fn absent(spec: &SettingSpec, elsewhere: &[Vec<String>], broken: bool) -> Option<Const> {
    match &spec.default {
        Some(default) => Some(Const::Value(default.clone())),
        None if broken || spec.ty == SettingType::Unknown => Some(Const::Unknown),
        None if elsewhere.iter().any(|path| path.first() == Some(&spec.name)) => Some(Const::Missing),
        None => None,
    }
}

/// The fields that must be given, and are given neither in `record` nor elsewhere.
pub(crate) fn missing<'s>(
    specs: impl IntoIterator<Item = &'s SettingSpec>,
    record: &ast::Record,
    overridden: &[Vec<String>],
) -> Vec<&'s str> {
    let needed = specs.into_iter().filter(|spec| spec.default.is_none() && spec.ty != SettingType::Unknown);
    let names = needed.map(|spec| spec.name.as_str());
    let is_given = |name: &&str| {
        let elsewhere = overridden.iter().any(|path| path.first().is_some_and(|first| first == name));
        elsewhere || record.fields.iter().any(|field| field.name.text == *name)
    };
    names.filter(|name| !is_given(name)).collect()
}

/// Whether `record` names something that is none of its fields, so that what is missing may have been meant.
pub(crate) fn has_unknown(record: Option<&ast::Record>, specs: &[&SettingSpec]) -> bool {
    let fields = record.map_or(&[][..], |record| &record.fields);
    fields.iter().any(|field| specs.iter().all(|spec| spec.name != field.name.text))
}

/// The paths that lead below `field`, from there on.
pub(crate) fn below(paths: &[Vec<String>], field: &str) -> Vec<Vec<String>> {
    let inside = paths.iter().filter_map(|path| path.split_first().filter(|(first, _)| *first == field));
    inside.map(|(_, rest)| rest.to_vec()).collect()
}
