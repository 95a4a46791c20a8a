//! E-mail addresses: FineWeb's form (datatrove's `PIIFormatter`), with letters beyond ASCII, and without what
//! only looks like it: file names such as `icon@2x.png` and versions such as `tool@1.2.3`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Letters of scripts without blanks between words (`请写信给a@b.org`) stand beside an address, not in it.
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    const LETTER: &str = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9";
    const SIGN: &str = r"_!#$%&'*+/=?^`{|}~\-";
    let label = format!("[{LETTER}](?:[{LETTER}-]*[{LETTER}])?");
    let octet = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";
    let expression = format!(
        r"[{LETTER}_][{LETTER}{SIGN}]*(?:\.[{LETTER}{SIGN}]+)*(?:@|%40)(?:(?:{label}\.)+({label})|\[{octet}(?:\.{octet}){{3}}\])"
    );
    Regex::new(&expression).expect("the expression is valid")
});

/// Ends of file names that stand behind an `@` in web pages.
const FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"];

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let is_address = |found: &regex::Captures<'_>| {
        found.get(1).is_none_or(|top| {
            let top = top.as_str();
            let letters = top.chars().any(char::is_alphabetic);
            letters && !FILES.iter().any(|file| top.eq_ignore_ascii_case(file))
        })
    };
    let found = EMAIL.captures_iter(text).filter(is_address);
    found.filter_map(|found| Some(found.get(0)?.range())).collect()
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
        assert!(found("@handle, a @ b.org, a@b, 3@ 5").is_empty());
        assert!(found("icon@2x.png, tool@1.2.3").is_empty());
    }
}
