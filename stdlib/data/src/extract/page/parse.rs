//! From HTML to a tree, once.
//!
//! The tree is the one that the HTML standard builds (<https://html.spec.whatwg.org/multipage/parsing.html>)
//! as far as text depends on it: implied ends of elements, scopes, tables and what stands wrongly in them,
//! raw text, `svg` and `math`. Formatting elements are not reopened, and where their end stands inside a
//! block that began in them they count as ended.

use super::entity;
use super::tag::*;
use super::tree::{Attribute, BODY, HEAD as HEAD_NODE, HTML, NONE, Node, Tree};

/// Browsers do not nest elements deeper.
pub const MAX_DEPTH: usize = 512;

/// Inline elements are not nested deeper: of those that nobody closes, only a bound remains.
pub(super) const MAX_INLINE: usize = 256;

/// The most elements in a page.
pub const MAX_ELEMENTS: usize = 100_000;

/// Why a page has no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// More than [`MAX_DEPTH`] elements deep.
    TooDeep,
    /// More than [`MAX_ELEMENTS`] elements, or as many pieces of text.
    TooLarge,
}

/// An element that has not ended.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) node: u32,
    pub(super) tag: Tag,
    /// Tells unknown elements apart.
    pub(super) name: u32,
}

pub(super) struct Parser<'a> {
    pub(super) html: &'a str,
    pub(super) at: usize,
    pub(super) tree: Tree<'a>,
    pub(super) stack: Vec<Open>,
    /// How many of each are open.
    pub(super) open: [u16; Tag::COUNT],
    pub(super) in_head: bool,
    pub(super) elements: usize,
    pub(super) problem: Option<Problem>,
}

/// The tree of a page.
pub(super) fn parse(html: &str) -> Result<Tree<'_>, Problem> {
    let mut parser = Parser {
        html,
        at: 0,
        tree: Tree::default(),
        stack: Vec::with_capacity(64),
        open: [0; Tag::COUNT],
        in_head: true,
        elements: 0,
        problem: None,
    };
    for (tag, parent) in [(Tag::Html, NONE), (Tag::Head, HTML), (Tag::Body, HTML)] {
        let node = element(tag, 0, 0);
        match parent {
            NONE => parser.tree.nodes.push(node),
            parent => {
                parser.tree.insert(node, parent, NONE);
            }
        }
    }
    parser.stack.push(Open { node: HTML, tag: Tag::Html, name: 0 });
    parser.stack.push(Open { node: BODY, tag: Tag::Body, name: 0 });
    parser.run();
    match parser.problem {
        Some(problem) => Err(problem),
        None => Ok(parser.tree),
    }
}

pub(super) fn element(tag: Tag, data: u32, attributes: u8) -> Node {
    Node { tag, attributes, parent: NONE, first: NONE, last: NONE, previous: NONE, next: NONE, data }
}

impl<'a> Parser<'a> {
    fn run(&mut self) {
        let html = self.html;
        let bytes = html.as_bytes();
        while self.at < bytes.len() && self.problem.is_none() {
            let from = self.at;
            let Some(open) = memchr::memchr(b'<', &bytes[from..]).map(|open| from + open) else {
                self.text(&html[from..]);
                return;
            };
            if open > from {
                self.text(&html[from..open]);
            }
            self.at = open + 1;
            match bytes.get(open + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => self.start_tag(),
                Some(b'/') => match bytes.get(open + 2) {
                    Some(byte) if byte.is_ascii_alphabetic() => self.end_tag(),
                    None => {
                        self.at = bytes.len();
                        self.text("</");
                    }
                    Some(_) => self.at = self.behind(open, b'>'),
                },
                Some(b'!') => self.declaration(open),
                Some(b'?') => self.at = self.behind(open, b'>'),
                _ => self.text("<"),
            }
        }
    }

    fn behind(&self, from: usize, byte: u8) -> usize {
        let bytes = self.html.as_bytes();
        memchr::memchr(byte, &bytes[from..]).map_or(bytes.len(), |at| from + at + 1)
    }

    fn declaration(&mut self, open: usize) {
        let rest = &self.html[open..];
        let comment = |behind: &str| behind.starts_with('>') || behind.starts_with("->");
        if let Some(behind) = rest.strip_prefix("<!--") {
            self.at = match comment(behind) {
                true => self.behind(open, b'>'),
                false => comment_end(behind).map_or(self.html.len(), |at| open + 4 + at),
            };
        } else if rest.starts_with("<![CDATA[") && self.foreign().is_some() {
            let text = &rest[9..];
            let end = text.find("]]>").unwrap_or(text.len());
            self.at = (open + 9 + end + 3).min(self.html.len());
            self.piece(text[..end].into());
        } else {
            self.at = self.behind(open, b'>');
        }
    }

    /// The name of the tag at the reader's place, in lower case where it is short, and a number made of it.
    fn name(&mut self) -> (Tag, u32) {
        let bytes = self.html.as_bytes();
        let from = self.at;
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xc | b'>' | b'/');
        let length = bytes[from..].iter().position(ends).unwrap_or(bytes.len() - from);
        self.at = from + length;
        let mut lower = [0; 16];
        if length <= lower.len() {
            let lower = &mut lower[..length];
            lower.copy_from_slice(&bytes[from..from + length]);
            lower.make_ascii_lowercase();
            let tag = Tag::of(lower);
            if tag != Tag::Other {
                return (tag, 0);
            }
        }
        let name = bytes[from..from + length].iter().take(64);
        let hash = name.fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        (Tag::Other, hash)
    }

    /// Reads the attributes of the tag at the reader's place, and its end. Returns where the kept ones begin,
    /// how many they are, and whether the tag closes itself; `None` where the page ends in the tag.
    fn attributes(&mut self, keep: bool) -> Option<(u32, u8, bool)> {
        let bytes = self.html.as_bytes();
        let first = self.tree.attributes.len();
        let mut at = self.at;
        let white = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xc);
        let mut closes = false;
        loop {
            let byte = *bytes.get(at)?;
            if byte == b'>' {
                at += 1;
                break;
            }
            if white(byte) || byte == b'/' {
                closes = byte == b'/';
                at += 1;
                continue;
            }
            closes = false;
            let from = at;
            // A `=` at the start belongs to the name.
            at += 1;
            while bytes.get(at).is_some_and(|byte| !white(*byte) && !matches!(byte, b'=' | b'>' | b'/')) {
                at += 1;
            }
            let name = &bytes[from..at];
            while bytes.get(at).is_some_and(|byte| white(*byte)) {
                at += 1;
            }
            let mut value = "";
            if bytes.get(at) == Some(&b'=') {
                at += 1;
                while bytes.get(at).is_some_and(|byte| white(*byte)) {
                    at += 1;
                }
                match *bytes.get(at)? {
                    quote @ (b'"' | b'\'') => {
                        let end = at + 1 + memchr::memchr(quote, &bytes[at + 1..])?;
                        value = &self.html[at + 1..end];
                        at = end + 1;
                    }
                    _ => {
                        let from = at;
                        while bytes.get(at).is_some_and(|byte| !white(*byte) && *byte != b'>') {
                            at += 1;
                        }
                        value = &self.html[from..at];
                    }
                }
            }
            if keep
                && self.tree.attributes.len() - first < 32
                && let Some(name) = Attribute::of(name)
            {
                self.tree.attributes.push((name, value));
            }
        }
        self.at = at;
        Some((first as u32, (self.tree.attributes.len() - first) as u8, closes))
    }

    fn start_tag(&mut self) {
        let (tag, name) = self.name();
        let Some((first, count, closes)) = self.attributes(true) else {
            self.at = self.html.len();
            return;
        };
        self.start(tag, name, (first, count), closes);
    }

    pub(super) fn raw(&mut self, tag: Tag, first: u32, count: u8) {
        let html = self.html;
        let from = self.at;
        let name = match tag {
            Tag::Script => "script",
            Tag::Style => "style",
            Tag::Title => "title",
            Tag::Textarea => "textarea",
            Tag::Xmp => "xmp",
            Tag::Iframe => "iframe",
            Tag::Noembed => "noembed",
            Tag::Noframes => "noframes",
            _ => "noscript",
        };
        let (end, behind) = raw_end(html, from, name);
        self.at = behind;
        let content = &html[from..end];
        match tag {
            Tag::Noscript | Tag::Noframes => self.tree.instead.push_str(content),
            Tag::Script | Tag::Title | Tag::Xmp => {
                let parent = if self.in_head { HEAD_NODE } else { self.current().node };
                self.elements += 1;
                let node = self.tree.insert(element(tag, first, count), parent, NONE);
                let content = if tag == Tag::Title { entity::decode(content, false) } else { content.into() };
                let mut text = element(Tag::Text, self.tree.texts.len() as u32, 0);
                text.data = self.tree.texts.len() as u32;
                self.tree.texts.push(content);
                self.tree.insert(text, node, NONE);
            }
            _ => {}
        }
    }

    fn end_tag(&mut self) {
        self.at += 1;
        let (tag, name) = self.name();
        if self.attributes(false).is_none() {
            self.at = self.html.len();
            return;
        }
        self.end(tag, name);
    }

    fn text(&mut self, text: &'a str) {
        let empty = text.bytes().all(|byte| byte.is_ascii_whitespace());
        if empty && (self.in_head || self.in_table()) {
            return;
        }
        self.in_head = false;
        self.piece(entity::decode(text, false));
    }

    pub(super) fn piece(&mut self, text: std::borrow::Cow<'a, str>) {
        if self.tree.texts.len() > 4 * MAX_ELEMENTS {
            self.problem = Some(Problem::TooLarge);
            return;
        }
        let node = element(Tag::Text, self.tree.texts.len() as u32, 0);
        self.tree.texts.push(text);
        self.add(node);
    }
}

/// What stands behind the end of a comment, from behind its start.
fn comment_end(text: &str) -> Option<usize> {
    let mut from = 0;
    for at in memchr::memmem::find_iter(text.as_bytes(), b"--") {
        if at < from {
            continue;
        }
        // A comment ends with `-->` or `--!>`, however many dashes stand before.
        let mut end = at + 2;
        while text.as_bytes().get(end) == Some(&b'-') {
            end += 1;
        }
        from = end;
        match &text.as_bytes()[end..] {
            [b'>', ..] => return Some(end + 1),
            [b'!', b'>', ..] => return Some(end + 2),
            _ => {}
        }
    }
    None
}

/// Where the content of a raw element ends, and what stands behind its end tag.
fn raw_end(html: &str, from: usize, name: &str) -> (usize, usize) {
    let bytes = html.as_bytes();
    let mut at = from;
    while let Some(found) = memchr::memmem::find(&bytes[at..], b"</") {
        let end = at + found;
        at = end + 2;
        let rest = &bytes[at..];
        let named = rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xc | b'>' | b'/');
        if named && rest.get(name.len()).is_none_or(ends) {
            let behind = memchr::memchr(b'>', rest).map_or(bytes.len(), |close| at + close + 1);
            return (end, behind);
        }
    }
    (bytes.len(), bytes.len())
}
