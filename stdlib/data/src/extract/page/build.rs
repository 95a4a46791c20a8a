//! Where elements and text go in the tree: the "tree construction" of the HTML standard, without a mode for
//! each place.

use super::parse::{MAX_DEPTH, MAX_ELEMENTS, MAX_INLINE, Open, Parser, Problem, element};
use super::tag::*;
use super::tree::{BODY, HEAD as HEAD_NODE, HTML, NONE, Node};

impl Parser<'_> {
    /// Takes in a start tag: its element, a number that tells unknown ones apart, its attributes, and whether
    /// it closes itself.
    pub(super) fn start(&mut self, tag: Tag, name: u32, (first, count): (u32, u8), closes: bool) {
        if let Some((at, root)) = self.foreign() {
            if tag.is(BREAKS_OUT) && !self.integrates(root) {
                self.pop_to(at);
            } else if tag != Tag::Font && !self.integrates(root) {
                let node = self.add(element(tag, first, count));
                if !closes {
                    self.push(node, tag, name);
                }
                return;
            }
        }
        match tag {
            Tag::Html | Tag::Body => {
                let node = if tag == Tag::Html { HTML } else { BODY };
                let node = &mut self.tree.nodes[node as usize];
                if node.attributes == 0 {
                    (node.data, node.attributes) = (first, count);
                }
                self.in_head &= tag == Tag::Html;
                return;
            }
            Tag::Head | Tag::Frameset | Tag::Frame => return,
            _ => self.in_head &= tag.is(HEAD) || tag == Tag::Template,
        }
        if self.open[Tag::Select as usize] > 0
            && matches!(tag, Tag::Select | Tag::Input | Tag::Textarea | Tag::Keygen)
            && let Some(at) = self.find(Tag::Select, 0, SCOPE, &[])
        {
            self.pop_to(at);
            if tag == Tag::Select {
                return;
            }
        }
        if tag.is(ENDS_P) {
            self.end_paragraph();
        }
        match tag {
            Tag::Form if self.open[Tag::Form as usize] > 0 || self.in_table() => return,
            Tag::Li => self.end_item(&[Tag::Li]),
            Tag::Dd | Tag::Dt => self.end_item(&[Tag::Dd, Tag::Dt]),
            Tag::A => self.end_formatting(Tag::A),
            Tag::Nobr => self.end_formatting(Tag::Nobr),
            Tag::Button => self.end_block(Tag::Button),
            Tag::Choice | Tag::Optgroup => {
                while self.current().tag.is(IMPLIED)
                    && matches!(self.current().tag, Tag::Choice | Tag::Optgroup)
                    && (self.current().tag == Tag::Choice || tag == Tag::Optgroup)
                {
                    self.pop();
                }
            }
            Tag::Rb | Tag::Rt | Tag::Rtc | Tag::Rp => {
                while matches!(self.current().tag, Tag::Rb | Tag::Rt | Tag::Rp)
                    || self.current().tag == Tag::Rtc && matches!(tag, Tag::Rb | Tag::Rtc)
                {
                    self.pop();
                }
            }
            Tag::Caption | Tag::Colgroup | Tag::Col | Tag::Tbody | Tag::Tfoot | Tag::Thead
                if !self.back_to(&[Tag::Table]) =>
            {
                return;
            }
            Tag::Tr if !self.back_to(&[Tag::Tbody, Tag::Thead, Tag::Tfoot, Tag::Table]) => return,
            Tag::Td | Tag::Th => {
                if !self.back_to(&[Tag::Tr, Tag::Tbody, Tag::Thead, Tag::Tfoot, Tag::Table]) {
                    return;
                }
                if self.current().tag != Tag::Tr {
                    let row = self.add(element(Tag::Tr, 0, 0));
                    self.push(row, Tag::Tr, 0);
                }
            }
            _ if tag.is(HEADING) && self.current().tag.is(HEADING) => {
                self.pop();
            }
            _ => {}
        }
        if tag.is(RAW) {
            return self.raw(tag, first, count);
        }
        let node = self.add(element(tag, first, count));
        if matches!(tag, Tag::Pre | Tag::Listing) {
            // The first line feed is no text.
            let rest = &self.html.as_bytes()[self.at..];
            self.at += usize::from(rest.starts_with(b"\r\n")) + usize::from(rest.starts_with(b"\n"));
        }
        if tag == Tag::Plaintext {
            let rest = &self.html[self.at..];
            self.at = self.html.len();
            self.push(node, tag, 0);
            self.piece(rest.into());
        } else if !tag.is(VOID)
            && (tag.is(SPECIAL) || self.stack.len() < MAX_INLINE)
            && !(closes && tag == Tag::Svg)
        {
            self.push(node, tag, name);
        }
    }

    /// Takes in an end tag.
    pub(super) fn end(&mut self, tag: Tag, name: u32) {
        match tag {
            Tag::Head => self.in_head = false,
            Tag::Html | Tag::Body => {}
            Tag::Br => {
                self.add(element(Tag::Br, 0, 0));
            }
            _ if self.open[tag as usize] == 0 && !tag.is(HEADING) => {}
            Tag::P => self.end_paragraph(),
            Tag::Li => self.end_within(Tag::Li, &[Tag::Ul, Tag::Ol]),
            _ if tag.is(HEADING) => {
                let mut headings = self.stack.iter().rev().take_while(|open| !open.tag.is(SCOPE));
                if let Some(tag) = headings.find(|open| open.tag.is(HEADING)).map(|open| open.tag) {
                    self.end_block(tag);
                }
            }
            Tag::Table | Tag::Tbody | Tag::Thead | Tag::Tfoot | Tag::Tr => {
                if self.back_to(&[tag]) {
                    self.pop();
                }
            }
            Tag::Td | Tag::Th | Tag::Caption => {
                if let Some(at) = self.find(tag, 0, TABLE, &[Tag::Template]) {
                    self.pop_to(at);
                }
            }
            Tag::Template | Tag::Object | Tag::Applet | Tag::Marquee => {
                if let Some(at) = self.find(tag, 0, 0, &[Tag::Td, Tag::Th]) {
                    self.pop_to(at);
                }
            }
            _ if tag.is(FORMAT) => self.end_formatting(tag),
            _ if tag.is(SPECIAL) => self.end_block(tag),
            _ => {
                if let Some(at) = self.find(tag, name, SPECIAL, &[]) {
                    self.pop_to(at);
                }
            }
        }
    }

    /// Adds a node where it belongs: text and elements that stand wrongly in a table come before it.
    pub(super) fn add(&mut self, node: Node) -> u32 {
        if node.tag != Tag::Text {
            self.elements += 1;
            if self.elements > MAX_ELEMENTS {
                self.problem = Some(Problem::TooLarge);
            }
        }
        if self.in_head && (node.tag.is(HEAD) || node.tag == Tag::Template) {
            return self.tree.insert(node, HEAD_NODE, NONE);
        }
        let allowed = node.tag.is(TABLE)
            || matches!(
                node.tag,
                Tag::Td | Tag::Th | Tag::Caption | Tag::Colgroup | Tag::Col | Tag::Template
            );
        if self.in_table()
            && !(allowed && node.tag != Tag::Table)
            && let Some(table) = self.stack.iter().rev().find(|open| open.tag == Tag::Table)
        {
            let table = table.node;
            return self.tree.insert(node, self.tree.node(table).parent, table);
        }
        self.tree.insert(node, self.current().node, NONE)
    }

    pub(super) fn in_table(&self) -> bool {
        self.current().tag.is(TABLE)
    }

    pub(super) fn current(&self) -> Open {
        // The first two never end.
        self.stack.last().copied().unwrap_or(Open { node: BODY, tag: Tag::Body, name: 0 })
    }

    fn push(&mut self, node: u32, tag: Tag, name: u32) {
        if self.stack.len() > MAX_DEPTH {
            self.problem = Some(Problem::TooDeep);
        }
        self.stack.push(Open { node, tag, name });
        self.open[tag as usize] += 1;
    }

    fn pop(&mut self) -> bool {
        if self.stack.len() <= 2 {
            return false;
        }
        if let Some(open) = self.stack.pop() {
            self.open[open.tag as usize] -= 1;
        }
        true
    }

    /// Ends the element at this place of the stack, and all in it.
    fn pop_to(&mut self, at: usize) {
        while self.stack.len() > at && self.pop() {}
    }

    /// Where an element stands in the stack, unless one with the flags or of the kinds stands above it.
    fn find(&self, tag: Tag, name: u32, barrier: u16, also: &[Tag]) -> Option<usize> {
        if self.open[tag as usize] == 0 {
            return None;
        }
        for (at, open) in self.stack.iter().enumerate().skip(2).rev() {
            if open.tag == tag && open.name == name {
                return Some(at);
            }
            if open.tag.is(barrier) || also.contains(&open.tag) {
                return None;
            }
        }
        None
    }

    fn end_block(&mut self, tag: Tag) {
        self.end_within(tag, &[]);
    }

    fn end_within(&mut self, tag: Tag, also: &[Tag]) {
        if let Some(at) = self.find(tag, 0, SCOPE, also) {
            self.pop_to(at);
        }
    }

    fn end_paragraph(&mut self) {
        self.end_within(Tag::P, &[Tag::Button]);
    }

    /// Ends a list's item before the next.
    fn end_item(&mut self, tags: &[Tag]) {
        for (at, open) in self.stack.iter().enumerate().skip(2).rev() {
            if tags.contains(&open.tag) {
                self.pop_to(at);
                break;
            }
            if open.tag.is(SPECIAL) && !matches!(open.tag, Tag::Address | Tag::Div | Tag::P) {
                break;
            }
        }
        self.end_paragraph();
    }

    /// Ends a formatting element. One in which a block is open ends for what comes, and stays around the
    /// block.
    fn end_formatting(&mut self, tag: Tag) {
        if let Some(at) = self.find(tag, 0, SPECIAL, &[]) {
            self.pop_to(at);
        } else if let Some(at) = self.find(tag, 0, SCOPE, &[]) {
            self.stack.remove(at);
            self.open[tag as usize] -= 1;
        }
    }

    /// Goes back to one of these elements in the table that is being read; `false` where none is open.
    fn back_to(&mut self, tags: &[Tag]) -> bool {
        let mut found = None;
        for (at, open) in self.stack.iter().enumerate().skip(2).rev() {
            if tags.contains(&open.tag) {
                found = Some(at);
                break;
            }
            if matches!(open.tag, Tag::Table | Tag::Template) {
                break;
            }
        }
        match found {
            Some(at) => self.pop_to(at + 1),
            None => return false,
        }
        true
    }

    /// The `svg` or `math` that is open: its place in the stack, and what it is.
    pub(super) fn foreign(&self) -> Option<(usize, Tag)> {
        if self.open[Tag::Svg as usize] + self.open[Tag::Math as usize] == 0 {
            return None;
        }
        let found =
            self.stack.iter().enumerate().rev().find(|(_, open)| matches!(open.tag, Tag::Svg | Tag::Math));
        found.map(|(at, open)| (at, open.tag))
    }

    /// Whether HTML stands in the `svg` or `math` here.
    fn integrates(&self, root: Tag) -> bool {
        match root {
            Tag::Svg => self
                .stack
                .iter()
                .rev()
                .take_while(|open| open.tag != Tag::Svg)
                .any(|open| open.tag == Tag::ForeignObject),
            _ => matches!(
                self.current().tag,
                Tag::Mi | Tag::Mn | Tag::Mo | Tag::Ms | Tag::Mtext | Tag::AnnotationXml
            ),
        }
    }
}
