//! E-mail addresses, by FineWeb's expression (datatrove's `PIIFormatter`).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?|\[(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?|[A-Za-z0-9-]*[A-Za-z0-9]:)\])",
    )
    .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    EMAIL.find_iter(text).map(|found| found.range()).collect()
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
        assert!(found("@handle, a @ b.org, a@b, 3@ 5").is_empty());
    }
}
