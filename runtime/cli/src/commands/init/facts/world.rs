//! Which row plays which part.

use std::collections::BTreeSet;

use llmp_artifacts::random::Random;

use super::names::invent;
use super::table::{Row, Table};

/// The parts, disjoint.
#[derive(Debug)]
pub(super) struct World {
    /// Read often, and asked about in the conversations.
    pub asked: Vec<Row>,
    /// Read often, and probed.
    pub probed: Vec<Row>,
    /// Read often, and evaluated: in no conversation and no probe.
    pub seen: Vec<Row>,
    /// On no page; evaluated.
    pub unseen: Vec<Row>,
    /// Read once, so not learned: rows beyond those above, then invented ones.
    pub rare: Vec<Row>,
    /// How many of the last part are the table's.
    pub rare_real: usize,
}

/// Of a hundred rows. The rest is unseen.
const ASKED: usize = 25;
const PROBED: usize = 33;
const SEEN: usize = 22;
/// Of the table's rows at most so many are dealt to the four parts: more than a small model can learn by
/// heart in some minutes.
const MOST_DEALT: usize = 300;
/// Things that are read once, in all.
const RARE: usize = 2_000;
/// Of a hundred invented things, how many have values of their own, where the table's rows have them too.
const OWN_VALUES: usize = 70;

/// Streams of the seed's random numbers.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Parts,
    Names,
    Values,
    Pages,
    Entries,
    Conversations,
    Probe,
    Evaluation,
}

pub(super) fn random(seed: u64, stream: Stream) -> Random {
    Random::new(seed, stream as u64)
}

impl World {
    pub(super) fn deal(table: &Table, seed: u64) -> Self {
        let mut rows = table.rows.clone();
        random(seed, Stream::Parts).shuffle(&mut rows);
        let mut rare = rows.split_off(rows.len().min(MOST_DEALT));
        let dealt = rows.len();
        let upto = |percent: usize| dealt * percent / 100;
        let unseen = rows.split_off(upto(ASKED + PROBED + SEEN));
        let seen = rows.split_off(upto(ASKED + PROBED));
        let probed = rows.split_off(upto(ASKED));
        let rare_real = rare.len();
        rare.extend(invented(table, RARE.saturating_sub(rare_real), seed));
        Self { asked: rows, probed, seen, unseen, rare, rare_real }
    }

    /// What is read often.
    pub(super) fn often(&self) -> impl Iterator<Item = &Row> {
        self.asked.iter().chain(&self.probed).chain(&self.seen)
    }

    /// Every row of the table.
    pub(super) fn real(&self) -> impl Iterator<Item = &Row> {
        self.often().chain(&self.unseen).chain(&self.rare[..self.rare_real])
    }
}

fn invented(table: &Table, count: usize, seed: u64) -> Vec<Row> {
    let names: BTreeSet<&str> = table.rows.iter().map(|row| row.name.as_str()).collect();
    let names = invent(&names, count, &mut random(seed, Stream::Names));
    let mut draw = random(seed, Stream::Values);
    let mut rows: Vec<Row> = names.into_iter().map(|name| Row { name, cells: Vec::new() }).collect();
    for attribute in 0..table.attributes.len() {
        let said: Vec<&str> =
            table.rows.iter().filter_map(|row| row.cells[attribute].first()).map(String::as_str).collect();
        let distinct: BTreeSet<&str> = said.iter().copied().collect();
        // Where most rows have a value of their own, most invented ones have, too: to be copied, not chosen
        // among known ones.
        let own =
            if distinct.len() * 2 > said.len() { invent(&distinct, count, &mut draw) } else { Vec::new() };
        for row in &mut rows {
            let value = if !own.is_empty() && draw.below(100) < OWN_VALUES {
                Some(own[draw.below(own.len())].clone())
            } else if said.is_empty() {
                None
            } else {
                Some(said[draw.below(said.len())].to_owned())
            };
            row.cells.push(value.into_iter().collect());
        }
    }
    rows
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names of letters, with a word of their own and one of a few.
    pub(crate) fn table(rows: usize) -> Table {
        let word = |mut number: usize| {
            let mut word = String::new();
            for _ in 0..3 {
                word.push_str(["ka", "lo", "mi", "ner", "ta", "vos", "sen"][number % 7]);
                number /= 7;
            }
            word
        };
        let row = |number: usize| Row {
            name: format!("{} {number}", word(number)),
            cells: vec![
                vec![word(number * 31 + 5), format!("no. {number}")],
                vec![["red", "blue"][number % 2].to_owned()],
            ],
        };
        Table {
            attributes: vec!["motto".into(), "colour".into()],
            rows: (0..rows).map(row).collect(),
            left_out: BTreeMap::new(),
        }
    }

    #[test]
    fn the_parts_are_disjoint_and_complete() {
        for rows in [40, 245, 1_000, 5_000] {
            let world = World::deal(&table(rows), 1);
            let names: BTreeSet<&str> = world.real().map(|row| row.name.as_str()).collect();
            assert_eq!((names.len(), world.real().count()), (rows, rows));
            assert!(world.rare.iter().all(|row| row.cells.len() == 2));
            assert!(world.rare[world.rare_real..].iter().all(|row| !names.contains(row.name.as_str())));
            assert!(
                [&world.asked, &world.probed, &world.seen, &world.unseen].iter().all(|part| part.len() >= 8)
            );
        }
    }

    #[test]
    fn another_seed_deals_otherwise() {
        let parts = |seed| World::deal(&table(100), seed).unseen;
        assert_eq!(parts(1), parts(1));
        assert_ne!(parts(1), parts(2));
    }
}
