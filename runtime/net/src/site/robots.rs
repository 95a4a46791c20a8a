//! What a site's owner allows programs: `robots.txt`, as RFC 9309 has it, with `Crawl-delay` and `Sitemap`,
//! which it has not.

use std::time::Duration;

/// RFC 9309 (2.5) asks for at least 500 KiB; what stands behind is not read.
pub(super) const MOST_BYTES: u64 = 512 << 10;

/// Rules that are read of a file; each is compared with every path.
const MOST_RULES: usize = 10_000;

/// The rules of a site for one program.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Robots {
    /// Patterns of paths, and whether they allow.
    rules: Vec<(String, bool)>,
    /// Between two questions.
    pub(super) delay: Option<Duration>,
    /// Addresses of sitemaps, whoever they are for.
    pub(super) sitemaps: Vec<String>,
}

impl Robots {
    /// A site that cannot say what it allows allows nothing (RFC 9309, 2.3.1.4).
    pub(super) fn nothing() -> Self {
        Self { rules: vec![("/".to_owned(), false)], ..Self::default() }
    }

    /// The rules for the program of this name, which is in lower case: the groups that name it, else those
    /// for everybody.
    pub(super) fn read(text: &str, name: &str) -> Self {
        let (mut own, mut all) = (Self::default(), Self::default());
        let mut named = false;
        let mut sitemaps = Vec::new();
        // Whom the group that is being read is for; its first lines name them.
        let (mut for_own, mut for_all, mut naming) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !naming {
                        (for_own, for_all, naming) = (false, false, true);
                    }
                    let agent = value.to_ascii_lowercase();
                    // `llmp/1.0` names the product, too.
                    let product = agent.split(['/', ' ']).next().unwrap_or_default();
                    for_all |= product == "*";
                    for_own |= product == name;
                    named |= product == name;
                }
                "allow" | "disallow" => {
                    naming = false;
                    // An empty pattern says nothing.
                    if !value.is_empty() {
                        for (of, groups) in [(for_own, &mut own), (for_all, &mut all)] {
                            if of && groups.rules.len() < MOST_RULES {
                                groups.rules.push((normal(value), key == "allow"));
                            }
                        }
                    }
                }
                "crawl-delay" => {
                    naming = false;
                    let seconds =
                        value.parse().ok().filter(|seconds: &f64| (0.0..=3_600.0).contains(seconds));
                    let delay = seconds.map(Duration::from_secs_f64);
                    for (of, groups) in [(for_own, &mut own), (for_all, &mut all)] {
                        if of {
                            groups.delay = groups.delay.max(delay);
                        }
                    }
                }
                "sitemap" if sitemaps.len() < 100 => sitemaps.push(value.to_owned()),
                _ => {}
            }
        }
        Self { sitemaps, ..if named { own } else { all } }
    }

    /// Whether a path with its query may be asked for: the longest pattern that fits decides, and of two as
    /// long the one that allows.
    pub(super) fn allow(&self, path: &str) -> bool {
        if path == "/robots.txt" {
            return true;
        }
        let path = normal(path);
        let fitting = self.rules.iter().filter(|(pattern, _)| fits(pattern, &path));
        fitting.max_by_key(|(pattern, allows)| (pattern.len(), *allows)).is_none_or(|(_, allows)| *allows)
    }
}

/// Whether a pattern, in which `*` stands for anything and `$` at its end for the end, fits the beginning of
/// a path.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return !to_end || rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() && to_end {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Percent signs with small digits are those with large ones; other bytes than ASCII are written with percent
/// signs.
fn normal(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut bytes = path.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                normal.push('%');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                        normal.push(char::from(digit.to_ascii_uppercase()));
                    }
                }
            }
            0x21..=0x7e => normal.push(char::from(byte)),
            _ => normal.push_str(&format!("%{byte:02X}")),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9309, 5.1 and 5.2, and 2.2.2's table.
    #[test]
    fn the_examples_of_the_standard() {
        let text = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
                    User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
                    User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\nUser-Agent: quxbot\n";
        let allows = |name: &str, path: &str| Robots::read(text, name).allow(path);
        assert!(
            !allows("other", "/a.gif") && !allows("other", "/example/x") && allows("other", "/a.gif.html")
        );
        assert!(!allows("foobot", "/x") && allows("foobot", "/example/allowed.gif"));
        for name in ["barbot", "bazbot"] {
            assert!(!allows(name, "/example/page.html") && allows(name, "/example/other"));
        }
        assert!(allows("quxbot", "/example/") && allows("quxbot", "/robots.txt"));
        let longest = Robots::read(
            "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n",
            "foobot",
        );
        assert!(longest.allow("/example/page/a") && !longest.allow("/example/page/disallowed.gif"));
        let coded = Robots::read("User-agent: *\nDisallow: /foo/bar/ツ\nDisallow: /a%3cd\n", "llmp");
        assert!(!coded.allow("/foo/bar/%E3%83%84") && !coded.allow("/a%3Cd") && coded.allow("/foo/bar/"));
    }

    #[test]
    fn groups_of_one_program_are_one_and_ties_allow() {
        let text = "user-agent: llmp/2.0\ndisallow: /a\ncrawl-delay: 2\nuser-agent: x\ndisallow: /\n\
                    User-agent: LLMP\nallow: /a # so\nDisallow: /b*c$\nSitemap: https://a.example/s.xml\n";
        let robots = Robots::read(text, "llmp");
        assert!(robots.allow("/a") && robots.allow("/z") && robots.allow("/bc/d"));
        assert!(!robots.allow("/bc") && !robots.allow("/b/x/c"));
        assert_eq!(robots.delay, Some(Duration::from_secs(2)));
        assert_eq!(robots.sitemaps, ["https://a.example/s.xml"]);
    }

    #[test]
    fn strange_files_do_no_harm() {
        for text in [
            "",
            "disallow: /\n",
            "\u{feff}User-agent: *",
            "a:b:c\n:::\n",
            "user-agent: *\ncrawl-delay: -1\ncrawl-delay: x",
        ] {
            assert!(Robots::read(text, "llmp").allow("/a"), "{text}");
        }
        assert!(!Robots::nothing().allow("/a"));
        let stars = format!("user-agent: *\ndisallow: /{}x\n", "*a".repeat(1_000));
        assert!(Robots::read(&stars, "llmp").allow(&format!("/{}", "a".repeat(10_000))));
    }
}
