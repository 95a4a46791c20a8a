//! Messages about values.

use crate::ast::Number;
use crate::code::{self, Code};
use crate::diagnostic::Diagnostic;
use crate::names::closest;
use crate::source::Span;
use crate::types::{Bounds, SettingType, takes_text};
use crate::units::{self, Dimension, Exact, LiteralError};

fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(code, message, span)
}

/// How a value of this type is written.
pub(crate) fn example(ty: &SettingType) -> String {
    match ty.required() {
        SettingType::Int => "a whole number, like `4_096`".to_owned(),
        SettingType::Float => "a number, like `0.1` or `3e-4`".to_owned(),
        SettingType::Bool => "`true` or `false`".to_owned(),
        SettingType::Text => "text in quotes".to_owned(),
        SettingType::Path => "a path in quotes".to_owned(),
        SettingType::Ratio => "a ratio, like `80%`".to_owned(),
        SettingType::Duration => "a duration, like `30s`, `10min` or `2h`".to_owned(),
        SettingType::Bytes => "an amount of bytes, like `1.5GB` or `2GiB`".to_owned(),
        SettingType::Count(None) => "a count, like `30k`".to_owned(),
        SettingType::Count(Some(unit)) => format!("a number of {unit}, like `20k {unit}`"),
        SettingType::Units(units) => match units.as_slice() {
            [first, rest @ ..] => {
                let start = match first.is_share() {
                    true => "a share, like `5%`".to_owned(),
                    false => format!("a number of {}, like `20k {0}`", first.name),
                };
                let rest = rest.iter().map(|unit| match unit.times {
                    true => format!(" or `20x {}`", unit.name),
                    false => format!(" or `20k {}`", unit.name),
                });
                start + &rest.collect::<String>()
            }
            [] => "a count, like `30k`".to_owned(),
        },
        SettingType::Range => "a range of whole numbers, like `1..20`".to_owned(),
        SettingType::OneOf(words) => one_of(words),
        SettingType::List(inner) => format!("a list, like `[…]`, of {}", example(inner)),
        SettingType::Record(fields) => {
            let required = fields.iter().filter(|field| field.default.is_none());
            let mut names: Vec<String> = required.map(|field| format!("{} = …", field.name)).collect();
            if names.is_empty() {
                names.extend(fields.first().map(|field| format!("{} = …", field.name)));
            }
            format!("fields in braces, like `{{ {} }}`", names.join(", "))
        }
        SettingType::Optional(_) | SettingType::Unknown => "something else".to_owned(),
    }
}

fn one_of(words: &[String]) -> String {
    if let Some((_, words)) = words.split_last().filter(|_| takes_text(words)) {
        return format!("{}, or a text, like `\"…\"`", one_of(words));
    }
    const SHOWN: usize = 20;
    let more = if words.len() > SHOWN { ", …" } else { "" };
    let words: Vec<String> = words.iter().take(SHOWN).map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [word] => word.clone(),
        words => format!("one of {}{more}", words.join(", ")),
    }
}

pub(crate) fn mismatch(name: &str, due: &SettingType, found: &str, span: Span) -> Diagnostic {
    error(code::WRONG_TYPE, format!("`{name}` takes `{due}`, found {found}"), span)
        .help(format!("write {}", example(due)))
}

/// `found` is the type of a value that has a name or is worked out.
pub(crate) fn misfit(name: &str, due: &SettingType, found: &SettingType, span: Span) -> Diagnostic {
    match (due.required(), found) {
        (due, SettingType::Optional(inner)) if inner.fits(due) => error(
            code::WRONG_TYPE,
            format!("`{name}` takes `{due}`, found `{found}`, which may be `none`"),
            span,
        )
        .help("declare it without `?`, and give it a default"),
        (SettingType::Record(fields), SettingType::Record(given)) => {
            let field = crate::types::misfit(given, fields).unwrap_or_default();
            let known = fields.iter().find(|spec| spec.name == field);
            let has = given.iter().find(|spec| spec.name == field);
            let error =
                error(code::WRONG_TYPE, format!("`{name}` takes other fields than this record has"), span);
            match (known, has) {
                (Some(known), Some(has)) => {
                    error.label(format!("its `{field}` is `{}`, not `{}`", has.ty, known.ty))
                }
                (Some(_), None) => error.label(format!("it has no `{field}`")),
                (None, _) => error.label(format!("it has `{field}`")),
            }
            .help("declare the fields as the setting has them; those with defaults may be left out")
        }
        _ => mismatch(name, due, &format!("`{found}`"), span),
    }
}

pub(crate) fn text_for(name: &str, due: &SettingType, text: &str, span: Span) -> Diagnostic {
    let error = error(code::WRONG_TYPE, format!("`{name}` takes `{due}`, found text"), span);
    let looks_right = due.dimension().is_some() && text.starts_with(|first: char| first.is_ascii_digit());
    match looks_right {
        true => {
            error.help("numbers and quantities stand without quotes").fix("remove the quotes", span, text)
        }
        false => error.help(format!("write {}", example(due))),
    }
}

/// A word that means nothing where no word is due; `params` says whether a param could stand there.
pub(crate) fn word_for(name: &str, due: &SettingType, word: &str, params: bool, span: Span) -> Diagnostic {
    let example = example(due);
    let kind = example.split(", like ").next().unwrap_or(&example);
    let message = format!("`{name}` takes {kind}, found the word `{word}`");
    let (code, more) = match params {
        true => (code::WRONG_TYPE, format!("a param would have to be declared: `param {word}: {due}`")),
        false => (code::NOT_A_VALUE, "no names can stand here".to_owned()),
    };
    error(code, message, span).help(format!("write {example}; {more}"))
}

pub(crate) fn quoted_word(word: &str, name: &str, span: Span) -> Diagnostic {
    error(code::WRONG_TYPE, format!("`{name}` takes words without quotes"), span)
        .help(format!("write `{word}`"))
        .fix("remove the quotes", span, word)
}

pub(crate) fn unquoted(word: &str, name: &str, span: Span) -> Diagnostic {
    error(code::WRONG_TYPE, format!("`{name}` takes text, found the word `{word}`"), span)
        .help(format!("write `\"{word}\"`"))
        .fix("add quotes", span, format!("\"{word}\""))
}

pub(crate) fn not_optional(name: &str, due: &SettingType, span: Span) -> Diagnostic {
    error(code::WRONG_TYPE, format!("`{name}` cannot be `none`"), span)
        .help(format!("write {}", example(due)))
}

pub(crate) fn bare_number(
    name: &str,
    number: &Number,
    value: Exact,
    due: &Dimension,
    span: Span,
) -> Diagnostic {
    let suffix = number.suffix.as_ref().map_or("", |suffix| suffix.text.as_str());
    let written = match suffix {
        "" => units::display(value, &Dimension::Plain),
        suffix => format!("{}{suffix}", number.digits),
    };
    let error =
        error(code::UNIT_MISSING, format!("`{name}` takes {}, found a bare number", due.describe()), span);
    let end = Span { start: span.end, ..span };
    match (due, suffix) {
        (Dimension::Count(unit), _) => {
            error.help(format!("write `{written} {unit}`")).fix("add the unit", end, format!(" {unit}"))
        }
        (Dimension::Bytes, "k" | "M" | "G" | "T") => {
            error.help(format!("write `{written}B`")).fix("add the unit", end, "B")
        }
        (Dimension::Bytes, "B") => {
            let text = format!("{}GB", number.digits);
            error.help(format!("write `{text}`")).fix("add the unit", span, text)
        }
        (Dimension::Bytes, _) => {
            error.help(format!("write `{written} bytes`, `{written}kB`, `{written}MB` or `{written}GB`"))
        }
        (Dimension::Ratio, "") if value <= Exact::whole(1) => {
            let text = units::display(value, due);
            error.help(format!("write `{text}`")).fix("write a ratio", span, text)
        }
        (Dimension::Ratio, _) => error.help(format!("write `{written}%`")),
        (Dimension::Time, _) => {
            error.help(format!("write `{written}s`, `{written}min`, `{written}h` or `{written}d`"))
        }
        (Dimension::Plain | Dimension::Times(_), _) => error,
    }
}

pub(crate) fn bare_value(name: &str, ty: &SettingType, due: &Dimension, span: Span) -> Diagnostic {
    error(code::UNIT_MISSING, format!("`{name}` takes {}, found a bare number", due.describe()), span)
        .help(format!("give it a dimension: declare the param as `{ty}`, or multiply by {}", example(ty)))
}

pub(crate) fn wrong_unit(name: &str, number: &Number, due: &Dimension, span: Span) -> Diagnostic {
    let found = number.unit.as_ref().map_or("", |unit| unit.text.as_str());
    let place = number.unit.as_ref().map_or(span, |unit| unit.span);
    match due {
        Dimension::Count(unit) => {
            error(code::WRONG_UNIT, format!("`{name}` counts {unit}, found {found}"), place)
                .help(format!("write the number of {unit}, like `20k {unit}`"))
        }
        _ => error(code::WRONG_UNIT, format!("`{name}` has no unit, found {found}"), place)
            .help("write the number alone"),
    }
}

pub(crate) fn wrong_dimension(name: &str, found: &Dimension, due: &SettingType, span: Span) -> Diagnostic {
    let message = format!("`{name}` takes `{due}`, found {}", found.describe());
    error(code::WRONG_UNIT, message, span).help(format!("write {}", example(due)))
}

pub(crate) fn literal(problem: &LiteralError, span: Span) -> Diagnostic {
    match problem {
        LiteralError::TooPrecise => too_precise(span),
        LiteralError::TwoUnits(suffix, unit) => error(
            code::UNKNOWN_UNIT,
            format!("`{}` and `{}` are two units for one number", suffix.text, unit.text),
            unit.span,
        )
        .help("write one of them"),
        LiteralError::TimesNothing(suffix) => {
            error(code::UNKNOWN_UNIT, "a multiple says of what", suffix.span)
                .label("times what?")
                .help("write what is counted behind it, as in `20x parameters`")
        }
        LiteralError::Suffix(suffix, _) if suffix.text == "m" => {
            error(code::UNKNOWN_UNIT, "there is no unit `m`", suffix.span)
                .help("`M` is a million, `min` a minute")
        }
        LiteralError::Suffix(suffix, Some(meant)) => {
            error(code::UNKNOWN_UNIT, format!("there is no unit `{}`", suffix.text), suffix.span)
                .help(format!("did you mean `{meant}`?"))
                .fix(format!("change to `{meant}`"), suffix.span, *meant)
        }
        LiteralError::Suffix(suffix, None) => {
            let known: Vec<String> = units::suffixes().map(|name| format!("`{name}`")).collect();
            error(code::UNKNOWN_UNIT, format!("there is no unit `{}`", suffix.text), suffix.span).help(
                format!(
                    "units are {}; what is counted stands behind a space, like `20M tokens`",
                    known.join(", ")
                ),
            )
        }
    }
}

pub(crate) fn too_precise(span: Span) -> Diagnostic {
    error(code::NUMBER_TOO_LARGE, "the number is too large or has too many digits", span)
        .help("numbers are exact up to about 38 digits")
}

pub(crate) fn does_not_fit(
    name: &str,
    value: Exact,
    ty: &SettingType,
    dimension: &Dimension,
    span: Span,
) -> Diagnostic {
    let message = format!("{} is no `{ty}`, which `{name}` takes", units::display(value, dimension));
    let help = match ty {
        SettingType::Int => "whole numbers have 64 bits: up to about 9.2e18 on both sides of zero",
        SettingType::Duration => "a duration is not negative",
        _ => "an amount is not negative and at most about 1.8e19",
    };
    error(code::OUT_OF_RANGE, message, span).help(help)
}

pub(crate) fn out_of_range(
    name: &str,
    value: Exact,
    bounds: &Bounds,
    dimension: &Dimension,
    span: Span,
) -> Diagnostic {
    let value = units::display(value, dimension);
    let end = |end: Exact| units::display(end, dimension);
    let help = match (bounds.low, bounds.high) {
        (Some(low), Some(high)) => format!("`{name}` may be {} to {}", end(low), end(high)),
        (Some(low), None) => format!("`{name}` is at least {}", end(low)),
        (None, Some(high)) => format!("`{name}` is at most {}", end(high)),
        (None, None) => String::new(),
    };
    error(code::OUT_OF_RANGE, format!("{value} is out of range for `{name}`"), span)
        .label(format!("allowed is {}", bounds.display(dimension)))
        .help(help)
}

pub(crate) fn not_whole(name: &str, value: Exact, ty: &SettingType, span: Span) -> Diagnostic {
    error(code::NOT_WHOLE, format!("`{name}` takes a whole number, found {value}"), span)
        .help(format!("write {}", example(ty)))
}

pub(crate) fn unknown_word(
    word: &str,
    name: &str,
    words: &[String],
    span: Span,
    meant: Option<&str>,
) -> Diagnostic {
    let error = error(code::NOT_A_CHOICE, format!("`{name}` cannot be `{word}`"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help(format!("it is {}", one_of(words))),
    }
}

/// `place` is what takes no names.
pub(crate) fn not_constant(name: &str, place: &str, span: Span) -> Diagnostic {
    error(code::NOT_A_VALUE, format!("`{name}` is not a value here"), span)
        .help(format!("{place} are written out"))
}

pub(crate) fn one_for_list(name: &str, due: &SettingType, text: &str, span: Span) -> Diagnostic {
    /// Signs of a type that are read before what was found.
    const READ: usize = 60;
    let due = format!("`{due}`");
    let due = if due.chars().count() > READ { "a list" } else { &due };
    error(code::WRONG_TYPE, format!("`{name}` takes {due}, found one element"), span)
        .help(format!("write `[{text}]`"))
        .fix("make it a list", span, format!("[{text}]"))
}

pub(crate) fn artifact_as_value(name: &str, span: Span, defined: Span) -> Diagnostic {
    error(code::NOT_A_VALUE, format!("`{name}` is the output of a stage, not a value"), span)
        .also(defined, "it is made here")
        .help("outputs of stages go in parentheses; settings are numbers, text, words and params")
}

pub(crate) fn def_as_value(name: &str, span: Span) -> Diagnostic {
    error(code::NOT_A_VALUE, format!("`{name}` is a function, not a value"), span)
        .help(format!("call it where its output goes in: `{name}(…)`"))
}

pub(crate) fn stage_as_value(name: &str, span: Span) -> Diagnostic {
    error(code::NOT_A_VALUE, format!("`{name}` takes a value, found the output of a stage"), span)
        .help("outputs of stages go in parentheses; settings are numbers, text, words and params")
}

pub(crate) fn not_a_value(path: &str, span: Span) -> Diagnostic {
    error(code::NOT_A_VALUE, format!("`{path}` is not a value"), span).help("names of values have no dots")
}

pub(crate) fn graph_condition(span: Span) -> Diagnostic {
    error(code::UNDECIDED_IF, "an `if` can decide on params only", span)
        .label("this is known when the stage has run")
        .help("the graph is the same whatever the stages find, so that a plan can be exact")
}

/// `what` are the branches of an `if`, or the members of a family.
pub(crate) fn alternatives(what: &str, left: &str, right: &str, span: Span) -> Diagnostic {
    error(code::DIFFERENT_ALTERNATIVES, format!("the {what} differ: `{left}` and `{right}`"), span)
        .help("all must yield the same kind of thing")
}

pub(crate) fn each_here(span: Span) -> Diagnostic {
    error(code::MISPLACED_EACH, "`each` cannot stand here", span)
        .help("it makes a family of a binding: use it in a stage's settings or arguments")
}

pub(crate) fn empty_each(span: Span) -> Diagnostic {
    error(code::MISPLACED_EACH, "`each` needs at least one member", span).help("write `each [first, second]`")
}

pub(crate) fn operands(operator: &str, left: &SettingType, right: &SettingType, span: Span) -> Diagnostic {
    let error = error(code::WRONG_OPERANDS, format!("`{operator}` cannot take `{left}` and `{right}`"), span);
    match [left, right].into_iter().any(|side| matches!(side, SettingType::Optional(_))) {
        true => {
            error.help("what may be `none` can only be compared by `==` and `!=`: give it a default instead")
        }
        false => error.help("both sides must have the same dimension; `*` and `/` also take a bare number"),
    }
}

pub(crate) fn no_operand(span: Span) -> Diagnostic {
    error(code::WRONG_OPERANDS, "operators take numbers, text, words and truth values", span)
        .help("lists, records and families cannot be compared or added")
}

pub(crate) fn division_by_zero(span: Span) -> Diagnostic {
    error(code::DIVISION_BY_ZERO, "this divides by zero", span).help("check the params that go in")
}

pub(crate) fn broken_remainder(span: Span) -> Diagnostic {
    error(code::NOT_WHOLE, "`%` takes whole numbers", span).help("check the params that go in")
}

pub(crate) fn too_deep(span: Span) -> Diagnostic {
    error(code::VALUE_TOO_DEEP, "this is nested too deeply", span).help("split it with a param or a binding")
}

pub(crate) fn range_of(ty: &SettingType, span: Span) -> Diagnostic {
    error(code::BAD_RANGE, format!("`{ty}` has no range"), span).help("ranges limit numbers and quantities")
}

pub(crate) fn empty_range(range: &str, span: Span) -> Diagnostic {
    error(code::BAD_RANGE, format!("the range {range} is empty"), span).help("write the lower end first")
}

pub(crate) fn missing_field(name: &str, record: &str, ty: &SettingType, span: Span) -> Diagnostic {
    error(code::SETTING_MISSING, format!("`{record}` needs `{name}`"), span)
        .help(format!("add `{name} = …`: {}", example(ty)))
}

pub(crate) fn setting_twice(name: &str, span: Span, first: Span) -> Diagnostic {
    error(code::SETTING_TWICE, format!("`{name}` is set twice"), span)
        .also(first, "first set here")
        .help("remove one of them")
}

/// `missing` are the fields that must be given and are not: this may have been meant as one of them.
pub(crate) fn unknown_field(
    name: &str,
    record: &str,
    known: &[&str],
    missing: &[&str],
    span: Span,
) -> Diagnostic {
    let error = error(code::UNKNOWN_SETTING, format!("`{record}` has no field `{name}`"), span);
    match known {
        [] => error.help(format!("`{record}` is one value, not a record")),
        known => or_one_of(error, name, "fields", known, missing, span),
    }
}

/// `missing` are the settings that must be given and are not: this may have been meant as one of them.
pub(crate) fn unknown_setting(
    name: &str,
    of: &str,
    known: &[&str],
    missing: &[&str],
    span: Span,
) -> Diagnostic {
    let error = error(code::UNKNOWN_SETTING, format!("`{of}` has no setting `{name}`"), span);
    match known {
        [] => error.help(format!("`{of}` has no settings")),
        known => or_one_of(error, name, "settings", known, missing, span),
    }
}

fn or_one_of(
    error: Diagnostic,
    name: &str,
    what: &str,
    known: &[&str],
    missing: &[&str],
    span: Span,
) -> Diagnostic {
    if let Some(meant) = closest(name, known.iter().copied()) {
        return error.suggest(span, Some(meant));
    }
    let known = known.join("`, `");
    match missing {
        [missing] => {
            error.help(format!("did you mean `{missing}`, which is missing? its {what} are `{known}`"))
        }
        _ => error.help(format!("its {what} are `{known}`")),
    }
}
