//! What is left out whatever the forests say, and what is kept.

use rustc_hash::FxHashMap;

use super::about::About;
use super::features::main_heading;
use super::tag::*;
use super::tree::{Attribute, BODY, Tree};
use super::units::{Unit, Units};

/// Words in classes and ids of what readers say.
const COMMENTS: [&str; 12] = [
    "comment",
    "comments",
    "commentlist",
    "disqus",
    "respond",
    "livefyre",
    "commento",
    "commentbody",
    "commentsection",
    "commentscontainer",
    "commentcontent",
    "commentarea",
];

/// Words in classes and ids of what is about the site or the visit, and never the page's text: in 470 pages
/// with known text, at most 2 % of the words in such places belong to it.
#[rustfmt::skip]
const ELSEWHERE: [&str; 18] = [
    "cookie", "cookies", "consent", "gdpr", "onetrust", "login", "signin", "sharedaddy", "sharing", "subscribe", "newsletter",
    "newsletters", "pager", "taboola", "outbrain", "advert", "advertisement", "ads",
];

/// A text as long that stands twice is a copy for another screen.
const COPY: u32 = 12;

/// A page with no more words is kept whole, but for what is navigation for certain: of so little, nothing can
/// be judged.
const SHORT: u32 = 150;

/// What becomes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The forests decide.
    Open,
    /// It is text.
    Kept,
    /// It is what a reader said.
    Comment,
    /// It is left out.
    Dropped,
}

/// The rules' verdict on each unit.
pub(super) fn verdicts(tree: &Tree<'_>, page: &Units, about: &About) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::Open; page.units.len()];
    let heading = main_heading(tree, page, about).map_or(BODY, |at| page.units[at].block);
    if !about.is_forum() {
        mark(tree, page, heading, (&COMMENTS, 0.9, Verdict::Comment), &mut verdicts);
    }
    mark(tree, page, heading, (&ELSEWHERE, 0.25, Verdict::Dropped), &mut verdicts);
    copies(page, &mut verdicts);
    short(tree, page, &mut verdicts);
    verdicts
}

/// Marks what stands in a place with one of these words for its name, unless the page's own heading stands
/// there, or more than a share of its text.
fn mark(
    tree: &Tree<'_>,
    page: &Units,
    heading: u32,
    (names, share, verdict): (&[&str], f64, Verdict),
    verdicts: &mut [Verdict],
) {
    let most = share * f64::from(page.known[BODY as usize].stats.words);
    let around: Vec<u32> = tree.ancestors(heading).collect();
    let mut known = FxHashMap::<u32, bool>::default();
    let mut path = Vec::new();
    for (at, unit) in page.units.iter().enumerate() {
        path.clear();
        let mut inside = false;
        for above in tree.ancestors(unit.block).take_while(|above| *above > BODY) {
            if let Some(answer) = known.get(&above) {
                inside = *answer;
                break;
            }
            path.push(above);
        }
        // From above: what stands in such a place is one.
        for above in path.iter().rev().copied() {
            let small = f64::from(page.known[above as usize].stats.words) < most;
            inside = inside || small && named(tree, above, names) && !around.contains(&above);
            known.insert(above, inside);
        }
        if inside && verdicts[at] == Verdict::Open {
            verdicts[at] = verdict;
        }
    }
}

fn named(tree: &Tree<'_>, at: u32, names: &[&str]) -> bool {
    let mut values =
        tree.attributes(at).iter().filter(|(name, _)| matches!(name, Attribute::Class | Attribute::Id));
    values.any(|(_, value)| {
        // Style sheets' switches such as `comments-open` on a page's own block are written as one class among
        // many.
        value.split_ascii_whitespace().take(4).any(|class| {
            let mut word = String::new();
            let mut lower = false;
            for letter in class.chars().chain([' ']) {
                if !letter.is_ascii_alphabetic() || letter.is_ascii_uppercase() && lower {
                    if names.contains(&word.as_str()) {
                        return true;
                    }
                    word.clear();
                }
                lower = letter.is_ascii_lowercase();
                if letter.is_ascii_alphabetic() {
                    word.push(letter.to_ascii_lowercase());
                }
            }
            false
        })
    })
}

/// Of texts that stand several times, as for narrow and wide screens, the first is kept.
fn copies(page: &Units, verdicts: &mut [Verdict]) {
    let mut seen = FxHashMap::<u64, usize>::default();
    for (at, unit) in page.units.iter().enumerate() {
        if unit.stats.words < COPY || verdicts[at] != Verdict::Open {
            continue;
        }
        let first = *seen.entry(unit.hash).or_insert(at);
        if first != at {
            verdicts[at] = Verdict::Dropped;
        }
    }
}

/// Keeps a short page.
fn short(tree: &Tree<'_>, page: &Units, verdicts: &mut [Verdict]) {
    let body = page.known[BODY as usize].stats;
    let open = |at: &usize| verdicts[*at] == Verdict::Open;
    let words: u32 = (0..page.units.len()).filter(open).map(|at| page.units[at].stats.words).sum();
    if words > SHORT || body.link_density() > 0.3 {
        return;
    }
    for (at, unit) in page.units.iter().enumerate() {
        if verdicts[at] == Verdict::Open && plain(tree, page, unit) {
            verdicts[at] = Verdict::Kept;
        }
    }
}

/// Whether nothing speaks against a unit: it is shown, is not all links, and stands in nothing that is about
/// other things.
fn plain(tree: &Tree<'_>, page: &Units, unit: &Unit) -> bool {
    const OTHER: u32 = 1 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 8;
    unit.stats.link_density() < 0.9
        && tree.ancestors(unit.block).take_while(|above| *above > BODY).all(|above| {
            let known = &page.known[above as usize];
            let tag = tree.node(above).tag;
            !known.hidden
                && known.hints & OTHER == 0
                && !matches!(tag, Tag::Nav | Tag::Footer | Tag::Aside | Tag::Header | Tag::Form | Tag::Dialog)
        })
}

/// A table of data stands or falls as a whole: its rows get their mean, and one that stands between texts of
/// the same block, or that has a row of headings and stands beside one, is text. A text is what is at least
/// as likely as `bound`.
pub(super) fn tables(tree: &Tree<'_>, page: &Units, verdicts: &[Verdict], chances: &mut [f32], bound: f32) {
    let table_of = |at: usize| {
        let row = page.units[at].block;
        let judged = verdicts[at] == Verdict::Open && tree.node(row).tag == Tag::Tr;
        let found = tree.ancestors(row).take(3).find(|above| tree.node(*above).tag == Tag::Table);
        found.filter(|_| judged)
    };
    let mut from = 0;
    while from < chances.len() {
        let Some(table) = table_of(from) else {
            from += 1;
            continue;
        };
        let to = (from..chances.len()).find(|at| table_of(*at) != Some(table)).unwrap_or(chances.len());
        let words = |at: usize| page.units[at].stats.words.max(1) as f32;
        let sum: f32 = (from..to).map(|at| words(at) * chances[at]).sum();
        let mean = sum / (from..to).map(words).sum::<f32>();
        // A caption may stand between the table and the text.
        let text = |at: Option<usize>, block: u32| {
            at.and_then(|at| Some((page.units.get(at)?, chances[at]))).is_some_and(|(unit, chance)| {
                chance >= bound && tree.ancestors(unit.block).take(6).any(|above| above == block)
            })
        };
        let headed = tree.children(page.units[from].block).any(|cell| tree.node(cell).tag == Tag::Th);
        let within = tree.ancestors(table).skip(1).take(4).take_while(|block| *block > BODY).any(|block| {
            let before = (1..4).any(|back| text(from.checked_sub(back), block));
            let behind = (0..3).any(|on| text(Some(to + on), block));
            if headed { before || behind } else { before && behind }
        });
        chances[from..to].fill(if within { mean.max(bound) } else { mean });
        from = to;
    }
}
