//! Card numbers and IBANs, known by their check digits.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::numbers::{Region, digits_of};
use super::{before, goes_on, joins};

static CARD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[0-9]{4}(?: {0,2}[0-9]|-[0-9]){8,15}(?-u:\b)").expect("the expression is valid")
});

/// What a card is called. Behind it any number counts whose check digit fits.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:card|visa|mastercard|maestro|amex|karte|carte|tarjeta|cartão|carta|карт[аы]|卡号|卡號|银行卡|銀行卡|信用卡|储蓄卡|借记卡|尾号|카드)(?: *(?:no|nr|number|num))?[^0-9\n]{0,16}$",
    )
    .expect("the expression is valid")
});

pub(super) fn find_cards(text: &str, regions: &[Region]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for region in regions.iter().filter(|region| region.digits >= 12) {
        let (start, part) = region.with_edges(text);
        for candidate in CARD.find_iter(part) {
            let range = start + candidate.start()..start + candidate.end();
            let digits = digits_of(candidate.as_str());
            if luhn(&digits)
                && digits.iter().any(|digit| *digit != digits[0])
                && !goes_on(text, range.start)
                && !joins(text[range.end..].chars().next())
                && (is_issued(&digits) || CALLED.is_match(&before(text, range.start, 40)))
            {
                found.push(range);
            }
        }
    }
    found
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

/// Whether an issuer has numbers of this length that start so (ISO/IEC 7812's register, as the networks
/// publish it).
fn is_issued(digits: &[u32]) -> bool {
    let first = |count: usize| digits[..count].iter().fold(0, |number, digit| number * 10 + digit);
    match digits.len() {
        12 => matches!(first(4), 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763),
        14 => matches!(first(2), 36 | 38 | 39) || (300..=305).contains(&first(3)),
        15 => matches!(first(2), 34 | 37) || matches!(first(4), 1800 | 2131),
        // Visa; Mastercard, Mir; JCB; Maestro, Discover, UnionPay, RuPay.
        13 => first(1) == 4 || matches!(first(2), 50 | 56..=58 | 67),
        16 => {
            matches!(first(1), 4 | 5)
                || (2200..=2720).contains(&first(4))
                || matches!(first(2), 35 | 60..=69 | 81 | 82)
        }
        17 | 18 => matches!(first(2), 50 | 56..=58 | 60..=69),
        19 => first(1) == 4 || matches!(first(2), 35 | 50 | 56..=58 | 60..=69),
        _ => false,
    }
}

static IBAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[A-Za-z]{2}[0-9]{2}(?: {0,2}[A-Za-z0-9]|-[A-Za-z0-9]){11,30}")
        .expect("the expression is valid")
});

/// The countries of IBANs and how long theirs are (SWIFT's IBAN registry, release 99).
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 \
     ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 \
     LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 \
     RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub(super) fn find_ibans(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(candidate) = IBAN.find_at(text, from) {
        let iban = iban(text, candidate.range());
        // A candidate may run on into the next one.
        from = iban.as_ref().map_or(candidate.start() + 4, |iban| iban.end);
        found.extend(iban);
    }
    found
}

/// The IBAN that starts with a candidate. Words behind it may look like a part of it, so that its country
/// says where it ends.
fn iban(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let country = text[range.start..range.start + 2].to_ascii_uppercase();
    let length: usize =
        LENGTHS.split_ascii_whitespace().find_map(|entry| entry.strip_prefix(&country))?.parse().ok()?;
    let mut values = Vec::with_capacity(length);
    for (at, character) in text[range.clone()].char_indices() {
        values.extend(character.to_digit(36));
        if values.len() == length {
            let end = range.start + at + 1;
            return (!joins(text[end..].chars().next()) && checks(&values)).then_some(range.start..end);
        }
    }
    None
}

/// The check of ISO 13616: the first four characters moved to the end, letters as numbers, the remainder by
/// 97 is 1.
fn checks(values: &[u32]) -> bool {
    let moved = values[4..].iter().chain(&values[..4]);
    moved.fold(0, |remainder, value| (remainder * if *value > 9 { 100 } else { 10 } + value) % 97) == 1
}

#[cfg(test)]
mod tests {
    use super::super::numbers::regions;
    use super::*;

    #[test]
    fn check_digits_decide() {
        let cards = |text: &str| {
            find_cards(text, &regions(text))
                .into_iter()
                .map(|range| text[range].to_owned())
                .collect::<Vec<_>>()
        };
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
        for iban in [
            "de89 3704 0044 0532 0130 00",
            "DE89-3704-0044-0532-0130-00",
            "gb82west12345698765432",
            "NO93 8601 1117 947",
        ] {
            assert_eq!(ibans(&format!("to {iban} and then")), [iban]);
        }
        assert!(ibans("in20 this year and next, DE89370400440532013001").is_empty());
        assert_eq!(ibans("汇到DE89  3704 0044 0532 0130 00 BIC").len(), 1);
        assert_eq!(cards("https://a.example/pay/4111111111111111?x, card:4111  1111  1111  1111").len(), 2);
        assert_eq!(cards("银行卡号：6222021234567890128，180016070420458").len(), 2);
        assert_eq!(cards("card number is 79927398713000000"), ["79927398713000000"], "no issuer has it");
        assert!(cards("79927398713000000").is_empty());
        assert_eq!(cards("卡号4111111111111111。"), ["4111111111111111"]);
    }
}
