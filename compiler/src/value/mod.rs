//! Values of settings and params: their one canonical JSON form, and how expressions become values.
//!
//! [`evaluate`] checks an expression against what is expected of it; names come in through [`names::Names`],
//! so that signatures, which have none, and programs share it. What depends on a function's parameters stays
//! a [`Const`] until `lower` writes the function out.

mod constant;
pub(crate) mod errors;
mod evaluate;
mod expected;
pub(crate) mod fold;
mod infer;
pub(crate) mod names;

use serde_json::{Map, Number, Value as Json};

use crate::types::SettingType;
use crate::units::{self, Exact};

pub(crate) use constant::{Const, Each, Member};
pub(crate) use evaluate::Values;
pub(crate) use expected::{Expected, absent, below, has_unknown, missing};

/// A value. Numbers are in base units; what they count is in the type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `none`
    None,
    /// `true`, `false`
    Bool(bool),
    /// A number of any dimension.
    Number(Exact),
    /// Text, a path, or a word of a `OneOf`.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// All fields of a record, in declared order.
    Record(Vec<(String, Value)>),
}

impl Value {
    /// The value with the defaults of all fields of `ty` that it lacks, in declared order; it fits `ty`.
    #[must_use]
    pub(crate) fn completed(self, ty: &SettingType) -> Self {
        match (self, ty.required()) {
            (Self::Record(mut values), SettingType::Record(fields)) => {
                let completed = fields.iter().filter_map(|field| {
                    let given = values.iter().position(|(name, _)| *name == field.name);
                    let value = match given {
                        Some(at) => values.swap_remove(at).1.completed(&field.ty),
                        None => field.default.clone()?,
                    };
                    Some((field.name.clone(), value))
                });
                Self::Record(completed.collect())
            }
            (Self::List(values), SettingType::List(element)) => {
                Self::List(values.into_iter().map(|value| value.completed(element)).collect())
            }
            (value, _) => value,
        }
    }

    /// The canonical JSON form: whole numbers as integers, ratios as fractions, durations as seconds.
    ///
    /// The value has been checked against `ty`; a number too large for its type would become `null`.
    #[must_use]
    pub fn to_json(&self, ty: &SettingType) -> Json {
        let ty = ty.required();
        match self {
            Self::None => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Text(text) => Json::String(text.clone()),
            Self::Number(number) if ty.is_whole() => {
                let whole = number.as_whole();
                let signed = whole.and_then(|whole| i64::try_from(whole).ok()).map(Number::from);
                let number =
                    signed.or_else(|| whole.and_then(|whole| u64::try_from(whole).ok()).map(Number::from));
                number.map_or(Json::Null, Json::Number)
            }
            Self::Number(number) => Number::from_f64(number.to_f64()).map_or(Json::Null, Json::Number),
            Self::List(values) => match ty {
                SettingType::Range => values.iter().map(|end| end.to_json(&SettingType::Int)).collect(),
                SettingType::List(element) => values.iter().map(|value| value.to_json(element)).collect(),
                _ => Json::Null,
            },
            Self::Record(values) => match ty {
                SettingType::Units(units) => {
                    let typed = values.iter().filter_map(|(name, value)| {
                        let times = units.iter().find(|unit| unit.name == *name)?.times;
                        let ty = if times { SettingType::Float } else { SettingType::Count(None) };
                        Some((name.clone(), value.to_json(&ty)))
                    });
                    Json::Object(typed.collect::<Map<_, _>>())
                }
                SettingType::Record(fields) => {
                    let typed = values.iter().filter_map(|(name, value)| {
                        let field = fields.iter().find(|field| field.name == *name)?;
                        Some((name.clone(), value.to_json(&field.ty)))
                    });
                    // Sorted, so that the order of declaration is no part of the value.
                    let sorted: std::collections::BTreeMap<_, _> = typed.collect();
                    Json::Object(sorted.into_iter().collect::<Map<_, _>>())
                }
                _ => Json::Null,
            },
        }
    }

    /// How people write it.
    #[must_use]
    pub fn display(&self, ty: &SettingType) -> String {
        let ty = ty.required();
        match (self, ty) {
            (Self::None, _) => "none".to_owned(),
            (Self::Bool(value), _) => value.to_string(),
            (Self::Text(text), SettingType::OneOf(words)) if words.contains(text) => text.clone(),
            (Self::Text(text), _) => format!("{text:?}"),
            (Self::Number(number), _) => {
                units::display(*number, &ty.dimension().unwrap_or(units::Dimension::Plain))
            }
            (Self::List(ends), SettingType::Range) => {
                let ends: Vec<String> = ends.iter().map(|end| end.display(&SettingType::Int)).collect();
                ends.join("..")
            }
            (Self::Record(values), SettingType::Units(units)) => {
                let shown = values.iter().filter_map(|(name, value)| match value {
                    Self::Number(number) => {
                        let unit = units.iter().find(|unit: &&crate::types::Unit| unit.name == *name)?;
                        Some(crate::units::display(*number, &unit.dimension()))
                    }
                    _ => None,
                });
                shown.collect()
            }
            (Self::List(values), SettingType::List(element)) => {
                let values: Vec<String> = values.iter().map(|value| value.display(element)).collect();
                format!("[{}]", values.join(", "))
            }
            (Self::Record(values), SettingType::Record(fields)) => {
                let fields: Vec<String> = fields
                    .iter()
                    .filter_map(|field| {
                        let (_, value) = values.iter().find(|(name, _)| *name == field.name)?;
                        Some(format!("{} = {}", field.name, value.display(&field.ty)))
                    })
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
            (Self::List(_) | Self::Record(_), _) => "?".to_owned(),
        }
    }
}
