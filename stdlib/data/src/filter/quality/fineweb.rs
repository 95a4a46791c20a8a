//! FineWeb's own rules.

use super::limits::Ask;
use super::repetition::repeats;
use super::spacy::TERMINAL;
use super::words::Words;
use super::{Broken, share};

pub(super) fn check(text: &str, words: &Words<'_>, limits: &Ask<'_>) -> Result<(), Broken> {
    let lines: Vec<&str> = text.split('\n').filter(|line| !line.trim().is_empty()).collect();
    limits.never("fineweb.empty", lines.is_empty(), || "no lines".into())?;
    let punctuated = lines.iter().filter(|line| line.ends_with(|mark| TERMINAL.contains(mark))).count();
    limits.at_least(
        "fineweb.min_punctuated_lines",
        share(punctuated, lines.len()),
        limits.min_punctuated_lines,
    )?;
    let short = lines.iter().filter(|line| line.chars().count() <= limits.short_line).count();
    limits.at_most("fineweb.max_short_lines", share(short, lines.len()), limits.max_short_lines)?;
    let (_, repeated) = repeats(lines.iter().copied());
    let characters = text.chars().filter(|character| *character != '\n').count();
    let limit = limits.max_duplicate_characters;
    limits.at_most("fineweb.max_duplicate_characters", share(repeated.characters, characters), limit)?;
    let breaks = text.matches('\n').count();
    limits.at_most("fineweb.max_line_breaks", share(breaks, words.all.len()), limits.max_line_breaks)
}
