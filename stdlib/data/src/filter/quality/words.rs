//! The words of a text.

use unicode_segmentation::UnicodeSegmentation;

/// Languages written without blanks between words.
const WITHOUT_BLANKS: [&str; 6] = ["zh", "ja", "th", "lo", "km", "my"];

/// Whether a language is written without blanks between words.
pub(super) fn without_blanks(language: &str) -> bool {
    WITHOUT_BLANKS.contains(&language)
}

/// The words of a text by UAX 29, with punctuation marks as words of their own, as tokenizers for English have it.
pub(super) struct Words<'a> {
    /// All of them.
    pub(super) all: Vec<&'a str>,
    /// Whether the text is in English, or in a language not known.
    pub(super) english: bool,
    /// Whether words are parted by blanks.
    pub(super) blanks: bool,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, language: &str) -> Self {
        let all = text.split_word_bounds().filter(|word| !word.trim().is_empty()).collect();
        Self { all, english: matches!(language, "" | "en"), blanks: !without_blanks(language) }
    }

    /// Those that are not punctuation only.
    pub(super) fn without_symbols(&self) -> impl Iterator<Item = &'a str> {
        self.all.iter().copied().filter(|word| word.contains(char::is_alphanumeric))
    }
}
