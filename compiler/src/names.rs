//! "Did you mean": the known name nearest to an unknown one.

/// Names that are compared with an unknown one; programs with more are not written by hand.
const MOST: usize = 500;

/// Letters of the longest names that are compared.
const LONGEST: usize = 64;

/// The nearest of `names`, where one is near enough to have been meant.
#[must_use]
pub fn closest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // About one slip in three letters; names of one or two letters are either right or something else.
    let slips = (name.chars().count() / 3).min(4);
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let letters = letters(name);
    names
        .into_iter()
        .take(MOST)
        .filter(|known| *known != name && known.len().abs_diff(name.len()) <= 2 * slips)
        // A slip adds a letter, loses one, or does both.
        .filter(|known| (self::letters(known) ^ letters).count_ones() as usize <= 2 * slips)
        .map(|known| (strsim::osa_distance(&lower, &known.to_ascii_lowercase()), known))
        .filter(|&(distance, _)| distance <= slips)
        .min()
        .map(|(_, known)| known)
}

/// The set of letters and digits of a name, in either case.
fn letters(name: &str) -> u64 {
    name.bytes().fold(0, |set, byte| set | 1 << (byte.to_ascii_lowercase() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["min_score", "keep", "filter.language", "tokens"];
        assert_eq!(closest("min_scroe", names), Some("min_score"));
        assert_eq!(closest("filter.langauge", names), Some("filter.language"));
        assert_eq!(closest("Tokens", names), Some("tokens"));
        assert_eq!(closest("epochs", names), None);
        assert_eq!(closest("a", ["b"]), None);
    }
}
