//! The words of a text.

use icu_segmenter::WordSegmenter;
use icu_segmenter::options::WordBreakInvariantOptions;
use unicode_segmentation::UnicodeSegmentation;

use super::{WordRule, spacy};

/// Languages written without blanks between words.
const WITHOUT_BLANKS: [&str; 6] = ["zh", "ja", "th", "lo", "km", "my"];

/// Whether a language is written without blanks between words.
pub(super) fn without_blanks(language: &str) -> bool {
    WITHOUT_BLANKS.contains(&language)
}

/// The language that rules assume for a text whose language is not known: English, unless most of its letters
/// are of another script than Latin; then Chinese stands for all that set no blanks, and `und` for what does.
pub(super) fn assumed(text: &str) -> &'static str {
    let (mut latin, mut joined, mut others) = (0usize, 0usize, 0usize);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        match letter {
            // Thai and Lao, Myanmar, Khmer; Kana and Han.
            '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}' => joined += 1,
            '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => latin += 1,
            _ => others += 1,
        }
    }
    if latin >= joined + others {
        ""
    } else if joined >= others {
        "zh"
    } else {
        "und"
    }
}

/// The lines of a text, as Python parts them: at the other marks of Unicode for line breaks, too.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        line.split(|letter| {
            matches!(letter, '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
        })
    })
}

/// The words of a text, with punctuation marks as words of their own, as tokenizers for English have it.
pub(super) struct Words<'a> {
    /// All of them.
    pub(super) all: Vec<&'a str>,
    /// Whether they are words, so that their length says something: not where each sign is one.
    pub(super) measured: bool,
    /// By which rule they are parted.
    rule: WordRule,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, language: &str, rule: WordRule) -> Self {
        let blanks = !without_blanks(language);
        // spaCy's rules part at blanks first.
        let rule = match (rule, blanks) {
            (WordRule::Dictionary, true) => WordRule::Spacy,
            (WordRule::Spacy, false) => WordRule::Uax29,
            (rule, _) => rule,
        };
        let all = match rule {
            WordRule::Uax29 => marks_joined(text, text.split_word_bound_indices()),
            WordRule::Spacy => spacy::words(text),
            WordRule::Dictionary => marks_joined(text, segments(text)),
        };
        Self { all, measured: blanks || rule == WordRule::Dictionary, rule }
    }

    /// Those that are not punctuation only.
    pub(super) fn without_symbols(&self) -> impl Iterator<Item = &'a str> {
        let rule = self.rule;
        self.all.iter().copied().filter(move |word| match rule {
            WordRule::Uax29 | WordRule::Dictionary => word.contains(char::is_alphanumeric),
            WordRule::Spacy => spacy::is_word(word),
        })
    }
}

/// The parts of a text between the bounds of words that ICU's dictionaries see.
fn segments(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut bounds = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()).segment_str(text);
    let mut start = bounds.next().unwrap_or(0);
    bounds.map(move |end| {
        let part = (start, &text[start..end]);
        start = end;
        part
    })
}

/// Words of parts: without blanks, and marks in a row as one.
fn marks_joined<'a>(text: &'a str, parts: impl Iterator<Item = (usize, &'a str)>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    let mut run: Option<(usize, &str)> = None;
    for (at, word) in parts {
        match run {
            Some((start, mark)) if mark == word && !word.trim().is_empty() => {
                // Marks in a row (`...`, `----`) are one word, as they are to tokenizers for English.
                all.pop();
                all.push(&text[start..at + word.len()]);
                continue;
            }
            _ => run = (!word.contains(char::is_alphanumeric)).then_some((at, word)),
        }
        if !word.trim().is_empty() {
            all.push(word);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{WordRule, Words};

    #[test]
    fn marks_are_words_and_rows_of_them_are_one() {
        assert_eq!(
            Words::of("Wait... it's 3.5%, \n\n--- ok?!", "", WordRule::Uax29).all,
            ["Wait", "...", "it's", "3.5", "%", ",", "---", "ok", "?", "!"]
        );
        assert_eq!(Words::of("中文。", "zh", WordRule::Spacy).all, ["中", "文", "。"]);
        let words = Words::of("我们在北京大学学习中文。。。", "zh", WordRule::Dictionary);
        assert_eq!(words.all, ["我们", "在", "北京", "大学", "学习", "中文", "。。。"]);
        assert_eq!((words.without_symbols().count(), words.measured), (6, true));
        assert!(Words::of(" \n ", "", WordRule::Uax29).all.is_empty());
        let assumed =
            ["A river 河", "河水 of 漫過田野", "Река поднялась", "แม่น้ำ", "123", ""].map(super::assumed);
        assert_eq!(assumed, ["", "zh", "und", "zh", "", ""]);
    }
}
