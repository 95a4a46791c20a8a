//! The thresholds that a document is asked: what is written, what the preset says, and where it says so by
//! language.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::result::Result;

use llmp_artifacts::docs::Doc;
use llmp_stage::Asked;

use super::fineweb2::{self, Language};
use super::{Broken, Group, Preset, Settings, WordRule, judge, percent, words};

/// Gopher's stop words, all of them English.
const ENGLISH: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];
/// A limit that nothing is above.
const OFF: f64 = f64::INFINITY;

/// All thresholds of one language, worked out.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) rules: Vec<Group>,
    pub(super) words: WordRule,
    except: Vec<String>,
    pub(super) stop_words: Vec<&'static str>,
    pub(super) min_words: usize,
    pub(super) max_words: usize,
    pub(super) min_word_length: f64,
    pub(super) max_word_length: f64,
    pub(super) max_symbols: f64,
    pub(super) max_bullets: f64,
    pub(super) max_ellipses: f64,
    pub(super) min_alphabetic: f64,
    pub(super) min_stop_words: usize,
    pub(super) max_repeated_lines: f64,
    pub(super) max_repeated_paragraphs: f64,
    pub(super) max_repeated_line_characters: f64,
    pub(super) max_repeated_paragraph_characters: f64,
    pub(super) max_top_ngrams: Vec<f64>,
    pub(super) max_repeated_ngrams: Vec<f64>,
    pub(super) min_line_words: usize,
    pub(super) max_word_characters: usize,
    pub(super) min_sentences: usize,
    pub(super) bad_words: bool,
    pub(super) min_long_paragraphs: usize,
    pub(super) long_paragraph: usize,
    pub(super) min_punctuated_lines: f64,
    pub(super) short_line: usize,
    pub(super) max_short_lines: f64,
    pub(super) max_duplicate_characters: f64,
    pub(super) max_line_breaks: f64,
}

impl Limits {
    /// Of a language; `own` is its row of FineWeb2's table.
    fn of(settings: &Settings, own: Option<&Language>, english: bool) -> Self {
        let s = settings.clone();
        let second = s.preset == Preset::Fineweb2;
        let unless =
            |written: Option<f64>, one: f64, two: f64| written.unwrap_or(if second { two } else { one });
        let by = |written: Option<f64>, one: f64, two: fn(&Language) -> f64| {
            written.unwrap_or_else(|| own.map_or(one, two))
        };
        let all = vec![Group::Gopher, Group::C4, Group::Fineweb];
        let without_c4 = vec![Group::Gopher, Group::Fineweb];
        let list = |written: Option<Vec<f64>>, one: &[f64], two: fn(&Language) -> &[f64]| {
            written.unwrap_or_else(|| own.map_or(one, two).to_vec())
        };
        Self {
            rules: s.rules.unwrap_or(if second { without_c4 } else { all }),
            words: s.words.unwrap_or(if second { WordRule::Dictionary } else { WordRule::Spacy }),
            except: s.except,
            stop_words: match own {
                Some(own) => own.stop_words.clone(),
                None if english => ENGLISH.to_vec(),
                None => Vec::new(),
            },
            min_words: s.min_words,
            max_words: s.max_words,
            min_word_length: by(s.min_word_length, 3.0, |own| own.word_length[0]),
            max_word_length: by(s.max_word_length, 10.0, |own| own.word_length[1]),
            max_symbols: s.max_symbols,
            max_bullets: s.max_bullets,
            max_ellipses: s.max_ellipses,
            min_alphabetic: by(s.min_alphabetic, 0.8, |own| own.alphabetic),
            min_stop_words: s.min_stop_words,
            max_repeated_lines: by(s.max_repeated_lines, 0.3, |own| own.repeated_lines),
            max_repeated_paragraphs: unless(s.max_repeated_paragraphs, 0.3, OFF),
            max_repeated_line_characters: unless(s.max_repeated_line_characters, 0.2, OFF),
            max_repeated_paragraph_characters: unless(s.max_repeated_paragraph_characters, 0.2, OFF),
            max_top_ngrams: list(s.max_top_ngrams, &[0.2, 0.18, 0.16], |own| &own.top),
            max_repeated_ngrams: list(s.max_repeated_ngrams, &[0.15, 0.14, 0.13, 0.12, 0.11, 0.1], |own| {
                &own.repeated
            }),
            min_line_words: s.min_line_words,
            max_word_characters: s.max_word_characters,
            min_sentences: s.min_sentences,
            bad_words: s.bad_words,
            min_long_paragraphs: s.min_long_paragraphs,
            long_paragraph: s.long_paragraph,
            min_punctuated_lines: by(s.min_punctuated_lines, 0.12, |own| own.punctuated),
            short_line: s.short_line,
            max_short_lines: unless(s.max_short_lines, 0.67, OFF),
            max_duplicate_characters: s.max_duplicate_characters.unwrap_or(match s.preset {
                Preset::Fineweb => 0.01,
                Preset::Fineweb2 | Preset::Paper => 0.1,
            }),
            max_line_breaks: match s.preset {
                Preset::Paper => s.max_line_breaks.unwrap_or(OFF),
                _ => by(s.max_line_breaks, 0.3, |own| own.breaks),
            },
        }
    }
}

/// Thresholds by language, worked out once.
pub(super) struct Judge {
    by_language: BTreeMap<&'static str, Limits>,
    english: Limits,
    other: Limits,
    second: bool,
}

impl Judge {
    pub(super) fn new(settings: &Settings) -> Self {
        let second = settings.preset == Preset::Fineweb2;
        let rows = fineweb2::languages().iter().filter(|_| second);
        Self {
            by_language: rows.map(|row| (row.code, Limits::of(settings, Some(row), false))).collect(),
            english: Limits::of(settings, None, true),
            other: Limits::of(settings, None, false),
            second,
        }
    }

    /// Whether the preset has thresholds by language, and none for that of the document.
    pub(super) fn lacks(&self, doc: &Doc) -> bool {
        self.second && !self.by_language.contains_key(language(doc))
    }

    fn limits(&self, language: &str) -> &Limits {
        match language {
            "" | "en" => &self.english,
            other => self.by_language.get(other).unwrap_or(&self.other),
        }
    }

    /// The document as the rules leave it, or the first rule that it breaks.
    pub(super) fn judge(&self, doc: Doc) -> Result<Doc, Broken> {
        let code = language(&doc);
        judge(doc, code, &Ask { limits: self.limits(code), values: None })
    }

    /// What every rule sees in a document, whether an earlier one drops it or not.
    pub(super) fn values(&self, doc: Doc) -> Vec<(&'static str, Asked)> {
        let code = language(&doc);
        let ask = Ask { limits: self.limits(code), values: Some(RefCell::default()) };
        // Nothing is dropped where values are collected.
        let _ = judge(doc, code, &ask);
        ask.values.map(RefCell::into_inner).unwrap_or_default()
    }
}

/// The code of a document's language: what its column says, or what its script lets assume.
fn language(doc: &Doc) -> &'static str {
    match &doc.language {
        Some(label) => fineweb2::code(label),
        None => words::assumed(&doc.text),
    }
}

/// Thresholds, and what they are compared with where somebody looks.
pub(super) struct Ask<'a> {
    limits: &'a Limits,
    values: Option<RefCell<Vec<(&'static str, Asked)>>>,
}

impl Deref for Ask<'_> {
    type Target = Limits;

    fn deref(&self) -> &Limits {
        self.limits
    }
}

impl Ask<'_> {
    /// `Err` where a rule is broken and not among the exceptions.
    pub(super) fn ask(
        &self,
        rule: &'static str,
        asked: Asked,
        value: impl FnOnce() -> String,
    ) -> Result<(), Broken> {
        let short = rule.split_once('.').map_or(rule, |(_, short)| short);
        if asked.limit == OFF || self.except.iter().any(|except| except == short) {
            return Ok(());
        }
        if let Some(values) = &self.values {
            values.borrow_mut().push((rule, asked));
            return Ok(());
        }
        if asked.broken() { Err((rule, value())) } else { Ok(()) }
    }

    /// `Err` where something is there that must not be.
    pub(super) fn never(
        &self,
        rule: &'static str,
        there: bool,
        value: impl FnOnce() -> String,
    ) -> Result<(), Broken> {
        self.ask(rule, Asked::most(f64::from(u8::from(there)), 0.0), value)
    }

    /// `Err` where a share is above its limit.
    pub(super) fn at_most(&self, rule: &'static str, share: f64, limit: f64) -> Result<(), Broken> {
        self.ask(rule, Asked::most(share, limit), || percent(share))
    }

    /// `Err` where a share is below its limit.
    pub(super) fn at_least(&self, rule: &'static str, share: f64, limit: f64) -> Result<(), Broken> {
        self.ask(rule, Asked::least(share, limit), || percent(share))
    }

    /// `Err` where there are fewer.
    pub(super) fn few(
        &self,
        rule: &'static str,
        count: usize,
        limit: usize,
        unit: &str,
    ) -> Result<(), Broken> {
        self.ask(rule, Asked::least(count as f64, limit as f64), || format!("{count} {unit}"))
    }

    /// `Err` where there are more.
    pub(super) fn many(
        &self,
        rule: &'static str,
        count: usize,
        limit: usize,
        unit: &str,
    ) -> Result<(), Broken> {
        self.ask(rule, Asked::most(count as f64, limit as f64), || format!("{count} {unit}"))
    }
}
