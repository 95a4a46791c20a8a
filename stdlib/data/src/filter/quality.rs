//! `filter.quality`: keeps documents that read like text.
//!
//! The rules of datatrove's filters in FineWeb's order: Gopher repetition, Gopher quality, C4, FineWeb.

mod advice;
mod bad_words;
mod c4;
mod fineweb;
mod fineweb2;
mod gopher;
mod limits;
mod repetition;
mod rules;
mod spacy;
mod words;

use llmp_stage::{Context, Lint, Result, Rule};
use serde::Deserialize;

use crate::shards::{Verdict, filter_shards};
use limits::{Ask, Judge};
use llmp_artifacts::docs::Doc;
use words::Words;

/// The settings of `filter.quality`; ratios are fractions, and what is `None` the preset says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the signature documents each threshold")]
pub struct Settings {
    pub preset: Preset,
    pub rules: Option<Vec<Group>>,
    pub words: Option<WordRule>,
    pub except: Vec<String>,
    pub min_words: usize,
    pub max_words: usize,
    pub min_word_length: Option<f64>,
    pub max_word_length: Option<f64>,
    pub max_symbols: f64,
    pub max_bullets: f64,
    pub max_ellipses: f64,
    pub min_alphabetic: Option<f64>,
    pub min_stop_words: usize,
    pub max_repeated_lines: Option<f64>,
    pub max_repeated_paragraphs: Option<f64>,
    pub max_repeated_line_characters: Option<f64>,
    pub max_repeated_paragraph_characters: Option<f64>,
    pub max_top_ngrams: Option<Vec<f64>>,
    pub max_repeated_ngrams: Option<Vec<f64>>,
    pub min_line_words: usize,
    pub max_word_characters: usize,
    pub min_sentences: usize,
    pub bad_words: bool,
    pub min_long_paragraphs: usize,
    pub long_paragraph: usize,
    pub min_punctuated_lines: Option<f64>,
    pub short_line: usize,
    pub max_short_lines: Option<f64>,
    pub max_duplicate_characters: Option<f64>,
    pub max_line_breaks: Option<f64>,
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

/// Where thresholds come from that are not written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// FineWeb's code.
    Fineweb,
    /// FineWeb2's, by language: Penedo et al. (2025), arXiv 2506.20920.
    Fineweb2,
    /// FineWeb's paper.
    Paper,
}

/// What a word is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WordRule {
    /// Unicode's standard annex 29.
    Uax29,
    /// spaCy's tokenizer for English.
    Spacy,
    /// ICU's dictionary where no blanks stand between words, and spaCy's tokenizer elsewhere.
    Dictionary,
}

/// A rule that a document breaks, and the value that the rule saw.
type Broken = (&'static str, String);

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    rules::RULES
}
/// Lengths of words that nothing lies between.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let (least, most) = (settings.min_word_length, settings.max_word_length);
    let crossed = least.is_some_and(|least| most.is_some_and(|most| least > most));
    let lint = || Lint::new("E0309", &["min_word_length"], "`min_word_length` is above `max_word_length`");
    crossed.then(lint).into_iter().collect()
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
    let judge = Judge::new(&settings);
    let advice = advice::Tries::new(&settings);
    filter_shards(ctx, |doc| {
        let sampled = advice::is_sampled(&doc).then(|| doc.clone());
        if judge.lacks(&doc) {
            ctx.count("other_languages", 1);
        }
        if ctx.looks() {
            for (rule, asked) in judge.values(doc.clone()) {
                ctx.asked(&doc.id, rule, asked);
            }
        }
        let verdict = judge.judge(doc);
        if let Some(doc) = sampled {
            advice.try_out(ctx, &doc, verdict.is_ok());
        }
        Ok(match verdict {
            Ok(doc) => Verdict::Keep(doc),
            Err((rule, value)) => Verdict::Drop { rule, value },
        })
    })
}

/// The document as the rules leave it, or the first rule that it breaks.
fn judge(mut doc: Doc, language: &str, limits: &Ask<'_>) -> std::result::Result<Doc, Broken> {
    let applies = |group| limits.rules.contains(&group);
    if applies(Group::Gopher) {
        let words = Words::of(&doc.text, language, limits.words);
        repetition::check(&doc.text, &words, limits)?;
        gopher::check(&doc.text, &words, limits)?;
    }
    if applies(Group::C4) {
        doc.text = c4::clean(&doc.text, language, limits)?;
    }
    if applies(Group::Fineweb) {
        fineweb::check(&doc.text, &Words::of(&doc.text, language, limits.words), limits)?;
    }
    Ok(doc)
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
