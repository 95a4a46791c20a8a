//! Public IP addresses. Private, local and reserved ones tell nothing about a person, and stay.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, joins};

/// FineWeb's expression has no boundaries and matches inside longer dotted numbers; here the neighbours are looked at.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}")
        .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    CANDIDATE
        .find_iter(text)
        .map(|found| found.range())
        .filter(|range| is_public_address(text, range))
        .collect()
}

fn is_public_address(text: &str, range: &Range<usize>) -> bool {
    let (address, mut ahead) = (&text[range.clone()], text[range.end..].chars());
    let (last, next) = (text[..range.start].chars().next_back(), ahead.next());
    let dotted = |character: Option<char>| matches!(character, Some('.' | ':' | '-'));
    let continues =
        dotted(next) && ahead.next().is_some_and(|character| character.is_ascii_digit()) && next != Some(':');
    if joins(last) || dotted(last) || joins(next) || continues {
        return false;
    }
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        // `version 1.2.3.4` and `Firefox/3.0.0.1` are no addresses.
        let called = before(text, range.start, 12);
        let version = called.trim_end().ends_with("version")
            || called.ends_with('/')
            || called.trim_end().ends_with("ver.");
        return is_global(address) && !version;
    }
    address.parse::<Ipv6Addr>().is_ok_and(|address| {
        let first = address.segments()[0];
        // Global unicast, without the range for documentation.
        (0x2000..0x4000).contains(&first) && address.segments()[..2] != [0x2001, 0xdb8]
    })
}

/// As Python's `ipaddress.is_global`, for what matters here.
fn is_global(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn only_public_addresses_are_found() {
        let found =
            |text: &str| find(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found("from 8.8.8.8, 1.1.1.1:80 (93.184.216.34)."),
            ["8.8.8.8", "1.1.1.1", "93.184.216.34"]
        );
        assert!(
            found("10.0.0.1 192.168.1.1 127.0.0.1 0.0.0.0 255.255.255.255 300.1.1.1 192.0.2.1").is_empty()
        );
        assert!(found("1.2.3.4.5, v1.2.3.4, version 8.8.8.8, Opera/8.8.8.8, 12.8.8.8.8").is_empty());
        assert_eq!(found("at 2606:4700:4700::1111 and ::1, fe80::1"), ["2606:4700:4700::1111"]);
        assert!(found("12:30:45, a::b, std::fmt, 2001:db8::1").is_empty());
    }
}
