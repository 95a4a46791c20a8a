//! What the published patterns ask of a character: one byte for each of Unicode's code points.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// `\p{L}`.
pub(super) const LETTER: u8 = 1;
/// `\p{N}`.
pub(super) const NUMBER: u8 = 1 << 1;
/// `\s`, line breaks among them.
pub(super) const SPACE: u8 = 1 << 2;
/// `[\r\n]`.
pub(super) const BREAK: u8 = 1 << 3;
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`: what a capitalised word begins with.
pub(super) const UPPER: u8 = 1 << 4;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`: what it goes on with.
pub(super) const LOWER: u8 = 1 << 5;

const CLASSES: [(&str, u8); 6] = [
    (r"\p{L}", LETTER),
    (r"\p{N}", NUMBER),
    (r"\s", SPACE),
    (r"[\r\n]", BREAK),
    (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
    (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
];

static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut table = vec![0; char::MAX as usize + 1];
    for (class, bit) in CLASSES {
        for (start, end) in ranges(class) {
            table[start as usize..=end as usize].iter_mut().for_each(|bits| *bits |= bit);
        }
    }
    table
});

/// The classes of every code point. Unicode's version is that of the crate `regex`.
pub(super) fn table() -> &'static [u8] {
    &TABLE
}

/// The code points of a class of characters in a regular expression.
fn ranges(class: &str) -> Vec<(char, char)> {
    let parsed = regex_syntax::parse(class).expect("the classes above are valid, and a test parses them");
    match parsed.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().map(|range| (range.start(), range.end())).collect()
        }
        other => unreachable!("a class of characters, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_classes() {
        let of = |character: char| table()[character as usize];
        assert_eq!(of('a'), LETTER | LOWER);
        assert_eq!(of('É'), LETTER | UPPER);
        assert_eq!(of('猫'), LETTER | UPPER | LOWER);
        assert_eq!(of('\u{301}'), UPPER | LOWER);
        assert_eq!(of('½'), NUMBER);
        assert_eq!(of('\n'), SPACE | BREAK);
        assert_eq!(of('\u{3000}'), SPACE);
        assert_eq!(of('。'), 0);
    }
}
