//! Works values out, as far as they are known, and checks them against their ranges.

use std::cmp::Ordering;

use super::{Const, Expected, Value, errors};
use crate::ast::Operator;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::{Bounds, SettingType};
use crate::units::{Dimension, Exact, TooPrecise};

type Folded = Result<Const, Box<Diagnostic>>;

/// A list whose elements are known is known.
pub(crate) fn list(items: Vec<Const>) -> Const {
    if items.iter().any(|item| matches!(item, Const::Unknown)) {
        return Const::Unknown;
    }
    match items.iter().all(|item| matches!(item, Const::Value(_))) {
        true => Const::Value(Value::List(items.into_iter().filter_map(Const::into_value).collect())),
        false => Const::List(items),
    }
}

/// A record whose fields are known is known.
pub(crate) fn record(fields: Vec<(String, Const)>) -> Const {
    if fields.iter().any(|(_, value)| matches!(value, Const::Unknown)) {
        return Const::Unknown;
    }
    match fields.iter().all(|(_, value)| matches!(value, Const::Value(_))) {
        true => {
            let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value.into_value()?)));
            Const::Value(Value::Record(fields.collect()))
        }
        false => Const::Record(fields),
    }
}

/// `if`, decided where the condition is known.
pub(crate) fn choice(condition: Const, then: Const, otherwise: Const) -> Const {
    match condition {
        Const::Value(Value::Bool(true)) => then,
        Const::Value(Value::Bool(false)) => otherwise,
        Const::Unknown => Const::Unknown,
        condition => Const::If(Box::new((condition, then, otherwise))),
    }
}

/// `not a`
pub(crate) fn not(value: Const) -> Const {
    match value {
        Const::Value(Value::Bool(value)) => Const::Value(Value::Bool(!value)),
        Const::Unknown => Const::Unknown,
        value => Const::Not(Box::new(value)),
    }
}

/// `a + b` and its like; types have been checked.
pub(crate) fn binary(operator: Operator, left: Const, right: Const, span: Span) -> Folded {
    let (left, right) = match (left, right) {
        (Const::Unknown, _) | (_, Const::Unknown) => return Ok(Const::Unknown),
        (Const::Value(left), Const::Value(right)) => (left, right),
        (left, right) => return Ok(Const::Binary(operator, Box::new((left, right)), span)),
    };
    let value = match (operator, &left, &right) {
        (Operator::And, Value::Bool(left), Value::Bool(right)) => Value::Bool(*left && *right),
        (Operator::Or, Value::Bool(left), Value::Bool(right)) => Value::Bool(*left || *right),
        (Operator::Equal, left, right) => Value::Bool(left == right),
        (Operator::NotEqual, left, right) => Value::Bool(left != right),
        (operator, Value::Number(left), Value::Number(right)) => arithmetic(operator, *left, *right, span)?,
        _ => return Ok(Const::Unknown),
    };
    Ok(Const::Value(value))
}

/// Works out a value whose slots are known; `None` where something in it is broken or a family. What `or` and
/// `and` do not depend on is not looked at.
pub(crate) fn evaluate(
    value: &Const,
    slots: &dyn Fn(usize) -> Option<Value>,
) -> Result<Option<Value>, Box<Diagnostic>> {
    Ok(match value {
        Const::Value(value) => Some(value.clone()),
        Const::Local(slot) => slots(*slot),
        Const::Not(inner) => match evaluate(inner, slots)? {
            Some(Value::Bool(value)) => Some(Value::Bool(!value)),
            _ => None,
        },
        Const::Binary(operator, operands, span) => {
            let Some(left) = evaluate(&operands.0, slots)? else { return Ok(None) };
            match (operator, &left) {
                (Operator::Or, Value::Bool(true)) | (Operator::And, Value::Bool(false)) => Some(left),
                _ => {
                    let Some(right) = evaluate(&operands.1, slots)? else { return Ok(None) };
                    binary(*operator, Const::Value(left), Const::Value(right), *span)?.into_value()
                }
            }
        }
        Const::If(choice) => match evaluate(&choice.0, slots)? {
            Some(Value::Bool(true)) => evaluate(&choice.1, slots)?,
            Some(Value::Bool(false)) => evaluate(&choice.2, slots)?,
            _ => None,
        },
        Const::List(items) => {
            let items: Result<Option<Vec<Value>>, _> =
                items.iter().map(|item| evaluate(item, slots)).collect();
            items?.map(Value::List)
        }
        Const::Unknown | Const::Missing | Const::Record(_) | Const::Each(_) => None,
    })
}

fn arithmetic(operator: Operator, left: Exact, right: Exact, span: Span) -> Result<Value, Box<Diagnostic>> {
    let result = match operator {
        Operator::Less => return Ok(Value::Bool(left.cmp(&right) == Ordering::Less)),
        Operator::LessEqual => return Ok(Value::Bool(left.cmp(&right) != Ordering::Greater)),
        Operator::Greater => return Ok(Value::Bool(left.cmp(&right) == Ordering::Greater)),
        Operator::GreaterEqual => return Ok(Value::Bool(left.cmp(&right) != Ordering::Less)),
        Operator::Add => left.plus(right),
        Operator::Subtract => left.plus(right.negated()),
        Operator::Multiply => left.times(right),
        Operator::Divide => match left.over(right) {
            Ok(Some(quotient)) => Ok(quotient),
            Ok(None) => return Err(Box::new(errors::division_by_zero(span))),
            Err(error) => Err(error),
        },
        Operator::Remainder if right == Exact::whole(0) => {
            return Err(Box::new(errors::division_by_zero(span)));
        }
        Operator::Remainder => match left.remainder(right) {
            Some(rest) => Ok(rest),
            None => return Err(Box::new(errors::broken_remainder(span))),
        },
        Operator::Or | Operator::And | Operator::Equal | Operator::NotEqual => Err(TooPrecise),
    };
    result.map(Value::Number).map_err(|TooPrecise| Box::new(errors::too_precise(span)))
}

/// Whether a value of the right type is one that its setting takes: whole where it must be, and in range.
pub(crate) fn validate(value: &Value, due: &Expected<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
    let ty = due.ty.required();
    match (value, ty) {
        (Value::Number(number), _) => {
            let dimension = ty.dimension().unwrap_or(Dimension::Plain);
            if ty.is_whole() && number.as_whole().is_none() {
                return Err(Box::new(errors::not_whole(due.name, *number, ty, span)));
            }
            if !due.bounds.contain(*number) {
                return Err(Box::new(errors::out_of_range(due.name, *number, due.bounds, &dimension, span)));
            }
            let fits = match (ty, number.as_whole()) {
                (SettingType::Int, Some(whole)) => i64::try_from(whole).is_ok(),
                (SettingType::Bytes | SettingType::Count(_) | SettingType::Units(_), Some(whole)) => {
                    u64::try_from(whole).is_ok()
                }
                (SettingType::Duration, _) => *number >= Exact::whole(0),
                _ => true,
            };
            match fits {
                true => Ok(()),
                false => Err(Box::new(errors::does_not_fit(due.name, *number, ty, &dimension, span))),
            }
        }
        (Value::List(ends), SettingType::Range) => {
            let due = Expected { ty: &SettingType::Int, ..*due };
            ends.iter().try_for_each(|end| validate(end, &due, span))?;
            match ends.as_slice() {
                [Value::Number(low), Value::Number(high)] if low > high => {
                    let range = Bounds { low: Some(*low), high: Some(*high) };
                    Err(Box::new(errors::empty_range(&range.display(&Dimension::Plain), span)))
                }
                _ => Ok(()),
            }
        }
        // A count of another unit than the first, which the range is about.
        (Value::Record(values), SettingType::Units(units)) => values.iter().try_for_each(|(name, value)| {
            let Some(unit) = units.iter().find(|unit| unit.name == *name) else { return Ok(()) };
            let ty = match unit.times {
                true => SettingType::Float,
                false => SettingType::Count(Some(name.clone())),
            };
            let bounds = Bounds { low: Some(Exact::whole(0)), high: None };
            validate(value, &Expected { ty: &ty, bounds: &bounds, ..*due }, span)
        }),
        (Value::List(values), SettingType::List(element)) => {
            values.iter().try_for_each(|value| validate(value, &Expected { ty: element, ..*due }, span))
        }
        (Value::Record(values), SettingType::Record(fields)) => {
            values.iter().try_for_each(|(name, value)| {
                match fields.iter().find(|field| field.name == *name) {
                    Some(field) => validate(value, &Expected::of(field), span),
                    None => Ok(()),
                }
            })
        }
        _ => Ok(()),
    }
}

/// How an operator is written.
pub(crate) fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Or => "or",
        Operator::And => "and",
        Operator::Equal => "==",
        Operator::NotEqual => "!=",
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterEqual => ">=",
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Remainder => "%",
    }
}
