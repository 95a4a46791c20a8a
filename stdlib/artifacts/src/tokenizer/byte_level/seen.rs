//! Pieces that were met before, with their tokens: most of a text are words that came already.

use rustc_hash::FxHashMap;

use super::BATCH;

/// Tokens that stand beside a piece.
const INLINE: usize = 3;
/// Pieces in a cache line, which belong together.
const WAYS: usize = 2;
/// So many lines a table begins with, and has at most: 16 MiB.
const LINES: (usize, usize) = (1 << 12, 1 << 18);
/// Tokens of pieces that have more than a slot holds. When so many are kept, all is forgotten.
const MOST_SPILLED: usize = 1 << 20;
/// Pieces that are longer than the table takes; when so many are kept, they are forgotten.
const MOST_LONG: usize = 1 << 14;
/// Still longer ones are not kept at all.
const LONGEST: usize = 256;

/// Tokens by piece. It forgets what it has no room for, so that its memory is bounded.
pub(super) struct Seen {
    lines: Vec<Line>,
    held: usize,
    shift: u32,
    long: FxHashMap<Box<[u8]>, Box<[u32]>>,
    /// The tokens of pieces that have more than [`INLINE`].
    spilled: Vec<u32>,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([Slot; WAYS]);

/// A piece and its tokens.
#[derive(Clone, Copy)]
struct Slot {
    /// The piece as [`key_of`] numbers it; 0 where there is none.
    key: u128,
    /// The tokens, or where they begin in [`Seen::spilled`].
    ids: [u32; INLINE],
    count: u32,
}

const NOTHING: Line = Line([Slot { key: 0, ids: [0; INLINE], count: 0 }; WAYS]);

impl Seen {
    pub(super) fn new() -> Self {
        Self {
            lines: vec![NOTHING; LINES.0],
            held: 0,
            shift: 64 - LINES.0.trailing_zeros(),
            long: FxHashMap::default(),
            spilled: Vec::new(),
        }
    }

    /// Appends the tokens of the pieces of `text` that end at `ends`, one after another from `start` on;
    /// `encode` finds those of new ones. There are at most [`BATCH`] of them.
    pub(super) fn encode(
        &mut self,
        text: &[u8],
        start: usize,
        ends: &[usize],
        ids: &mut Vec<u32>,
        encode: impl Fn(&[u8], &mut Vec<u32>) + Copy,
    ) {
        // All numbers first: what they lead to is then fetched for many pieces at once.
        let mut keys = [(0, 0); BATCH];
        let mut from = start;
        for (slot, &end) in keys.iter_mut().zip(ends) {
            let key = key_of(text, from, end);
            let line = (hash(key) >> self.shift) as usize;
            *slot = (key, line);
            fetch(&self.lines[line]);
            from = end;
        }
        let (mut found, mut count) = ([0; INLINE * BATCH], 0);
        let mut from = start;
        for (&(key, line), &end) in keys.iter().zip(ends) {
            // A piece before may have made the table anew: then this is another line, and the piece is looked
            // for again.
            let slot = self.lines.get(line).map_or(&NOTHING.0[0], |line| &line.0[0]);
            if slot.key == key && slot.count <= INLINE as u32 {
                // All are written, and overwritten where there are fewer: no branch to guess.
                found[count..count + INLINE].copy_from_slice(&slot.ids);
                count += slot.count as usize;
            } else {
                ids.extend_from_slice(&found[..count]);
                count = 0;
                self.look(&text[from..end], key, ids, encode);
            }
            from = end;
        }
        ids.extend_from_slice(&found[..count]);
    }

    /// As [`Seen::encode`], for a piece that is not first in its line, has many tokens, or is long.
    #[inline(never)]
    fn look(&mut self, piece: &[u8], key: u128, ids: &mut Vec<u32>, encode: impl Fn(&[u8], &mut Vec<u32>)) {
        if key == LONG {
            return self.look_long(piece, ids, encode);
        }
        let line = (hash(key) >> self.shift) as usize;
        let line = &mut self.lines[line].0;
        if let Some(at) = line.iter().position(|slot| slot.key == key) {
            let slot = line[at];
            // What comes often stands first.
            line.swap(at, at.saturating_sub(1));
            match slot.count as usize {
                count if count <= INLINE => ids.extend_from_slice(&slot.ids[..count]),
                count => ids.extend_from_slice(&self.spilled[slot.ids[0] as usize..][..count]),
            }
            return;
        }
        let before = ids.len();
        encode(piece, ids);
        let found = &ids[before..];
        let mut slot = Slot { key, ids: [0; INLINE], count: found.len() as u32 };
        if found.len() <= INLINE {
            slot.ids[..found.len()].copy_from_slice(found);
        } else {
            if self.spilled.len() + found.len() > MOST_SPILLED {
                *self = Self::new();
            }
            slot.ids[0] = self.spilled.len() as u32;
            self.spilled.extend_from_slice(found);
        }
        self.place(slot);
        if 2 * self.held >= WAYS * self.lines.len() && self.lines.len() < LINES.1 {
            let larger = vec![NOTHING; 4 * self.lines.len()];
            let lines = std::mem::replace(&mut self.lines, larger);
            (self.held, self.shift) = (0, self.shift - 2);
            lines
                .iter()
                .flat_map(|line| line.0)
                .filter(|slot| slot.key != 0)
                .for_each(|slot| self.place(slot));
        }
    }

    /// Puts a slot where it belongs, instead of the last of its line where that is full.
    fn place(&mut self, slot: Slot) {
        let line = (hash(slot.key) >> self.shift) as usize;
        let line = &mut self.lines[line].0;
        let free = line.iter().position(|slot| slot.key == 0);
        self.held += usize::from(free.is_some());
        line[free.unwrap_or(WAYS - 1)] = slot;
    }

    fn look_long(&mut self, piece: &[u8], ids: &mut Vec<u32>, encode: impl Fn(&[u8], &mut Vec<u32>)) {
        if piece.len() > LONGEST {
            return encode(piece, ids);
        }
        if let Some(tokens) = self.long.get(piece) {
            return ids.extend_from_slice(tokens);
        }
        let before = ids.len();
        encode(piece, ids);
        if self.long.len() >= MOST_LONG {
            self.long.clear();
        }
        self.long.insert(piece.into(), ids[before..].into());
    }
}

/// No piece's number.
const LONG: u128 = u128::MAX;

/// What is left of sixteen bytes that a piece of so many bytes begins with, and its length as the uppermost
/// byte. Of longer ones nothing.
const MASKS: [(u128, u128); 17] = {
    let mut masks = [(0, LONG); 17];
    let mut length = 0;
    while length < 16 {
        masks[length] = ((1 << (8 * length)) - 1, (length as u128) << 120);
        length += 1;
    }
    masks
};

/// A piece as a number: its bytes and its length. [`LONG`] where it has more than 15 bytes.
#[inline(always)]
fn key_of(text: &[u8], start: usize, end: usize) -> u128 {
    let length = end - start;
    let bytes = match text.get(start..start + 16) {
        Some(bytes) => u128::from_le_bytes(bytes.try_into().expect("sixteen bytes")),
        None => {
            let mut bytes = [0; 16];
            let known = length.min(16);
            bytes[..known].copy_from_slice(&text[start..start + known]);
            u128::from_le_bytes(bytes)
        }
    };
    let (mask, length) = MASKS[length.min(16)];
    bytes & mask | length
}

#[inline(always)]
fn hash(key: u128) -> u64 {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd1b5_4a32_d192_ed03);
    product as u64 ^ (product >> 64) as u64
}

/// Has a line brought near, before it is looked at.
#[inline(always)]
fn fetch(line: &Line) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: fetching reads nothing, and never fails.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(std::ptr::from_ref(line).cast(), _MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(seen: &mut Seen, text: &str, length: usize, encode: impl Fn(&[u8], &mut Vec<u32>) + Copy) {
        let mut ids = Vec::new();
        seen.encode(text.as_bytes(), 0, &[length], &mut ids, encode);
        assert!(ids.iter().copied().eq(text.bytes().take(length).map(u32::from)), "{text}");
    }

    fn bytes(piece: &[u8], ids: &mut Vec<u32>) {
        ids.extend(piece.iter().map(|byte| u32::from(*byte)));
    }

    #[test]
    fn a_piece_is_asked_for_once_while_there_is_room() {
        let asked = std::cell::Cell::new(0);
        let asking = |piece: &[u8], ids: &mut Vec<u32>| {
            asked.set(asked.get() + 1);
            bytes(piece, ids);
        };
        let mut seen = Seen::new();
        let pieces = [
            "a",
            "ab",
            "abc",
            "abcd",
            "abcdefg",
            "abcdefgh",
            "abcdefghijklmno",
            "abcdefghijklmnop",
            "\0",
            "\0\0",
        ];
        for _ in 0..3 {
            for piece in pieces {
                // In the middle of a text and at its end.
                for text in [piece.to_owned(), format!("{piece} and what follows it")] {
                    encode(&mut seen, &text, piece.len(), asking);
                }
            }
        }
        assert_eq!(asked.get(), pieces.len());
    }

    #[test]
    fn more_pieces_than_there_is_room_for_keep_their_tokens() {
        let mut seen = Seen::new();
        for number in (0..600_000).chain(0..1_000) {
            for piece in [format!("{number:x}"), format!("{number:09}"), format!("{number:018}")] {
                encode(&mut seen, &piece, piece.len(), bytes);
            }
        }
        assert_eq!(seen.lines.len(), LINES.1);
        assert!(seen.spilled.len() <= MOST_SPILLED && seen.long.len() <= MOST_LONG);
    }
}
