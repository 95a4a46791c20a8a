//! Invented names and values that sound like the table's: what a model has to learn that it does not know.
//!
//! A table has some hundred names, and a model that has seen refusals and searches for a few dozen of them
//! has learned those, not that names it never read of are unknown, and not how to copy a name into a query.
//! So most of what it learns this from is made up.

use std::collections::{BTreeMap, BTreeSet};

use llmp_artifacts::random::Random;

/// Up to `count` texts that are none of `like`, by a Markov chain over its pairs of characters. Fewer where
/// it has too little in it.
pub(super) fn invent(like: &BTreeSet<&str>, count: usize, random: &mut Random) -> Vec<String> {
    let Some((shortest, longest)) = common_lengths(like) else { return Vec::new() };
    let mut next: BTreeMap<[char; 2], Vec<char>> = BTreeMap::new();
    for text in like {
        let mut pair = [START; 2];
        for sign in text.chars().chain([END]) {
            next.entry(pair).or_default().push(sign);
            pair = [pair[1], sign];
        }
    }
    let mut taken: BTreeSet<String> = like.iter().map(|text| text.to_lowercase()).collect();
    let mut invented = Vec::new();
    // A chain over few texts says the same again and again.
    for _ in 0..count.saturating_mul(50) {
        if invented.len() == count {
            break;
        }
        let text = walk(&next, longest, random);
        let length = text.chars().count();
        if (shortest..=longest).contains(&length) && text.trim() == text && taken.insert(text.to_lowercase())
        {
            invented.push(text);
        }
    }
    invented
}

/// Neither is in a text: control characters are refused.
const START: char = '\u{2}';
const END: char = '\u{3}';

fn walk(next: &BTreeMap<[char; 2], Vec<char>>, longest: usize, random: &mut Random) -> String {
    let (mut pair, mut text) = ([START; 2], String::new());
    for _ in 0..=longest {
        let signs = &next[&pair];
        let sign = signs[random.below(signs.len())];
        if sign == END {
            break;
        }
        text.push(sign);
        pair = [pair[1], sign];
    }
    text
}

/// Between which nine tenths of the lengths lie, in characters.
fn common_lengths(like: &BTreeSet<&str>) -> Option<(usize, usize)> {
    let mut lengths: Vec<usize> = like.iter().map(|text| text.chars().count()).collect();
    lengths.sort_unstable();
    let rare = lengths.len() / 20;
    Some((*lengths.get(rare)?, *lengths.get(lengths.len().checked_sub(1 + rare)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_names_are_new_and_the_same_each_time() {
        let like = BTreeSet::from([
            "Germany", "Denmark", "Armenia", "Romania", "Norway", "Jordan", "Germania", "Marden",
        ]);
        let names = invent(&like, 20, &mut Random::new(1, 0));
        assert_eq!(names, invent(&like, 20, &mut Random::new(1, 0)));
        assert_ne!(names, invent(&like, 20, &mut Random::new(2, 0)));
        assert!(names.len() > 5 && names.iter().all(|name| !like.contains(name.as_str())), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn too_little_to_learn_from_ends() {
        assert_eq!(invent(&BTreeSet::from(["a"]), 5, &mut Random::new(1, 0)), Vec::<String>::new());
        assert_eq!(invent(&BTreeSet::new(), 5, &mut Random::new(1, 0)), Vec::<String>::new());
    }
}
