//! Gopher's quality rules.

use std::collections::BTreeSet;

use super::words::{Words, lines};
use super::{Broken, Settings, share};

const STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

pub(super) fn check(text: &str, words: &Words<'_>, settings: &Settings) -> Result<(), Broken> {
    let count = words.without_symbols().count();
    settings.ask("gopher.min_words", count < settings.min_words, || format!("{count} words"))?;
    settings.ask("gopher.max_words", count > settings.max_words, || format!("{count} words"))?;
    if words.blanks {
        let letters: usize = words.without_symbols().map(|word| word.chars().count()).sum();
        let mean = share(letters, count);
        let value = || format!("{mean:.1} characters");
        settings.ask("gopher.min_word_length", mean < settings.min_word_length, value)?;
        settings.ask("gopher.max_word_length", mean > settings.max_word_length, value)?;
    }
    let all = words.all.len();
    settings.at_most("gopher.hash_signs", share(text.matches('#').count(), all), settings.max_symbols)?;
    let ellipses = text.matches("...").count() + text.matches('…').count();
    settings.at_most("gopher.ellipses", share(ellipses, all), settings.max_symbols)?;

    let lines: Vec<&str> = lines(text).collect();
    let bullets = lines.iter().filter(|line| line.trim_start().starts_with(['•', '-'])).count();
    settings.at_most("gopher.max_bullets", share(bullets, lines.len()), settings.max_bullets)?;
    let ends = |line: &&&str| line.trim_end().ends_with("...") || line.trim_end().ends_with('…');
    let ellipsis_lines = lines.iter().filter(ends).count();
    settings.at_most("gopher.max_ellipses", share(ellipsis_lines, lines.len()), settings.max_ellipses)?;

    let alphabetic = words.all.iter().filter(|word| word.contains(char::is_alphabetic)).count();
    settings.at_least("gopher.min_alphabetic", share(alphabetic, all), settings.min_alphabetic)?;
    if words.english {
        let seen: BTreeSet<&str> =
            words.all.iter().copied().filter(|word| STOP_WORDS.contains(word)).collect();
        let few = seen.len() < settings.min_stop_words;
        settings.ask("gopher.min_stop_words", few, || format!("{} stop words", seen.len()))?;
    }
    Ok(())
}
