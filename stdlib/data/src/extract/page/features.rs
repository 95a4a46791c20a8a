//! What is measured of each unit, for the judgement whether it belongs to the main text.

use rustc_hash::FxHashMap;

use super::about::About;
use super::hints::{LINES_COUNT, PLACES_COUNT};
use super::tag::*;
use super::tree::{Attribute, BODY, HTML, NONE, Tree};
use super::units::{Stats, Unit, Units};

/// Elements that say by themselves what they hold.
const PLACES: [Tag; 14] = [
    Tag::Article,
    Tag::Main,
    Tag::Aside,
    Tag::Nav,
    Tag::Footer,
    Tag::Header,
    Tag::Form,
    Tag::Figure,
    Tag::Table,
    Tag::Ul,
    Tag::Section,
    Tag::Blockquote,
    Tag::Dl,
    Tag::Li,
];

/// Where an ancestor of a kind is missing.
const ABSENT: f32 = 2.0;

/// How far neighbours are looked at.
const NEAR: usize = 3;

/// Places of fixed features in a row; the others are added in order.
pub(super) const COLUMNS: usize =
    26 + LINES_COUNT + 3 * 6 + PLACES_COUNT + PLACES.len() + 1 + 8 + 6 + 5 + 6 + 15;

/// Share of the page's text in the nearest ancestor of each kind.
#[derive(Clone, Copy)]
struct Near {
    hints: [f32; PLACES_COUNT],
    tags: [f32; PLACES.len()],
    hidden: f32,
    repeated: u16,
    repeated_node: u32,
    depth: u16,
}

/// A row of [`COLUMNS`] numbers for each unit.
pub(super) fn features(tree: &Tree<'_>, page: &Units, about: &About) -> Vec<f32> {
    let body = page.known[BODY as usize].stats;
    let total = body.chars.max(1) as f32;
    let units = &page.units;
    let mut rows = Vec::with_capacity(units.len() * COLUMNS);
    let repeated = repetitions(tree, page);
    let candidate = candidate(tree, page);
    let heading = main_heading(tree, page, about);
    let title = heading.map(|at| units[at].block);
    let mut times = FxHashMap::<u64, u16>::default();
    for unit in units {
        *times.entry(unit.hash).or_default() += 1;
    }
    let mut near = FxHashMap::<u32, Near>::default();
    let mut before = 0;
    let first_in = units.iter().position(|unit| inside(tree, unit.block, candidate));
    let last_in = units.iter().rposition(|unit| inside(tree, unit.block, candidate));
    let prose: u32 = units.iter().filter(|unit| is_prose(unit)).map(|unit| unit.stats.chars).sum();
    let paragraphs = units.iter().filter(|unit| tree.node(unit.block).tag == Tag::P).count();
    for (at, unit) in units.iter().enumerate() {
        let start = rows.len();
        let stats = unit.stats;
        let chars = stats.chars.max(1) as f32;
        let tag = tree.node(unit.block).tag;
        let here = near_of(tree, page, &repeated, &mut near, unit.block, total);
        // The unit itself: 26.
        rows.extend([
            log(stats.chars),
            log(stats.words),
            stats.link_density(),
            stats.stops as f32,
            stats.stops as f32 / stats.words.max(1) as f32,
            stats.commas as f32 / stats.words.max(1) as f32,
            stats.digits as f32 / chars,
            stats.capitals as f32 / stats.words.max(1) as f32,
            f32::from(unit.ending),
            chars / stats.words.max(1) as f32,
            f32::from(u8::from(tag == Tag::P)),
            f32::from(u8::from(tag == Tag::Li)),
            tag.level().map_or(0.0, |level| level as f32),
            f32::from(u8::from(matches!(tag, Tag::Td | Tag::Th | Tag::Tr))),
            f32::from(u8::from(matches!(tag, Tag::Pre | Tag::Blockquote))),
            f32::from(u8::from(matches!(tag, Tag::Div | Tag::Section | Tag::Body))),
            f32::from(u8::from(matches!(tag, Tag::Dd | Tag::Dt))),
            f32::from(u8::from(matches!(tag, Tag::Figcaption | Tag::Caption))),
            f32::from(u8::from(matches!(tag, Tag::Form | Tag::Fieldset | Tag::Legend))),
            f32::from(times.get(&unit.hash).copied().unwrap_or(1)),
            f32::from(u8::from(stats.chars > 8 && about.title_hash == unit.hash)),
            at as f32 / units.len() as f32,
            before as f32 / total,
            f32::from(here.depth),
            f32::from(u8::from(stats.link == 0)),
            f32::from(u8::from(stats.link_density() > 0.9)),
        ]);
        rows.extend((0..LINES_COUNT).map(|bit| f32::from(u8::from(unit.line & 1 << bit != 0))));
        // Neighbours: 6 of 3.
        for step in [-1_i32, 1, -2, 2, -3, 3] {
            let other = at.checked_add_signed(step as isize).and_then(|other| units.get(other));
            rows.extend([
                other.map_or(-1.0, |other| log(other.stats.chars)),
                other.map_or(-1.0, |other| other.stats.link_density()),
                other.map_or(-1.0, |other| {
                    let other_tag = tree.node(other.block).tag;
                    f32::from(other.ending)
                        + 3.0 * f32::from(u8::from(other_tag.is(HEADING)))
                        + 8.0 * f32::from(u8::from(other_tag == tag))
                }),
            ]);
        }
        rows.extend(here.hints);
        rows.extend(here.tags);
        rows.push(here.hidden);
        // The blocks above: 8.
        let mut above = tree.ancestors(unit.block).map(|above| page.known[above as usize].stats);
        let mut last = stats;
        for _ in 0..4 {
            let wider = above.by_ref().find(|wider| wider.chars > last.chars).unwrap_or(last);
            rows.extend([wider.link_density(), wider.chars as f32 / wider.units.max(1) as f32]);
            last = wider;
        }
        // What repeats: 6.
        let item = if here.repeated_node == NONE {
            Stats::default()
        } else {
            page.known[here.repeated_node as usize].stats
        };
        rows.extend([
            f32::from(here.repeated),
            log(item.chars),
            item.link_density(),
            item.units as f32,
            item.stops as f32,
            item.chars as f32 * f32::from(here.repeated) / total,
        ]);
        // The best candidate: 5.
        let (steps, shared) = distance(tree, unit.block, candidate);
        rows.extend([
            steps,
            shared.map_or(0.0, |shared| page.known[shared as usize].stats.chars as f32 / total),
            first_in.map_or(0.0, |first| (at as f32 - first as f32).clamp(-20.0, 20.0)),
            last_in.map_or(0.0, |last| (at as f32 - last as f32).clamp(-20.0, 20.0)),
            page.known[candidate as usize].stats.chars as f32 / total,
        ]);
        // The heading of the page, and lengths near by: 6.
        let lengths =
            |range: &[Unit]| range.iter().map(|unit| unit.stats.chars - unit.stats.link).sum::<u32>();
        rows.extend([
            heading.map_or(-99.0, |heading| (at as f32 - heading as f32).clamp(-50.0, 100.0)),
            title.map_or(0.0, |title| distance(tree, unit.block, title).0),
            log(lengths(&units[at.saturating_sub(NEAR)..at])),
            log(lengths(&units[at + 1..(at + 1 + NEAR).min(units.len())])),
            last_heading(tree, units, at),
            f32::from(u8::from(unit.block == title.unwrap_or(NONE))),
        ]);
        // The page: 15.
        rows.extend([
            log(body.chars),
            body.link_density(),
            units.len() as f32,
            prose as f32 / total,
            paragraphs as f32 / units.len() as f32,
            total / units.len() as f32,
            f32::from(u8::from(about.article)),
            f32::from(u8::from(about.product)),
            f32::from(u8::from(about.forum)),
            f32::from(u8::from(about.list)),
            f32::from(u8::from(about.website)),
            about.path_length,
            about.path_kind,
            f32::from(u8::from(about.generator_forum)),
            f32::from(u8::from(about.is_forum())),
        ]);
        debug_assert_eq!(rows.len() - start, COLUMNS);
        before += stats.chars;
    }
    rows
}

pub(super) fn log(number: u32) -> f32 {
    // Rounded to sixteenths by integers alone: logarithms differ in their last bits between systems.
    let number = number + 1;
    let whole = number.ilog2();
    let part = (u64::from(number) << 8 >> whole) as f32 / 256.0 - 1.0;
    whole as f32 + part
}

pub(super) fn is_prose(unit: &Unit) -> bool {
    unit.stats.chars > 80 && unit.stats.link_density() < 0.4 && unit.stats.stops > 0
}

fn inside(tree: &Tree<'_>, at: u32, root: u32) -> bool {
    tree.ancestors(at).any(|above| above == root)
}

fn near_of(
    tree: &Tree<'_>,
    page: &Units,
    repeated: &FxHashMap<u32, u16>,
    cache: &mut FxHashMap<u32, Near>,
    at: u32,
    total: f32,
) -> Near {
    if let Some(near) = cache.get(&at) {
        return *near;
    }
    let node = tree.node(at);
    let mut near = match node.parent {
        NONE => Near {
            hints: [ABSENT; PLACES_COUNT],
            tags: [ABSENT; PLACES.len()],
            hidden: ABSENT,
            repeated: 0,
            repeated_node: NONE,
            depth: 0,
        },
        parent => near_of(tree, page, repeated, cache, parent, total),
    };
    let known = &page.known[at as usize];
    let share = known.stats.chars as f32 / total;
    if at != BODY && at != HTML {
        let mut hints = known.hints;
        while hints != 0 {
            near.hints[hints.trailing_zeros() as usize] = share;
            hints &= hints - 1;
        }
        let tag = if node.tag == Tag::Ol { Tag::Ul } else { node.tag };
        if let Some(place) = PLACES.iter().position(|place| *place == tag) {
            near.tags[place] = share;
        }
        if known.hidden {
            near.hidden = share;
        }
        if let Some(times) = repeated.get(&at)
            && *times > near.repeated
        {
            (near.repeated, near.repeated_node) = (*times, at);
        }
    }
    near.depth += 1;
    cache.insert(at, near);
    near
}

/// How often siblings of the same kind and class stand beside each block that holds text, where they are
/// several.
fn repetitions(tree: &Tree<'_>, page: &Units) -> FxHashMap<u32, u16> {
    let kind = |at: u32| {
        let class = tree.attributes(at).iter().find(|(name, _)| *name == Attribute::Class);
        let first = class.and_then(|(_, value)| value.split_ascii_whitespace().next()).unwrap_or("");
        (tree.node(at).tag as u8, first)
    };
    let mut found = FxHashMap::default();
    for (at, node) in tree.nodes.iter().enumerate() {
        if node.first == NONE || node.first == node.last || page.known[at].stats.units < 2 {
            continue;
        }
        let mut kinds = FxHashMap::default();
        let blocks = |at: &u32| page.known[*at as usize].block && page.known[*at as usize].stats.chars > 0;
        for child in tree.children(at as u32).filter(blocks) {
            *kinds.entry(kind(child)).or_insert(0_u16) += 1;
        }
        if kinds.values().all(|times| *times < 3) {
            continue;
        }
        for child in tree.children(at as u32).filter(blocks) {
            if tree.node(child).tag == Tag::P {
                continue;
            }
            if let Some(times) = kinds.get(&kind(child)).filter(|times| **times >= 3) {
                found.insert(child, *times);
            }
        }
    }
    found
}

/// The block with the best of what Arc90's Readability looks for: prose among its children, and few links.
pub(super) fn candidate(tree: &Tree<'_>, page: &Units) -> u32 {
    let mut scores = FxHashMap::<u32, f32>::default();
    for unit in page.units.iter().filter(|unit| unit.stats.chars >= 25 && unit.stats.link_density() < 0.5) {
        let score = 1.0 + unit.stats.commas as f32 + (unit.stats.chars as f32 / 100.0).min(3.0);
        let above = if tree.node(unit.block).tag.is(SPECIAL)
            && unit.first == tree.node(unit.block).first
            && unit.end == NONE
            && unit.block != BODY
        {
            tree.node(unit.block).parent
        } else {
            unit.block
        };
        let mut share = 1.0;
        for above in tree.ancestors(above).take_while(|above| *above >= BODY).take(4) {
            *scores.entry(above).or_default() += score * share;
            share *= 0.5;
        }
    }
    let density = |at: u32| page.known[at as usize].stats.link_density();
    let weigh = |at: u32, score: f32| score * (1.0 - density(at));
    let best = scores.iter().filter(|(at, _)| **at >= BODY).map(|(at, score)| (weigh(*at, *score), *at));
    let better = |one: (f32, u32), other: (f32, u32)| {
        if other.0 > one.0 || other.0 == one.0 && other.1 < one.1 { other } else { one }
    };
    best.reduce(better).map_or(BODY, |(_, at)| at)
}

/// Steps from a node up to the first ancestor that it shares with another, and that ancestor.
fn distance(tree: &Tree<'_>, at: u32, other: u32) -> (f32, Option<u32>) {
    let (mut left, mut right, mut steps) = (at, other, 0.0);
    // A parent stands before its children.
    while left != right && left != NONE && right != NONE {
        if left > right {
            left = tree.node(left).parent;
            steps += 1.0;
        } else {
            right = tree.node(right).parent;
        }
    }
    (steps, (left == right && left != NONE).then_some(left))
}

/// The heading that is the page's own: a first-level one, the one that the title names rather than others.
pub(super) fn main_heading(tree: &Tree<'_>, page: &Units, about: &About) -> Option<usize> {
    let heading = |level: usize| {
        page.units.iter().enumerate().filter(move |(_, unit)| {
            tree.ancestors(unit.block).take(3).any(|above| tree.node(above).tag.level() == Some(level))
        })
    };
    let named = page.units.iter().position(|unit| {
        unit.hash == about.title_hash
            && tree.ancestors(unit.block).take(3).any(|above| tree.node(above).tag.is(HEADING))
    });
    named.or_else(|| {
        let mut best = None;
        for (at, unit) in heading(1) {
            let better = best.is_none_or(|(_, words)| unit.stats.words > 2 * words && words < 3);
            if better {
                best = Some((at, unit.stats.words));
            }
        }
        best.map(|(at, _)| at)
    })
}

/// How far the last heading before a unit is, and 99 without one.
fn last_heading(tree: &Tree<'_>, units: &[Unit], at: usize) -> f32 {
    let back = units[..at].iter().rev().take(40).position(|unit| tree.node(unit.block).tag.is(HEADING));
    back.map_or(99.0, |back| back as f32 + 1.0)
}
