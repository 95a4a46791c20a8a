//! Public IP addresses. Private, local and reserved ones tell nothing about a person, and stay.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, joins};

/// FineWeb's expression has no boundaries and matches inside longer dotted numbers; here the neighbours are
/// looked at.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9a-f]{0,4}:){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{0,4})",
    )
    .expect("the expression is valid")
});

/// What makes four numbers a version or a section: `Version: 1.2.3.4`, `section 1.2.3.4`.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        (?: \b (?: v | ver | vers | version | versión | versione | versão | release | rel | revision | rev | build | firmware | fw
              | bios | patch | update | upgrade | driver | kernel | software | section | sect | sec | subsection | chapter | chap
              | clause | paragraph | para | article | art | appendix | annex | figure | fig | table | step | rule | abschnitt
              | kapitel | ziffer | anhang | chapitre | sección | версия | версии | раздел | пункт
              | chrome | firefox | opera | safari | java | android | ios ) s?
          | § | 版本 | 版 | 固件 | 第 | バージョン | ファームウェア | 버전 | 펌웨어 )
        (?: [.:\s]* (?: no | nr | number | version | is | was | to | from | v ) \b )?
        [\s.:=\#("'-]* $
        "#,
    )
    .expect("the expression is valid")
});

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Where a version or section ended: others may follow it.
    let mut version = None;
    for candidate in CANDIDATE.find_iter(text).map(|found| found.range()) {
        if let Some(address) = ipv6(text, &candidate) {
            found.push(address);
            continue;
        }
        // `addr:192.0.2.7` may look like the end of an IPv6 address.
        let start =
            text[candidate.clone()].rfind(':').map_or(candidate.start, |colon| candidate.start + colon + 1);
        let range = start..candidate.end;
        let Ok(address) = text[range.clone()].parse::<Ipv4Addr>() else { continue };
        if !is_global(address) || !stands_alone(text, &range) {
            continue;
        }
        if is_version(text, range.start, version) || is_section(text, &range) {
            version = Some(range.end);
        } else {
            found.push(range);
        }
    }
    found
}

/// An IPv6 address of the internet, or one that stands for an IPv4 address of it.
fn ipv6(text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let address: Ipv6Addr = text[range.clone()].parse().ok()?;
    let (last, next) = (text[..range.start].chars().next_back(), text[range.end..].chars().next());
    if joins(last) || matches!(last, Some('.' | ':')) || joins(next) || next == Some(':') {
        return None;
    }
    let [first, second, .., high, low] = address.segments();
    let inner = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    // Global unicast, without the range for documentation.
    let global = (0x2000..0x4000).contains(&first) && [first, second] != [0x2001, 0xdb8];
    // Written in full it is one, too, unless it is a local one or the print of a key: pairs of digits.
    let full = !text[range.clone()].contains("::")
        && text[range.clone()].split(':').any(|group| group.len() > 2)
        && !matches!(first, 0..=0xff | 0x2001 | 0xfc00..=0xffff);
    (global || full || text[range.clone()].contains('.') && is_global(inner)).then(|| range.clone())
}

/// Whether four numbers are no part of something longer.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let mut back = text[..range.start].chars().rev();
    let (last, earlier) = (back.next(), back.next());
    let digit = |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
    let word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let begins = match last {
        // A range of addresses goes on; `tool-1.2.3.4` is a package.
        Some('-') => !word(earlier) || behind_address(&text[..range.start - 1]),
        Some('.') => !word(earlier),
        Some('_') => !word(earlier),
        last => !joins(last),
    };
    let mut ahead = text[range.end..].chars();
    let (next, later) = (ahead.next(), ahead.next());
    let ends = match next {
        Some('.') => !digit(later),
        Some('-') => !digit(later) || before_address(&text[range.end + 1..]),
        Some('_') => !word(later),
        next => !joins(next),
    };
    begins && ends
}

/// Whether `text` starts with an address.
fn before_address(text: &str) -> bool {
    let end = text.bytes().take(16).take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    text[..end].trim_end_matches('.').parse::<Ipv4Addr>().is_ok()
}

/// Whether `text` ends with an address.
fn behind_address(text: &str) -> bool {
    let length =
        text.bytes().rev().take(16).take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    text[text.len() - length..].parse::<Ipv4Addr>().is_ok()
}

/// Whether what stands before four numbers makes them a version or a section.
fn is_version(text: &str, start: usize, last: Option<usize>) -> bool {
    // `sections 1.2.3.4 and 1.2.3.5`.
    let listed = last.and_then(|end| text.get(end..start)).is_some_and(|between| {
        let between = between.trim().trim_start_matches(',').trim().to_lowercase();
        matches!(
            between.as_str(),
            "" | "and" | "or" | "to" | "through" | "-" | "&" | "/" | "und" | "bis" | "et" | "y"
        )
    });
    // The product before a slash: `Firefox/3.0.0.1`, but neither `https://host/8.8.8.8` nor `/8.8.8.8`.
    let product = text[..start].strip_suffix('/').is_some_and(|before| {
        let from = before
            .rfind(|character: char| !character.is_ascii_alphanumeric() && !matches!(character, '-' | '_'));
        let from = from.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let (name, sign) = (&before[from..], before[..from].chars().next_back());
        let protocol = ["ip", "ip4", "inet", "tcp", "udp", "http", "https", "host", "dns", "addr"];
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && !matches!(sign, Some('/' | '.' | ':' | '@'))
            && !protocol.iter().any(|known| name.eq_ignore_ascii_case(known))
    });
    listed || product || CALLED.is_match(&before(text, start, 32))
}

/// Four numbers below 32, as sections and versions have: `1.2.3.4 Scope`. A random address is such a one in
/// 4,000 times, so that the words around it must say that it is one. Resolvers that everybody knows are
/// addresses (`8.8.8.8`, `1.1.1.1`).
fn is_section(text: &str, range: &Range<usize>) -> bool {
    const KNOWN: [[u8; 4]; 6] =
        [[8, 8, 8, 8], [8, 8, 4, 4], [1, 1, 1, 1], [1, 0, 0, 1], [9, 9, 9, 9], [4, 2, 2, 2]];
    let parts = text[range.clone()].split('.').filter_map(|part| part.parse::<u8>().ok()).collect::<Vec<_>>();
    let small = parts.iter().all(|part| *part < 32);
    let (behind, ahead) = (before(text, range.start, 40), &text[range.end..]);
    // A port or a length of prefix behind it, a place in an address before it.
    let digit = |rest: &str| rest.starts_with(|next: char| next.is_ascii_digit());
    let shown = ahead.strip_prefix([':', '/']).is_some_and(digit)
        || behind.ends_with(['@', '='])
        || behind.ends_with("://");
    small && !KNOWN.iter().any(|known| parts == known) && !shown && !ADDRESSED.is_match(&behind)
}

/// Words that name addresses.
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:\b(?:ip|ips|ipv4|inet|addr|address|addresses|adresse|dirección|host|hosts|server|servers|gateway|netmask|router|dns|resolver|ping|traceroute|ssh|telnet|nslookup|dig|from|via|proxy|peer|client|remote)\b|адрес|地址|服务器|主机)[^.!?\n]{0,16}$",
    )
    .expect("the expression is valid")
});

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
        for text in [
            "http://93.184.216.34/x",
            "https://93.184.216.34:8443/a?b=c",
            "https://whois.example/93.184.216.34",
            "/93.184.216.34:50010",
            "inet addr:93.184.216.34 Bcast",
            "src:ad:93.184.216.34",
            "?ip=93.184.216.34&x",
            "- 93.184.216.34",
            "_93.184.216.34_",
            "\"93.184.216.34\"",
            "...93.184.216.34...",
            "用户93.184.216.34登录",
            "93.184.216.0/24",
            "user@93.184.216.34",
            "93.184.216.34-based",
            "http://8.8.8.8/",
            "the server 3.12.7.9 is down",
            "3.12.7.9:8080",
            "ssh root@3.12.7.9",
            "IP: 3.12.7.9",
            "Die Adresse 93.184.216.34.",
        ] {
            assert_eq!(found(text).len(), 1, "{text}");
        }
        assert_eq!(found("from 93.184.216.34-93.184.216.40"), ["93.184.216.34", "93.184.216.40"]);
        assert_eq!(found("[93.184.216.34](http://93.184.216.34)").len(), 2);
        assert_eq!(found("mapped ::ffff:93.184.216.34, 64:ff9b::93.184.216.34").len(), 2);
        assert!(found("::ffff:10.0.0.1 and ::ffff:192.168.1.1").is_empty());
        for text in [
            "Version: 8.8.8.8",
            "version 8.20.1.5",
            "Version = \"8.8.8.8\"",
            "section 8.20.1.5",
            "sections 8.20.1.5 and 8.20.1.6",
            "Sec. 8.20.1.5",
            "§ 8.20.1.5",
            "Firmware 8.20.1.5",
            "firmware version is 8.20.1.5",
            "Release (8.20.1.5)",
            "v. 8.20.1.5",
            "update to 8.20.1.5",
            "Abschnitt 8.20.1.5",
            "版本：8.20.1.5",
            "第8.20.1.5节",
            "openssl-8.20.1.5",
            "1.2.3.4 Scope\n1.2.3.5 Terms",
            "see 3.1.2.4 and 3.1.2.5",
            "as in 11.2.3.4.",
            "[1.2.3.4](#scope)",
            "8.20.1.5-2",
            "Mozilla/5.0 Opera/8.20.1.5",
        ] {
            let folded = super::super::fold::Folded::new(text);
            assert!(find(&folded.text).is_empty(), "{text}");
        }
        assert_eq!(found("at 2606:4700:4700::1111 and ::1, fe80::1"), ["2606:4700:4700::1111"]);
        assert_eq!(found("from 6e40:4041:c617:e898:c11:40d2:c669:2eb4").len(), 1);
        assert!(found("6e:40:41:c6:17:e8:98:c1 and fd00:4041:c617:e898:c11:40d2:c669:2eb4").is_empty());
        assert!(found("12:30:45, a::b, std::fmt, 2001:db8::1").is_empty());
    }
}
