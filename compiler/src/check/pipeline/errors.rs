//! What can be wrong across stages.

use super::facts::Context;
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
        format!("`{path}` is an address that files are not read from"),
        span,
    )
    .label("a path, a pattern, or an address with `https://` or `hf://` is due")
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

/// What one stage trains on and measures itself with.
pub(super) fn measured_with_its_own(
    name: &str,
    roles: [&str; 2],
    measured: Span,
    trained: Span,
) -> Diagnostic {
    let [held, given] = roles;
    let message =
        format!("the model is measured with what it is trained on: `{name}` is both `{given}` and `{held}`");
    Diagnostic::error(code::CONTAMINATION, message, measured)
        .label("measured here")
        .also(trained, "trained on here")
        .help("keep a part of the data aside, from files of its own, and measure with that")
}

/// `role` is given, which stands in for `setting`.
pub(super) fn replaced(setting: &str, span: Span, role: &str, given: Span) -> Diagnostic {
    Diagnostic::error(
        code::BROKEN_RULE,
        format!("`{role}` says what `{setting}` is, which cannot be set then"),
        span,
    )
    .label("has nothing to say")
    .also(given, format!("`{role}` is given here"))
    .help(format!("remove `{setting}`, or leave `{role}` out"))
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

/// `masks` are the stages that could mask it, in order of their names.
pub(super) fn personal_data(masks: &[&str], span: Span) -> Diagnostic {
    let ways: Vec<String> = masks.iter().map(|stage| format!("`… |> {stage}`")).collect();
    let help = match ways.is_empty() {
        true => "mask it first, with a stage whose signature says `cleans pii`".to_owned(),
        false => format!("mask it first: {}", ways.join(" or ")),
    };
    let message = "documents become tokens and may have personal data in them";
    Diagnostic::warning(code::PERSONAL_DATA, message, span).label("not masked on the way").help(help)
}

/// `clears` are the stages that keep text clear of something, in order of their names.
pub(super) fn not_cleared(questions: &str, clears: &[&str], span: Span) -> Diagnostic {
    let ways: Vec<String> = clears.iter().map(|stage| format!("`{stage}`")).collect();
    let help = match ways.is_empty() {
        true => "give them to a stage whose signature says `keeps clear of`".to_owned(),
        false => format!("give them to {}, too", ways.join(" or ")),
    };
    let message = format!("the text that the model has read was not kept clear of `{questions}`");
    Diagnostic::warning(code::NOT_CLEARED, message, span).label("measured with these").help(help)
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

pub(super) fn answer_beyond_context(tokens: u64, span: Span, context: Context<'_>) -> Diagnostic {
    let Context { tokens: context, name, span: place } = context;
    Diagnostic::error(
        code::ANSWER_BEYOND_CONTEXT,
        format!("an answer of {} does not fit a context of {}", tokens_of(tokens), tokens_of(context)),
        span,
    )
    .label("question and answer share the context")
    .also(place, format!("the model reads {}", tokens_of(context)))
    .help(format!("write {} or less, or give the model a longer `{name}`", context / 2))
}

/// A passage of an index, at its longest.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    /// In words, or in tokens where the index is given a tokenizer.
    pub(super) size: u64,
    /// The setting that says so.
    pub(super) name: &'a str,
    /// Where it is written, or else the stage.
    pub(super) span: Span,
}

/// Passages of which several do not fit into `room` of a context.
pub(super) struct Passages<'a> {
    pub(super) results: u64,
    pub(super) passage: Passage<'a>,
    /// Tokens of a word that are reckoned with; `None` where passages are counted in tokens.
    pub(super) word: Option<u64>,
    pub(super) room: u64,
    pub(super) context: Context<'a>,
}

pub(super) fn results_beyond_context(of: &Passages<'_>, span: Span) -> Diagnostic {
    let Passages { results, passage, word, room, context } = *of;
    let Context { tokens: context, name: longer, .. } = context;
    let Passage { size, name: shorter, span: passage } = passage;
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
            0..8 => format!("give the model a longer `{longer}`, or use fewer results{words}"),
            most => format!(
                "what does not fit is cut off: write `{shorter} = {most}` or less, or give the model a longer `{longer}`{words}"
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
