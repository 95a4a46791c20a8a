//! Places in a piece that no merge crosses, so that what is before and what is behind can be encoded on its
//! own.
//!
//! Scripts without spaces make long pieces that hardly ever come twice; but few tokens of the published
//! vocabularies hold more than one of their characters. A merge that crosses a place makes a token that holds
//! the bytes on both sides of it. Where no token of the vocabulary holds the two characters beside a place,
//! or a part of them that crosses it, no merge does, and the sides are independent: the merges of one do not
//! change what the other one becomes, nor their order.

use super::BATCH;

/// The places in pieces between two characters beyond ASCII where tokens may lie.
pub(super) struct Seams {
    /// Two characters that a token holds beside each other, as a bit at their hash: others may share it,
    /// which only costs time.
    pairs: Vec<u64>,
    shift: u32,
    /// The bytes beside a place that a token crosses with a part of a character: a row for the last six bits
    /// of the byte before, a bit for those of the byte behind.
    parts: [u64; 64],
}

impl Seams {
    /// The seams of a vocabulary with such tokens.
    pub(super) fn new<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut pairs, mut parts) = (Vec::new(), [0; 64]);
        for token in tokens {
            for at in 1..token.len() {
                if !is_between(token, at) {
                    continue;
                }
                let (before, behind) = token.split_at(at);
                match (last(before), first(behind)) {
                    (Some(left), Some(right)) => pairs.push(hash(left, right)),
                    _ => parts[usize::from(token[at - 1] & 0x3f)] |= 1 << (token[at] & 0x3f),
                }
            }
        }
        // One bit in 64 is set.
        let bits = (64 * pairs.len()).next_power_of_two().max(64);
        let mut seams = Self { pairs: vec![0; bits / 64], shift: 64 - bits.trailing_zeros(), parts };
        for pair in pairs {
            let bit = (pair >> seams.shift) as usize;
            seams.pairs[bit / 64] |= 1 << (bit % 64);
        }
        seams
    }

    /// Calls `each` with where parts of pieces begin and with their ends, up to [`BATCH`] of them at a time.
    /// The pieces lie one behind another from `start` on and end at `ends`.
    pub(super) fn each(
        &self,
        text: &[u8],
        start: usize,
        ends: &[usize],
        mut each: impl FnMut(usize, &[usize]),
    ) {
        let (mut parts, mut count, mut start) = ([0; BATCH], 0, start);
        let mut at = start;
        for &end in ends {
            while at < end {
                // Pieces that end with ASCII are mostly all of it.
                at = if text[end - 1] < 0x80 { end } else { at + self.next(&text[at..end]) };
                parts[count] = at;
                count += 1;
                if count == BATCH {
                    each(start, &parts);
                    (start, count) = (at, 0);
                }
            }
        }
        each(start, &parts[..count]);
    }

    /// The first place in `piece` that no merge crosses; its end where there is none.
    #[inline]
    fn next(&self, piece: &[u8]) -> usize {
        let mut at = 1;
        while at < piece.len() {
            if is_between(piece, at) && !self.crossed(piece, at) {
                return at;
            }
            at += 1;
        }
        piece.len()
    }

    #[inline(always)]
    fn crossed(&self, piece: &[u8], at: usize) -> bool {
        if self.parts[usize::from(piece[at - 1] & 0x3f)] >> (piece[at] & 0x3f) & 1 == 1 {
            return true;
        }
        let (before, behind) = piece.split_at(at);
        let (Some(left), Some(right)) = (last(before), first(behind)) else { return true };
        let bit = (hash(left, right) >> self.shift) as usize;
        self.pairs[bit / 64] >> (bit % 64) & 1 == 1
    }
}

/// Whether a character beyond ASCII ends before `at`, and another one begins there.
#[inline(always)]
fn is_between(bytes: &[u8], at: usize) -> bool {
    bytes[at] >= 0xc2 && bytes[at - 1] & 0xc0 == 0x80
}

/// The character that ends these bytes, as a number; `None` where its beginning is not among them.
#[inline(always)]
fn last(bytes: &[u8]) -> Option<u32> {
    let start = bytes.len() - 1 - bytes.iter().rev().take(3).position(|byte| *byte >= 0xc0)?;
    first(&bytes[start..])
}

/// The character that begins these bytes, as a number; `None` where its end is not among them.
#[inline(always)]
fn first(bytes: &[u8]) -> Option<u32> {
    let length = match bytes.first()? {
        0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    let character = bytes.get(..length)?;
    Some(character.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

#[inline(always)]
fn hash(left: u32, right: u32) -> u64 {
    (u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(tokens: &[&str], piece: &'a str) -> Vec<&'a str> {
        let seams = Seams::new(tokens.iter().map(|token| token.as_bytes()));
        let (mut found, mut start) = (Vec::new(), 0);
        seams.each(piece.as_bytes(), 0, &[piece.len()], |from, ends| {
            assert_eq!(from, start);
            for end in ends {
                found.push(&piece[start..*end]);
                start = *end;
            }
        });
        found
    }

    #[test]
    fn pieces_are_cut_where_no_token_lies() {
        assert_eq!(parts(&["你", "好", "世界", "a", "é"], " 你好世界a你"), [" 你", "好", "世界a你"]);
        assert_eq!(parts(&["\u{fe}\u{fd}"], "\u{fe}\u{fd}é😀"), ["\u{fe}\u{fd}", "é", "😀"]);
        // What ends with ASCII is left as it is.
        assert_eq!(parts(&["x"], "你好!"), ["你好!"]);
        assert_eq!(parts(&["x"], &"好".repeat(200)).len(), 200);
    }

    #[test]
    fn a_token_of_parts_of_characters_is_minded() {
        let token = &"你好".as_bytes()[2..5];
        let seams = Seams::new(std::iter::once(token));
        assert_eq!(seams.next("你好".as_bytes()), 6);
        // Another character with the same last byte may be what it begins with.
        assert_eq!(seams.next("你吃".as_bytes()), 6);
        assert_eq!(seams.next("好你".as_bytes()), 3);
    }
}
