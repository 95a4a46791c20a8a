//! `filter.urls`: leaves out pages by their URL, by the rules of FineWeb's URL filter.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use llmp_stage::{Context, Dropped, Error, Result};
use serde::Deserialize;

use super::url_words::{self, Category};
use llmp_artifacts::warc::{Item, Reader, Writer};

/// The settings of `filter.urls`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Categories of the built-in word lists.
    pub block: Vec<Category>,
    /// Registered domains or hosts.
    pub hosts: Vec<String>,
    /// Whether there is a list of hosts; the file itself is the input `hosts_file`.
    pub hosts_file: Option<String>,
    /// Words of which one is enough.
    pub words: Vec<String>,
    /// Words of which several are needed.
    pub soft_words: Vec<String>,
    /// How many.
    pub soft_limit: usize,
    /// Strings that may stand nowhere in the letters and digits of the URL.
    pub parts: Vec<String>,
}

/// Pages are WARC records of at most this size: what `crawl.warc` can write.
const MAX_BLOCK: u64 = (1 << 30) + (1 << 20);

/// The longest line of a hosts file.
const MAX_LINE: u64 = 64 << 10;

/// Runs the stage.
///
/// # Errors
/// Where pages or the list of hosts cannot be read.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut rules = Rules::new(&settings);
    if settings.hosts_file.is_some() {
        for file in &ctx.input("hosts_file")?.files {
            rules.read_hosts(&file.path)?;
        }
    }
    for file in ctx.input("pages")?.with_suffix(".warc.gz") {
        let mut reader = Reader::open(&file.path, MAX_BLOCK)?;
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let bar = ctx.bar(0, "pages");
        let mut kept = 0;
        while let Some(item) = reader.next().transpose().map_err(Error::io("cannot read", &file.path))? {
            ctx.proceed()?;
            let Item::Record(record) = item else {
                ctx.count("skipped.damaged", 1);
                continue;
            };
            if !matches!(record.kind().as_str(), "response" | "resource") {
                writer.write(&record)?;
                continue;
            }
            bar.add(1);
            match rules.judge(record.uri()) {
                None => {
                    writer.write(&record)?;
                    kept += 1;
                }
                Some((rule, value)) => {
                    let (id, url) = (record.id().to_owned(), record.uri().to_owned());
                    ctx.dropped(Dropped { id, url, rule: rule.into(), value });
                }
            }
        }
        writer.finish()?;
        ctx.count("pages", kept);
    }
    Ok(())
}

/// All lists together, in lower case.
struct Rules {
    hosts: BTreeSet<String>,
    urls: BTreeSet<String>,
    words: BTreeSet<String>,
    soft_words: BTreeSet<String>,
    soft_limit: usize,
    parts: Vec<String>,
}

impl Rules {
    fn new(settings: &Settings) -> Self {
        let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
        let mut rules = Self {
            hosts: BTreeSet::new(),
            urls: BTreeSet::new(),
            words: lower(&settings.words).into_iter().collect(),
            soft_words: lower(&settings.soft_words).into_iter().collect(),
            soft_limit: settings.soft_limit,
            parts: lower(&settings.parts).into_iter().filter(|part| !part.is_empty()).collect(),
        };
        for category in &settings.block {
            let lists = url_words::lists(*category);
            rules.words.extend(lists.hard.split_whitespace().map(str::to_owned));
            rules.soft_words.extend(lists.soft.split_whitespace().map(str::to_owned));
            rules.parts.extend(lists.parts.split_whitespace().map(str::to_owned));
        }
        for host in &settings.hosts {
            rules.add(host);
        }
        rules
    }

    fn read_hosts(&mut self, path: &Path) -> Result<()> {
        let mut input = BufReader::new(File::open(path).map_err(Error::io("cannot read", path))?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = input
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)
                .map_err(Error::io("cannot read", path))?;
            if read == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.split('#').next().unwrap_or("");
            // In hosts files the name stands behind an address.
            if let Some(entry) = text.split_whitespace().last() {
                self.add(entry);
            }
        }
    }

    /// Adds a host, or a URL where it has a path.
    fn add(&mut self, entry: &str) {
        let entry = bare(entry);
        match entry.contains('/') {
            true => self.urls.insert(entry),
            false => self.hosts.insert(entry),
        };
    }

    /// The rule that a URL breaks, and what the rule saw.
    fn judge(&self, uri: &str) -> Option<(&'static str, String)> {
        let lower = uri.to_lowercase();
        let host = url::Url::parse(&lower).ok().and_then(|url| url.host_str().map(str::to_owned));
        if let Some(found) = host.as_deref().and_then(|host| self.blocked_host(host)) {
            return Some(("urls.host", found));
        }
        let bare = bare(&lower);
        if self.urls.contains(&bare) {
            return Some(("urls.url", bare));
        }
        let words: Vec<&str> =
            lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if let Some(word) = words.iter().find(|word| self.words.contains(**word)) {
            return Some(("urls.word", (*word).to_owned()));
        }
        let soft: BTreeSet<&str> =
            words.iter().copied().filter(|word| self.soft_words.contains(*word)).collect();
        if soft.len() >= self.soft_limit {
            return Some(("urls.soft_words", soft.into_iter().collect::<Vec<_>>().join(", ")));
        }
        let letters = words.concat();
        let part = self.parts.iter().find(|part| letters.contains(part.as_str()))?;
        Some(("urls.part", part.clone()))
    }

    /// The entry that blocks `host`: itself, or a name it lies below, down to its registered domain.
    fn blocked_host(&self, host: &str) -> Option<String> {
        let shortest = psl::domain_str(host).map_or(host.len(), str::len);
        let mut name = host;
        while name.len() >= shortest {
            if self.hosts.contains(name) {
                return Some(name.to_owned());
            }
            name = name.split_once('.')?.1;
        }
        None
    }
}

/// A URL or host in the form it is compared in: lower case, without scheme, `www.` and the last slash.
fn bare(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let url = url.strip_prefix("www.").unwrap_or(url);
    url.trim_end_matches(['/', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::warc::{Headers, Record};

    fn settings() -> Settings {
        Settings {
            block: vec![Category::Adult, Category::Gambling],
            hosts: vec!["bad.example".into(), "www.site.co.uk".into(), "sub.shop.example".into()],
            hosts_file: None,
            words: vec![],
            soft_words: vec!["free".into(), "cheap".into()],
            soft_limit: 2,
            parts: vec!["clickbait".into()],
        }
    }

    #[test]
    fn each_rule_sees_what_it_should() {
        let mut rules = Rules::new(&settings());
        rules.add("https://www.news.example/one/Page/");
        let rule = |url: &str| rules.judge(url).map(|(rule, _)| rule);
        assert_eq!(rule("https://bad.example/"), Some("urls.host"));
        assert_eq!(rule("https://a.b.BAD.example:80/x"), Some("urls.host"));
        assert_eq!(rule("https://notbad.example/"), None);
        assert_eq!(rule("https://site.co.uk/"), Some("urls.host"));
        assert_eq!(rule("https://other.co.uk/"), None);
        assert_eq!(rule("https://shop.example/"), None);
        assert_eq!(rule("http://x.sub.shop.example/"), Some("urls.host"));
        assert_eq!(rule("http://news.example/one/page"), Some("urls.url"));
        assert_eq!(rule("http://news.example/one"), None);
        assert_eq!(rule("http://x.example/best-casino-2024"), Some("urls.word"));
        assert_eq!(rule("http://x.example/cheap"), None);
        assert_eq!(rule("http://x.example/cheap?free=1"), Some("urls.soft_words"));
        assert_eq!(rule("http://x.example/click-bait"), Some("urls.part"));
        assert_eq!(rule("http://essex.example/sussex-history of spaces"), None);
        assert_eq!(rule("no url"), None);
    }

    #[test]
    fn hosts_files_are_read_and_pages_are_dropped_with_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = folder.path().join("in.warc.gz");
        let mut writer = Writer::create(&shard).expect("made");
        for url in ["https://ok.example/", "https://ads.example/x"] {
            let headers = [("WARC-Type", "response"), ("WARC-Target-URI", url), ("WARC-Record-ID", "<1>")];
            let headers = Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
            writer.write(&Record { headers, block: b"HTTP/1.1 200 OK\r\n\r\n".to_vec() }).expect("written");
        }
        writer.finish().expect("written");
        let pages = std::fs::read(&shard).expect("read");
        let ctx = TestContext::new(folder.path())
            .with_files("pages", &[("s.warc.gz", &pages)])
            .with_files("hosts_file", &[("hosts", b"# list\n0.0.0.0 ads.example # ads\n\nother.example\n")]);
        run(&ctx, Settings { hosts_file: Some("hosts".into()), ..settings() }).expect("it runs");
        let drops = ctx.drops.lock().expect("unpoisoned");
        assert_eq!(
            (drops.len(), drops[0].rule.as_str(), drops[0].value.as_str()),
            (1, "urls.host", "ads.example")
        );
        assert_eq!(ctx.counted("pages"), 1);
    }
}
