//! Lists of hosts and URLs, as people pass them on: plain names, hosts files, AdBlock-like lines, UT1's
//! expressions.
//!
//! Entries and URLs meet in one form: the host as the URL standard writes it (lower case, punycode), without
//! `www.`, port and final dot; the path with only those characters escaped that must be. Paths are compared
//! without regard to case.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use llmp_stage::{Error, Result};
use regex::{RegexSet, RegexSetBuilder};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::table::{Table, hash};

/// The longest line of a list.
const MAX_LINE: u64 = 64 << 10;

/// The most memory that a list's expressions may take as automata.
const MAX_EXPRESSIONS: usize = 64 << 20;

/// Options of AdBlock rules under which a rule is about pages, and not about what pages load.
const OPTIONS: [&str; 7] = ["all", "document", "doc", "important", "popup", "third-party", "3p"];

/// What was made of a file's lines.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lines {
    /// Entries that were added.
    pub(super) entries: u64,
    /// Lines that were not understood.
    pub(super) unknown: u64,
    /// The first of these, with their numbers.
    pub(super) examples: Vec<(u64, String)>,
}

/// So many lines that were not understood are named.
const EXAMPLES: usize = 3;

/// An entry of a list.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Host(String),
    Url(String),
}

/// Entries as they are gathered.
#[derive(Default)]
pub(super) struct Entries {
    /// Hashes of hosts.
    pub(super) hosts: Vec<u64>,
    /// Hashes of URLs.
    pub(super) urls: Vec<u64>,
    /// Regular expressions over URLs without their scheme.
    pub(super) expressions: Vec<String>,
}

impl Entries {
    /// Reads a list, plain or as gzip.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn read(&mut self, path: &Path) -> Result<Lines> {
        let failed = Error::io("cannot read", path);
        let mut file = BufReader::new(File::open(path).map_err(Error::io("cannot read", path))?);
        let zipped = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let mut input: Box<dyn BufRead> =
            if zipped { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        let (mut line, mut number, mut lines) = (Vec::new(), 0, Lines::default());
        // UT1 keeps expressions in files of their own; a file is one where its first line that is no remark
        // is.
        let mut expressions = None;
        loop {
            line.clear();
            let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(Error::io("cannot read", path))? == 0 {
                return Ok(lines);
            }
            number += 1;
            let bytes = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
            let text = String::from_utf8_lossy(bytes);
            let first = !text.trim().is_empty() && !text.starts_with('#');
            let is_expression = *expressions.get_or_insert_with(|| is_expression(&text)) && first;
            if !first {
                expressions = expressions.filter(|known| *known);
            }
            let added = if is_expression { self.add_expression(&text) } else { self.add(&text) };
            match added {
                Some(entries) => lines.entries += entries,
                None => {
                    lines.unknown += 1;
                    if lines.examples.len() < EXAMPLES {
                        lines.examples.push((number, text.trim().chars().take(60).collect()));
                    }
                }
            }
        }
    }

    /// Adds what a line names, and says how many entries that were; `None` where the line is not understood.
    pub(super) fn add(&mut self, line: &str) -> Option<u64> {
        let entries = entries(line)?;
        let count = entries.len() as u64;
        for entry in entries {
            match entry {
                Entry::Host(host) => self.hosts.push(hash(&host)),
                Entry::Url(url) => self.urls.push(hash(&url)),
            }
        }
        Some(count)
    }

    fn add_expression(&mut self, line: &str) -> Option<u64> {
        let expression = line.trim();
        expressions([expression]).ok()?;
        self.expressions.push(expression.to_owned());
        Some(1)
    }
}

/// Whether a line can be nothing but an expression: AdBlock's start with `||` and its rules for parts of
/// pages have `##`.
fn is_expression(line: &str) -> bool {
    let line = line.trim();
    line.contains(['(', '|', '\\'])
        && line.contains(['(', '[', '\\', '^', '$'])
        && !line.starts_with(['|', '@', '!', '[', '/'])
        && !line.contains('#')
        && expressions([line]).is_ok()
}

/// Expressions as squidGuard reads them: without regard to case, anywhere in the URL without its scheme.
fn expressions<'a>(lines: impl IntoIterator<Item = &'a str>) -> std::result::Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(lines).case_insensitive(true).unicode(false).size_limit(MAX_EXPRESSIONS).build()
}

/// Hosts, each with all below it, single URLs, and expressions.
pub(super) struct HostList {
    hosts: Table,
    urls: Table,
    expressions: RegexSet,
}

impl HostList {
    /// A list of two tables and expressions.
    ///
    /// # Errors
    /// Where the expressions take too much memory together.
    pub(super) fn new(hosts: Table, urls: Table, lines: &[String]) -> Result<Self> {
        let expressions = expressions(lines.iter().map(String::as_str)).map_err(|problem| {
            Error::new("the expressions of the lists cannot be used together").because(problem)
        })?;
        Ok(Self { hosts, urls, expressions })
    }

    /// The entry that names the host of `url` or one that it lies below.
    ///
    /// # Errors
    /// Where the list cannot be read.
    pub(super) fn host(&self, url: &Url) -> Result<Option<String>> {
        if self.hosts.is_empty() {
            return Ok(None);
        }
        let Some(host) = url.host_str().map(|host| host.trim_end_matches('.')) else { return Ok(None) };
        let mut name = without_www(host);
        loop {
            if self.hosts.has(hash(name))? {
                return Ok(Some(name.to_owned()));
            }
            // An address has no parts.
            let parent = name.split_once('.').filter(|_| matches!(url.host(), Some(Host::Domain(_))));
            match parent {
                Some((_, parent)) => name = parent,
                None => return Ok(None),
            }
        }
    }

    /// The entry that is `url`, whatever its scheme, or the expression that fits it.
    ///
    /// # Errors
    /// Where the list cannot be read.
    pub(super) fn url(&self, url: &Url) -> Result<Option<String>> {
        if self.urls.is_empty() && self.expressions.is_empty() {
            return Ok(None);
        }
        let Some(key) = key(url) else { return Ok(None) };
        let listed = self.urls.has(hash(&key))? || self.expressions.is_match(&key);
        Ok(listed.then_some(key))
    }
}

/// What a line names; empty for remarks and blank lines, `None` where it is not understood.
fn entries(line: &str) -> Option<Vec<Entry>> {
    let line = line.trim();
    // Remarks; `[Adblock Plus 2.0]` heads a list.
    if line.is_empty() || line.starts_with(['#', '!', ';', '[']) && !is_ipv6(line) || line.starts_with("//") {
        return Some(Vec::new());
    }
    if let Some(rule) = line.strip_prefix("||") {
        return adblock(rule).map(|entry| vec![entry]);
    }
    // Rules of AdBlock for parts of pages.
    if ["##", "#@#", "#?#", "#$#"]
        .iter()
        .any(|rule| line.split_once(rule).is_some_and(|(name, _)| !name.contains(' ')))
    {
        return None;
    }
    let line = without_remark(line);
    let mut names = line.split([' ', '\t', ',']).filter(|name| !name.is_empty()).peekable();
    if line.contains('/') {
        // Commas belong to URLs.
        return match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name] => entry(name).map(|entry| vec![entry]),
            _ => None,
        };
    }
    let address = names.peek().is_some_and(|first| is_address(first));
    let mut found: Vec<&str> = names.collect();
    if address && found.len() > 1 {
        // In hosts files names stand behind an address.
        found.remove(0);
    } else if found.len() > 1 && !found.iter().all(|name| name.trim_end_matches('.').contains('.')) {
        // Words are no names.
        return None;
    }
    found.into_iter().map(entry).collect()
}

/// A line up to its remark. A `#` within a URL starts a fragment.
fn without_remark(line: &str) -> &str {
    let starts = |at: &usize| line[..*at].ends_with([' ', '\t']) || !line[..*at].contains('/');
    let remark = line.match_indices('#').map(|(at, _)| at).find(starts);
    remark.map_or(line, |at| line[..at].trim_end())
}

/// The rule behind `||`: `example.com^`, `example.com/path^`, with options that are about pages.
fn adblock(rule: &str) -> Option<Entry> {
    let (rule, options) = rule.split_once('$').unwrap_or((rule, ""));
    if !options.is_empty() && !options.split(',').all(|option| OPTIONS.contains(&option.trim())) {
        return None;
    }
    let rule = rule.strip_suffix('|').unwrap_or(rule);
    entry(rule.strip_suffix('^').unwrap_or(rule))
}

/// A host, with `*.` or a dot before it or a port behind it, or a URL where it has a path.
fn entry(text: &str) -> Option<Entry> {
    let bare = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    if is_plain(bare) {
        return Some(Entry::Host(without_www(bare.trim_end_matches('.')).to_owned()));
    }
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        return Some(Entry::Host(address));
    }
    let (scheme, rest) = bare.split_once("://").unwrap_or(("http", bare));
    let rest = rest.strip_prefix("*.").unwrap_or(rest);
    if rest.is_empty() || rest.contains(['*', '^', '|', '<', '>', ' ']) || !is_web(scheme) {
        return None;
    }
    let url = Url::parse(&format!("http://{rest}")).ok()?;
    if let Some(Host::Domain(name)) = url.host()
        && !is_name(name)
    {
        return None;
    }
    match key(&url)? {
        key if key.contains('/') || key.contains('?') => Some(Entry::Url(key)),
        key => Some(Entry::Host(key)),
    }
}

fn is_web(scheme: &str) -> bool {
    ["http", "https", "ftp", "ws", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Whether a name is in the form that hosts are compared in already, as nearly all of a long list are.
fn is_plain(name: &str) -> bool {
    let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let top = name.trim_end_matches('.').rsplit('.').next().unwrap_or("");
    name.bytes().all(letters)
        && top.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.contains("..")
        && !name.contains("xn--")
        && !top.starts_with("0x")
}

/// Whether the URL standard's idea of a host is one that a name server could know.
fn is_name(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().all(letters) && !name.trim_end_matches('.').split('.').any(str::is_empty)
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

fn is_address(text: &str) -> bool {
    // macOS writes `fe80::1%lo0`.
    text.split('%').next().unwrap_or("").parse::<IpAddr>().is_ok()
}

fn is_ipv6(text: &str) -> bool {
    text.strip_prefix('[').and_then(|text| text.split_once(']')).is_some_and(|(text, _)| is_address(text))
}

/// A URL in the form it is compared in: without scheme, `www.`, port, fragment and last slash, in lower case.
fn key(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_end_matches('.');
    let mut key = without_www(host).to_owned();
    if key.is_empty() {
        return None;
    }
    key.push_str(&unescaped(url.path()));
    if let Some(query) = url.query() {
        key.push('?');
        key.push_str(&unescaped(query));
    }
    Some(key.trim_end_matches('/').to_lowercase())
}

/// Without escapes of letters, digits and `-._~`, which mean the same without (RFC 3986, 6.2.2.2).
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = behind.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            Some(byte) => {
                plain.push(char::from(byte));
                rest = &behind[2..];
            }
            None => {
                plain.push('%');
                rest = behind;
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: Entries) -> HostList {
        HostList::new(Table::memory(entries.hosts), Table::memory(entries.urls), &entries.expressions)
            .expect("a list")
    }

    #[test]
    fn lists_may_be_zipped_and_hold_expressions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list");
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zipped, b"a.example\nb.example/x\n").expect("written");
        std::fs::write(&path, zipped.finish().expect("zipped")).expect("written");
        let mut all = Entries::default();
        assert_eq!(all.read(&path).expect("read").entries, 2);
        std::fs::write(&path, "(^|[-.])(mega|big)casino\n(broken\n").expect("written");
        let lines = all.read(&path).expect("read");
        assert_eq!((lines.entries, lines.unknown), (1, 1));
        let list = list(all);
        let url = |url: &str| list.url(&Url::parse(url).expect("a URL")).expect("read").is_some();
        assert!(url("https://www.x-megaCASINO.example/") && url("http://b.example/x"));
        assert!(!url("https://megalith.example/casino"));
    }

    fn host(name: &str) -> Option<Vec<Entry>> {
        Some(vec![Entry::Host(name.to_owned())])
    }

    #[test]
    fn lines_of_every_kind_are_understood() {
        for (line, name) in [
            ("a.example", "a.example"),
            ("A.Example.", "a.example"),
            ("www.a.example", "a.example"),
            ("*.a.example", "a.example"),
            (".a.example", "a.example"),
            ("a.example:80", "a.example"),
            ("a.example:8080", "a.example"),
            ("https://a.example/", "a.example"),
            ("https://a.example:443", "a.example"),
            ("//a.example/", ""),
            ("0.0.0.0 a.example", "a.example"),
            ("127.0.0.1\ta.example # remark", "a.example"),
            ("::1 a.example", "a.example"),
            ("fe80::1%lo0 a.example", "a.example"),
            ("a.example# remark", "a.example"),
            ("||a.example^", "a.example"),
            ("||a.example^$third-party,important", "a.example"),
            ("||*.a.example^", "a.example"),
            ("||a.example|", "a.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER。example", "xn--bcher-kva.example"),
            ("b%C3%BCcher.example", "xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("почта.рф", "xn--80a1acny.xn--p1ai"),
            ("a_b.example", "a_b.example"),
            ("www.com", "www.com"),
            ("co.uk", "co.uk"),
            ("xxx", "xxx"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:80", "192.0.2.7"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            let expected = if name.is_empty() { Some(Vec::new()) } else { host(name) };
            assert_eq!(entries(line), expected, "{line}");
        }
        assert_eq!(entries("0.0.0.0 a.example b.example  c.example").map(|found| found.len()), Some(3));
        assert_eq!(entries("a.example, b.example").map(|found| found.len()), Some(2));
        for remark in ["", "  ", "# a.example", "! a.example", "; a.example", "[Adblock Plus 2.0]"] {
            assert_eq!(entries(remark), Some(Vec::new()), "{remark}");
        }
    }

    #[test]
    fn other_lines_are_not_understood() {
        for line in [
            "a.example##.banner",
            "@@||a.example^",
            "||a.example^$script",
            "/ads[0-9]+/",
            "*ads*",
            "ads.*",
            "two words",
            "a.example CNAME .",
            "address=/a.example/0.0.0.0",
            "a b",
            "||",
            "http://",
            "*",
            "javascript://a.example",
            "exa mple/x",
            "a..example",
        ] {
            assert_eq!(entries(line), None, "{line}");
        }
    }

    #[test]
    fn urls_are_compared_after_normalisation() {
        let mut all = Entries::default();
        for line in ["https://www.News.example:443/One/%7Ebob/../b%C3%BCcher/", "bücher.example/a?b=c#d"] {
            assert_eq!(all.add(line), Some(1));
        }
        let list = list(all);
        let blocked = |url: &str| list.url(&Url::parse(url).expect("a URL")).expect("read").is_some();
        for url in [
            "http://news.example/one/b\u{fc}cher",
            "http://NEWS.example/One/b%c3%bccher/",
            "https://xn--bcher-kva.example/%61?b=c",
        ] {
            assert!(blocked(url), "{url}");
        }
        assert!(!blocked("http://news.example/one") && !blocked("https://xn--bcher-kva.example/a"));
    }

    #[test]
    fn hosts_block_all_below_them() {
        let mut all = Entries::default();
        for line in ["github.io", "co.uk", "a.example", "192.0.2.7", "рф"] {
            assert_eq!(all.add(line), Some(1));
        }
        let list = list(all);
        let blocked = |url: &str| list.host(&Url::parse(url).expect("a URL")).expect("read");
        for (url, entry) in [
            ("https://x.github.io/", "github.io"),
            ("https://github.io/", "github.io"),
            ("https://shop.site.co.uk/", "co.uk"),
            ("https://www.a.example./x", "a.example"),
            ("https://A.B.a.Example:8443/x", "a.example"),
            ("http://192.0.2.7/", "192.0.2.7"),
            ("https://почта.рф/", "xn--p1ai"),
        ] {
            assert_eq!(blocked(url).as_deref(), Some(entry), "{url}");
        }
        for url in ["https://nota.example/", "https://github.com/", "http://192.0.2.70/", "http://7/"] {
            assert_eq!(blocked(url), None, "{url}");
        }
    }
}
