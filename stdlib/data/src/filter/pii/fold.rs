//! Text as the patterns see it: digits of every script as ASCII digits, typographic blanks and dashes as ` `
//! and `-`, full-width signs as ASCII signs, and what has no width left out. What is found there is found in
//! the text at the same place.

use std::borrow::Cow;
use std::ops::Range;

/// A text and where its parts stand in the original.
pub(super) struct Folded<'a> {
    /// The folded text.
    pub(super) text: Cow<'a, str>,
    /// Where both texts part company: a position here and the same in the original, whenever their distance
    /// changes.
    marks: Vec<(usize, usize)>,
}

impl<'a> Folded<'a> {
    pub(super) fn new(original: &'a str) -> Self {
        let mut folded = Self { text: Cow::Borrowed(original), marks: Vec::new() };
        // Most texts have nothing to fold.
        let Some(first) = first(original) else { return folded };
        let mut text = String::with_capacity(original.len());
        text.push_str(&original[..first]);
        let mut last = original[..first].chars().next_back();
        let mut characters = original[first..].char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let at = first + at;
            let stands_for = match character {
                // A long vowel stands for a dash between digits: `03ー1234ー5678`.
                '\u{30fc}' if last.is_some_and(is_digit) => {
                    characters.peek().filter(|(_, next)| is_digit(*next)).map(|_| "-")
                }
                character => ascii(character),
            };
            last = Some(character);
            match stands_for {
                None => text.push(character),
                Some(sign) => {
                    text.push_str(sign);
                    folded.marks.push((text.len(), at + character.len_utf8()));
                }
            }
        }
        folded.text = Cow::Owned(text);
        folded
    }

    /// The place in the original of a place here.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end)
    }

    fn place(&self, at: usize) -> usize {
        let before = self.marks.partition_point(|(here, _)| *here <= at);
        match before.checked_sub(1).and_then(|last| self.marks.get(last)) {
            Some((here, there)) => there + (at - here),
            None => at,
        }
    }
}

/// Where the first character stands that is not what it stands for.
fn first(text: &str) -> Option<usize> {
    if text.is_ascii() {
        return None;
    }
    text.char_indices()
        .find(|(_, character)| *character == '\u{30fc}' || ascii(*character).is_some())
        .map(|(at, _)| at)
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || digit(character).is_some()
}

/// The ASCII text that a character beyond ASCII stands for here.
fn ascii(character: char) -> Option<&'static str> {
    // Letters come first: they are the most.
    if character < '\u{a0}' {
        return None;
    }
    Some(match character {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{2028}' | '\u{2029}' => "\n",
        // Hyphens, dashes, minus signs.
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => "-",
        // Soft hyphen, zero width, directions.
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => "",
        '\u{ff08}' => "(",
        '\u{ff09}' => ")",
        '\u{ff0b}' => "+",
        '\u{ff0e}' => ".",
        '\u{ff0f}' => "/",
        '\u{ff1a}' => ":",
        '\u{ff20}' => "@",
        _ => {
            const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
            DIGITS[digit(character)?]
        }
    })
}

/// The value of a decimal digit beyond ASCII.
fn digit(character: char) -> Option<usize> {
    /// Where the digits of scripts start that are written on web pages.
    const ZEROS: [u32; 17] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
        0x0e50, 0x0ed0, 0x1040, 0x17e0, 0xff10,
    ];
    let code = u32::from(character);
    if !(0x0660..=0x17e9).contains(&code) && !(0xff10..=0xff19).contains(&code) {
        return None;
    }
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code))?;
    usize::try_from(code - zero).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_original() {
        let text = "Größe\u{a0}０３－\u{200e}１２ ٣, ー サーバー 1ー2 end";
        let folded = Folded::new(text);
        assert_eq!(folded.text, "Größe 03-12 3, ー サーバー 1-2 end");
        for part in ["03-12", "3,", "end", "Größe", "1-2"] {
            let at = folded.text.find(part).expect("there");
            let original = &text[folded.original(&(at..at + part.len()))];
            assert_eq!(Folded::new(original).text, part);
        }
        assert!(matches!(Folded::new("größe 12").text, Cow::Borrowed(_)));
    }
}
