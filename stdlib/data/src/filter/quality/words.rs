//! The words of a text.

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
    /// Whether the text is in English, or in a language not known.
    pub(super) english: bool,
    /// Whether words are parted by blanks.
    pub(super) blanks: bool,
    /// By which rule they are parted.
    rule: WordRule,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, language: &str, rule: WordRule) -> Self {
        let blanks = !without_blanks(language);
        // spaCy's rules part at blanks first.
        let rule = if blanks { rule } else { WordRule::Uax29 };
        let all = match rule {
            WordRule::Uax29 => uax29(text),
            WordRule::Spacy => spacy::words(text),
        };
        Self { all, english: matches!(language, "" | "en"), blanks, rule }
    }

    /// Those that are not punctuation only.
    pub(super) fn without_symbols(&self) -> impl Iterator<Item = &'a str> {
        let rule = self.rule;
        self.all.iter().copied().filter(move |word| match rule {
            WordRule::Uax29 => word.contains(char::is_alphanumeric),
            WordRule::Spacy => spacy::is_word(word),
        })
    }
}

fn uax29(text: &str) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    let mut run: Option<(usize, &str)> = None;
    for (at, word) in text.split_word_bound_indices() {
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
        assert!(Words::of(" \n ", "", WordRule::Uax29).all.is_empty());
        let assumed =
            ["A river 河", "河水 of 漫過田野", "Река поднялась", "แม่น้ำ", "123", ""].map(super::assumed);
        assert_eq!(assumed, ["", "zh", "und", "zh", "", ""]);
    }
}
