//! Hardware addresses of network devices (IEEE 802, 48 bits).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::joins;

static MAC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)(?-u:\b) (?: [0-9a-f]{2} (?: : [0-9a-f]{2} ){5} | [0-9a-f]{2} (?: - [0-9a-f]{2} ){5} | [0-9a-f]{4} (?: \. [0-9a-f]{4} ){2} ) (?-u:\b)",
    )
    .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let fits = |range: &Range<usize>| {
        let address = &text[range.clone()];
        let (mut back, mut ahead) = (text[..range.start].chars().rev(), text[range.end..].chars());
        let continues = |sign: Option<char>, other: Option<char>| {
            matches!(sign, Some(':' | '-' | '.')) && other.is_some_and(|other| other.is_ascii_hexdigit())
        };
        let alone = {
            let (last, earlier, next, later) = (back.next(), back.next(), ahead.next(), ahead.next());
            // `mac:00:1b:…`: a word before a sign is no part of it, unless it ends in two such digits.
            let word = earlier.is_some_and(|earlier| earlier.is_ascii_hexdigit())
                && back.next().is_none_or(|first| !first.is_alphabetic() || first.is_ascii_hexdigit())
                && back.next().is_none_or(|first| !first.is_alphanumeric());
            !(joins(last) || joins(next) || continues(next, later) || continues(last, earlier) && word)
        };
        // Pairs of digits with dashes are dates, telephone numbers and draws; one digit six times is
        // nobody's.
        let letter = address.bytes().any(|byte| byte.is_ascii_alphabetic());
        let mut signs = address.bytes().filter(u8::is_ascii_hexdigit).map(|byte| byte.to_ascii_lowercase());
        let first = signs.next();
        alone && (letter || address.contains(':')) && signs.any(|sign| Some(sign) != first)
    };
    MAC.find_iter(text).map(|found| found.range()).filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn addresses_are_found_in_three_forms() {
        for address in ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7", "00:11:22:33:44:55"] {
            for text in
                [format!("device {address}, up"), format!("mac:{address}"), format!("ether {address}")]
            {
                let found: Vec<&str> = find(&text).into_iter().map(|range| &text[range]).collect();
                assert_eq!(found, [address], "{text}");
            }
        }
        for text in [
            "01-02-03-04-05-06",
            "ff:ff:ff:ff:ff:ff",
            "fingerprint 00:1B:44:11:3A:B7:aa:bb",
            "aa:00:1B:44:11:3A:B7",
            "1234.5678.9012",
            "12:30:45",
        ] {
            assert!(find(text).is_empty(), "{text}");
        }
    }
}
