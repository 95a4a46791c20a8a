//! `filter.urls`: leaves out pages by their URL, by the rules of FineWeb's URL filter.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use llmp_stage::{Context, Dropped, Error, InputFile, Lint, Result, Rule};
use serde::Deserialize;
use url::Url;

use super::hosts::{Entries, HostList, Lines};
use super::lists;
use super::table::Table;
use super::url_words;
pub use super::url_words::Category;
use llmp_artifacts::warc::{Item, Reader, Writer};

/// The settings of `filter.urls`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Categories of the built-in word lists.
    pub block: Vec<Category>,
    /// Folders or files of lists; the files themselves are the input `lists`.
    pub lists: Vec<String>,
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

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[
        Rule {
            name: "urls.host",
            drops: "the host, or one above it, is in a list",
            setting: Some("hosts"),
            off: None,
            source: "FineWeb's URL filter: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
        Rule {
            name: "urls.url",
            drops: "the URL is in a list",
            setting: Some("hosts"),
            off: None,
            source: "FineWeb's URL filter: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
        Rule {
            name: "urls.word",
            drops: "one hard word stands among the words of the URL",
            setting: Some("block"),
            off: Some("block = []"),
            source: "FineWeb's URL filter: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
        Rule {
            name: "urls.soft_words",
            drops: "several soft words stand among the words of the URL",
            setting: Some("soft_limit"),
            off: None,
            source: "FineWeb's URL filter: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
        Rule {
            name: "urls.name",
            drops: "the name of the host tells a subject that is left out",
            setting: Some("block"),
            off: Some("block = []"),
            source: "this program",
        },
        Rule {
            name: "urls.part",
            drops: "a string that may stand nowhere stands in the letters of the URL",
            setting: Some("parts"),
            off: None,
            source: "FineWeb's URL filter: Penedo et al. (2024), arXiv 2406.17557, section 3.2",
        },
    ]
}
/// How fast it is: pages, which are read and written.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 22e6, gives: 1.0 }
}

/// Runs the stage.
///
/// # Errors
/// Where pages or the list of hosts cannot be read.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let mut rules = Rules::new(&settings)?;
    let mut files: Vec<&InputFile> = Vec::new();
    for role in ["lists", "hosts_file"] {
        files.extend(ctx.inputs(role).iter().flat_map(|input| &input.files));
    }
    if !files.is_empty() {
        let (list, lines) = lists::load(ctx, &files)?;
        rules.lists.push(list);
        tell(ctx, &files, &lines);
    }
    for file in ctx.input("pages")?.with_suffix(".warc.gz") {
        let mut reader = Reader::open(&file.path, MAX_BLOCK)?;
        let mut writer = Writer::create(&ctx.output().join(&file.name))?;
        let bar = ctx.bar(None, "pages");
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
            match rules.judge(record.uri())? {
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

/// Categories of which nothing but words is known find little.
#[must_use]
pub fn lint(settings: &Settings) -> Vec<Lint> {
    let listed = !settings.lists.is_empty() || !settings.hosts.is_empty() || settings.hosts_file.is_some();
    let weak = settings
        .block
        .iter()
        .filter(|category| !category.is_told_by_words() && **category != Category::Adult);
    let names: Vec<String> = weak.map(|category| format!("`{}`", category.name())).collect();
    if listed || names.is_empty() {
        return Vec::new();
    }
    let message = match &names[..] {
        [name] => format!("the category {name} has only words behind it"),
        names => format!("the categories {} have only words behind them", names.join(", ")),
    };
    let lint = Lint::new("W0120", &["block"], message)
        .label("most pages of a subject do not say so in their URL")
        .help("give lists of hosts, such as UT1's: `lists = [\"ut1/adult\"]`, or `hosts_file`");
    vec![lint]
}

/// Counts what the lines of lists came to, and tells which were not understood.
fn tell(ctx: &dyn Context, files: &[&InputFile], lines: &BTreeMap<String, Lines>) {
    for file in files {
        let Some(lines) = lines.get(&file.digest) else { continue };
        ctx.count("hosts.entries", lines.entries);
        if lines.unknown == 0 {
            continue;
        }
        ctx.count("hosts.not_understood", lines.unknown);
        let name = file.label.as_deref().unwrap_or(&file.name);
        for (number, line) in &lines.examples {
            ctx.log(&format!("`{name}`: line {number} is not understood: `{line}`"));
        }
        let lines =
            if lines.unknown == 1 { "1 line is".to_owned() } else { format!("{} lines are", lines.unknown) };
        ctx.show(&format!("`{name}`: {lines} not understood"));
    }
}

/// All lists together, in lower case.
pub struct Rules {
    /// What the settings name, and the files.
    lists: Vec<HostList>,
    words: BTreeSet<String>,
    soft_words: BTreeSet<String>,
    soft_limit: usize,
    /// Parts of the host's name.
    names: Vec<&'static str>,
    parts: Vec<String>,
}

impl Rules {
    /// The rules that settings give without files.
    ///
    /// # Errors
    /// Where `hosts` names what is no host.
    pub fn new(settings: &Settings) -> Result<Self> {
        let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
        let mut rules = Self {
            lists: Vec::new(),
            names: Vec::new(),
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
            rules.names.extend(lists.names.split_whitespace());
        }
        let mut entries = Entries::default();
        for host in &settings.hosts {
            if entries.add(host) != Some(1) {
                return Err(Error::new(format!("`hosts` names `{host}`, which is neither a host nor a URL"))
                    .help("write one name an entry, such as `\"example.com\"`, which leaves out all below it, too"));
            }
        }
        rules.lists.push(HostList::new(Table::memory(entries.hosts), Table::memory(entries.urls), &[])?);
        Ok(rules)
    }

    /// The rule that a URL breaks, and what the rule saw.
    ///
    /// # Errors
    /// Where a list cannot be read.
    pub fn judge(&self, uri: &str) -> Result<Option<(&'static str, String)>> {
        let url = url(uri.trim());
        for list in self.lists.iter().filter(|_| url.is_some()) {
            let Some(url) = &url else { continue };
            if let Some(found) = list.host(url)? {
                return Ok(Some(("urls.host", found)));
            }
            if let Some(found) = list.url(url)? {
                return Ok(Some(("urls.url", found)));
            }
        }
        Ok(self.judge_words(uri, url.as_ref()))
    }

    /// The same by words alone.
    fn judge_words(&self, uri: &str, url: Option<&Url>) -> Option<(&'static str, String)> {
        let lower = readable(uri, url).to_lowercase();
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
        if let Some(found) = url.and_then(Url::host_str).and_then(|host| self.name(host)) {
            return Some(("urls.name", found.to_owned()));
        }
        let letters = words.concat();
        let part = self.parts.iter().find(|part| letters.contains(part.as_str()))?;
        Some(("urls.part", part.clone()))
    }
}

impl Rules {
    /// The part of a host's name that tells its subject. A dash before or behind a part means that the name's
    /// words, as dots, dashes and digits part them, must start or end there.
    fn name(&self, host: &str) -> Option<&'static str> {
        self.names.iter().copied().find(|part| {
            let text = part.trim_matches('-');
            let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
            host.match_indices(text).any(|(at, _)| {
                let (before, behind) = (host.as_bytes()[..at].last(), host.as_bytes().get(at + text.len()));
                !(part.starts_with('-') && letter(before) || part.ends_with('-') && letter(behind))
            })
        })
    }
}

/// An address with a host. Where its scheme is left out (`//a.example/b`, `a.example:80/b`), as links and
/// tables do, it is `http`.
fn url(uri: &str) -> Option<Url> {
    let whole = Url::parse(uri).ok().filter(Url::has_host);
    let without_scheme =
        || !uri.contains("://") && !uri.starts_with(['/', '?', '#']) || uri.starts_with("//");
    whole.or_else(|| {
        without_scheme()
            .then(|| Url::parse(&format!("http://{}", uri.trim_start_matches('/'))).ok())
            .flatten()
    })
}

/// A URL as people read it, for the words in it: without escapes, and with the letters that punycode stands
/// for.
fn readable<'a>(uri: &'a str, url: Option<&Url>) -> Cow<'a, str> {
    let host = url.and_then(Url::host_str).filter(|host| host.contains("xn--"));
    let mut text = match url.zip(host) {
        Some((url, host)) => Cow::Owned(url.as_str().replacen(host, &idna::domain_to_unicode(host).0, 1)),
        None => Cow::Borrowed(uri),
    };
    if text.contains('%') {
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(&text).collect();
        text = Cow::Owned(String::from_utf8_lossy(&bytes).into_owned());
    }
    text
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
            lists: vec![],
            hosts_file: None,
            words: vec![],
            soft_words: vec!["free".into(), "cheap".into()],
            soft_limit: 2,
            parts: vec!["clickbait".into()],
        }
    }

    #[test]
    fn each_rule_sees_what_it_should() {
        let mut settings = settings();
        settings.hosts.push("https://www.news.example/one/Page/".into());
        let rules = Rules::new(&settings).expect("hosts");
        let rule = |url: &str| rules.judge(url).expect("read").map(|(rule, _)| rule);
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
        assert_eq!(rule("http://x.example/c%61sino"), Some("urls.word"));
        assert_eq!(rule("http://xn--casin-k0a.example/"), None);
        assert_eq!(rule("http://mycasino777.example/"), Some("urls.name"));
        assert_eq!(rule("http://bet365.example/"), Some("urls.name"));
        assert_eq!(rule("http://alphabet.example/"), None);
        assert_eq!(rule("http://x.example/occasion"), None);
    }

    #[test]
    fn words_are_read_in_every_script() {
        let words = vec!["казино".to_owned(), "bücher".to_owned()];
        let rules = Rules::new(&Settings { words, ..settings() }).expect("hosts");
        for url in
            ["https://a.example/%D0%BA%D0%B0%D0%B7%D0%B8%D0%BD%D0%BE", "https://xn--bcher-kva.example/x"]
        {
            assert_eq!(rules.judge(url).expect("read").map(|(rule, _)| rule), Some("urls.word"), "{url}");
        }
    }

    #[test]
    fn a_setting_that_is_no_host_is_an_error() {
        for host in ["two words", "", "*ads*"] {
            let settings = Settings { hosts: vec![host.into()], ..settings() };
            assert!(Rules::new(&settings).err().expect("refused").help_text().is_some(), "{host}");
        }
    }

    #[test]
    fn categories_with_only_words_are_told() {
        let block = vec![Category::Gambling, Category::Malware, Category::Hate];
        let weak = Settings { block, hosts: vec![], ..settings() };
        let lints = lint(&weak);
        assert_eq!(lints[0].message, "the categories `malware`, `hate` have only words behind them");
        assert!(!lints[0].is_error() && lint(&Settings { lists: vec!["ut1".into()], ..weak }).is_empty());
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
        let ctx = TestContext::new(folder.path()).with_files("pages", &[("s.warc.gz", &pages)]).with_files(
            "hosts_file",
            &[(
                "hosts",
                b"\xef\xbb\xbf# list\n0.0.0.0 x.example ads.example # ads\n\nother.example\ntwo words\n",
            )],
        );
        run(&ctx, Settings { hosts_file: Some("hosts".into()), ..settings() }).expect("it runs");
        let drops = ctx.drops.lock().expect("unpoisoned");
        assert_eq!(
            (drops.len(), drops[0].rule.as_str(), drops[0].value.as_str()),
            (1, "urls.host", "ads.example")
        );
        assert_eq!(
            (ctx.counted("pages"), ctx.counted("hosts.entries"), ctx.counted("hosts.not_understood")),
            (1, 3, 1)
        );
        assert_eq!(
            ctx.lines.lock().expect("unpoisoned")[0],
            "`hosts`: line 5 is not understood: `two words`"
        );
    }
}
