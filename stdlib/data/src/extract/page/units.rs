//! The units of a page: runs of text between the starts and ends of blocks, which the extraction keeps or
//! leaves out.

use super::formula;
use super::hints;
use super::tag::*;
use super::tree::{Attribute, BODY, NONE, Tree};

/// What a piece of text consists of. A character of Chinese or Japanese counts as two.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stats {
    /// Characters without white space.
    pub(super) chars: u32,
    /// Those of links.
    pub(super) link: u32,
    pub(super) words: u32,
    /// Ends of sentences.
    pub(super) stops: u32,
    pub(super) commas: u32,
    pub(super) digits: u32,
    pub(super) capitals: u32,
    pub(super) units: u32,
}

impl Stats {
    pub(super) fn add(&mut self, other: &Self) {
        self.chars += other.chars;
        self.link += other.link;
        self.words += other.words;
        self.stops += other.stops;
        self.commas += other.commas;
        self.digits += other.digits;
        self.capitals += other.capitals;
        self.units += other.units;
    }

    pub(super) fn link_density(&self) -> f32 {
        self.link as f32 / self.chars.max(1) as f32
    }

    /// Counts a piece of text; `inside` says whether the last piece ended within a word.
    pub(super) fn count(&mut self, text: &str, linked: bool, inside: &mut bool) {
        let before = self.chars;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte < 0x80 {
                at += 1;
                match byte {
                    b' ' | b'\n' | b'\t' | b'\r' | 0xc => {
                        *inside = false;
                        continue;
                    }
                    b'.' | b'!' | b'?' => {
                        let next = bytes.get(at);
                        self.stops += u32::from(next.is_none_or(|next| !next.is_ascii_alphanumeric()));
                    }
                    b',' | b';' | b':' => self.commas += 1,
                    b'0'..=b'9' => self.digits += 1,
                    b'A'..=b'Z' => self.capitals += u32::from(!*inside),
                    _ => {}
                }
                self.chars += 1;
                self.words += u32::from(!*inside);
                *inside = true;
                continue;
            }
            let Some(character) = text[at..].chars().next() else { break };
            at += character.len_utf8();
            match character {
                '\u{a0}' | '\u{3000}' | '\u{2000}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                    *inside = false
                }
                '\u{ad}' => {}
                '。' | '！' | '？' | '…' => {
                    self.stops += 1;
                    self.chars += 2;
                    *inside = false;
                }
                '，' | '、' | '；' | '：' => {
                    self.commas += 1;
                    self.chars += 2;
                    *inside = false;
                }
                '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
                    self.chars += 2;
                    // Two of them make a word, roughly; `chars` counts each as two.
                    self.words += (self.chars >> 1) & 1;
                    *inside = false;
                }
                _ => {
                    self.chars += 1;
                    self.words += u32::from(!*inside);
                    *inside = true;
                }
            }
        }
        if linked {
            self.link += self.chars - before;
        }
    }
}

/// A run of text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// The block that it stands in.
    pub(super) block: u32,
    /// Its first node, a child of the block.
    pub(super) first: u32,
    /// The child behind its last node.
    pub(super) end: u32,
    pub(super) stats: Stats,
    /// Categories of its words.
    pub(super) line: u32,
    /// How it ends: 2 with the end of a sentence, 1 with a colon or comma, 0 otherwise.
    pub(super) ending: u8,
    /// A hash of its text.
    pub(super) hash: u64,
}

/// What is known of each node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Whether it is or holds a block.
    pub(super) block: bool,
    /// Whether its content is no text.
    pub(super) dropped: bool,
    /// Whether the page hides it.
    pub(super) hidden: bool,
    /// Categories of its class and id.
    pub(super) hints: u32,
    /// The text below it.
    pub(super) stats: Stats,
}

/// The units of a page in the order of the text, and what is known of its nodes.
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    pub(super) known: Vec<Known>,
}

/// Finds the units.
pub(super) fn units(tree: &Tree<'_>) -> Units {
    let mut known = vec![Known::default(); tree.nodes.len()];
    let mut names = String::new();
    for (at, node) in tree.nodes.iter().enumerate() {
        if node.tag == Tag::Text {
            continue;
        }
        let above = known.get(node.parent as usize).copied().unwrap_or_default();
        let here = &mut known[at];
        here.block = node.tag.is(BLOCK);
        here.dropped = above.dropped || node.tag.is(DROP);
        here.dropped |= node.tag == Tag::Button && !in_heading(tree, at as u32);
        here.dropped &= !(node.tag == Tag::Script && !above.dropped && formula::is_source(tree, at as u32));
        names.clear();
        for (name, value) in tree.attributes(at as u32) {
            match name {
                Attribute::Class | Attribute::Id | Attribute::Role | Attribute::Itemprop => {
                    names.push(' ');
                    names.push_str(value);
                }
                Attribute::Hidden => here.hidden = true,
                Attribute::AriaHidden => here.hidden |= *value == "true" && node.tag != Tag::Math,
                Attribute::Style => {
                    let squeezed = value.to_ascii_lowercase().replace(' ', "");
                    here.hidden |=
                        squeezed.contains("display:none") || squeezed.contains("visibility:hidden");
                }
                _ => {}
            }
        }
        here.dropped |= matches!(node.tag, Tag::Span | Tag::Div) && formula::is_rendered(&names);
        if !names.is_empty() {
            here.hints = hints::place(&names);
        }
    }
    // What a dropped element holds is no block, and neither are its parents for its sake.
    for at in (1..tree.nodes.len()).rev() {
        let (dropped, block) = (known[at].dropped, known[at].block);
        known[at].block = block && !dropped;
        if block && !dropped {
            known[tree.nodes[at].parent as usize].block = true;
        }
    }
    let mut walk = Walk { tree, known, units: Vec::new(), text: String::new() };
    walk.block(BODY);
    let Walk { mut known, units, .. } = walk;
    for unit in &units {
        known[unit.block as usize].stats.add(&unit.stats);
    }
    for at in (1..tree.nodes.len()).rev() {
        let stats = known[at].stats;
        if stats.chars > 0 {
            known[tree.nodes[at].parent as usize].stats.add(&stats);
        }
    }
    Units { units, known }
}

fn in_heading(tree: &Tree<'_>, at: u32) -> bool {
    tree.ancestors(at).take(4).any(|above| {
        tree.node(above).tag.is(HEADING) || matches!(tree.node(above).tag, Tag::Summary | Tag::Dt)
    })
}

struct Walk<'t, 'a> {
    tree: &'t Tree<'a>,
    known: Vec<Known>,
    units: Vec<Unit>,
    text: String,
}

impl Walk<'_, '_> {
    /// Whether the children of a block are no blocks but all one unit.
    fn whole(&self, block: u32) -> bool {
        match self.tree.node(block).tag {
            Tag::Pre | Tag::Listing | Tag::Xmp | Tag::Plaintext => true,
            // A row whose cells hold no blocks.
            Tag::Tr => self.tree.children(block).all(|cell| {
                let cell = self.tree.node(cell);
                !matches!(cell.tag, Tag::Td | Tag::Th) || {
                    let mut inside =
                        std::iter::successors((cell.first != NONE).then_some(cell.first), |at| {
                            let next = self.tree.node(*at).next;
                            (next != NONE).then_some(next)
                        });
                    !inside.any(|at| self.known[at as usize].block)
                }
            }),
            _ => false,
        }
    }

    fn block(&mut self, block: u32) {
        if self.known[block as usize].dropped {
            return;
        }
        let first = self.tree.node(block).first;
        if self.whole(block) {
            return self.unit(block, first, NONE);
        }
        let (mut run, mut at) = (first, first);
        while at != NONE {
            let next = self.tree.node(at).next;
            if self.known[at as usize].block {
                self.unit(block, run, at);
                self.block(at);
                run = next;
            }
            at = next;
        }
        self.unit(block, run, NONE);
    }

    fn unit(&mut self, block: u32, first: u32, end: u32) {
        if first == end || first == NONE {
            return;
        }
        let mut stats = Stats { units: 1, ..Stats::default() };
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let mut inside = false;
        let linked = self.tree.ancestors(block).any(|above| self.tree.node(above).tag == Tag::A);
        let mut at = first;
        while at != end && at != NONE {
            self.gather(at, linked, &mut stats, &mut inside, &mut text);
            at = self.tree.node(at).next;
        }
        if stats.chars > 0 {
            let trimmed = text.trim_end();
            let ending = match trimmed.chars().next_back() {
                Some('.' | '!' | '?' | '。' | '！' | '？' | '…' | '"' | '”' | '」' | '’') => 2,
                Some(':' | ',' | ';' | '：' | '，') => 1,
                _ => 0,
            };
            let line = if stats.chars < 240 { hints::line(trimmed) } else { 0 };
            let hash = trimmed
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                });
            self.units.push(Unit { block, first, end, stats, line, ending, hash });
        }
        self.text = text;
    }

    fn gather(&mut self, at: u32, linked: bool, stats: &mut Stats, inside: &mut bool, text: &mut String) {
        let node = *self.tree.node(at);
        if node.tag == Tag::Text {
            let piece = self.tree.text(at);
            stats.count(piece, linked, inside);
            if text.len() < 4096 {
                text.push_str(piece);
            }
            return;
        }
        if self.known[at as usize].dropped {
            return;
        }
        if matches!(node.tag, Tag::Math | Tag::Script) {
            let source = formula::source(self.tree, at);
            stats.count(&source, linked, inside);
            text.push_str(&source);
            return;
        }
        if matches!(node.tag, Tag::Br | Tag::Td | Tag::Th) {
            *inside = false;
            text.push(' ');
        }
        let linked = linked || node.tag == Tag::A && self.tree.attribute(at, Attribute::Href).is_some();
        let mut child = node.first;
        while child != NONE {
            self.gather(child, linked, stats, inside, text);
            child = self.tree.node(child).next;
        }
    }
}
