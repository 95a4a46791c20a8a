//! `extract.text`: the main text of pages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmp_stage::{Bar, Context, Dropped, Error, InputFile, Result, Rule};
use serde::Deserialize;

use super::charset::decode;
use super::page::{self, About, Problem, Wanted};
use super::workers::{Outcome, Workers};
use llmp_artifacts::docs::{Doc, Writer};
use llmp_artifacts::warc::{Item, Reader, Record};

use crate::pages::{self, Crawl};

/// The settings of `extract.text`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What matters more in doubt.
    pub favour: Favour,
    /// How the text is written.
    pub format: Format,
    /// Whether the title becomes the first line.
    pub title: bool,
    /// Whether comments of readers are kept.
    pub comments: bool,
    /// Whether tables are kept.
    pub tables: bool,
    /// The name of the crawl.
    pub dump: Option<String>,
    /// The largest page, in bytes.
    pub max_page: u64,
    /// The longest time for one page, in seconds.
    pub time_limit: f64,
}

/// What matters more in doubt.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Favour {
    /// Leave out more.
    Precision,
    /// Neither.
    Balanced,
    /// Keep more.
    Recall,
}

impl Favour {
    /// How much likelier than the best cut asks a unit must be to be kept.
    fn caution(self) -> f32 {
        match self {
            Self::Precision => 1.3,
            Self::Balanced => 1.0,
            Self::Recall => 0.7,
        }
    }
}

/// How the text is written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines.
    Plain,
    /// Markdown.
    Markdown,
}

/// Pages are handed to the threads in batches of so many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Bytes of a title or a name; what is longer is something else.
const LONGEST_SAID: usize = 1_000;

/// A page waiting for its text.
struct Waiting {
    record: Record,
    dump: String,
    file_path: String,
}

/// What a thread makes of a page.
enum Extracted {
    Text(String, Box<About>),
    Dropped(&'static str, String),
    /// The record holds no page.
    Nothing,
}

/// The rules, in the order in which they are asked.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &[
        Rule {
            name: "extract.too_large",
            drops: "the page is larger than `max_page`, or has more elements than can be laid out",
            setting: Some("max_page"),
            off: None,
            source: "this program; a safety net",
        },
        Rule {
            name: "extract.unreadable",
            drops: "the page's bytes are no HTML that can be decoded",
            setting: None,
            off: None,
            source: "this program; a safety net",
        },
        Rule {
            name: "extract.too_deep",
            drops: "more elements stand in each other than can be laid out",
            setting: None,
            off: None,
            source: "this program; a safety net",
        },
        Rule {
            name: "extract.empty",
            drops: "no main text is found: navigation, advertising and the like are none",
            setting: Some("favour"),
            off: None,
            source: "trafilatura: Barbaresi (2021)",
        },
        Rule {
            name: "extract.failed",
            drops: "the extraction broke down",
            setting: None,
            off: None,
            source: "this program; a safety net",
        },
        Rule {
            name: "extract.time_limit",
            drops: "the extraction takes longer",
            setting: Some("time_limit"),
            off: None,
            source: "this program; a safety net",
        },
    ]
}
/// How fast it is: pages of the web, 6 to 14 MB a second by how much of them is markup.
#[must_use]
pub fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 9e6, gives: 0.13 }
}

/// Runs the stage.
///
/// # Errors
/// Where pages cannot be read, or too many of them hang the extraction.
pub fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let limit = Duration::try_from_secs_f64(settings.time_limit)
        .map_err(|error| Error::new("`time_limit` is no length of time").because(error))?;
    let dump = settings.dump.clone();
    let max_block = settings.max_page.saturating_add(1 << 20);
    let mut workers = Workers::new(ctx.threads(), limit, move |record: Record| extract(&record, &settings))?;
    for file in ctx.input("pages")?.with_suffix(".warc.gz") {
        shard(ctx, file, max_block, dump.as_deref(), &mut workers)?;
    }
    Ok(())
}

fn shard(
    ctx: &dyn Context,
    file: &InputFile,
    max_block: u64,
    dump: Option<&str>,
    workers: &mut Workers<Record, Extracted>,
) -> Result<()> {
    let name = file.name.strip_suffix(".warc.gz").unwrap_or(&file.name);
    let mut writer = Writer::create(&ctx.output().join(format!("{name}.parquet")))?;
    let mut reader = Reader::open(&file.path, max_block)?;
    let bar = ctx.bar(reader.progress().1, "bytes");
    let read = AtomicU64::new(0);
    let mut crawl = Crawl::new(dump, &file.name);
    let (mut batch, mut bytes) = (Vec::new(), 0);
    loop {
        ctx.proceed()?;
        match reader.next().transpose().map_err(Error::io("cannot read", &file.path))? {
            Some(Item::Record(record)) if record.kind() == "warcinfo" => crawl.read(&record),
            Some(Item::Record(record)) => {
                bytes += record.block.len();
                batch.push(Waiting { record, dump: crawl.dump.clone(), file_path: crawl.file_path.clone() });
            }
            Some(Item::Skipped(skipped)) if skipped.reason == "too_large" => {
                ctx.dropped(skipped.dropped("extract.too_large"));
            }
            Some(Item::Skipped(_)) => ctx.count("skipped.damaged", 1),
            None => {
                flush(ctx, &mut writer, std::mem::take(&mut batch), workers)?;
                break;
            }
        }
        if bytes >= BATCH_BYTES {
            bytes = 0;
            flush(ctx, &mut writer, std::mem::take(&mut batch), workers)?;
            advance(&*bar, &read, reader.progress().0);
        }
    }
    advance(&*bar, &read, reader.progress().0);
    writer.finish().map(drop)
}

fn advance(bar: &dyn Bar, read: &AtomicU64, position: u64) {
    bar.add(position.saturating_sub(read.swap(position, Ordering::Relaxed)));
}

/// Extracts a batch and writes the documents in the order of their records.
fn flush(
    ctx: &dyn Context,
    writer: &mut Writer,
    batch: Vec<Waiting>,
    workers: &mut Workers<Record, Extracted>,
) -> Result<()> {
    let (mut records, mut docs) = (Vec::new(), Vec::new());
    for Waiting { record, dump, file_path } in batch {
        let date = if record.date() == pages::NO_DATE { "" } else { record.date() };
        docs.push(Doc {
            id: record.id().to_owned(),
            url: record.uri().to_owned(),
            date: date.to_owned(),
            dump,
            file_path,
            ..Doc::default()
        });
        records.push(record);
    }
    let outcomes = workers.run(records, || ctx.proceed())?;
    for (doc, outcome) in docs.into_iter().zip(outcomes) {
        let (rule, value) = match outcome {
            Outcome::Done(Extracted::Text(text, about)) => {
                let About { title, author, date, site, .. } = *about;
                let [title, author, published, site] = [title, author, date, site].map(said);
                writer.write(Doc { text, title, author, published, site, ..doc })?;
                ctx.count("documents", 1);
                continue;
            }
            Outcome::Done(Extracted::Nothing) => continue,
            Outcome::Done(Extracted::Dropped(rule, value)) => (rule, value),
            Outcome::Panicked => ("extract.failed", "the extraction broke down".into()),
            Outcome::TimedOut => ("extract.time_limit", "longer than `time_limit`".into()),
        };
        if matches!(rule, "extract.failed" | "extract.time_limit") {
            ctx.log(&format!("{rule}: {}", doc.url));
        }
        ctx.dropped(Dropped { id: doc.id, url: doc.url, rule: rule.into(), value });
    }
    Ok(())
}

/// What a page says about itself, where it says something that can be meant.
fn said(what: String) -> Option<String> {
    (1..=LONGEST_SAID).contains(&what.len()).then_some(what)
}

fn extract(record: &Record, settings: &Settings) -> Extracted {
    let max_page = usize::try_from(settings.max_page).unwrap_or(usize::MAX);
    let page = match pages::page(record, max_page) {
        Ok(Some(page)) => page,
        Ok(None) => return Extracted::Nothing,
        Err(error) => return Extracted::Dropped("extract.unreadable", error.describe().into()),
    };
    let url = url::Url::parse(record.uri()).ok();
    let html = decode(&page.html, page.charset.as_deref(), url.as_ref().and_then(url::Url::domain));
    text_of(&html, record.uri(), settings)
}

/// The main text of one page. `charset` is what its HTTP header names; `None` where there is no text, or the
/// page is one that the stage leaves out.
#[must_use]
pub fn main_text(html: &[u8], charset: Option<&str>, url: &str, settings: &Settings) -> Option<String> {
    let host = url::Url::parse(url).ok();
    let html = decode(html, charset, host.as_ref().and_then(url::Url::domain));
    match text_of(&html, url, settings) {
        Extracted::Text(text, _) => Some(text),
        Extracted::Dropped(..) | Extracted::Nothing => None,
    }
}

fn text_of(html: &str, url: &str, settings: &Settings) -> Extracted {
    let wanted = Wanted {
        caution: settings.favour.caution(),
        tables: settings.tables,
        comments: settings.comments,
        format: match settings.format {
            Format::Plain => page::Format::Plain,
            Format::Markdown => page::Format::Markdown,
        },
    };
    let extract = match page::extract(html, Some(url), wanted) {
        Ok(extract) => extract,
        Err(Problem::TooDeep) => {
            return Extracted::Dropped(
                "extract.too_deep",
                format!("more than {} elements deep", page::MAX_DEPTH),
            );
        }
        Err(Problem::TooLarge) => {
            return Extracted::Dropped(
                "extract.too_large",
                format!("more than {} elements", page::MAX_ELEMENTS),
            );
        }
    };
    if extract.text.is_empty() {
        return Extracted::Dropped("extract.empty", "no main text".into());
    }
    let mut text = extract.text;
    let title = &extract.about.title;
    if settings.title && !title.is_empty() {
        let mark = if settings.format == Format::Markdown { "# " } else { "" };
        let first = text.lines().next().unwrap_or("").trim_start_matches(['#', ' ']);
        if !first.starts_with(title.as_str()) {
            text = format!("{mark}{title}\n{text}");
        }
    }
    if !extract.comments.is_empty() {
        text.push('\n');
        text.push_str(&extract.comments);
    }
    Extracted::Text(text, Box::new(extract.about))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use llmp_stage::testing::TestContext;

    use super::*;
    use llmp_artifacts::docs;
    use llmp_artifacts::warc::{Headers, Writer as PagesWriter};

    fn settings() -> Settings {
        Settings {
            favour: Favour::Balanced,
            format: Format::Plain,
            title: false,
            comments: false,
            tables: true,
            dump: None,
            max_page: 1 << 20,
            time_limit: 60.0,
        }
    }

    fn article(words: &str) -> String {
        let paragraph =
            |n: usize| format!("<p>Paragraph {n} {words}, with enough words to be taken for text.</p>");
        let text: String = (0..8).map(paragraph).collect();
        format!(
            "<html><head><title>The title</title><meta name=author content='A. Writer'>\
             <meta property='article:published_time' content='2024-05-01'></head><body><nav><a href=/>Home</a> <a href=/x>Shop</a></nav>\
             <article>{text}</article><footer>Copyright</footer></body></html>"
        )
    }

    fn shard(path: &Path, pages: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = PagesWriter::create(path).expect("made");
        let record = |kind: &str, url: &str, block: &[u8]| {
            let headers = [
                ("WARC-Type", kind),
                ("WARC-Record-ID", &format!("<urn:{url}>")),
                ("WARC-Target-URI", url),
                ("WARC-Date", "2024-05-18T01:58:10Z"),
                ("WARC-Filename", "crawl-1.warc.gz"),
            ];
            let headers = Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
            Record { headers, block: block.to_vec() }
        };
        writer
            .write(&record("warcinfo", "", b"software: x\r\nisPartOf: CC-MAIN-2024-22\r\n"))
            .expect("written");
        for (url, html) in pages {
            let block =
                [b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=\"utf-8\"\r\n\r\n", *html].concat();
            writer.write(&record("response", url, &block)).expect("written");
        }
        writer.finish().expect("written");
        std::fs::read(path).expect("read")
    }

    #[test]
    fn documents_keep_order_and_origin_and_drops_have_reasons() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (article("größe"), article("second"));
        let deep = "<div>".repeat(40_000);
        let pages = [
            ("https://a.example/1", first.as_bytes()),
            ("https://a.example/empty", b"<html></html>"),
            ("https://a.example/deep", deep.as_bytes()),
            ("https://a.example/2", second.as_bytes()),
        ];
        let pages = shard(&folder.path().join("x"), &pages);
        let ctx = TestContext::new(folder.path()).with_files("pages", &[("0123.warc.gz", &pages)]);
        run(&ctx, settings()).expect("it runs");
        let docs: Vec<Doc> = docs::Reader::open(&ctx.output().join("0123.parquet"))
            .expect("opens")
            .map(|doc| doc.expect("read"))
            .collect();
        assert_eq!(docs.iter().map(|doc| doc.url.as_str()).collect::<Vec<_>>(), [pages_url(1), pages_url(2)]);
        let doc = &docs[0];
        assert!(doc.text.contains("Paragraph 0 größe") && doc.text.contains("Paragraph 7"), "{}", doc.text);
        assert!(!doc.text.contains("Shop") && !doc.text.contains("Copyright"), "{}", doc.text);
        assert!(doc.text.lines().count() >= 8, "{}", doc.text);
        assert_eq!(
            [&doc.id, &doc.dump, &doc.date, &doc.file_path],
            ["<urn:https://a.example/1>", "CC-MAIN-2024-22", "2024-05-18T01:58:10Z", "crawl-1.warc.gz"]
        );
        let said = [&doc.title, &doc.author, &doc.published, &doc.site]
            .map(|column| column.as_deref().unwrap_or("-"));
        assert_eq!(said, ["The title", "A. Writer", "2024-05-01", "-"]);
        let drops = ctx.drops.lock().expect("unpoisoned");
        let rules: Vec<&str> = drops.iter().map(|drop| drop.rule.as_str()).collect();
        assert_eq!(rules, ["extract.empty", "extract.too_deep"]);
    }

    fn pages_url(number: u32) -> &'static str {
        if number == 1 { "https://a.example/1" } else { "https://a.example/2" }
    }

    #[test]
    fn settings_change_the_text() {
        let html = article("x");
        let text = |settings: &Settings| match text_of(&html, "", settings) {
            Extracted::Text(text, _) => text,
            Extracted::Dropped(rule, _) => panic!("dropped by {rule}"),
            Extracted::Nothing => panic!("no page"),
        };
        assert!(text(&Settings { title: true, ..settings() }).starts_with("The title\n"));
        assert!(!text(&settings()).contains("The title"));
        for favour in [Favour::Precision, Favour::Recall] {
            assert!(text(&Settings { favour, ..settings() }).contains("Paragraph 3"));
        }
    }
}
