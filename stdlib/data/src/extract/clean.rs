//! A page in the form that the extraction reads best: what is never text is gone, and text that stands loose beside blocks is a
//! paragraph.
//!
//! The extraction (a port of trafilatura) works on elements and forgets text between them: behind a heading, list or table,
//! behind elements that it removes or does not know. HTML lays such text out in anonymous blocks
//! (<https://www.w3.org/TR/CSS22/visuren.html#anonymous-block-level>); here they become real ones, and the extraction has
//! nothing to forget.

use std::collections::HashSet;

use ego_tree::{NodeId, NodeRef};
use rustc_hash::FxBuildHasher;
use scraper::Node;
use scraper::node::Element;

use super::lines::Lines;
use super::whitespace::marked;

type Elements = HashSet<NodeId, FxBuildHasher>;

/// Elements that start a line and end one.
#[rustfmt::skip]
const BLOCKS: [&str; 51] = [
    "address", "article", "aside", "blockquote", "body", "caption", "center", "colgroup", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "legend", "li", "listing", "main", "menu", "nav", "ol", "p", "plaintext", "pre", "search", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "xmp",
];

/// Elements within lines that the extraction knows.
#[rustfmt::skip]
const INLINE: [&str; 32] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "kbd", "label", "mark", "math", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "u",
];

/// More of them.
const TYPEWRITER: [&str; 2] = ["tt", "var"];

/// What is never text: programs, styles, other media, forms' fields, readings of ruby, and what stands for them where they do
/// not work.
#[rustfmt::skip]
const DROPPED: [&str; 38] = [
    "applet", "area", "audio", "base", "bgsound", "button", "canvas", "col", "datalist", "embed", "frame", "frameset",
    "iframe", "input", "keygen", "link", "map", "meter", "noembed", "noframes", "noscript", "object", "param", "progress",
    "rp", "rt", "rtc", "script", "select", "source", "style", "svg", "template", "textarea", "track", "use", "video", "wbr",
];

/// Elements that the extraction removes with what stands behind them on the line.
const REMOVED: [&str; 3] = ["label", "math", "time"];

/// Elements whose lines are text for certain.
const TEXT: [&str; 15] = [
    "blockquote",
    "caption",
    "dd",
    "dt",
    "figcaption",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "p",
    "td",
    "th",
];

/// Elements without content.
const VOID: [&str; 3] = ["br", "hr", "img"];

/// A cleaned page.
pub(super) struct Clean {
    /// The page, to be parsed again.
    pub(super) html: String,
    /// The lines of its text.
    pub(super) lines: Lines,
    /// The content of its `noscript` and `noframes`, which is markup.
    pub(super) instead: String,
}

/// Cleans a parsed page.
pub(super) fn clean(page: &scraper::Html) -> Clean {
    let mut walk = Walk {
        html: String::new(),
        lines: Lines::default(),
        instead: String::new(),
        blocks: with_blocks(page),
        guard: false,
    };
    if let Some(root) = page.tree.root().children().find(|node| node.value().is_element()) {
        walk.root(root);
    }
    Clean { html: walk.html, lines: walk.lines, instead: walk.instead }
}

/// The elements that hold blocks, apart from blocks.
fn with_blocks(page: &scraper::Html) -> Elements {
    let mut found = Elements::default();
    for node in page.tree.nodes() {
        if !node.value().as_element().is_some_and(|element| BLOCKS.contains(&element.name())) {
            continue;
        }
        for above in node.ancestors() {
            let block = above.value().as_element().is_none_or(|element| BLOCKS.contains(&element.name()));
            if block || !found.insert(above.id()) {
                break;
            }
        }
    }
    found
}

struct Walk {
    html: String,
    lines: Lines,
    instead: String,
    blocks: Elements,
    /// Whether an element stands before that takes the text behind it with it.
    guard: bool,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Place {
    verbatim: bool,
    /// Whether its line is text for certain.
    text: bool,
}

impl Walk {
    fn root(&mut self, root: NodeRef<'_, Node>) {
        self.open("html", root.value().as_element());
        for part in root.children() {
            let Some(element) = part.value().as_element() else { continue };
            match element.name() {
                "head" => self.head(part),
                "frameset" => self.frameset(part),
                name if DROPPED.contains(&name) => self.dropped(part, element),
                _ => self.block(part, Place { verbatim: false, text: false }),
            }
        }
        self.lines.end();
        self.close("html");
    }

    /// What the head says about the page.
    fn head(&mut self, head: NodeRef<'_, Node>) {
        self.open("head", None);
        for node in head.children() {
            let Some(element) = node.value().as_element() else { continue };
            match element.name() {
                "meta" | "base" | "link" => self.open(element.name(), Some(element)),
                "title" => {
                    self.open("title", None);
                    let title: String = node
                        .children()
                        .filter_map(|child| child.value().as_text())
                        .map(|text| &**text)
                        .collect();
                    self.escape(&title);
                    self.close("title");
                }
                _ => self.dropped(node, element),
            }
        }
        self.close("head");
    }

    fn frameset(&mut self, frameset: NodeRef<'_, Node>) {
        for node in frameset.descendants() {
            if let Some(element) = node.value().as_element() {
                self.dropped(node, element);
            }
        }
    }

    /// Keeps of an element that is no text what says something about the page.
    fn dropped(&mut self, node: NodeRef<'_, Node>, element: &Element) {
        let content = node.children().filter_map(|child| child.value().as_text());
        match element.name() {
            "noscript" | "noframes" => content.for_each(|text| self.instead.push_str(text)),
            "script"
                if element
                    .attr("type")
                    .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ld+json")) =>
            {
                self.html.push_str("<script type=\"application/ld+json\">");
                content.for_each(|text| self.html.push_str(text));
                self.close("script");
            }
            _ => {}
        }
    }

    /// Writes a block, or an element that holds some.
    fn block(&mut self, node: NodeRef<'_, Node>, place: Place) {
        let Some(element) = node.value().as_element() else { return };
        let name = element.name();
        let mixed = node.children().any(|child| self.is_block(child));
        let verbatim = place.verbatim || matches!(name, "pre" | "listing" | "xmp" | "plaintext");
        let written = match name {
            "listing" | "xmp" | "plaintext" => "pre",
            "center" | "search" => "div",
            // The parser would end a paragraph before a block.
            "p" if mixed => "div",
            // What editors write where they mean a paragraph: the extraction takes such text only where a page has little else.
            "div" if !mixed && !verbatim && element.attrs().next().is_none() => "p",
            _ if BLOCKS.contains(&name) || INLINE.contains(&name) => name,
            _ => "div",
        };
        self.lines.start(name == "li");
        self.open(written, Some(element));
        self.guard = false;
        if !VOID.contains(&name) {
            let place = Place { verbatim, text: TEXT.contains(&name) };
            match (mixed, verbatim, name) {
                (true, false, "table" | "thead" | "tbody" | "tfoot" | "tr" | "colgroup") => {
                    self.pieces(node, place, None)
                }
                (true, false, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") => self.pieces(node, place, None),
                (true, false, "ul" | "ol" | "menu" | "dir") => self.pieces(node, place, Some("li")),
                (true, false, "dl") => self.pieces(node, place, Some("dd")),
                (true, false, _) => self.pieces(node, place, Some("p")),
                _ => self.pieces(node, place, None),
            }
            self.close(written);
        }
        self.lines.end();
        self.guard = false;
        self.end_line(place);
    }

    /// Writes what an element holds. Runs of text between blocks are put into elements named `wrap`.
    fn pieces(&mut self, parent: NodeRef<'_, Node>, place: Place, wrap: Option<&str>) {
        let mut run = self.html.len();
        for node in parent.children() {
            if self.is_block(node) {
                self.end_run(run, wrap);
                self.block(node, place);
                run = self.html.len();
            } else {
                self.inline(node, Place { text: place.text || wrap.is_some(), ..place });
            }
        }
        self.end_run(run, wrap);
    }

    /// Wraps what has been written since `from`, if it holds text.
    fn end_run(&mut self, from: usize, wrap: Option<&str>) {
        let Some(wrap) = wrap else { return };
        if has_text(&self.html[from..]) {
            self.html.insert_str(from, &format!("<{wrap}>"));
            self.close(wrap);
            self.html.push('\n');
        }
        self.lines.end();
        self.guard = false;
    }

    fn is_block(&self, node: NodeRef<'_, Node>) -> bool {
        node.value().as_element().is_some_and(|element| {
            !DROPPED.contains(&element.name())
                && (BLOCKS.contains(&element.name()) || self.blocks.contains(&node.id()))
        })
    }

    /// Writes a piece of a line.
    fn inline(&mut self, node: NodeRef<'_, Node>, place: Place) {
        match node.value() {
            Node::Text(text) => self.text(text, place),
            Node::Element(element) if DROPPED.contains(&element.name()) => self.dropped(node, element),
            Node::Element(element) if element.name() == "br" => {
                self.lines.end();
                if !place.verbatim {
                    self.open("br", None);
                }
                self.end_line(place);
            }
            Node::Element(element) => {
                let name = element.name();
                let removed = REMOVED.contains(&name);
                let known = INLINE.contains(&name) || TYPEWRITER.contains(&name);
                if !known || removed && name != "math" && place.text {
                    node.children().for_each(|child| self.inline(child, place));
                    return;
                }
                self.open(name, Some(element));
                if !VOID.contains(&name) {
                    node.children().for_each(|child| self.inline(child, place));
                    self.close(name);
                }
                self.guard = removed;
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Place) {
        self.lines.add(text);
        let guard = self.guard && !text.trim().is_empty();
        if guard {
            self.html.push_str("<span>");
        }
        match place.verbatim {
            true => self.escape(&marked(text)),
            false => self.escape(text),
        }
        if guard {
            self.close("span");
            self.guard = false;
        }
    }

    fn end_line(&mut self, place: Place) {
        match place.verbatim {
            true => self.html.push_str(&marked("\n")),
            false => self.html.push('\n'),
        }
    }

    fn open(&mut self, name: &str, element: Option<&Element>) {
        self.html.push('<');
        self.html.push_str(name);
        for (key, value) in element.into_iter().flat_map(Element::attrs) {
            self.html.push(' ');
            self.html.push_str(key);
            self.html.push_str("=\"");
            push_escaped(&mut self.html, value, '"');
            self.html.push('"');
        }
        self.html.push('>');
    }

    fn close(&mut self, name: &str) {
        self.html.push_str("</");
        self.html.push_str(name);
        self.html.push('>');
    }

    fn escape(&mut self, text: &str) {
        push_escaped(&mut self.html, text, '<');
    }
}

/// Appends text in which `&`, `>` and `special` are escaped.
fn push_escaped(html: &mut String, text: &str, special: char) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '>', special]) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'>' => "&gt;",
            b'<' => "&lt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}

/// Whether HTML written here holds more than tags and white space.
fn has_text(html: &str) -> bool {
    let mut tag = false;
    html.chars().any(|character| {
        match character {
            '<' => tag = true,
            '>' => tag = false,
            character => return !tag && !character.is_whitespace(),
        }
        false
    })
}
