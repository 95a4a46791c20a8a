//! Checks of what language models are made of and asked for: special tokens, contexts, horizons, indexes.

use std::collections::BTreeSet;

use super::errors;
use super::facts::{Fact, Facts};
use crate::artifact::{ArtifactKind, SEARCHES};
use crate::diagnostic::Diagnostics;
use crate::graph::{Amount, Stage, StageId};
use crate::source::Span;

/// A vocabulary has to hold the special tokens that stages need of it; the first of them that does not is
/// reported.
pub(super) fn special_tokens(facts: &Facts<'_>, diagnostics: &mut Diagnostics) {
    let mut reported: BTreeSet<StageId> = BTreeSet::new();
    for (stage, fact) in facts.iter() {
        let Some(needed) = fact.signature.and_then(|signature| signature.special_tokens.as_ref()) else {
            continue;
        };
        let carriers = [ArtifactKind::Tokenizer, ArtifactKind::Tokens, ArtifactKind::Model];
        for (input, _, span) in carriers.into_iter().flat_map(|kind| facts.inputs(stage, kind)) {
            let Some(maker) = input.output.as_ref().and_then(|output| output.vocabulary) else { continue };
            let Some(signature) = facts.get(maker).and_then(|fact| fact.signature) else { continue };
            let held = match (&signature.special_tokens, &signature.command) {
                (Some(held), _) => held.as_slice(),
                // A program's own stage that says nothing promises nothing.
                (None, Some(_)) => &[],
                // What files hold is known when they are read.
                (None, None) => continue,
            };
            let missing: Vec<&str> =
                needed.iter().filter(|set| !held.contains(set)).map(String::as_str).collect();
            if !missing.is_empty() && reported.insert(maker) {
                let maker = (signature.name.as_str(), signature.span);
                diagnostics.push(errors::special_tokens((&stage.kind, span), &missing, needed, maker));
            }
        }
    }
}

/// An answer has to fit into the context beside its question. Only a limit that is written is a wish.
pub(super) fn answers<'a>(stage: &'a Stage, facts: &Facts<'a>, diagnostics: &mut Diagnostics) {
    let Some((tokens, limit)) = stage.amount(Amount::Answer) else { return };
    let Some(span) = limit.span else { return };
    let contexts = facts.models(stage).filter_map(|(_, model, _)| model.context);
    if let Some(context) = contexts.min_by_key(|context| context.tokens)
        && tokens >= context.tokens
    {
        diagnostics.push(errors::answer_beyond_context(tokens, span, context));
    }
}

/// A passage of an index, at its longest.
#[derive(Clone, Copy)]
pub(super) struct Passage<'a> {
    pub(super) words: u64,
    /// The setting that says so.
    pub(super) name: &'a str,
    /// Where it is written, or else the stage.
    pub(super) span: Span,
}

/// Passages that a search returns have to fit into the context beside the answer, which gets a quarter of it.
/// A word is at least one token.
pub(super) fn results<'a>(stage: &'a Stage, facts: &Facts<'a>, diagnostics: &mut Diagnostics) {
    let Some((results, setting)) = stage.amount(Amount::Results) else { return };
    let passage = facts.inputs(stage, ArtifactKind::Index).find_map(|(index, ..)| {
        let (words, setting) = index.amount(Amount::Passage)?;
        Some(Passage { words, name: setting.name, span: setting.span.unwrap_or(index.span) })
    });
    let context = facts.models(stage).find_map(|(_, model, _)| model.context);
    if let (Some(passage), Some(context)) = (passage, context) {
        let room = context.tokens - context.tokens / 4;
        if results.saturating_mul(passage.words) > room {
            let span = setting.span.unwrap_or(stage.span);
            diagnostics.push(errors::results_beyond_context(results, span, passage, room, context));
        }
    }
}

/// A model that searches has to be measured with something to search in.
pub(super) fn nothing_to_search(
    stage: &Stage,
    fact: &Fact<'_>,
    facts: &Facts<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut inputs = fact.signature.into_iter().flat_map(|signature| &signature.inputs);
    let Some(index) = inputs.find(|input| input.ty.as_ref().is_some_and(|ty| ty.kind == ArtifactKind::Index))
    else {
        return;
    };
    if stage.inputs.iter().any(|input| input.role == index.name) {
        return;
    }
    let searches = |model: &Stage| model.output.as_ref().is_some_and(|output| output.has(SEARCHES));
    if let Some((model, _, span)) = facts.models(stage).find(|(model, ..)| searches(model)) {
        diagnostics.push(errors::nothing_to_search(&stage.kind, &index.name, &model.name, span));
    }
}
