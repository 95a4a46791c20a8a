//! Card numbers and IBANs, known by their check digits.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{goes_on, joins};

static CARD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[2-6][0-9]{3}(?: {0,2}[0-9]|-[0-9]){9,15}(?-u:\b)").expect("the expression is valid")
});

static IBAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[A-Z]{2}[0-9]{2}(?: {0,2}[A-Z0-9]){11,30}(?-u:\b)").expect("the expression is valid")
});

/// The lengths of IBANs.
const IBAN_LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

pub(super) fn find_cards(text: &str) -> Vec<Range<usize>> {
    let fits = |range: &Range<usize>| {
        let digits: Vec<u32> =
            text[range.clone()].chars().filter_map(|character| character.to_digit(10)).collect();
        let alone = !goes_on(text, range.start) && !joins(text[range.end..].chars().next());
        alone
            && (13..=19).contains(&digits.len())
            && luhn(&digits)
            && digits.iter().any(|digit| *digit != digits[0])
    };
    CARD.find_iter(text).map(|found| found.range()).filter(fits).collect()
}

/// Luhn's check (ISO/IEC 7812-1): every second digit from the right counts double.
fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = (digits.iter().rev().enumerate())
        .map(
            |(place, digit)| if place % 2 == 0 { *digit } else { digit * 2 - if *digit > 4 { 9 } else { 0 } },
        )
        .sum();
    sum.is_multiple_of(10)
}

pub(super) fn find_ibans(text: &str) -> Vec<Range<usize>> {
    // Words behind an IBAN may look like a part of it, so that shorter ends are tried too.
    let shortest_fit = |range: Range<usize>| {
        let mut end = range.end;
        while end > range.start {
            let candidate = &text[range.start..end];
            if !candidate.ends_with(' ') && !joins(text[end..].chars().next()) && is_iban(candidate) {
                return Some(range.start..end);
            }
            end = text.floor_char_boundary(end - 1);
        }
        None
    };
    IBAN.find_iter(text).filter_map(|found| shortest_fit(found.range())).collect()
}

/// The check of ISO 13616: the first four characters moved to the end, letters as numbers, the remainder by 97 is 1.
fn is_iban(candidate: &str) -> bool {
    let characters: Vec<char> = candidate.chars().filter(|character| *character != ' ').collect();
    if !IBAN_LENGTHS.contains(&characters.len()) {
        return false;
    }
    let values = characters[4..].iter().chain(&characters[..4]).map(|character| character.to_digit(36));
    let remainder = values.into_iter().try_fold(0, |remainder, value| {
        let value = value?;
        Some((remainder * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    remainder == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_decide() {
        let cards =
            |text: &str| find_cards(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(
            cards("pay 4111 1111 1111 1111 or 5500005555555559,"),
            ["4111 1111 1111 1111", "5500005555555559"]
        );
        assert!(cards("4111 1111 1111 1112, 4444444444444444444444, 2024 01 02 03").is_empty());
        let ibans =
            |text: &str| find_ibans(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(
            ibans("to GB82 WEST 1234 5698 7654 32 AND DE89370400440532013000."),
            ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"]
        );
        assert!(ibans("GB83 WEST 1234 5698 7654 32").is_empty());
        assert_eq!(ibans("汇到DE89  3704 0044 0532 0130 00 BIC").len(), 1);
        assert_eq!(cards("https://a.example/pay/4111111111111111?x, card:4111  1111  1111  1111").len(), 2);
        assert_eq!(cards("卡号4111111111111111。"), ["4111111111111111"]);
    }
}
