//! The merges of a vocabulary, and the bytes of one piece merged by them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longer pieces are merged by way of a queue: their time grows as n log n instead of n².
const SHORT: usize = 256;
/// Most pieces are no longer, and need no more room to be prepared.
const WORD: usize = 16;
/// A pair that is never merged.
const NEVER: Merge = Merge { rank: u32::MAX, id: u32::MAX };

/// What two tokens become, and how early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Merge {
    /// Of the merges that are possible in a piece the one of the lowest rank is done first.
    rank: u32,
    id: u32,
}

/// Which pairs of tokens are merged to which.
pub(super) struct Merges {
    /// The tokens of single bytes.
    bytes: [u32; 256],
    /// What two bytes become: the first pairs of every piece. Entry `256 * first + second`.
    firsts: Vec<Merge>,
    pairs: Pairs,
}

impl Merges {
    /// The merges in the order in which they are done, each a left token, a right token and what they become.
    pub(super) fn new(bytes: [u32; 256], merges: impl ExactSizeIterator<Item = (u32, u32, u32)>) -> Self {
        let mut pairs = Pairs::with_capacity(merges.len());
        for (rank, (left, right, id)) in (0..).zip(merges) {
            pairs.insert(left, right, Merge { rank, id });
        }
        let mut firsts = vec![NEVER; 1 << 16];
        for (first, left) in bytes.iter().enumerate() {
            for (second, right) in bytes.iter().enumerate() {
                firsts[first << 8 | second] = pairs.get(*left, *right);
            }
        }
        Self { bytes, firsts, pairs }
    }

    /// Appends the tokens of `piece`.
    pub(super) fn encode(&self, piece: &[u8], ids: &mut Vec<u32>) {
        match piece {
            [] => {}
            [byte] => ids.push(self.bytes[usize::from(*byte)]),
            [_, ..] if piece.len() <= WORD => self.encode_short::<WORD>(piece, ids),
            [_, ..] if piece.len() <= SHORT => self.encode_short::<SHORT>(piece, ids),
            _ => self.encode_long(piece, ids),
        }
    }

    fn encode_short<const N: usize>(&self, piece: &[u8], ids: &mut Vec<u32>) {
        let (mut tokens, mut merges) = ([0; N], [NEVER; N]);
        let mut length = piece.len();
        for (token, byte) in tokens.iter_mut().zip(piece) {
            *token = self.bytes[usize::from(*byte)];
        }
        // Entry n is the merge of the tokens n and n + 1; the last token has none.
        for (merge, pair) in merges.iter_mut().zip(piece.windows(2)) {
            *merge = self.firsts[usize::from(pair[0]) << 8 | usize::from(pair[1])];
        }
        while length > 1 {
            let (mut at, mut lowest) = (0, u32::MAX);
            for (number, merge) in merges[..length - 1].iter().enumerate() {
                if merge.rank < lowest {
                    (at, lowest) = (number, merge.rank);
                }
            }
            if lowest == u32::MAX {
                break;
            }
            tokens[at] = merges[at].id;
            tokens.copy_within(at + 2..length, at + 1);
            merges.copy_within(at + 2..length, at + 1);
            length -= 1;
            merges[at] = if at + 1 < length { self.pairs.get(tokens[at], tokens[at + 1]) } else { NEVER };
            if at > 0 {
                merges[at - 1] = self.pairs.get(tokens[at - 1], tokens[at]);
            }
        }
        ids.extend_from_slice(&tokens[..length]);
    }

    fn encode_long(&self, piece: &[u8], ids: &mut Vec<u32>) {
        // A list of parts, each naming its neighbours; a part that was merged into the one before it is gone.
        const NONE: usize = usize::MAX;
        struct Part {
            token: u32,
            before: usize,
            behind: usize,
            gone: bool,
        }
        let mut parts: Vec<Part> = piece
            .iter()
            .enumerate()
            .map(|(at, byte)| Part {
                token: self.bytes[usize::from(*byte)],
                before: at.wrapping_sub(1),
                behind: if at + 1 < piece.len() { at + 1 } else { NONE },
                gone: false,
            })
            .collect();
        let pair = |parts: &[Part], at: usize| match parts[at].behind {
            NONE => NEVER,
            behind => self.pairs.get(parts[at].token, parts[behind].token),
        };
        let mut queue = BinaryHeap::new();
        let add = |queue: &mut BinaryHeap<_>, parts: &[Part], at: usize| {
            let merge = pair(parts, at);
            if merge != NEVER {
                queue.push(Reverse((merge.rank, at, merge.id)));
            }
        };
        for at in 0..parts.len() {
            add(&mut queue, &parts, at);
        }
        while let Some(Reverse((rank, at, id))) = queue.pop() {
            if parts[at].gone || pair(&parts, at) != (Merge { rank, id }) {
                continue;
            }
            let merged = parts[at].behind;
            parts[merged].gone = true;
            parts[at].token = id;
            parts[at].behind = parts[merged].behind;
            let behind = parts[merged].behind;
            if let Some(behind) = parts.get_mut(behind) {
                behind.before = at;
            }
            add(&mut queue, &parts, at);
            if parts[at].before != NONE {
                add(&mut queue, &parts, parts[at].before);
            }
        }
        ids.extend(parts.iter().filter(|part| !part.gone).map(|part| part.token));
    }
}

/// A hash table from pairs of tokens to merges, of which at most half is full. Most questions are of pairs
/// that it does not hold: a bit for each of 16 hashes an entry answers those without a look into the table,
/// which no near cache holds.
struct Pairs {
    slots: Vec<(u64, Merge)>,
    held: Vec<u64>,
    shift: u32,
}

/// No pair of tokens: ids are far below.
const EMPTY: u64 = u64::MAX;

impl Pairs {
    fn with_capacity(pairs: usize) -> Self {
        let size = (2 * pairs).next_power_of_two().max(64);
        Self {
            slots: vec![(EMPTY, NEVER); size],
            held: vec![0; size * 8 / 64],
            shift: 64 - size.trailing_zeros(),
        }
    }

    #[inline(always)]
    fn hash(left: u32, right: u32) -> (u64, u64) {
        let key = u64::from(left) << 32 | u64::from(right);
        (key, (key ^ key >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn insert(&mut self, left: u32, right: u32, merge: Merge) {
        let (key, hash) = Self::hash(left, right);
        let bit = (hash >> (self.shift - 3)) as usize;
        self.held[bit / 64] |= 1 << (bit % 64);
        let mut at = (hash >> self.shift) as usize;
        while self.slots[at].0 != EMPTY {
            // Of two merges of one pair the last one counts, as in Hugging Face's library.
            if self.slots[at].0 == key {
                break;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = (key, merge);
    }

    #[inline(always)]
    fn get(&self, left: u32, right: u32) -> Merge {
        let (key, hash) = Self::hash(left, right);
        let bit = (hash >> (self.shift - 3)) as usize;
        if self.held[bit / 64] >> (bit % 64) & 1 == 0 {
            return NEVER;
        }
        let mut at = (hash >> self.shift) as usize;
        loop {
            let (found, merge) = self.slots[at];
            if found == key {
                return merge;
            }
            if found == EMPTY {
                return NEVER;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The merges of a small alphabet, `a` being 97.
    fn merges(pairs: &[(u32, u32)]) -> Merges {
        let bytes = std::array::from_fn(|byte| byte as u32);
        let made = (256..).zip(pairs).map(|(id, (left, right))| (*left, *right, id));
        Merges::new(bytes, made.collect::<Vec<_>>().into_iter())
    }

    /// Merging as it is defined: every pair of the lowest rank, from the left, again and again.
    fn slowly(pairs: &[(u32, u32)], piece: &[u8]) -> Vec<u32> {
        let mut tokens: Vec<u32> = piece.iter().map(|byte| u32::from(*byte)).collect();
        loop {
            let rank = |pair: &[u32]| pairs.iter().position(|merged| *merged == (pair[0], pair[1]));
            let lowest = tokens.windows(2).enumerate().filter_map(|(at, pair)| Some((rank(pair)?, at))).min();
            let Some((rank, at)) = lowest else { return tokens };
            tokens.splice(at..at + 2, [256 + rank as u32]);
        }
    }

    proptest! {
        #[test]
        fn short_and_long_pieces_are_merged_as_defined(
            picks in prop::collection::vec((0_usize..20, 0_usize..20), 1..20),
            piece in prop::collection::vec(97_u8..101, 1..60),
        ) {
            let mut pairs: Vec<(u32, u32)> = Vec::new();
            for (left, right) in picks {
                let tokens: Vec<u32> = (97..101).chain(256..256 + pairs.len() as u32).collect();
                let pair = (tokens[left % tokens.len()], tokens[right % tokens.len()]);
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
            }
            let merges = merges(&pairs);
            let expected = slowly(&pairs, &piece);
            for encode in [Merges::encode, Merges::encode_long] {
                let mut ids = vec![];
                encode(&merges, &piece, &mut ids);
                prop_assert_eq!(&ids, &expected);
            }
        }
    }

    #[test]
    fn long_pieces_take_no_time_by_their_square() {
        let merges = merges(&[(97, 97), (256, 256), (257, 257)]);
        let mut ids = Vec::new();
        merges.encode(&[97; 1_000_001], &mut ids);
        assert_eq!((ids.len(), ids[0], ids[125_000]), (125_001, 258, 97));
    }
}
