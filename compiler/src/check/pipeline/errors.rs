//! What can be wrong across stages.

use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::units::grouped;

/// `1_024 tokens`
fn tokens_of(number: u64) -> String {
    format!("{} token{}", grouped(number), if number == 1 { "" } else { "s" })
}

pub(super) fn elsewhere(path: &str, scheme: &str, span: Span) -> Diagnostic {
    let own = path
        .get(scheme.len() + 3..)
        .filter(|rest| scheme.eq_ignore_ascii_case("file") && rest.starts_with('/'));
    Diagnostic::error(
        code::NOT_AN_ARTIFACT,
        format!("`{path}` is a URL, and files are read from this machine"),
        span,
    )
    .label("a path or pattern is due")
    .help(match own {
        Some(path) => format!("write `\"{path}\"`"),
        None => "copy the files here first, or mount what holds them, and write their path".to_owned(),
    })
}

pub(super) fn contamination(name: &str, measured: Span, trained: Span) -> Diagnostic {
    Diagnostic::error(
        code::CONTAMINATION,
        format!("models are measured with questions that they are trained on: `{name}`"),
        measured,
    )
    .label("measured here")
    .also(trained, "trained on here")
    .help("keep a part of the questions aside, in a file of its own, and measure with that")
}

pub(super) fn without_effect(setting: &str, stage: &str, input: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(code::WITHOUT_EFFECT, format!("`{setting}` has no effect without `{input}`"), span)
        .label(format!("`{input}` is not given"))
        .help(format!("give it, as in `{stage}(…, {input} = …)`, or remove the setting"))
}

pub(super) fn unused(name: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(code::UNUSED, format!("nobody uses `{name}`"), span)
        .help("it will be made all the same: remove it, or give it to a stage")
}

pub(super) fn personal_data(span: Span) -> Diagnostic {
    Diagnostic::warning(
        code::PERSONAL_DATA,
        "documents become tokens and may have personal data in them",
        span,
    )
    .label("not masked on the way")
    .help("mask it first: `… |> filter.pii { mask = [email, phone, ip] }`")
}

/// `stage` needs the sets `needed` of special tokens of the vocabulary that `maker` makes.
pub(super) fn special_tokens(
    stage: (&str, Span),
    missing: &[&str],
    needed: &[String],
    maker: (&str, Span),
) -> Diagnostic {
    let ((stage, span), (maker, declared)) = (stage, maker);
    let sets = format!("`{}`", missing.join("`, `"));
    Diagnostic::error(
        code::SPECIAL_TOKENS,
        format!("`{stage}` needs special tokens that `{maker}` does not promise: {sets}"),
        span,
    )
    .label("its vocabulary may not hold them")
    .also(declared, "the stage that makes the vocabulary")
    .help(format!(
        "where its tokenizer holds them, write `special_tokens = [{}]` in `stage {maker}`",
        needed.join(", ")
    ))
}

pub(super) fn answer_beyond_context(tokens: u64, span: Span, context: u64, place: Span) -> Diagnostic {
    Diagnostic::error(
        code::ANSWER_BEYOND_CONTEXT,
        format!("an answer of {} does not fit a context of {}", tokens_of(tokens), tokens_of(context)),
        span,
    )
    .label("question and answer share the context")
    .also(place, format!("the model reads {}", tokens_of(context)))
    .help(format!("write {} or less, or give the model a longer `context`", context / 2))
}

/// Passages of `size` words, or tokens, of which `results` do not fit into `room` of `context`.
pub(super) struct Passages {
    pub(super) results: u64,
    pub(super) size: u64,
    /// Tokens of a word that are reckoned with; `None` where passages are counted in tokens.
    pub(super) word: Option<u64>,
    pub(super) room: u64,
    pub(super) context: u64,
}

pub(super) fn results_beyond_context(of: &Passages, span: Span, passage: Span) -> Diagnostic {
    let Passages { results, size, word, room, context } = *of;
    let unit = if word.is_some() { "words" } else { "tokens" };
    let found = match results {
        1 => format!("a search result of {size} {unit} does"),
        many => format!("{many} search results of {size} {unit} do"),
    };
    // Half of what is there: question and query stand in the context, too.
    let most = room / results.max(1) / word.unwrap_or(1).max(2);
    let words = match word {
        Some(word) if word > 2 => {
            "; a sign is up to three tokens, and passages count tokens where the index is given a tokenizer"
        }
        Some(_) | None => "",
    };
    Diagnostic::warning(code::RESULTS_BEYOND_CONTEXT, format!("{found} not fit a context of {}", tokens_of(context)), span)
        .label(format!("a quarter is kept for the answer, {room} tokens are left"))
        .also(passage, format!("passages have up to {size} {unit}"))
        .help(match most {
            0..8 => format!("give the model a longer `context`, or use fewer results{words}"),
            most => format!(
                "what does not fit is cut off: write `passage = {most}` or less, or give the model a longer `context`{words}"
            ),
        })
}

pub(super) fn nothing_to_search(stage: &str, role: &str, model: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(
        code::NOTHING_TO_SEARCH,
        format!("`{model}` searches, and `{stage}` gives it nothing to search in"),
        span,
    )
    .label("every search will find nothing")
    .help(format!("give the index: `{stage}(…, {role} = …)`"))
}

/// Two licences with where they are declared, and the first model that they meet in.
pub(super) fn licences(
    first: (&str, Span),
    second: (&str, Span),
    why: &str,
    model: (&str, Span),
) -> Diagnostic {
    let (at, also) = if first.1 < second.1 { (second, first) } else { (first, second) };
    let message = format!("`{}` is made from `{}` and `{}`, which exclude each other", model.0, also.0, at.0);
    Diagnostic::warning(code::LICENCES, message, at.1)
        .label(format!("`{}`", at.0))
        .also(also.1, format!("`{}`", also.0))
        .also(model.1, "both go in here")
        .help(format!("{why}: leave one of them out, or make two models"))
}

pub(super) fn no_derivatives(licence: (&str, Span), model: (&str, Span)) -> Diagnostic {
    let ((licence, span), (model, made)) = (licence, model);
    Diagnostic::warning(
        code::LICENCES,
        format!("`{model}` is made from `{licence}`, which lets nobody pass on what is made"),
        span,
    )
    .label("adaptations must not be shared")
    .also(made, "it goes in here")
    .help("leave it out, or keep the model to yourself")
}

pub(super) fn unknown_licence(identifier: &str, meant: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(
        code::MISSPELT_LICENCE,
        format!("`{identifier}` is no SPDX identifier of a licence"),
        span,
    )
    .help(format!("did you mean `{meant}`?"))
}
