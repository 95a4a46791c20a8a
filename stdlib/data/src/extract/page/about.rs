//! What a page says about itself: its title, author, date and language, and of which type it is.

use serde_json::Value;

use super::tag::Tag;
use super::tree::{Attribute, BODY, HEAD, HTML, Tree};

/// What a page says about itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its title, without the site's name where that is known.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// When it was published, as it says it.
    pub date: String,
    /// Its language, as it names it.
    pub language: String,
    /// The site's name.
    pub site: String,
    pub(super) title_hash: u64,
    pub(super) article: bool,
    pub(super) product: bool,
    pub(super) forum: bool,
    pub(super) list: bool,
    pub(super) website: bool,
    pub(super) generator_forum: bool,
    pub(super) path_length: f32,
    pub(super) path_kind: f32,
}

impl About {
    /// Whether what people answer is the page's own text.
    pub(super) fn is_forum(&self) -> bool {
        self.forum || self.generator_forum || self.path_kind == FORUM
    }
}

/// The number of forums in [`PATHS`].
const FORUM: f32 = 4.0;

/// Words in the path of an address that tell a page's type, each kind with its number.
const PATHS: [(f32, &[&str]); 6] = [
    (1.0, &["article", "articles", "news", "story", "blog", "blogs", "post", "posts", "wiki", "20"]),
    (2.0, &["product", "products", "dp", "item", "p", "itm", "pd"]),
    (
        3.0,
        &[
            "collection",
            "collections",
            "category",
            "categories",
            "c",
            "cat",
            "shop",
            "store",
            "browse",
            "catalog",
            "b",
        ],
    ),
    (
        FORUM,
        &[
            "forum",
            "forums",
            "thread",
            "threads",
            "topic",
            "t",
            "questions",
            "question",
            "community",
            "discussion",
            "discussions",
            "comments",
            "viewtopic.php",
            "showthread.php",
            "q",
            "r",
            "qna",
        ],
    ),
    (
        5.0,
        &[
            "docs",
            "doc",
            "documentation",
            "guide",
            "guides",
            "reference",
            "manual",
            "api",
            "tutorial",
            "help",
            "learn",
            "support",
            "kb",
        ],
    ),
    (
        6.0,
        &[
            "service",
            "services",
            "solutions",
            "solution",
            "pricing",
            "features",
            "about",
            "contact",
            "locations",
            "programs",
        ],
    ),
];

/// Reads what the page says.
pub(super) fn about(tree: &Tree<'_>, url: Option<&str>) -> About {
    let language = tree.attribute(HTML, Attribute::Lang).map(|lang| lang.trim().to_owned());
    let mut about = About { language: language.unwrap_or_default(), ..About::default() };
    let mut title = String::new();
    for at in tree.descendants(HEAD).chain(tree.descendants(BODY)) {
        match tree.node(at).tag {
            Tag::Title if title.is_empty() => title = content(tree, at),
            Tag::Meta => meta(tree, at, &mut about),
            Tag::Script => {
                let kind = tree.attribute(at, Attribute::Type);
                if kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ld+json")) {
                    json(&content(tree, at), &mut about);
                }
            }
            Tag::Text => {}
            _ => {
                if let Some(kind) = tree.attribute(at, Attribute::Itemtype) {
                    typed(kind.rsplit('/').next().unwrap_or(""), &mut about);
                }
            }
        }
    }
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if about.title.is_empty() {
        about.title = without_site(&title, &about.site);
    }
    about.title_hash = hash(&about.title);
    if let Some(url) = url {
        path(url, &mut about);
    }
    about
}

fn content(tree: &Tree<'_>, at: u32) -> String {
    tree.children(at).map(|child| tree.text(child)).collect()
}

/// A title is often followed by the site's name.
fn without_site(title: &str, site: &str) -> String {
    for separator in [" | ", " - ", " – ", " — ", " :: ", " · ", "_", " » "] {
        if let Some((start, end)) = title.rsplit_once(separator)
            && (!site.is_empty() && end.trim().eq_ignore_ascii_case(site)
                || start.chars().count() > 2 * end.chars().count() && start.chars().count() > 10)
        {
            return start.trim().to_owned();
        }
    }
    title.to_owned()
}

fn meta(tree: &Tree<'_>, at: u32, about: &mut About) {
    let Some(content) = tree.attribute(at, Attribute::Content) else { return };
    let content = content.trim();
    let name = tree.attribute(at, Attribute::Property).or_else(|| tree.attribute(at, Attribute::Name));
    let name =
        name.or_else(|| tree.attribute(at, Attribute::Itemprop)).unwrap_or_default().to_ascii_lowercase();
    let set = |field: &mut String| {
        if field.is_empty() && content.len() < 1000 {
            *field = content.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    };
    match name.as_str() {
        "og:title" | "twitter:title" | "dc.title" | "headline" => set(&mut about.title),
        "og:site_name" | "application-name" => set(&mut about.site),
        "author" | "article:author" | "dc.creator" | "byl" | "parsely-author"
            if !content.starts_with("http") =>
        {
            set(&mut about.author);
        }
        "article:published_time"
        | "datepublished"
        | "date"
        | "dc.date"
        | "pubdate"
        | "parsely-pub-date"
        | "publishdate" => {
            set(&mut about.date);
        }
        "og:type" => match content.to_ascii_lowercase().as_str() {
            "article" | "blog" | "news" => about.article = true,
            "product" | "og:product" | "product.item" => about.product = true,
            "website" => about.website = true,
            "product.group" => about.list = true,
            _ => {}
        },
        "generator" => {
            let generator = content.to_ascii_lowercase();
            let forums = [
                "discourse",
                "vbulletin",
                "xenforo",
                "phpbb",
                "mybb",
                "flarum",
                "nodebb",
                "invision",
                "vanilla",
            ];
            about.generator_forum |= forums.iter().any(|forum| generator.contains(forum));
        }
        _ => {}
    }
}

fn typed(kind: &str, about: &mut About) {
    match kind {
        "Article"
        | "NewsArticle"
        | "BlogPosting"
        | "TechArticle"
        | "Report"
        | "ScholarlyArticle"
        | "Recipe"
        | "ReportageNewsArticle" => {
            about.article = true;
        }
        "Product" | "ProductGroup" | "Vehicle" | "IndividualProduct" => about.product = true,
        "QAPage" | "DiscussionForumPosting" => about.forum = true,
        "CollectionPage" | "ItemList" | "SearchResultsPage" | "OfferCatalog" | "Blog" => about.list = true,
        _ => {}
    }
}

/// Reads JSON-LD: types at any level that is not too deep, author and date of the first article.
fn json(text: &str, about: &mut About) {
    // The parser bounds its own depth.
    let Ok(value) = serde_json::from_str::<Value>(text.trim().trim_end_matches(';')) else { return };
    let mut open = vec![(&value, 0)];
    while let Some((value, depth)) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().rev().map(|item| (item, depth))),
            Value::Object(fields) => {
                let types = match fields.get("@type") {
                    Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
                    Some(Value::String(kind)) => vec![kind.as_str()],
                    _ => Vec::new(),
                };
                for kind in types {
                    typed(kind, about);
                }
                let text =
                    |value: Option<&Value>| value.and_then(Value::as_str).map(|text| text.trim().to_owned());
                if about.date.is_empty() {
                    about.date = text(fields.get("datePublished")).unwrap_or_default();
                }
                if about.author.is_empty() {
                    let author = match fields.get("author") {
                        Some(Value::Array(authors)) => authors.first(),
                        author => author,
                    };
                    let name = author.and_then(|author| author.get("name")).or(author);
                    about.author = text(name).filter(|name| !name.starts_with("http")).unwrap_or_default();
                }
                if depth < 2 {
                    let below = ["@graph", "mainEntity", "mainEntityOfPage", "itemListElement"];
                    open.extend(below.iter().rev().filter_map(|name| Some((fields.get(*name)?, depth + 1))));
                }
            }
            _ => {}
        }
    }
}

fn path(url: &str, about: &mut About) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<String> =
        path.split('/').filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect();
    about.path_length = parts.len() as f32 + if query.is_empty() { 0.0 } else { 0.5 };
    let host_forum = ["forum", "community", "stackexchange", "stackoverflow", "discuss", "reddit", "quora"];
    let host_docs = ["docs", "readthedocs", "developer"];
    about.path_kind = if host_forum.iter().any(|word| host.contains(word)) {
        FORUM
    } else if host_docs.iter().any(|word| host.contains(word)) {
        5.0
    } else {
        let of = |part: &String| {
            let year = part.len() == 4
                && (part.starts_with("20") || part.starts_with("19"))
                && part.parse::<u32>().is_ok();
            if year {
                return Some(1.0);
            }
            PATHS.iter().find(|(_, words)| words.contains(&part.as_str())).map(|(kind, _)| *kind)
        };
        parts.iter().find_map(of).unwrap_or(0.0)
    };
    if parts.is_empty() {
        about.path_kind = 7.0;
    }
}

/// A hash of a text without white space, as units have it.
fn hash(text: &str) -> u64 {
    text.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
