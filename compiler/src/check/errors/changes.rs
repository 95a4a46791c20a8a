//! What can be wrong with params and settings that are missing, and with what changes them from outside.

use crate::check::changes::Origin;
use crate::code::{self, Code};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::types::SettingType;
use crate::value::errors::example;

fn error(code: Code, message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(code, message, span)
}

pub(crate) fn unset_param(name: &str, ty: &SettingType, span: Span) -> Diagnostic {
    error(code::PARAM_MISSING, format!("the param `{name}` has no value"), span)
        .help(format!("give it a default, or set it: `--set {name}=…` ({})", example(ty)))
}

pub(crate) fn missing_setting(name: &str, stage: &str, ty: &SettingType, span: Span) -> Diagnostic {
    error(code::SETTING_MISSING, format!("`{stage}` needs the setting `{name}`"), span)
        .help(format!("add `{{ {name} = … }}`: {}", example(ty)))
}

pub(crate) fn bad_path(path: &str, span: Span) -> Diagnostic {
    error(code::UNREADABLE_OVERRIDE, format!("`{path}` is no path to a setting"), span)
        .help("write a param, like `width`, or a binding and its setting, like `base.model.width`")
}

pub(crate) fn bad_assignment(path: &str, span: Span) -> Diagnostic {
    error(code::UNREADABLE_OVERRIDE, format!("this is no value for `{path}`"), span)
        .help("write one value, as in the pipeline")
}

/// A syntax error in a change from outside, where there are neither lines nor commas.
pub(crate) fn in_assignment(error: Diagnostic, origin: &Origin) -> Diagnostic {
    match (error.code, origin) {
        (code::UNEXPECTED | code::SEMICOLON | code::STRAY_COMMA, Origin::Set) => {
            Diagnostic { fix: None, ..error }
                .help("one `--set` takes one `path=value`: write another for each")
        }
        (code::VALUE_MISSING, Origin::Set) => {
            error.help("write one value behind `=`, in quotes of the shell where it has spaces")
        }
        _ => error,
    }
}

pub(crate) fn override_of_all(name: &str, span: Span) -> Diagnostic {
    error(code::BINDING_REPLACED, "a binding's value cannot be replaced, only its settings", span)
        .help(format!("name the setting: `{name}.setting = …`"))
}

/// `places` are the calls that a path could mean.
pub(crate) fn ambiguous_stage(binding: &str, stage: &str, span: Span, places: &[Span]) -> Diagnostic {
    let often = match places.len() {
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    };
    let message = format!("the value of `{binding}` calls `{stage}` {often}");
    let error = error(code::AMBIGUOUS_OVERRIDE, message, span).label("which of them is meant?");
    let error = places.iter().fold(error, |error, &place| error.also(place, "one of them"));
    error.help(format!(
        "give one of them a name, as in `name = {stage}(…)`, and change it by that: `name.setting = …`"
    ))
}

/// `known` are the stages that are called.
pub(crate) fn no_such_stage(
    binding: &str,
    stage: &str,
    span: Span,
    known: &[&str],
    meant: Option<&str>,
) -> Diagnostic {
    let error = error(code::AMBIGUOUS_OVERRIDE, format!("the value of `{binding}` calls no `{stage}`"), span);
    match meant {
        Some(_) => error.suggest(span, meant),
        None => error.help(format!("it calls `{}`", known.join("`, `"))),
    }
}

/// A setting of a stage in a binding's value, named as if it were one of the last stage.
pub(crate) fn setting_of_inner(binding: &str, setting: &str, stage: &str, span: Span) -> Diagnostic {
    let at = Span { end: span.start, ..span };
    error(
        code::UNKNOWN_SETTING,
        format!("what makes `{binding}` has no setting `{setting}`, `{stage}` before it has"),
        span,
    )
    .help(format!("write `{binding}.{stage}.{setting}`"))
    .fix(format!("name `{stage}`"), at, format!("{stage}."))
}
