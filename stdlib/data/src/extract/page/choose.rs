//! Which units are the main text.
//!
//! A first forest judges each unit by its features, a second one by what the first says of the units around
//! it and in the blocks above it. Then those units are kept for which the expected F1 of the page's words is
//! greatest: on a page where all is plain this is a clear cut, on a listing, where nothing is, the doubtful
//! ones are kept with the others.

use std::sync::LazyLock;

use super::features::{COLUMNS, log};
use super::forest::{Forest, probability};
use super::tree::Tree;
use super::units::Units;

/// How many numbers the second forest has beside the features.
const CONTEXT: usize = 26;

/// How many blocks above a unit are looked at.
const ABOVE: usize = 4;

/// How far neighbours are looked at.
const NEAR: usize = 4;

static FIRST: LazyLock<Forest> = LazyLock::new(|| Forest::read(include_str!("first.forest"), COLUMNS));
static SECOND: LazyLock<Forest> =
    LazyLock::new(|| Forest::read(include_str!("second.forest"), COLUMNS + CONTEXT));

/// How likely each unit is main text, from 0 to 1: those at `open` are judged, the others are not likely.
pub(super) fn likely(tree: &Tree<'_>, page: &Units, rows: &[f32], open: &[usize]) -> Vec<f32> {
    let row = |at: usize| &rows[at * COLUMNS..(at + 1) * COLUMNS];
    let units: Vec<Judged> = open
        .iter()
        .map(|at| {
            let odds = FIRST.sum(row(*at));
            let unit = &page.units[*at];
            Judged {
                block: unit.block,
                words: unit.stats.words as f32 + 1.0,
                odds,
                chance: probability(odds),
            }
        })
        .collect();
    let context = context(tree, &units);
    let mut chances = vec![0.0; page.units.len()];
    let mut wide = Vec::with_capacity(COLUMNS + CONTEXT);
    for (at, context) in open.iter().zip(context.chunks_exact(CONTEXT)) {
        wide.clear();
        wide.extend_from_slice(row(*at));
        wide.extend_from_slice(context);
        chances[*at] = probability(SECOND.sum(&wide));
    }
    chances
}

/// A unit that the first forest has judged.
struct Judged {
    block: u32,
    words: f32,
    odds: f32,
    chance: f32,
}

/// What the first forest says around each unit: [`CONTEXT`] numbers each.
fn context(tree: &Tree<'_>, units: &[Judged]) -> Vec<f32> {
    // Words below each node, and those that are likely.
    let mut all = vec![0.0_f32; tree.nodes.len()];
    let mut good = vec![0.0_f32; tree.nodes.len()];
    for unit in units {
        all[unit.block as usize] += unit.words;
        good[unit.block as usize] += unit.words * unit.chance;
    }
    for at in (1..tree.nodes.len()).rev() {
        if all[at] > 0.0 {
            let parent = tree.nodes[at].parent as usize;
            all[parent] += all[at];
            good[parent] += good[at];
        }
    }
    let (total, likely) = (all.first().copied().unwrap_or(0.0), good.first().copied().unwrap_or(0.0));
    let most = units.iter().map(|unit| unit.chance).fold(0.0, f32::max);
    let mean = |units: &[Judged]| {
        let good: f32 = units.iter().map(|unit| unit.words * unit.chance).sum();
        good / units.iter().map(|unit| unit.words).sum::<f32>().max(1.0)
    };
    let mut context = Vec::with_capacity(units.len() * CONTEXT);
    let mut sum = 0.0;
    for (at, unit) in units.iter().enumerate() {
        let chance = |step: isize| {
            at.checked_add_signed(step).and_then(|other| units.get(other)).map_or(0.0, |other| other.chance)
        };
        context.push(unit.odds.clamp(-9.0, 9.0));
        context.extend([-1, 1, -2, 2, -3, 3].map(chance));
        context.push(mean(&units[at.saturating_sub(NEAR)..at]));
        context.push(mean(&units[at + 1..(at + 1 + NEAR).min(units.len())]));
        let mut last = unit.words;
        let mut values = [likely / total.max(1.0), log(total as u32), 1.0];
        let mut above = tree.ancestors(unit.block);
        for _ in 0..ABOVE {
            // Blocks that hold more than the one below.
            if let Some(wider) =
                above.find(|above| all[*above as usize] > last + 0.5).map(|wider| wider as usize)
            {
                last = all[wider];
                values = [
                    (good[wider] - unit.chance * unit.words) / (all[wider] - unit.words).max(0.5),
                    log(all[wider] as u32),
                    good[wider] / likely.max(1e-6),
                ];
            }
            context.extend(values);
        }
        let own = unit.words * unit.chance;
        sum += own;
        context.extend([
            likely / total.max(1.0),
            likely,
            sum / likely.max(1e-6),
            (likely - sum + own) / likely.max(1e-6),
            most,
        ]);
    }
    context
}

/// How likely a unit must be to be kept, for the expected F1 of the page's words to be greatest. With a
/// `caution` above 1 fewer are kept, below it more.
pub(super) fn bound(page: &Units, chances: &[f32], caution: f32) -> f32 {
    let words = |at: usize| page.units[at].stats.words.max(1) as f32;
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|one, other| chances[*other].total_cmp(&chances[*one]).then(one.cmp(other)));
    let expected: f32 = (0..chances.len()).map(|at| words(at) * chances[at]).sum();
    let (mut right, mut kept, mut most) = (0.0, 0.0, 0.0_f32);
    for at in order {
        right += words(at) * chances[at];
        kept += words(at);
        most = most.max(2.0 * right / (kept + expected));
    }
    // What is likelier than half of the greatest F1 makes it greater.
    (most / 2.0 * caution).max(LEAST)
}

/// Nothing that is less likely is kept.
const LEAST: f32 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_forests_is_a_tree() {
        for (forest, text) in
            [(&FIRST, include_str!("first.forest")), (&SECOND, include_str!("second.forest"))]
        {
            assert_eq!(forest.trees(), text.lines().count());
            assert!(forest.trees() >= 60);
        }
    }
}
