//! FineWeb's own rules.

use super::repetition::repeats;
use super::spacy::TERMINAL;
use super::words::Words;
use super::{Broken, Settings, share};

pub(super) fn check(text: &str, words: &Words<'_>, settings: &Settings) -> Result<(), Broken> {
    let lines: Vec<&str> = text.split('\n').filter(|line| !line.trim().is_empty()).collect();
    settings.ask("fineweb.empty", lines.is_empty(), || "no lines".into())?;
    let punctuated = lines.iter().filter(|line| line.ends_with(|mark| TERMINAL.contains(mark))).count();
    settings.at_least(
        "fineweb.min_punctuated_lines",
        share(punctuated, lines.len()),
        settings.min_punctuated_lines,
    )?;
    let short = lines.iter().filter(|line| line.chars().count() <= settings.short_line).count();
    settings.at_most("fineweb.max_short_lines", share(short, lines.len()), settings.max_short_lines)?;
    let (_, repeated) = repeats(lines.iter().copied());
    let characters = text.chars().filter(|character| *character != '\n').count();
    let limit = settings.max_duplicate_characters;
    settings.at_most("fineweb.max_duplicate_characters", share(repeated.characters, characters), limit)?;
    let breaks = text.matches('\n').count();
    settings.at_most("fineweb.max_line_breaks", share(breaks, words.all.len()), settings.max_line_breaks)
}
