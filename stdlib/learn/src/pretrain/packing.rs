//! Documents packed whole into rows: best-fit decreasing, as in "Fewer Truncations Improve Language Modeling"
//! (arXiv 2404.10830).
//!
//! A document that is longer than a row is cut into full rows and a rest, and each cut repeats one token, so
//! that every token but a document's first is predicted once. Pieces go by their length, the longest first,
//! into the fullest row that has room. How many rows there are, and how long the pieces in each are, follows
//! from the lengths alone; which of the pieces of one length stands where, and the order of rows, is drawn
//! anew for every pass.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use llmp_artifacts::random::Random;

/// A part of a document that stands in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) document: u32,
    /// Its first token, counted from the document's.
    pub(super) from: u64,
    /// How many it has; at most one more than the context.
    pub(super) tokens: u32,
}

/// All pieces in their rows.
pub(super) struct Packing {
    /// By length, the longest first.
    pieces: Vec<Piece>,
    /// Places of pieces, row by row.
    places: Vec<u32>,
    /// Where each row begins in `places`, and where the last ends.
    starts: Vec<usize>,
    /// Documents that are longer than a row.
    pub(super) cut: u64,
    /// The order of the pass that was asked for last.
    pass: Mutex<Option<Arc<Pass>>>,
}

/// The order of one pass.
struct Pass {
    number: u64,
    seed: u64,
    /// The piece that stands at each place.
    pieces: Vec<u32>,
    /// Rows as they follow each other.
    rows: Vec<u32>,
}

impl Packing {
    /// Packs documents of these lengths into rows of up to `context` tokens and one more.
    pub(super) fn new(lengths: impl Iterator<Item = u64>, context: u64) -> Self {
        let room = context as usize + 1;
        let (mut pieces, mut cut) = (Vec::new(), 0);
        for (document, length) in (0..).zip(lengths) {
            let count = length.saturating_sub(1).div_ceil(context).max(u64::from(length > 0));
            cut += u64::from(count > 1);
            pieces.extend((0..count).map(|number| {
                let from = number * context;
                Piece { document, from, tokens: (length - from).min(context + 1) as u32 }
            }));
        }
        // Stable: pieces of one length stay in the order of documents.
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.tokens));
        // Rows with so much room, the last opened first.
        let mut with_room: Vec<Vec<u32>> = vec![Vec::new(); room + 1];
        let mut rooms: BTreeSet<usize> = BTreeSet::new();
        let (mut rows, mut row_of) = (0_u32, Vec::with_capacity(pieces.len()));
        for piece in &pieces {
            let needed = piece.tokens as usize;
            let fitting = rooms.range(needed..).next().copied();
            let (row, left) = match fitting.and_then(|space| Some((with_room[space].pop()?, space))) {
                Some((row, space)) => {
                    if with_room[space].is_empty() {
                        rooms.remove(&space);
                    }
                    (row, space - needed)
                }
                None => {
                    rows += 1;
                    (rows - 1, room - needed)
                }
            };
            row_of.push(row);
            if left > 0 {
                with_room[left].push(row);
                rooms.insert(left);
            }
        }
        let mut starts = vec![0; rows as usize + 1];
        for &row in &row_of {
            starts[row as usize + 1] += 1;
        }
        for row in 0..rows as usize {
            starts[row + 1] += starts[row];
        }
        let (mut free, mut places) = (starts.clone(), vec![0; pieces.len()]);
        for (piece, &row) in (0..).zip(&row_of) {
            places[free[row as usize]] = piece;
            free[row as usize] += 1;
        }
        Self { pieces, places, starts, cut, pass: Mutex::new(None) }
    }

    /// Rows of a pass.
    pub(super) fn rows(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// Share of the rows' places that hold no token.
    pub(super) fn empty(&self, context: u64) -> f64 {
        let tokens: u64 = self.pieces.iter().map(|piece| u64::from(piece.tokens)).sum();
        1.0 - tokens as f64 / (self.rows() * (context + 1)).max(1) as f64
    }

    /// The pieces of row `number` of the endless sequence of passes.
    pub(super) fn row(&self, number: u64, seed: u64) -> Vec<Piece> {
        let (pass, at) = (number / self.rows(), (number % self.rows()) as usize);
        let order = self.pass(pass, seed);
        let row = order.rows[at] as usize;
        let places = &self.places[self.starts[row]..self.starts[row + 1]];
        places.iter().map(|&place| self.pieces[order.pieces[place as usize] as usize]).collect()
    }

    fn pass(&self, number: u64, seed: u64) -> Arc<Pass> {
        let mut last = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = last.as_ref().filter(|pass| (pass.number, pass.seed) == (number, seed)) {
            return pass.clone();
        }
        let mut random = Random::of_model(seed, number);
        let mut pieces: Vec<u32> = (0..self.pieces.len() as u32).collect();
        let same = |a: &u32, b: &u32| self.pieces[*a as usize].tokens == self.pieces[*b as usize].tokens;
        for group in pieces.chunk_by_mut(same) {
            random.shuffle(group);
        }
        let mut rows: Vec<u32> = (0..self.rows() as u32).collect();
        random.shuffle(&mut rows);
        last.insert(Arc::new(Pass { number, seed, pieces, rows })).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each token of each document but its first, as it is predicted in a pass.
    fn predicted(packing: &Packing, pass: u64) -> Vec<(u32, u64)> {
        let rows = pass * packing.rows()..(pass + 1) * packing.rows();
        let pieces = rows.flat_map(|row| packing.row(row, 1));
        let mut all: Vec<(u32, u64)> = pieces
            .flat_map(|piece| (1..u64::from(piece.tokens)).map(move |at| (piece.document, piece.from + at)))
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_token_is_predicted_once_in_a_pass_and_rows_are_full() {
        let lengths: Vec<u64> = (0..500).map(|i| 1 + (i * i * 37 + i) % 200).chain([0, 64, 65, 66]).collect();
        let packing = Packing::new(lengths.iter().copied(), 64);
        let all: Vec<(u32, u64)> = (0..)
            .zip(&lengths)
            .flat_map(|(document, &length)| (1..length).map(move |at| (document, at)))
            .collect();
        for pass in [0, 3] {
            assert_eq!(predicted(&packing, pass), all);
        }
        assert!(packing.empty(64) < 0.02, "{}", packing.empty(64));
        let cut = lengths.iter().filter(|&&length| length > 65).count() as u64;
        assert_eq!(packing.cut, cut, "no document is cut that fits into a row");
        for number in 0..packing.rows() {
            let row = packing.row(number, 1);
            assert!(row.iter().map(|piece| piece.tokens).sum::<u32>() <= 65 && !row.is_empty());
        }
        let of = |pass: u64, seed: u64| -> Vec<Vec<Piece>> {
            (0..packing.rows()).map(|row| packing.row(pass * packing.rows() + row, seed)).collect()
        };
        assert_eq!(of(1, 1), of(1, 1), "a function of pass and seed");
        assert!(of(1, 1) != of(2, 1) && of(1, 1) != of(1, 2));
    }

    #[test]
    fn the_fullest_row_that_has_room_is_taken() {
        // Of 10: 6 + 4, 7 + 3, and 2 into what is left nowhere.
        let packing = Packing::new([4, 7, 6, 3, 2].into_iter(), 9);
        let mut rows: Vec<Vec<u32>> = (0..packing.rows())
            .map(|row| packing.row(row, 1).iter().map(|piece| piece.tokens).collect())
            .collect();
        rows.sort();
        assert_eq!(rows, [vec![2], vec![6, 4], vec![7, 3]]);
        assert_eq!(Packing::new([0, 0].into_iter(), 9).rows(), 0);
    }
}
