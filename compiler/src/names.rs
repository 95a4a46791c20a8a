//! "Did you mean": the known name nearest to an unknown one.

/// The nearest of `names`, where one is near enough to have been meant.
pub(crate) fn closest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // About one slip in three letters; names of one or two letters are either right or something else.
    let slips = (name.chars().count() / 3).min(4);
    let lower = name.to_lowercase();
    names
        .into_iter()
        .filter(|known| *known != name && known.len().abs_diff(name.len()) <= 2 * slips)
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), known))
        .filter(|&(distance, _)| distance <= slips)
        .min()
        .map(|(_, known)| known)
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
    }
}
