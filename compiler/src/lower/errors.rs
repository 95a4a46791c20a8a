//! What can be wrong with the expansion of a program.

use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::units;

/// An error inside of a function, with the call that leads to it.
pub(crate) fn in_call(error: Diagnostic, called: Option<Span>) -> Diagnostic {
    match called {
        Some(call) => error.also(call, "with the values of this call"),
        None => error,
    }
}

pub(crate) fn too_many_stages(limit: usize, span: Span) -> Diagnostic {
    Diagnostic::error(
        code::TOO_MANY_STAGES,
        format!("the pipeline has more than {} stages", units::grouped(limit as u64)),
        span,
    )
    .label("this is one too many")
    .help("use fewer members in `each [..]`, or split the pipeline")
}

pub(crate) fn family_too_large(sizes: &[usize], limit: usize, span: Span) -> Diagnostic {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    let message =
        format!("this family has more than {} members: {}", units::grouped(limit as u64), sizes.join(" × "));
    Diagnostic::error(code::TOO_MANY_STAGES, message, span)
        .help("use fewer members in `each [..]`, or vary one thing at a time")
}

pub(crate) fn expands_too_far(span: Span) -> Diagnostic {
    Diagnostic::error(code::TOO_MANY_STAGES, "the pipeline expands too far", span)
        .help("functions that call functions, families and lists multiply: use fewer of them")
}

pub(crate) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(code::CALLS_TOO_DEEP, "functions call each other too deeply here", span)
        .help("write some of them out")
}

/// `shown` says what the settings of the rule are.
pub(super) fn broken_rule(message: &str, shown: &[String], stage: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::BROKEN_RULE, message, span)
        .label(shown.join(", "))
        .help(format!("`{stage}` takes no such settings together: change one of them"))
}
