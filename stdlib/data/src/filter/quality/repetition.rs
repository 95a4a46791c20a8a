//! Gopher's repetition rules.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::limits::Ask;
use super::words::Words;
use super::{Broken, share};

const TOP_RULES: [&str; 3] = ["gopher.top_2_grams", "gopher.top_3_grams", "gopher.top_4_grams"];

const REPEATED_RULES: [&str; 6] = [
    "gopher.repeated_5_grams",
    "gopher.repeated_6_grams",
    "gopher.repeated_7_grams",
    "gopher.repeated_8_grams",
    "gopher.repeated_9_grams",
    "gopher.repeated_10_grams",
];

pub(super) fn check(text: &str, words: &Words<'_>, limits: &Ask<'_>) -> Result<(), Broken> {
    let characters = text.chars().count();
    let (count, repeated) = repeats(paragraphs(text));
    limits.at_most(
        "gopher.repeated_paragraphs",
        share(repeated.count, count),
        limits.max_repeated_paragraphs,
    )?;
    let limit = limits.max_repeated_paragraph_characters;
    limits.at_most("gopher.repeated_paragraph_characters", share(repeated.characters, characters), limit)?;
    let (count, repeated) = repeats(text.split('\n').filter(|line| !line.is_empty()));
    limits.at_most("gopher.repeated_lines", share(repeated.count, count), limits.max_repeated_lines)?;
    let limit = limits.max_repeated_line_characters;
    limits.at_most("gopher.repeated_line_characters", share(repeated.characters, characters), limit)?;

    let lengths: Vec<usize> = words.all.iter().map(|word| word.chars().count()).collect();
    for ((rule, limit), n) in TOP_RULES.into_iter().zip(&limits.max_top_ngrams).zip(2..) {
        limits.at_most(rule, share(top(words, &lengths, n), characters), *limit)?;
    }
    for ((rule, limit), n) in REPEATED_RULES.into_iter().zip(&limits.max_repeated_ngrams).zip(5..) {
        limits.at_most(rule, share(repeated_ngrams(words, &lengths, n), characters), *limit)?;
    }
    Ok(())
}

/// Paragraphs: parted by two line breaks or more.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.trim().split("\n\n").map(|paragraph| paragraph.trim_matches('\n')).filter(|part| !part.is_empty())
}

/// Parts that stood before.
#[derive(Default)]
pub(super) struct Repeats {
    pub(super) count: usize,
    pub(super) characters: usize,
}

/// How many parts there are, and which of them stood before.
pub(super) fn repeats<'a>(parts: impl Iterator<Item = &'a str>) -> (usize, Repeats) {
    let (mut seen, mut count, mut repeats) = (HashSet::new(), 0, Repeats::default());
    for part in parts {
        count += 1;
        if !seen.insert(part) {
            repeats.count += 1;
            repeats.characters += part.chars().count();
        }
    }
    (count, repeats)
}

/// Characters in the most frequent sequence of `n` words, with one blank between them; of equally frequent
/// ones in that which stands first, as in datatrove. Where each stands once, none is the most frequent:
/// datatrove takes any then, which drops very short texts.
fn top(words: &Words<'_>, lengths: &[usize], n: usize) -> usize {
    let mut counts: HashMap<&[&str], (usize, Reverse<usize>, usize)> = HashMap::new();
    for (at, (ngram, lengths)) in words.all.windows(n).zip(lengths.windows(n)).enumerate() {
        let length = || lengths.iter().sum::<usize>() + n - 1;
        counts.entry(ngram).or_insert_with(|| (0, Reverse(at), length())).0 += 1;
    }
    let top = counts.into_values().filter(|(count, ..)| *count > 1).max();
    top.map_or(0, |(count, _, length)| count * length)
}

/// Characters in sequences of `n` words that stood before, without overlaps.
fn repeated_ngrams(words: &Words<'_>, lengths: &[usize], n: usize) -> usize {
    let (mut seen, mut at, mut repeated) = (HashSet::new(), 0, 0);
    while let (Some(ngram), Some(lengths)) = (words.all.get(at..at + n), lengths.get(at..at + n)) {
        if seen.insert(ngram) {
            at += 1;
        } else {
            repeated += lengths.iter().sum::<usize>();
            at += n;
        }
    }
    repeated
}
