//! Units as lines: plain text, or Markdown.

use super::formula;
use super::tag::*;
use super::tree::{Attribute, NONE, Tree};
use super::units::{Known, Unit};

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A line for each paragraph, heading, list item and row of a table; code as it stands.
    Plain,
    /// The same with Markdown's marks (CommonMark, and tables of GitHub).
    Markdown,
}

/// Writes units.
pub(super) struct Writer<'t, 'a> {
    tree: &'t Tree<'a>,
    known: &'t [Known],
    format: Format,
    text: String,
    /// The line in the making.
    line: String,
    /// List items whose mark has been written.
    marked: Vec<u32>,
    /// The table whose row was written last.
    table: u32,
    /// What stood before: whether Markdown needs a blank line.
    last: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Item,
    Row,
    Quote,
    Other,
}

impl<'t, 'a> Writer<'t, 'a> {
    pub(super) fn new(tree: &'t Tree<'a>, known: &'t [Known], format: Format) -> Self {
        let (text, line) = (String::new(), String::new());
        Self { tree, known, format, text, line, marked: Vec::new(), table: NONE, last: Kind::Nothing }
    }

    /// The text, without lines that say nothing at its ends.
    pub(super) fn finish(self) -> String {
        self.text.trim_matches('\n').to_owned()
    }

    /// Adds a unit.
    pub(super) fn add(&mut self, unit: &Unit) {
        let tag = self.tree.node(unit.block).tag;
        self.line.clear();
        match tag {
            Tag::Pre | Tag::Listing | Tag::Xmp | Tag::Plaintext => return self.verbatim(unit),
            Tag::Tr => return self.row(unit),
            _ => {}
        }
        let mut at = unit.first;
        while at != unit.end && at != NONE {
            self.inline(at);
            at = self.tree.node(at).next;
        }
        let lines: Vec<String> = self
            .line
            .split('\n')
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        if lines.is_empty() {
            return;
        }
        let (first, later, kind) = self.prefixes(unit.block);
        self.apart(kind);
        for (number, line) in lines.iter().enumerate() {
            self.text.push_str(if number == 0 { &first } else { &later });
            self.text.push_str(line);
            // In Markdown, two blanks break a line within a paragraph.
            if self.format == Format::Markdown && number + 1 < lines.len() {
                self.text.push_str("  ");
            }
            self.text.push('\n');
        }
    }

    /// Ends what stood before.
    fn apart(&mut self, kind: Kind) {
        let together = kind == self.last && matches!(kind, Kind::Item | Kind::Row);
        if self.format == Format::Markdown && self.last != Kind::Nothing && !together {
            self.text.push('\n');
        }
        self.last = kind;
    }

    /// What stands before a unit's first line and before its others.
    fn prefixes(&mut self, block: u32) -> (String, String, Kind) {
        let (mut item, mut lists, mut quotes, mut level) = (None, 0, 0, None);
        for at in self.tree.ancestors(block) {
            let tag = self.tree.node(at).tag;
            match tag {
                Tag::Li if item.is_none() => item = Some(at),
                Tag::Ul | Tag::Ol | Tag::Menu | Tag::Dir => lists += 1,
                Tag::Blockquote => quotes += 1,
                Tag::Td | Tag::Th => break,
                _ if level.is_none() => level = tag.level(),
                _ => {}
            }
        }
        let fresh = item.filter(|item| !self.marked.contains(item));
        if let Some(item) = fresh {
            // Only the newest matter: an item is not left and entered again.
            if self.marked.len() > 64 {
                self.marked.remove(0);
            }
            self.marked.push(item);
        }
        if self.format == Format::Plain {
            return (if fresh.is_some() { "- ".into() } else { String::new() }, String::new(), Kind::Other);
        }
        let mut before = "> ".repeat(quotes);
        if item.is_some() {
            before.push_str(&"  ".repeat(lists.max(1) - 1));
        }
        let mut first = before.clone();
        match (fresh, item) {
            (Some(item), _) => {
                let mark = self.mark(item);
                before.push_str(&" ".repeat(mark.len()));
                first.push_str(&mark);
            }
            (None, Some(_)) => {
                before.push_str("  ");
                first.push_str("  ");
            }
            _ => {}
        }
        if let Some(level) = level {
            first.push_str(&"#".repeat(level));
            first.push(' ');
        }
        let kind = if item.is_some() {
            Kind::Item
        } else if quotes > 0 {
            Kind::Quote
        } else {
            Kind::Other
        };
        (first, before, kind)
    }

    /// A list item's mark in Markdown.
    fn mark(&self, item: u32) -> String {
        let list = self.tree.node(item).parent;
        if list == NONE || self.tree.node(list).tag != Tag::Ol {
            return "- ".into();
        }
        let start =
            self.tree.attribute(list, Attribute::Start).and_then(|start| start.trim().parse::<u32>().ok());
        let (mut number, mut at) = (start.unwrap_or(1), self.tree.node(item).previous);
        while at != NONE && number < 10_000 {
            number += u32::from(self.tree.node(at).tag == Tag::Li);
            at = self.tree.node(at).previous;
        }
        format!("{number}. ")
    }

    fn row(&mut self, unit: &Unit) {
        let mut cells: Vec<String> = Vec::new();
        let mut at = unit.first;
        while at != NONE {
            self.line.clear();
            self.inline(at);
            let cell = self.line.split_whitespace().collect::<Vec<_>>().join(" ");
            match self.tree.node(at).tag {
                Tag::Td | Tag::Th => cells.push(cell),
                _ if cell.is_empty() => {}
                _ => cells.push(cell),
            }
            at = self.tree.node(at).next;
        }
        while cells.last().is_some_and(String::is_empty) {
            cells.pop();
        }
        if self.format == Format::Plain {
            let first = cells.iter().position(|cell| !cell.is_empty()).unwrap_or(0);
            let line = cells[first..].join(" | ");
            if !line.is_empty() {
                self.text.push_str(&line);
                self.text.push('\n');
            }
            return;
        }
        let table =
            self.tree.ancestors(unit.block).find(|at| self.tree.node(*at).tag == Tag::Table).unwrap_or(NONE);
        let start = table != self.table || self.last != Kind::Row;
        if start {
            self.last = if self.last == Kind::Nothing { Kind::Nothing } else { Kind::Other };
        }
        self.apart(Kind::Row);
        let line = cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | ");
        self.text.push_str(&format!("| {line} |\n"));
        if start {
            self.table = table;
            self.text.push_str(&format!("|{}\n", " --- |".repeat(cells.len())));
        }
    }

    fn verbatim(&mut self, unit: &Unit) {
        let mut code = String::new();
        let mut at = unit.first;
        while at != NONE {
            self.code(at, &mut code);
            at = self.tree.node(at).next;
        }
        let code = code.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<&str> = code.split('\n').map(str::trim_end).collect();
        let from = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
        let to = lines.iter().rposition(|line| !line.is_empty()).map_or(from, |to| to + 1);
        // The item's mark would shift the first line.
        if let Some(item) = self.tree.ancestors(unit.block).find(|at| self.tree.node(*at).tag == Tag::Li) {
            self.marked.push(item);
        }
        self.apart(Kind::Other);
        let fence = if code.contains("```") { "~~~~" } else { "```" };
        if self.format == Format::Markdown {
            self.text.extend([fence, &self.language(unit.block), "\n"]);
        }
        for line in &lines[from..to] {
            self.text.push_str(line);
            self.text.push('\n');
        }
        if self.format == Format::Markdown {
            self.text.extend([fence, "\n"]);
        }
    }

    /// The language that a class of a code block names.
    fn language(&self, block: u32) -> String {
        let near = self.tree.children(block).chain(self.tree.ancestors(block).take(3));
        let classes = near.filter_map(|at| self.tree.attribute(at, Attribute::Class));
        for class in classes {
            let named = class.split_ascii_whitespace().find_map(|name| {
                name.strip_prefix("language-")
                    .or_else(|| name.strip_prefix("lang-"))
                    .or_else(|| name.strip_prefix("highlight-"))
            });
            if let Some(name) = named.filter(|name| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-#_".contains(&byte))
            }) {
                return name.to_owned();
            }
        }
        String::new()
    }

    fn code(&self, at: u32, code: &mut String) {
        let node = *self.tree.node(at);
        if node.tag == Tag::Text {
            code.push_str(self.tree.text(at));
            return;
        }
        if self.known[at as usize].dropped {
            return;
        }
        let block = node.tag.is(BLOCK) && !matches!(node.tag, Tag::Td | Tag::Th);
        let ended = |code: &String| code.is_empty() || code.ends_with('\n');
        if node.tag == Tag::Br || block && !ended(code) {
            code.push('\n');
        }
        let mut child = node.first;
        while child != NONE {
            self.code(child, code);
            child = self.tree.node(child).next;
        }
        if block && !ended(code) {
            code.push('\n');
        }
    }

    fn inline(&mut self, at: u32) {
        let node = *self.tree.node(at);
        if node.tag == Tag::Text {
            let tree = self.tree;
            push_words(&mut self.line, tree.text(at));
            return;
        }
        if self.known[at as usize].dropped {
            return;
        }
        match node.tag {
            Tag::Br => {
                let end = self.line.trim_end_matches(' ').len();
                self.line.truncate(end);
                self.line.push('\n');
                return;
            }
            Tag::Math | Tag::Script => {
                let source = formula::source(self.tree, at);
                self.line.push_str(&source);
                return;
            }
            _ => {}
        }
        let mark = match node.tag {
            _ if self.format == Format::Plain => "",
            Tag::B | Tag::Strong => "**",
            Tag::I | Tag::Em => "*",
            Tag::Code | Tag::Kbd | Tag::Samp | Tag::Tt => "`",
            Tag::Del | Tag::S | Tag::Strike => "~~",
            _ => "",
        };
        let block = node.tag.is(BLOCK);
        if block {
            push_words(&mut self.line, " ");
        }
        let from = self.line.len();
        let mut child = node.first;
        while child != NONE {
            self.inline(child);
            child = self.tree.node(child).next;
        }
        if !mark.is_empty() {
            let inner = self.line[from..].to_owned();
            let words = inner.trim();
            if !words.is_empty() && !words.contains(['\n', '`', '*']) {
                let (start, end) = (inner.starts_with(' '), inner.ends_with(' '));
                self.line.truncate(from);
                let blank = |there: bool| if there { " " } else { "" };
                self.line.extend([blank(start), mark, words, mark, blank(end)]);
            }
        }
        if block {
            push_words(&mut self.line, " ");
        }
    }
}

/// Appends text with each run of white space as one blank; soft hyphens and control characters are left out.
fn push_words(line: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let white = |letter: char| letter.is_whitespace();
        let odd = |letter: char| {
            letter.is_whitespace()
                || letter == '\u{ad}'
                || letter.is_control()
                || letter == '\u{feff}'
                || letter == '\u{200b}'
        };
        let end = rest.find(odd).unwrap_or(rest.len());
        line.push_str(&rest[..end]);
        rest = &rest[end..];
        let Some(letter) = rest.chars().next() else { return };
        if white(letter) {
            if !line.is_empty() && !line.ends_with([' ', '\n']) {
                line.push(' ');
            }
            rest = rest.trim_start();
        } else {
            rest = &rest[letter.len_utf8()..];
        }
    }
}
