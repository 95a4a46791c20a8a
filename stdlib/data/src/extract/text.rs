//! `extract.text`: the main text of pages, by the trafilatura method.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use llmp_stage::{Bar, Context, Dropped, Error, InputFile, Result, Rule};
use serde::Deserialize;
use trafilatura::dom::Document;
use trafilatura::{ExtractionFocus, HtmlDateMode, Options, extract_document};

use super::charset::decode;
use super::clean::{Clean, clean};
use super::render::plain_text;
use super::whitespace::restored;
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

/// Browsers do not nest elements deeper; recursive code needs a bound.
const MAX_DEPTH: usize = 512;

/// The most elements left open by a rough count, for the same reason.
const MAX_OPEN: usize = 5_000;

/// The most elements in a page: time grows with them, in places with their square.
const MAX_ELEMENTS: usize = 100_000;

/// Pages are handed to the threads in batches of so many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// A page waiting for its text.
struct Waiting {
    record: Record,
    dump: String,
    file_path: String,
}

/// What a thread makes of a page.
enum Extracted {
    Text(String),
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
            Outcome::Done(Extracted::Text(text)) => {
                writer.write(Doc { text, ..doc })?;
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

fn extract(record: &Record, settings: &Settings) -> Extracted {
    let max_page = usize::try_from(settings.max_page).unwrap_or(usize::MAX);
    let page = match pages::page(record, max_page) {
        Ok(Some(page)) => page,
        Ok(None) => return Extracted::Nothing,
        Err(error) => return Extracted::Dropped("extract.unreadable", error.describe().into()),
    };
    let url = url::Url::parse(record.uri()).ok();
    let html = decode(&page.html, page.charset.as_deref(), url.as_ref().and_then(url::Url::domain));
    text_of(&html, url, settings)
}

/// The main text of one page. `charset` is what its HTTP header names; `None` where there is no text, or the page is one that
/// the stage leaves out.
#[must_use]
pub fn main_text(html: &[u8], charset: Option<&str>, url: &str, settings: &Settings) -> Option<String> {
    let url = url::Url::parse(url).ok();
    let html = decode(html, charset, url.as_ref().and_then(url::Url::domain));
    match text_of(&html, url, settings) {
        Extracted::Text(text) => Some(text),
        Extracted::Dropped(..) | Extracted::Nothing => None,
    }
}

fn text_of(html: &str, url: Option<url::Url>, settings: &Settings) -> Extracted {
    if html.bytes().filter(|byte| *byte == b'<').count() > 4 * MAX_ELEMENTS {
        return Extracted::Dropped("extract.too_large", format!("more than {MAX_ELEMENTS} elements"));
    }
    if open_elements(html) > MAX_OPEN {
        return Extracted::Dropped("extract.too_deep", format!("more than {MAX_OPEN} elements open"));
    }
    let page = match cleaned(html) {
        Ok(page) => page,
        Err(problem) => return problem,
    };
    let mut options = Options::default()
        .with_fallback(true)
        // The date of a text is not kept, so that it is not looked for.
        .with_html_date_mode(HtmlDateMode::Disabled)
        .with_exclude_comments(!settings.comments)
        .with_exclude_tables(!settings.tables)
        .with_focus(match settings.favour {
            Favour::Precision => ExtractionFocus::FavorPrecision,
            Favour::Balanced => ExtractionFocus::Balanced,
            Favour::Recall => ExtractionFocus::FavorRecall,
        });
    if let Some(url) = url {
        options = options.with_url(url);
    }
    // Its errors all say that there is too little text.
    let Ok(result) = extract_document(Document::parse(&page.html), &options) else {
        return Extracted::Dropped("extract.empty", "no main text".into());
    };
    let content = page.lines.apart(&plain_text(&result.content_html));
    if content.is_empty() {
        return Extracted::Dropped("extract.empty", "no main text".into());
    }
    let title = if settings.title { restored(&result.metadata.title) } else { String::new() };
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = if content.starts_with(&title) { "" } else { title.as_str() };
    let comments = plain_text(&result.comments_html);
    let parts = [title, &content, &comments];
    Extracted::Text(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// So many characters are a text, and not a remark that scripts are needed.
const REMARK: usize = 250;

/// The cleaned page. Where it holds no text but in `noscript` or `noframes`, that is its text.
fn cleaned(html: &str) -> std::result::Result<Clean, Extracted> {
    let parse = |html: &str| {
        let page = scraper::Html::parse_document(html);
        shape(&page).map_or_else(|| Ok(clean(&page)), Err)
    };
    let page = parse(html)?;
    if page.instead.trim().is_empty() {
        return Ok(page);
    }
    let shown = page.lines.characters();
    let instead = parse(&page.instead)?;
    let characters = instead.lines.characters();
    let remark = characters < REMARK && page.instead.to_ascii_lowercase().contains("javascript");
    Ok(if characters > 2 * shown && !remark { instead } else { page })
}

/// How deep elements may be nested, from above: those whose end may be left out are not counted. The parser's time grows
/// with the square of the depth, so that this is asked before.
fn open_elements(html: &str) -> usize {
    const UNCOUNTED: [&str; 24] = [
        "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta",
        "option", "p", "param", "path", "source", "tbody", "td", "th", "tr", "track", "wbr",
    ];
    let (mut open, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let (closing, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name = tag.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or("");
        if name.is_empty() || UNCOUNTED.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            continue;
        }
        open = if closing { open.saturating_sub(1) } else { open + 1 };
        deepest = deepest.max(open);
    }
    deepest
}

/// What is wrong with the tree of a page: too deep or too large for recursive code.
fn shape(page: &scraper::Html) -> Option<Extracted> {
    let mut open = vec![(page.tree.root(), 0)];
    let mut elements = 0;
    while let Some((node, depth)) = open.pop() {
        elements += 1;
        if depth > MAX_DEPTH {
            return Some(Extracted::Dropped(
                "extract.too_deep",
                format!("more than {MAX_DEPTH} elements deep"),
            ));
        }
        if elements > MAX_ELEMENTS {
            return Some(Extracted::Dropped(
                "extract.too_large",
                format!("more than {MAX_ELEMENTS} elements"),
            ));
        }
        open.extend(
            node.children().filter(|child| child.value().is_element()).map(|child| (child, depth + 1)),
        );
    }
    None
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
            "<html><head><title>The title</title></head><body><nav><a href=/>Home</a> <a href=/x>Shop</a></nav>\
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
        let text = |settings: &Settings| match text_of(&html, None, settings) {
            Extracted::Text(text) => text,
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
