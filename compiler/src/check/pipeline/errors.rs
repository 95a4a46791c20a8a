//! What can be wrong across stages.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

pub(super) fn heads(width: u64, heads: u64, span: Span) -> Diagnostic {
    let divides = |heads: &u64| width.is_multiple_of(*heads);
    let below = (1..heads).rev().find(divides);
    let above = (heads + 1..=width.min(heads.saturating_mul(8))).find(divides);
    let choices: Vec<String> =
        [below, above].into_iter().flatten().map(|heads| format!("`heads = {heads}`")).collect();
    Diagnostic::error("E0301", format!("the width {width} cannot be divided among {heads} heads"), span)
        .label(format!("{width} / {heads} is not whole"))
        .help(match choices.as_slice() {
            [] => "choose a width that is a multiple of the heads".to_owned(),
            choices => format!("write {}", choices.join(" or ")),
        })
}

pub(super) fn odd_heads(head: u64, span: Span) -> Diagnostic {
    Diagnostic::error("E0301", format!("a head cannot be {head} wide: positions turn pairs of numbers"), span)
        .label(format!("{head} is odd"))
        .help("choose `width` and `heads` such that `width` / `heads` is even")
}

pub(super) fn shared_heads(heads: u64, shared: u64, span: Span) -> Diagnostic {
    Diagnostic::error("E0301", format!("{heads} heads cannot share {shared} key-value heads"), span)
        .label(format!("{heads} / {shared} is not whole"))
        .help("`kv_heads` must divide `heads`; leave it out to give every head its own")
}

pub(super) fn contamination(name: &str, measured: Span, trained: Span) -> Diagnostic {
    Diagnostic::error(
        "E0302",
        format!("models are measured with questions that they are trained on: `{name}`"),
        measured,
    )
    .label("measured here")
    .also(trained, "trained on here")
    .help("keep a part of the questions aside, in a file of its own, and measure with that")
}

pub(super) fn thresholds(span: Span) -> Diagnostic {
    Diagnostic::error("E0305", "a question would be known and unknown at once", span)
        .help("`unknown` must be below `known`")
}

pub(super) fn unused(name: &str, span: Span) -> Diagnostic {
    Diagnostic::warning("W0101", format!("nobody uses `{name}`"), span)
        .help("it will be made all the same: remove it, or give it to a stage")
}

pub(super) fn personal_data(span: Span) -> Diagnostic {
    Diagnostic::warning("W0102", "documents become tokens with personal data in them", span)
        .label("not masked")
        .help("mask it first: `… |> filter.pii { mask = [email, phone, ip] }`")
}
