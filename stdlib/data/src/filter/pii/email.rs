//! E-mail addresses: FineWeb's form (datatrove's `PIIFormatter`), with letters beyond ASCII, and without what
//! only looks like it: file names such as `icon@2x.png` and versions such as `tool@1.2.3`. Beside it a part
//! before the `@` in quotes (RFC 5321), and domains of East Asian letters whose end is one that exists.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

const SIGN: &str = r"_!#$%&'*+/=?^`{|}~\-";

/// What stands behind an `@`: a domain, of which the last part is taken, or an IP address.
fn domain() -> String {
    let label = format!("[{LETTER}](?:[{LETTER}-]*[{LETTER}])?");
    let octet = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";
    format!(r"(?:(?:{label}\.)+({label})|\[{octet}(?:\.{octet}){{3}}\])")
}

/// Letters of scripts without blanks between words (`请写信给a@b.org`) stand beside an address, not in it.
const LETTER: &str = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9";

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let local = format!(r"[{LETTER}_][{LETTER}{SIGN}]*(?:\.[{LETTER}{SIGN}]+)*");
    Regex::new(&format!("{local}(?:@|%40){}", domain())).expect("the expression is valid")
});

/// What stands behind a part in quotes.
static BEHIND_QUOTES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("^@{}", domain())).expect("the expression is valid"));

/// A domain of East Asian letters.
static EAST_ASIAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"^@(?:[\p{{L}}\p{{N}}\-]{{1,63}}\.)+(?:{EAST_ASIAN_ENDS})"))
        .expect("the expression is valid")
});

/// The longest part before an `@`, in characters (RFC 5321).
const LONGEST: usize = 64;

/// Top-level domains of East Asian letters (IANA's root zone), as those who write an address end it.
const EAST_ASIAN_ENDS: &str = "中国|中國|公司|网络|網絡|网址|网站|在线|中文网|商城|商标|集团|政务|公益|机构|香港|台湾|台灣|新加坡|世界|我爱你|みんな|コム|한국|삼성|닷컴|닷넷";

/// Ends of file names that stand behind an `@` in web pages.
const FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"];

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let is_address = |found: &regex::Captures<'_>| found.get(1).is_none_or(|top| is_top(top.as_str()));
    let found = EMAIL.captures_iter(text).filter(is_address);
    let mut ranges: Vec<Range<usize>> = found.filter_map(|found| Some(found.get(0)?.range())).collect();
    let mut more = Vec::new();
    for (at, _) in text.match_indices('@') {
        let next = ranges.partition_point(|range| range.end <= at);
        let free_from = next.checked_sub(1).map_or(0, |before| ranges[before].end);
        if !ranges.get(next).is_some_and(|range| range.contains(&at)) {
            more.extend(unusual(text, at).filter(|range| range.start >= free_from));
        }
    }
    ranges.extend(more);
    ranges.sort_unstable_by_key(|range| range.start);
    ranges
}

/// Whether a domain ends so, and no file name or version.
fn is_top(top: &str) -> bool {
    top.chars().any(char::is_alphabetic) && !FILES.iter().any(|file| top.eq_ignore_ascii_case(file))
}

/// The address around the `@` at `at` that is in quotes or East Asian.
fn unusual(text: &str, at: usize) -> Option<Range<usize>> {
    let (before, behind) = text.split_at(at);
    if let Some(inner) = before.strip_suffix('"') {
        let found = BEHIND_QUOTES.captures(behind)?;
        let mut quoted =
            inner.char_indices().rev().take(LONGEST).take_while(|(_, c)| !"\\\r\n@".contains(*c));
        let (start, _) = quoted.find(|(_, c)| *c == '"').filter(|(start, _)| start + 1 < inner.len())?;
        let whole = found.get(1).is_none_or(|top| is_top(top.as_str()));
        return whole.then(|| start..at + found.get(0).map_or(0, |found| found.end()));
    }
    let end = at + EAST_ASIAN.find(behind)?.end();
    let local = |c: char| c.is_alphanumeric() || "_!#$%&'*+/=?^`{|}~-.".contains(c);
    let start = before.char_indices().rev().take(LONGEST).take_while(|(_, c)| local(*c)).last()?.0;
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn addresses_are_found_whole() {
        let found =
            |text: &str| find(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(found("to a.b+c@sub.example.co.uk."), ["a.b+c@sub.example.co.uk"]);
        assert_eq!(found("<x@y.org>,z@w.net"), ["x@y.org", "z@w.net"]);
        assert_eq!(found("a@[127.0.0.1]"), ["a@[127.0.0.1]"]);
        assert_eq!(found("请写信给wang@qq.com谢谢"), ["wang@qq.com"]);
        assert_eq!(found("'jörg@müller.de', иван@почта.рф"), ["jörg@müller.de", "иван@почта.рф"]);
        assert_eq!(found("mailto:ann%40mail.example?x"), ["ann%40mail.example"]);
        assert_eq!(found(r#"ask "john doe"@example.com or"#), [r#""john doe"@example.com"#]);
        assert_eq!(found("邮箱：用户@例子.中国，電郵 a.b@例子.公司"), ["用户@例子.中国", "a.b@例子.公司"]);
        assert!(found(r#""label"@en, 他@微信.我"#).is_empty());
        assert!(found("@handle, a @ b.org, a@b, 3@ 5").is_empty());
        assert!(found("icon@2x.png, tool@1.2.3").is_empty());
    }
}
