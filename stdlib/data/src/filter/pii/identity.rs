//! Numbers that states give to persons: those whose form or check digits give them away, and passports where
//! they are called so.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::numbers::{Region, digits_of};
use super::{before, goes_on, joins};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)(?-u:\b) (?:
          (?<chinese> [1-8][0-9]{5} \ ? (?:18|19|20)[0-9]{2} (?:0[1-9]|1[0-2]) (?:0[1-9]|[12][0-9]|3[01]) \ ? [0-9]{3}[0-9Xx] )
        | (?<american> [0-8][0-9]{2} - [0-9]{2} - [0-9]{4} )
        | (?<brazilian> [0-9]{3} \. [0-9]{3} \. [0-9]{3} - [0-9]{2} )
        ) (?-u:\b)",
    )
    .expect("the expression is valid")
});

pub(super) fn find(text: &str, regions: &[Region]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for region in regions.iter().filter(|region| region.digits >= 9) {
        let (start, part) = region.with_edges(text);
        for numbers in NUMBER.captures_iter(part) {
            let Some(whole) = numbers.get(0) else { continue };
            let range = start + whole.start()..start + whole.end();
            let fits = if numbers.name("chinese").is_some() {
                chinese(whole.as_str())
            } else if numbers.name("american").is_some() {
                american(whole.as_str()) && !OTHERWISE.is_match(&before(text, range.start, 24))
            } else {
                brazilian(whole.as_str())
            };
            let continues = text[range.end..].starts_with(['-', '.']) && follows(&text[range.end + 1..]);
            if fits && !continues && !goes_on(text, range.start) && !joins(text[range.end..].chars().next()) {
                found.push(range);
            }
        }
    }
    found
}

fn follows(text: &str) -> bool {
    text.starts_with(|next: char| next.is_ascii_digit())
}

/// GB 11643: the last character makes a weighted sum of the others 1 (mod 11).
fn chinese(number: &str) -> bool {
    let values = number.bytes().filter(|byte| *byte != b' ').map(|byte| match byte {
        b'X' | b'x' => 10,
        digit => u32::from(digit - b'0'),
    });
    let sum: u32 = values.enumerate().map(|(place, value)| value * (1_u32 << (17 - place)) % 11).sum();
    sum % 11 == 1
}

/// Social security numbers: no group of zeros alone, no area 666 (Social Security Administration, 2011).
fn american(number: &str) -> bool {
    let groups: Vec<&str> = number.split('-').collect();
    groups != ["123", "45", "6789"]
        && groups != ["078", "05", "1120"]
        && groups[0] != "666"
        && !groups.iter().any(|group| group.bytes().all(|byte| byte == b'0'))
}

/// What has the same three groups: parts and telephone numbers of other countries.
static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:part|model|item|sku|serial|order|invoice|tel|phone|fax|isbn|cas|#)[\s:.=\-]*(?:no|number)?[\s:.=\-]*$")
        .expect("the expression is valid")
});

/// The CPF: two check digits (mod 11).
fn brazilian(number: &str) -> bool {
    let digits = digits_of(number);
    let check = |count: usize| {
        let sum: u32 = (digits[..count].iter().enumerate())
            .map(|(place, digit)| digit * (count as u32 + 1 - place as u32))
            .sum();
        sum * 10 % 11 % 10
    };
    digits.iter().any(|digit| *digit != digits[0]) && check(9) == digits[9] && check(10) == digits[10]
}

/// A passport's number behind what it is called. Forms differ by country, so that nothing else gives it away.
static PASSPORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        (?: passport | passeport | reisepass (?:nummer)? | pasaporte | passaporto | passaporte | паспорт | 护照 | 護照 | パスポート | 旅券 | 여권 )
        \s* (?: no\.? | number | nr\.? | num[eé]ro | n[º°o]\.? | \# | 号码 | 號碼 | 番号 | 번호 | 号 | 號 )?
        \s* (?: is | was | ist | est | es | 是 | 为 | 為 | は | [은는] )? \s* [:：\#=]? \s*
        ( [A-Z]{0,2} [0-9]{6,9} [A-Z]? (?-u:\b) )",
    )
    .expect("the expression is valid")
});

pub(super) fn find_passports(text: &str, regions: &[Region]) -> Vec<Range<usize>> {
    if !regions.iter().any(|region| region.digits >= 6) {
        return Vec::new();
    }
    PASSPORT.captures_iter(text).filter_map(|found| Some(found.get(1)?.range())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::numbers::regions;

    fn found(text: &str) -> Vec<&str> {
        super::find(text, &regions(text)).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn check_digits_decide() {
        assert_eq!(found("身份证号11010519491231002X。"), ["11010519491231002X"]);
        assert_eq!(
            found("ID 440524188001010014, CPF 529.982.247-25"),
            ["440524188001010014", "529.982.247-25"]
        );
        assert_eq!(found("SSN: 536-22-8726"), ["536-22-8726"]);
        for text in [
            "110105194912310021",
            "911010519491231002X",
            "529.982.247-26",
            "000-12-3456, 666-12-3456, 123-45-6789",
            "part 536-22-8726",
            "536-22-8726-1",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn passports_are_found_where_they_are_called_so() {
        let found = |text: &'static str| -> Vec<&str> {
            super::find_passports(text, &regions(text)).into_iter().map(|range| &text[range]).collect()
        };
        assert_eq!(found("Passport No. E12345678, passport number: 912803456"), ["E12345678", "912803456"]);
        assert_eq!(found("护照号码：EA1234567，Reisepass C01X00T47"), ["EA1234567"]);
        assert!(found("a passport costs 12 euros; passport renewals 2024").is_empty());
    }
}
