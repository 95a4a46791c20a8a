//! Gopher's quality rules.

use std::collections::BTreeSet;

use super::limits::Ask;
use super::words::{Words, lines};
use super::{Broken, share};
use llmp_stage::Asked;

pub(super) fn check(text: &str, words: &Words<'_>, limits: &Ask<'_>) -> Result<(), Broken> {
    let count = words.without_symbols().count();
    limits.few("gopher.min_words", count, limits.min_words, "words")?;
    limits.many("gopher.max_words", count, limits.max_words, "words")?;
    if words.measured {
        let letters: usize = words.without_symbols().map(|word| word.chars().count()).sum();
        let mean = share(letters, count);
        let value = || format!("{mean:.1} characters");
        limits.ask("gopher.min_word_length", Asked::least(mean, limits.min_word_length), value)?;
        limits.ask("gopher.max_word_length", Asked::most(mean, limits.max_word_length), value)?;
    }
    let all = words.all.len();
    limits.at_most("gopher.hash_signs", share(text.matches('#').count(), all), limits.max_symbols)?;
    let ellipses = text.matches("...").count() + text.matches('…').count();
    limits.at_most("gopher.ellipses", share(ellipses, all), limits.max_symbols)?;

    let lines: Vec<&str> = lines(text).collect();
    let bullets = lines.iter().filter(|line| line.trim_start().starts_with(['•', '-'])).count();
    limits.at_most("gopher.max_bullets", share(bullets, lines.len()), limits.max_bullets)?;
    let ends = |line: &&&str| line.trim_end().ends_with("...") || line.trim_end().ends_with('…');
    let ellipsis_lines = lines.iter().filter(ends).count();
    limits.at_most("gopher.max_ellipses", share(ellipsis_lines, lines.len()), limits.max_ellipses)?;

    let alphabetic = words.all.iter().filter(|word| word.contains(char::is_alphabetic)).count();
    limits.at_least("gopher.min_alphabetic", share(alphabetic, all), limits.min_alphabetic)?;
    if !limits.stop_words.is_empty() {
        let seen: BTreeSet<&str> =
            words.all.iter().copied().filter(|word| limits.stop_words.contains(word)).collect();
        limits.few("gopher.min_stop_words", seen.len(), limits.min_stop_words, "stop words")?;
    }
    Ok(())
}
