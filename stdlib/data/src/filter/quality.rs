//! `filter.quality`: keeps documents that read like text.
//!
//! The rules of datatrove's filters in FineWeb's order: Gopher repetition, Gopher quality, C4, FineWeb.

mod advice;
mod c4;
mod fineweb;
mod gopher;
mod repetition;
mod rules;
mod spacy;
mod words;

use llmp_stage::{Context, Result, Rule};
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};
use llmp_artifacts::docs::Doc;
use words::Words;

/// The settings of `filter.quality`; ratios are fractions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the signature documents each threshold")]
pub struct Settings {
    pub rules: Vec<Group>,
    pub words: WordRule,
    pub except: Vec<String>,
    pub min_words: usize,
    pub max_words: usize,
    pub min_word_length: f64,
    pub max_word_length: f64,
    pub max_symbols: f64,
    pub max_bullets: f64,
    pub max_ellipses: f64,
    pub min_alphabetic: f64,
    pub min_stop_words: usize,
    pub max_repeated_lines: f64,
    pub max_repeated_paragraphs: f64,
    pub max_repeated_line_characters: f64,
    pub max_repeated_paragraph_characters: f64,
    pub max_top_ngrams: Vec<f64>,
    pub max_repeated_ngrams: Vec<f64>,
    pub min_line_words: usize,
    pub max_word_characters: usize,
    pub min_sentences: usize,
    pub min_punctuated_lines: f64,
    pub short_line: usize,
    pub max_short_lines: f64,
    pub max_duplicate_characters: f64,
    pub max_line_breaks: f64,
}

pub(crate) use advice::remarks;

/// A group of rules.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Rae et al. (2021), appendix A.1: quality and repetition.
    Gopher,
    /// Raffel et al. (2020): rules by line.
    C4,
    /// Penedo et al. (2024), section 3.6.
    Fineweb,
}

/// What a word is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WordRule {
    /// Unicode's standard annex 29.
    Uax29,
    /// spaCy's tokenizer for English.
    Spacy,
}

/// A rule that a document breaks, and the value that the rule saw.
type Broken = (&'static str, String);

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    rules::RULES
}
/// How fast it is: documents, with the rules of Gopher and C4.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 0.65e6, gives: 0.8 }
}

/// Runs the stage.
///
/// # Errors
/// Where documents cannot be read or written.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    filter_shards(ctx, |doc| {
        let sampled = advice::is_sampled(&doc).then(|| doc.clone());
        let verdict = judge(doc, &settings);
        if let Some(doc) = sampled {
            advice::try_out(ctx, &doc, verdict.is_ok(), &settings);
        }
        Ok(match verdict {
            Ok(doc) => Verdict::Keep(doc),
            Err((rule, value)) => Verdict::Drop { rule, value },
        })
    })
}

/// The document as the rules leave it, or the first rule that it breaks.
fn judge(mut doc: Doc, settings: &Settings) -> std::result::Result<Doc, Broken> {
    let applies = |group| settings.rules.contains(&group);
    let language = doc.language.clone().unwrap_or_else(|| words::assumed(&doc.text).to_owned());
    if applies(Group::Gopher) {
        let words = Words::of(&doc.text, &language, settings.words);
        repetition::check(&doc.text, &words, settings)?;
        gopher::check(&doc.text, &words, settings)?;
    }
    if applies(Group::C4) {
        doc.text = c4::clean(&doc.text, &language, settings)?;
    }
    if applies(Group::Fineweb) {
        fineweb::check(&doc.text, &Words::of(&doc.text, &language, settings.words), settings)?;
    }
    Ok(doc)
}

impl Settings {
    /// `Err` where a rule is broken and not among the exceptions.
    fn ask(
        &self,
        rule: &'static str,
        broken: bool,
        value: impl FnOnce() -> String,
    ) -> std::result::Result<(), Broken> {
        let short = rule.split_once('.').map_or(rule, |(_, short)| short);
        match broken && !self.except.iter().any(|except| except == short) {
            true => Err((rule, value())),
            false => Ok(()),
        }
    }

    /// `Err` where a share is above its limit.
    fn at_most(&self, rule: &'static str, share: f64, limit: f64) -> std::result::Result<(), Broken> {
        self.ask(rule, share > limit, || percent(share))
    }

    /// `Err` where a share is below its limit.
    fn at_least(&self, rule: &'static str, share: f64, limit: f64) -> std::result::Result<(), Broken> {
        self.ask(rule, share < limit, || percent(share))
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// `part / all`, and 0 of nothing.
fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

#[cfg(test)]
#[path = "quality/tests.rs"]
mod tests;
