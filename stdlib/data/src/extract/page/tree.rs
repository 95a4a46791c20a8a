//! A page as a tree in one array.

use std::borrow::Cow;

use super::entity;
use super::tag::Tag;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// An element or a piece of text. A parent stands before its children in the array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) attributes: u8,
    pub(super) parent: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    /// Of text: its place among the texts. Of an element: that of its first attribute.
    pub(super) data: u32,
}

/// The attributes that say something about text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Class,
    Id,
    Role,
    Style,
    Hidden,
    AriaHidden,
    Href,
    Itemprop,
    Itemtype,
    Property,
    Name,
    Content,
    Type,
    Lang,
    Datetime,
    Encoding,
    Alttext,
    Rel,
    Start,
}

impl Attribute {
    /// The attribute of a name, in any case.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Attribute); 19] = [
            (b"class", Attribute::Class),
            (b"id", Attribute::Id),
            (b"href", Attribute::Href),
            (b"style", Attribute::Style),
            (b"role", Attribute::Role),
            (b"hidden", Attribute::Hidden),
            (b"aria-hidden", Attribute::AriaHidden),
            (b"itemprop", Attribute::Itemprop),
            (b"itemtype", Attribute::Itemtype),
            (b"property", Attribute::Property),
            (b"name", Attribute::Name),
            (b"content", Attribute::Content),
            (b"type", Attribute::Type),
            (b"lang", Attribute::Lang),
            (b"datetime", Attribute::Datetime),
            (b"encoding", Attribute::Encoding),
            (b"alttext", Attribute::Alttext),
            (b"rel", Attribute::Rel),
            (b"start", Attribute::Start),
        ];
        NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, attribute)| *attribute)
    }
}

/// A parsed page. Its first nodes are `html`, `head` and `body`.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub(super) nodes: Vec<Node>,
    pub(super) texts: Vec<Cow<'a, str>>,
    pub(super) attributes: Vec<(Attribute, &'a str)>,
    /// The content of `noscript` and `noframes`, which is markup.
    pub(super) instead: String,
}

pub(super) const HTML: u32 = 0;
pub(super) const HEAD: u32 = 1;
pub(super) const BODY: u32 = 2;

impl<'a> Tree<'a> {
    pub(super) fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    /// The text of a text node.
    pub(super) fn text(&self, at: u32) -> &str {
        match self.node(at) {
            node if node.tag == Tag::Text => &self.texts[node.data as usize],
            _ => "",
        }
    }

    /// The children of a node, in order.
    pub(super) fn children(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let some = |at: u32| (at != NONE).then_some(at);
        std::iter::successors(some(self.node(at).first), move |at| some(self.node(*at).next))
    }

    /// The node and those above it, from below.
    pub(super) fn ancestors(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let some = |at: u32| (at != NONE).then_some(at);
        std::iter::successors(some(at), move |at| some(self.node(*at).parent))
    }

    /// The node behind everything below `at`, in document order.
    fn behind(&self, mut at: u32, root: u32) -> u32 {
        while at != root {
            match self.node(at).next {
                NONE => at = self.node(at).parent,
                next => return next,
            }
        }
        NONE
    }

    /// All nodes below a node, in document order.
    pub(super) fn descendants(&self, root: u32) -> impl Iterator<Item = u32> + '_ {
        let mut at = root;
        std::iter::from_fn(move || {
            at = match self.node(at).first {
                NONE => self.behind(at, root),
                first => first,
            };
            (at != NONE).then_some(at)
        })
    }

    /// The attributes of an element, as they stand in the page.
    pub(super) fn attributes(&self, at: u32) -> &[(Attribute, &'a str)] {
        let node = self.node(at);
        if node.tag == Tag::Text {
            return &[];
        }
        &self.attributes[node.data as usize..node.data as usize + usize::from(node.attributes)]
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, at: u32, name: Attribute) -> Option<Cow<'a, str>> {
        let (_, value) = self.attributes(at).iter().find(|(known, _)| *known == name)?;
        Some(entity::decode(value, true))
    }

    /// Adds a node below `parent`, before `before`, or as the last one.
    pub(super) fn insert(&mut self, mut node: Node, parent: u32, before: u32) -> u32 {
        let at = self.nodes.len() as u32;
        node.parent = parent;
        node.next = before;
        node.previous = if before == NONE { self.node(parent).last } else { self.node(before).previous };
        match node.previous {
            NONE => self.nodes[parent as usize].first = at,
            previous => self.nodes[previous as usize].next = at,
        }
        match before {
            NONE => self.nodes[parent as usize].last = at,
            before => self.nodes[before as usize].previous = at,
        }
        self.nodes.push(node);
        at
    }
}
