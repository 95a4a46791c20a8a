//! Telephone numbers in running text. In doubt a number is none: dates, prices, ISBNs and identifiers are
//! more frequent.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::numbers::Region;
use super::{before, goes_on, joins};

/// Forms that are written with care: an international prefix, the North American grouping, or a trunk prefix
/// with groups, as written in Europe, Russia, Brazil and East Asia.
static FORMATTED: LazyLock<Regex> = LazyLock::new(|| {
    // Between groups: blanks, of which one may end a line, or a sign with a blank at most on either side.
    const S: &str = r"(?:\s{1,3}|\s?[.\-/]\s?)";
    // The same without the dot and slash that dates and fractions have.
    const D: &str = r"(?:\s{1,3}|\s?-\s?)";
    let forms = [
        // +44 20 7946 0958, also escaped as in URLs.
        format!(r"(?:\+|%2[Bb]|\b00)[1-9]\d{{0,2}}(?:{S}?\(?\d{{1,5}}\)?){{2,6}}"),
        // (212) 664-7665
        format!(r"(?:\b1{S})?(?:\([2-9]\d{{2}}\){S}?|\b[2-9]\d{{2}}{S})[2-9]\d{{2}}{S}\d{{4}}"),
        format!(r"\b001{S}\d{{3}}{S}\d{{3}}{S}\d{{4}}"),
        // 8 (800) 555-35-35
        format!(r"\b8{D}?(?:\(\d{{3}}\)|{D}\d{{3}}){D}?\d{{3}}{D}\d{{2}}{D}\d{{2}}"),
        // (0118) 496 0100
        format!(r"\(0\d{{1,4}}\){D}?\d{{3,4}}{D}?\d{{3,5}}"),
        // (11) 91234-5678
        format!(r"\(\d{{2}}\)\s{{0,2}}9?\d{{4}}{D}\d{{4}}"),
        // 020 7946 0958
        format!(r"\b0\d{{2,4}}(?:{D}|/)\d{{3,4}}{D}?\d{{3,4}}"),
        // 024 971 50 30
        format!(r"\b0\d{{2,3}}{D}\d{{2,3}}{D}\d{{2}}{D}\d{{2}}"),
        // 03-1234-5678
        r"\b0\d\s?-\s?\d{3,4}\s?-\s?\d{4}".to_owned(),
        // 03(1234)5678
        r"\b0\d{1,3}\(\d{2,4}\)\d{4}".to_owned(),
        // 030/901820
        r"\b0\d{2,4}\s?/\s?\d{6,8}".to_owned(),
        // 138 1234 5678, as in China
        format!(r"\b1[3-9]\d{D}\d{{4}}{D}\d{{4}}"),
        // 400-810-8888, as in China
        r"\b[48]00-\d{3}-\d{4}".to_owned(),
    ];
    ascii(&forms.join("|"))
});

/// French numbers: five pairs of digits, and no more.
static PAIRS: LazyLock<Regex> = LazyLock::new(|| {
    ascii(r"\b0[1-9](?:(?:\s{1,3}\d\d){4,}|(?:\.\d\d){4,}|(?:\s?-\s?\d\d){4,}|(?:/\d\d){4,})")
});

/// Digits alone, which are a number where they are called one.
static BARE: LazyLock<Regex> = LazyLock::new(|| ascii(r"\(?\d(?:[ ().\-/]{0,3}\d){6,24}"));

static EXTENSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?i) ?(?:x|ext\.?) ?\d{1,6}\b").expect("the expression is valid"));

/// An expression whose digits, blanks and borders of words are ASCII: texts are folded before.
fn ascii(expression: &str) -> Regex {
    let expression =
        expression.replace(r"\b", r"(?-u:\b)").replace(r"\d", "[0-9]").replace(r"\s", r"[ \t\r\n]");
    Regex::new(&expression).expect("the expression is valid")
}

/// What a number is called before it stands.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?: \b (?: tel | phone | t[eé]l[eéè](?:ph|f)[oó]n[eo]? | mobile | cell | fax | call | sms | whatsapp
              | handy | móvil | celular | cellulare | тел | телефон | факс )
          | ☎ | 电话 | 電話 | 手机 | 手機 | 传真 | 傳真 | 热线 | 熱線 | 拨打 | 致电 | 致電 | 微信 | 联系方式 | 聯絡方式 | 携帯 | 전화 | 휴대폰 | 휴대전화 | 팩스 | wa\.me/ )
        (?: 号码 | 號碼 | 番号 | 번호 | 号 | 號 )?
        (?: \s* (?: no | nr | number ) )?
        [\s.:：\#=/]* (?: me\s | us\s | at\s | on\s | is\s | :\s | 是 | 为 | 為 | は | [은는] \s? )* $
        ",
    )
    .expect("the expression is valid")
});

/// Words before a number that leave open what it is, and mean a telephone where it looks like one.
static MENTIONED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?: \b (?: call | dial | ring | reach | text | contact | answer | phone | page ) (?: s | ing | ed )? \b
          | \b messages? \s (?: to | at ) \b
          | \b registered \b
          | \b (?: my | your | his | her | our | their | new ) \s number \b
          | \b (?: desk | direct | office | home | work | main | contact | hotline | helpline | switchboard | reception | signal
                | viber | telegram | line ) \s* : ) [^.!?\n0-9]{0,20} $
        ",
    )
    .expect("the expression is valid")
});

/// What else has eleven digits among Chinese words.
static CHINESE_OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:订单|訂單|单号|單號|编号|編號|编码|序列|流水|快递|运单|发票|账号|帐号|帳號|卡号|证号|工号|学号|群号|qq|id|isbn|[¥￥$])[^\n]{0,6}$",
    )
    .expect("the expression is valid")
});

/// What makes a number something else.
static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:isbn|issn|doi|pmid|arxiv|patent|serial|order|invoice|model|item|part|sku|id|a/c|\bac|acct|account|iban|swift|barcode|\bean|\bupc|policy|licen[cs]e|\bvat|\btax|tracking|账号|帐号|#|\$|£|€)[\s:.=\-]*(?:no|number)?[\s:.=\-]*$")
        .expect("the expression is valid")
});

/// The most digits of a number (ITU-T E.164).
const MOST: usize = 15;
/// The fewest of one that is called a number.
const FEWEST: usize = 7;

pub(super) fn find(text: &str, regions: &[Region]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for region in regions.iter().filter(|region| region.digits >= FEWEST) {
        find_in(text, region, &mut found);
    }
    found
}

fn find_in(text: &str, region: &Region, found: &mut Vec<Range<usize>>) {
    let (start, part) = region.with_edges(text);
    let at = |range: Range<usize>| start + range.start..start + range.end;
    let first = found.len();
    let pairs = PAIRS
        .find_iter(part)
        .map(|found| at(found.range()))
        .filter(|range| digits(&text[range.clone()]) == 10);
    for candidate in FORMATTED.find_iter(part).map(|found| at(found.range())).chain(pairs) {
        let candidate = cut(text, candidate);
        let number = &text[candidate.clone()];
        let international = number.starts_with(['+', '%']);
        let fewest = if international { 8 } else { 9 };
        if (fewest..=MOST).contains(&count(number))
            && !is_otherwise(number)
            && (on_one_line(text, &candidate, international) || is_called(text, candidate.start))
            && stands_alone(text, &candidate, found)
        {
            found.push(with_extension(text, candidate));
        }
    }
    found[first..].sort_by_key(|range| range.start);
    let formatted = found[first..].to_vec();
    for candidate in BARE.find_iter(part).map(|found| at(found.range())) {
        let candidate = cut(text, candidate);
        let digits = digits(&text[candidate.clone()]);
        let after = formatted.partition_point(|other| other.end <= candidate.start);
        let known = formatted.get(after).is_some_and(|other| other.start < candidate.end);
        let called = !known
            && (FEWEST..=MOST).contains(&digits)
            && (is_called(text, candidate.start)
                || is_mentioned(text, &candidate)
                || is_chinese_mobile(text, &candidate));
        if called && stands_alone(text, &candidate, found) {
            found.push(with_extension(text, candidate));
        }
    }
}

/// Whether a number is called one right before it stands.
fn is_called(text: &str, start: usize) -> bool {
    CALLED.is_match(&before(text, start, 32))
}

/// Whether the words before say that somebody can be reached there, and the number has the groups of one.
fn is_mentioned(text: &str, range: &Range<usize>) -> bool {
    let number = &text[range.clone()];
    let groups: Vec<usize> = number
        .split(|sign: char| !sign.is_ascii_digit())
        .map(str::len)
        .filter(|length| *length > 0)
        .collect();
    // `1 000 000` and `1.234.500` are amounts, `2024-05-18` and `18.05.2024` are dates.
    let amount = groups.len() > 1 && groups[1..].iter().all(|group| *group == 3) && number.ends_with("00");
    let date = matches!(groups[..], [4, 1..=2, 1..=2] | [1..=2, 1..=2, 4]);
    let grouped = matches!(groups.len(), 2..=5) && groups.iter().all(|group| *group > 1) || groups[0] >= 10;
    grouped && !amount && !date && MENTIONED.is_match(&before(text, range.start, 40))
}

/// Whether eleven digits are a mobile number of China: among Chinese words, and called nothing else.
fn is_chinese_mobile(text: &str, range: &Range<usize>) -> bool {
    let number = &text[range.clone()];
    let han = |character: char| matches!(character, '\u{4e00}'..='\u{9fff}');
    number.len() == 11
        && number.starts_with('1')
        && ('3'..='9').contains(&number[1..].chars().next().unwrap_or('0'))
        && (text[..range.start].chars().rev().take(8).any(han) || text[range.end..].chars().take(4).any(han))
        && !CHINESE_OTHERWISE.is_match(&before(text, range.start, 32))
}

/// Whether digits in groups are pages and a year (`489-500 1980`), or binary.
fn is_otherwise(number: &str) -> bool {
    let mut signs = number.bytes().filter(|byte| !byte.is_ascii_digit() && *byte != b' ');
    let (first, second) = (signs.next(), signs.next());
    let year = number.len() > 4
        && ["19", "20"].iter().any(|century| {
            let last = &number[number.floor_char_boundary(number.len() - 4)..];
            last.starts_with(century) && last.bytes().all(|byte| byte.is_ascii_digit())
        });
    let mixed = first == Some(b'-') && second != Some(b'-');
    let binary = number.bytes().filter(u8::is_ascii_digit).all(|digit| digit < b'2');
    year && mixed || binary
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Digits without that of an escaped plus.
fn count(number: &str) -> usize {
    digits(number) - usize::from(number.starts_with('%'))
}

/// A candidate up to where a second number begins: `030 901820/901821`, `664 7665  664 7666`.
fn cut(text: &str, mut range: Range<usize>) -> Range<usize> {
    while count(&text[range.clone()]) > MOST {
        let number = &text[range.clone()];
        let Some(end) = number.rfind(['/', '\n']).or_else(|| number.rfind("  ")) else { break };
        range.end = range.start + number[..end].trim_end().len();
    }
    range
}

/// Whether a number stands within a line, and not as the cells of a table. What starts with a sign may be
/// broken once.
fn on_one_line(text: &str, range: &Range<usize>, international: bool) -> bool {
    let number = &text[range.clone()];
    if international {
        return number.bytes().filter(|byte| *byte == b'\n').count() <= 1;
    }
    let cells = number.contains(['\t', '\r']) || number.contains("  ");
    !number.contains('\n') && (!cells || number.starts_with('(')) && !in_column(text, range)
}

/// Whether digits and blanks alone stand between lines of nothing but numbers.
fn in_column(text: &str, range: &Range<usize>) -> bool {
    if !text[range.clone()].bytes().all(|byte| byte.is_ascii_digit() || byte == b' ') {
        return false;
    }
    let numbers = |line: &str| digits(line) > 0 && !line.chars().any(char::is_alphabetic);
    let (above, below) = (&text[..range.start], &text[range.end..]);
    let (left, above) = above.rsplit_once('\n').map_or((above, ""), |(above, left)| (left, above));
    let (right, below) = below.split_once('\n').unwrap_or((below, ""));
    let alone = !left.chars().chain(right.chars()).any(char::is_alphabetic);
    alone
        && (numbers(above.rsplit('\n').next().unwrap_or(""))
            || numbers(below.split('\n').next().unwrap_or("")))
}

/// Whether a candidate is no part of something longer, nor called something else.
fn stands_alone(text: &str, range: &Range<usize>, found: &[Range<usize>]) -> bool {
    let mut ahead = text[range.end..].chars();
    let next = ahead.next();
    let extended = EXTENSION.is_match(&text[range.end..]);
    let continues = matches!(next, Some('-' | '/' | '.' | ','))
        && ahead.next().is_some_and(|next| next.is_ascii_digit())
        && !(next == Some('/') && follows(text, range.end + 1));
    // The number before it is one of the last that were found.
    let behind = range
        .start
        .checked_sub(1)
        .is_some_and(|end| found.iter().rev().take(4).any(|other| other.end == end));
    (behind || !goes_on(text, range.start) && !text[..range.start].ends_with('+'))
        && (extended || !joins(next) && !continues)
        && !OTHERWISE.is_match(&before(text, range.start, 24))
}

/// Whether a second number starts at `at`: behind a slash, in full or its last groups.
fn follows(text: &str, at: usize) -> bool {
    let rest = &text[at..text.floor_char_boundary(at + 40)];
    let last = rest.bytes().take_while(u8::is_ascii_digit).count();
    FORMATTED.find(rest).is_some_and(|more| more.start() == 0) || (1..=MOST).contains(&last)
}

fn with_extension(text: &str, range: Range<usize>) -> Range<usize> {
    let extension = EXTENSION.find(&text[range.end..]).map_or(0, |found| found.end());
    range.start..range.end + extension
}

#[cfg(test)]
mod tests {
    use super::super::fold::Folded;
    use super::super::numbers::regions;
    use super::find;

    fn found(text: &str) -> Vec<String> {
        let folded = Folded::new(text);
        find(&folded.text, &regions(&folded.text))
            .iter()
            .map(|range| text[folded.original(range)].to_owned())
            .collect()
    }

    #[test]
    fn signs_between_groups_may_be_any() {
        for number in [
            "+1\u{a0}630\u{a0}596\u{a0}1111",
            "020\u{a0}7946\u{a0}0958",
            "01\u{202f}42\u{202f}68\u{202f}53\u{202f}00",
            "01-42-68-53-00",
            "630\u{2011}596\u{2011}1111",
            "630–596–1111",
            "630 – 596 – 1111",
            "630−596−1111",
            "630\u{2009}596\u{2009}1111",
            "+44  20  7946  0958",
            "+44 20\n7946 0958",
            "(212)\t664\t7665",
            "415/555-0123",
            "212-664-7665",
            "０３－１２３４－５６７８",
            "03（1234）5678",
            "03ー1234ー5678",
            "（０３）１２３４－５６７８",
            "+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨",
            "\u{200e}+44 20 7946 0958".trim_start_matches('\u{200e}'),
            "+44\u{200b}20\u{200b}7946\u{200b}0958",
            "138 1234 5678",
            "400-810-8888",
        ] {
            assert_eq!(found(&format!("Reach me under {number}, please.")), [number]);
            assert_eq!(found(&format!("请拨打{number}。")), [number]);
        }
        assert_eq!(found("212-664-7665/212-664-7666"), ["212-664-7665", "212-664-7666"]);
        assert_eq!(found("+1 212 664 7665/+1 212 664 7666").len(), 2);
        assert_eq!(
            found("tel:+12126647665, ?phone=212-664-7665&x, /call/212-664-7665.html, call-212-664-7665")
                .len(),
            4
        );
        assert_eq!(found("https://wa.me/12126647665 %2B442079460958"), ["%2B442079460958", "12126647665"]);
        assert_eq!(found("我的手机号是13812345678"), ["13812345678"]);
        assert_eq!(found("Tel: 2126647665/2126647666").len(), 1);
        assert_eq!(found("1/212-664-7665"), ["1/212-664-7665"], "the country's number stands before it");
        for text in ["212\n664\n7665", "12–212–664–7665", "212 664\n7665", "212\t664\t7665", "212  664  7665"]
        {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn words_around_a_number_say_what_it_is() {
        for (text, number) in [
            ("They are not answering at 71-33-52-22", "71-33-52-22"),
            ("stop messages to 699 956 915, please", "699 956 915"),
            ("My number is 467 3395.", "467 3395"),
            ("Desk: 9472 7916", "9472 7916"),
            ("有事联系我13812345678，谢谢", "13812345678"),
            ("13912345678（微信同号）", "13912345678"),
            ("手机138-1234-5678", "138-1234-5678"),
            ("Phone: 212\n664 7665", "212\n664 7665"),
        ] {
            assert_eq!(found(text), [number], "{text}");
        }
        for text in [
            "订单号13812345678",
            "we reach 1 000 000 people, and 12.345.600 more",
            "contact me on 18.05.2024 or 2024-05-18",
            "0123 456 789\n0124 567 890\n0125 678 901",
            "13812345678 rows",
            "to answer 1234567 questions",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
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
        assert_eq!(
            found("電話番号は０９０－１２３４－５６７８です。전화번호는 010‑1234‑5678입니다"),
            ["０９０－１２３４－５６７８", "010‑1234‑5678"]
        );
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
            "pp. 489-500 1980, 721–742. 2018",
            "0000 0001 0010 0011",
            "A/C No. 00632000001783",
            "01 02 03 04 05 06 were drawn",
            "on 03-2024-11 and 01/2024",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
