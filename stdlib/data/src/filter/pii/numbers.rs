//! Where digits stand close together. Most kinds of numbers can lie nowhere else, so that the rest of a text
//! is passed over once.

use std::ops::Range;

/// So many bytes at most lie between two digits of one number: `+49 (0) - 30`.
const GAP: usize = 6;

/// A stretch of text with digits close together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// From its first digit to behind its last one.
    pub(super) range: Range<usize>,
    /// How many digits it has.
    pub(super) digits: usize,
}

impl Region {
    /// The text of the region with what may belong to it on either side (`+`, `(`, a border of a word), and
    /// where it starts.
    pub(super) fn with_edges<'a>(&self, text: &'a str) -> (usize, &'a str) {
        let start = text.floor_char_boundary(self.range.start.saturating_sub(8));
        let end = text.ceil_char_boundary(self.range.end + 8);
        (start, &text[start..end])
    }
}

/// All regions of a text, in order. Those with fewer than six digits hold no number that is looked for.
pub(super) fn regions(text: &str) -> Vec<Region> {
    let mut regions = Vec::new();
    let mut open: Option<Region> = None;
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match &mut open {
            Some(region) if at - region.range.end <= GAP => {
                region.range.end = at + 1;
                region.digits += 1;
            }
            region => {
                let region = region.replace(Region { range: at..at + 1, digits: 1 });
                regions.extend(region.filter(|region| region.digits >= 6));
            }
        }
    }
    regions.extend(open.filter(|region| region.digits >= 6));
    regions
}

/// The values of the digits in a text.
pub(super) fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|character| character.to_digit(10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_close_together_are_a_region() {
        let text = "tel +49 (0)30 901820 and in 2024 there were 123456";
        let found: Vec<&str> = regions(text).iter().map(|region| &text[region.range.clone()]).collect();
        assert_eq!(found, ["49 (0)30 901820", "123456"]);
        let (start, part) = regions(text)[0].with_edges(text);
        assert_eq!((start, part), (0, "tel +49 (0)30 901820 and in "));
        assert!(regions("in 2024").is_empty());
    }
}
