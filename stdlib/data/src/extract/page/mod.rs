//! The main text of a page: parsed once into a tree in one array, its units judged by features, and those
//! kept that belong together.
//!
//! The way of a page: [`parse`](parse::parse) builds the tree, [`units`](units::units) finds the runs of text
//! between blocks and what is known of each node in one pass from below, [`rules`] settle what is certain,
//! [`features`] measure the others, two boosted forests judge them ([`choose`]), and [`write`] makes lines of
//! what is kept. Nothing here recurses deeper than a page's elements may be nested, and no step takes more
//! than linear time in what the parser's bounds let through.

mod about;
mod build;
mod choose;
mod entity;
mod features;
mod forest;
mod formula;
mod hints;
mod parse;
mod rules;
mod tag;
mod tree;
mod units;
mod write;

pub use about::About;
pub use parse::{MAX_DEPTH, MAX_ELEMENTS, Problem};
pub use write::Format;

use rules::Verdict;
use tag::Tag;
use tree::{HTML, Tree};
use units::Units;

/// What is wanted of a page.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Above 1 less is kept, below more.
    pub caution: f32,
    /// Whether tables are.
    pub tables: bool,
    /// Whether what readers say is kept, behind the text.
    pub comments: bool,
    /// How the text is written.
    pub format: Format,
}

/// The text of a page, and what it says about itself.
#[derive(Clone, Debug, Default)]
pub struct Extract {
    /// The main text; empty where there is none.
    pub text: String,
    /// What readers say; empty unless wanted.
    pub comments: String,
    /// Title, author, date, language and site.
    pub about: About,
}

/// How much more cautious the choice is on a page that calls itself an article.
const ARTICLE: f32 = 1.15;

/// So many characters are a text, and not a remark that scripts are needed.
const REMARK: u32 = 250;

/// Takes the main text out of a page.
///
/// # Errors
/// Where the page is nested too deeply or holds too many elements.
pub fn extract(html: &str, url: Option<&str>, wanted: Wanted) -> Result<Extract, Problem> {
    with_page(html, url, |tree, page, about| of_page(tree, page, about, wanted))
}

/// Parses a page and finds its units. One that shows no text, but has some in `noscript` or `noframes`, has
/// that for its text.
fn with_page<R>(
    html: &str,
    url: Option<&str>,
    then: impl FnOnce(&Tree<'_>, &Units, About) -> R,
) -> Result<R, Problem> {
    let tree = parse::parse(html)?;
    let page = units::units(&tree);
    let about = about::about(&tree, url);
    if tree.instead.trim().is_empty() {
        return Ok(then(&tree, &page, about));
    }
    let other = parse::parse(&tree.instead)?;
    let other_page = units::units(&other);
    let (shown, instead) = (characters(&page), characters(&other_page));
    let remark = instead < REMARK && tree.instead.to_ascii_lowercase().contains("javascript");
    Ok(match instead > 2 * shown && !remark {
        true => then(&other, &other_page, about),
        false => then(&tree, &page, about),
    })
}

/// What the forests see of a unit of a page, for their training (`bench/train_extractor.py`).
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its text.
    pub text: String,
    /// Its features.
    pub features: Vec<f32>,
    /// The blocks that it stands in, from below, as numbers.
    pub blocks: Vec<u32>,
    /// Whether the forests judge it; rules leave out the others.
    pub open: bool,
}

/// Measures the units of a page.
///
/// # Errors
/// Where the page is nested too deeply or holds too many elements.
pub fn measure(html: &str, url: Option<&str>) -> Result<Vec<Measured>, Problem> {
    with_page(html, url, |tree, page, about| {
        let verdicts = rules::verdicts(tree, page, &about);
        let rows = features::features(tree, page, &about);
        let units = page.units.iter().zip(rows.chunks_exact(features::COLUMNS)).zip(verdicts);
        units
            .map(|((unit, row), verdict)| {
                let mut writer = write::Writer::new(tree, &page.known, Format::Plain);
                writer.add(unit);
                Measured {
                    text: writer.finish(),
                    features: row.to_vec(),
                    blocks: tree.ancestors(unit.block).collect(),
                    open: matches!(verdict, Verdict::Open | Verdict::Kept),
                }
            })
            .collect()
    })
}

fn characters(page: &Units) -> u32 {
    page.known.get(HTML as usize).map_or(0, |known| known.stats.chars)
}

fn of_page(tree: &Tree<'_>, page: &Units, about: About, wanted: Wanted) -> Extract {
    if page.units.is_empty() {
        return Extract { about, ..Extract::default() };
    }
    let verdicts = rules::verdicts(tree, page, &about);
    let rows = features::features(tree, page, &about);
    let open: Vec<usize> =
        (0..verdicts.len()).filter(|at| matches!(verdicts[*at], Verdict::Open | Verdict::Kept)).collect();
    let mut chances = choose::likely(tree, page, &rows, &open);
    for (chance, verdict) in chances.iter_mut().zip(&verdicts) {
        if *verdict == Verdict::Kept {
            *chance = 1.0;
        }
    }
    // An article's page says clearly what is text, and what is doubtful there mostly is none.
    let caution = if about.article && !about.is_forum() { wanted.caution * ARTICLE } else { wanted.caution };
    let bound = choose::bound(page, &chances, caution);
    rules::tables(tree, page, &verdicts, &mut chances, bound);
    let in_table = |block: u32| tree.ancestors(block).any(|above| tree.node(above).tag == Tag::Table);
    let written = |keep: &dyn Fn(usize) -> bool| {
        let mut writer = write::Writer::new(tree, &page.known, wanted.format);
        for (at, unit) in page.units.iter().enumerate() {
            if keep(at) && (wanted.tables || !in_table(unit.block)) {
                writer.add(unit);
            }
        }
        writer.finish()
    };
    let text = written(&|at| chances[at] >= bound);
    let comments =
        if wanted.comments { written(&|at| verdicts[at] == Verdict::Comment) } else { String::new() };
    Extract { text, comments, about }
}

#[cfg(test)]
mod tests;
