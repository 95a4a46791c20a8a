//! Telephone numbers in running text. In doubt a number is none: dates, prices, ISBNs and identifiers are more frequent.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, joins};

/// Forms that are written with care: an international prefix, the North American grouping, or a trunk prefix with groups,
/// as written in Europe, Russia, Brazil and East Asia.
static FORMATTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?: \+ | (?-u:\b)00 ) [1-9]\d{0,2} (?: [\ .\-/]? \(?\d{1,5}\)? ){2,6}
        | (?: (?-u:\b)1[\ .\-] )? (?: \([2-9]\d{2}\)[\ .\-]? | (?-u:\b)[2-9]\d{2}[\ .\-] ) [2-9]\d{2} [\ .\-] \d{4}
        | (?-u:\b)001 [\ .\-] \d{3} [\ .\-] \d{3} [\ .\-] \d{4}
        | (?-u:\b)8 [\ \-]? (?: \(\d{3}\) | [\ \-]\d{3} ) [\ \-]? \d{3} [\ \-] \d{2} [\ \-] \d{2}
        | \(0\d{1,4}\) [\ \-]? \d{3,4} [\ \-]? \d{3,5}
        | \(\d{2}\) \ ? 9?\d{4}-\d{4}
        | (?-u:\b)0\d{2,4} [\ \-] \d{3,4} [\ \-]? \d{3,4}
        | (?-u:\b)0\d{2,3} \ \d{2,3} \ \d{2} \ \d{2}
        | (?-u:\b)0\d - \d{3,4} - \d{4}
        | (?-u:\b)0\d{2,4} / \d{6,8}
        ",
    )
    .expect("the expression is valid")
});

/// French numbers: five pairs of digits, and no more.
static PAIRS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)0[1-9](?:(?: \d\d){4,}|(?:\.\d\d){4,})").expect("the expression is valid")
});

/// Digits alone, which are a number where they are called one.
static BARE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\(?\d[\d ().\-]{5,16}\d").expect("the expression is valid"));

static EXTENSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?i) ?(?:x|ext\.?) ?\d{1,6}\b").expect("the expression is valid"));

/// What a number is called before it stands.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?: \b(?: tel | phone | t[eé]l[eéè](?:ph|f)[oó]n[eo]? | mobile | cell | fax | call | sms | whatsapp
              | handy | móvil | celular | cellulare | тел | телефон | факс )
          | ☎ | 电话 | 電話 | 手机 | 手機 | 传真 | 傳真 | 携帯 | 전화 | 휴대폰 | 팩스 )
        (?: 号码 | 號碼 | 番号 | 번호 )?
        (?: \s* (?: no | nr | number ) )?
        [\s.:：\#]* (?: me\s | us\s | at\s | on\s | is\s | :\s )* $
        ",
    )
    .expect("the expression is valid")
});

/// What makes a number something else.
static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:isbn|issn|doi|pmid|arxiv|patent|serial|order|invoice|model|item|part|sku|id|#|\$|£|€|=)[\s:.\-]*(?:no|number)?[\s:.\-]*$")
        .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let pairs = PAIRS
        .find_iter(text)
        .map(|found| found.range())
        .filter(|range| range.len() == "01 23 45 67 89".len());
    for candidate in FORMATTED.find_iter(text).map(|found| found.range()).chain(pairs) {
        let digits = digits(&text[candidate.clone()]);
        let (fewest, most) = if text[candidate.clone()].starts_with('+') { (8, 15) } else { (9, 15) };
        if (fewest..=most).contains(&digits) && stands_alone(text, &candidate) {
            found.push(with_extension(text, candidate));
        }
    }
    for candidate in BARE.find_iter(text).map(|found| found.range()) {
        let digits = digits(&text[candidate.clone()]);
        let known = found.iter().any(|other| other.start < candidate.end && candidate.start < other.end);
        let called = CALLED.is_match(&before(text, candidate.start, 32));
        if !known && called && (7..=15).contains(&digits) && stands_alone(text, &candidate) {
            found.push(with_extension(text, candidate));
        }
    }
    found
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Whether a candidate is no part of something longer, nor called something else.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let last = text[..range.start].chars().next_back();
    let mut ahead = text[range.end..].chars();
    let next = ahead.next();
    let joined =
        |character: Option<char>| joins(character) || matches!(character, Some('-' | '/' | '.' | '+'));
    let extended = EXTENSION.is_match(&text[range.end..]);
    let continues =
        matches!(next, Some('-' | '/' | '.' | ',')) && ahead.next().is_some_and(|next| next.is_ascii_digit());
    !joined(last)
        && (extended || !joins(next) && !continues)
        && !OTHERWISE.is_match(&before(text, range.start, 24))
}

fn with_extension(text: &str, range: Range<usize>) -> Range<usize> {
    let extension = EXTENSION.find(&text[range.end..]).map_or(0, |found| found.end());
    range.start..range.end + extension
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(text: &str) -> Vec<String> {
        find(text).into_iter().map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn usual_forms_are_found() {
        for number in [
            "+44 20 7946 0958",
            "+1-202-555-0143",
            "+49 (0)30 901820",
            "+33 1 42 68 53 00",
            "(212) 664-7665",
            "212-664-7665",
            "212.664.7665",
            "1-800-356-9377",
            "212 664 7665",
            "001-295-364-7421x2391",
            "020 7946 0958",
            "(07) 4554 9876",
            "0118 496 0100",
            "024 971 50 30",
            "01 42 68 53 00",
            "06.12.34.56.78",
            "030/901820",
            "8 (800) 555-35-35",
            "(11) 91234-5678",
            "03-1234-5678",
            "090-1234-5678",
            "010-62781234",
        ] {
            assert_eq!(found(&format!("Reach me under {number}, please.")), [number]);
        }
        assert_eq!(found("Tel: 6647665. Phone no. 2126647665"), ["6647665", "2126647665"]);
        assert_eq!(found("请拨打010-62781234，手机：13800138000。"), ["010-62781234", "13800138000"]);
        assert_eq!(found("Teléfono: 912 345 678, Телефон 4951234567"), ["912 345 678", "4951234567"]);
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "2024-05-18 and 18-05-2024, 1990-1995",
            "ISBN 978-3-16-148410-0, ISBN 212-664-7665",
            "doi:10.1000/182, 192.168.100.1000",
            "Order 212-664-7665 and #212-664-7665",
            "It cost $212 664 7665, or 1,234,567,890.",
            "ISO 8601, 3.14159265358979, 12345678901234567890",
            "8d5c-212-664-7665-22, 212-664-7665-1",
            "from 1939 to 1945 1946 1947",
            "0.123 456 7890",
            "call 911 at 10:30",
            "01 02 03 04 05 06 were drawn",
            "on 03-2024-11 and 01/2024",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
