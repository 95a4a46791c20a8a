//! E-mail addresses: FineWeb's form (datatrove's `PIIFormatter`), with letters beyond ASCII, and without what
//! only looks like it: file names such as `icon@2x.png` and versions such as `tool@1.2.3`. Beside it a part
//! before the `@` in quotes (RFC 5321), and domains of East Asian letters whose end is one that exists.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Letters of scripts without blanks between words (`请写信给a@b.org`) stand beside an address, not in it.
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    const LETTER: &str = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9";
    const SIGN: &str = r"_!#$%&'*+/=?^`{|}~\-";
    let label = format!("[{LETTER}](?:[{LETTER}-]*[{LETTER}])?");
    let local = format!(r"[{LETTER}_][{LETTER}{SIGN}]*(?:\.[{LETTER}{SIGN}]+)*");
    let quoted = r#""[^"\\\r\n@]{1,64}""#;
    let east_asian = format!(
        r"[\p{{L}}\p{{N}}_][\p{{L}}\p{{N}}{SIGN}.]{{0,63}}@(?:[\p{{L}}\p{{N}}\-]+\.)+(?:{EAST_ASIAN})"
    );
    let octet = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)";
    let expression = format!(
        "(?:(?:{local}(?:@|%40)|{quoted}@)(?:(?:{label}\\.)+({label})|\\[{octet}(?:\\.{octet}){{3}}\\])|{east_asian})"
    );
    Regex::new(&expression).expect("the expression is valid")
});

/// Top-level domains of East Asian letters (IANA's root zone), as those who write an address end it.
const EAST_ASIAN: &str = "中国|中國|公司|网络|網絡|网址|网站|在线|中文网|商城|商标|集团|政务|公益|机构|香港|台湾|台灣|新加坡|世界|我爱你|みんな|コム|한국|삼성|닷컴|닷넷";

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
        assert_eq!(found(r#"ask "john doe"@example.com or"#), [r#""john doe"@example.com"#]);
        assert_eq!(found("邮箱：用户@例子.中国，電郵 a.b@例子.公司"), ["用户@例子.中国", "a.b@例子.公司"]);
        assert!(found(r#""label"@en, 他@微信.我"#).is_empty());
        assert!(found("@handle, a @ b.org, a@b, 3@ 5").is_empty());
        assert!(found("icon@2x.png, tool@1.2.3").is_empty());
    }
}
