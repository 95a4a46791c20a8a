//! Where the published patterns cut a text, found without a regular expression: a character's class decides
//! what the piece is that it begins, and where it ends. Words of ASCII letters are measured eight bytes at a
//! time.

use super::super::Pattern;
use super::classes::{BREAK, LETTER, LOWER, NUMBER, SPACE, UPPER, table};

/// Cuts texts by one [`Pattern`].
#[derive(Clone, Copy)]
pub(super) struct Cutter {
    pattern: Pattern,
    classes: &'static [u8],
}

impl Cutter {
    pub(super) fn new(pattern: Pattern) -> Self {
        Self { pattern, classes: table() }
    }

    /// Puts the ends of the next pieces of `text`, from `start` on, into `ends`. Returns how many they are:
    /// fewer than there is room for at the end of the text.
    pub(super) fn cut(self, text: &str, start: usize, ends: &mut [usize]) -> usize {
        let text = Text { bytes: text.as_bytes(), classes: self.classes };
        match self.pattern {
            Pattern::Cl100k => text.cut(|at| text.cl100k::<3>(at), start, ends),
            Pattern::Qwen2 => text.cut(|at| text.cl100k::<1>(at), start, ends),
            Pattern::Gpt2 => text.cut(|at| text.gpt2(at), start, ends),
            Pattern::O200k => text.cut(|at| text.o200k(at), start, ends),
        }
    }
}

/// A text that is being cut. All positions are between characters.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    classes: &'static [u8],
}

impl Text<'_> {
    #[inline(always)]
    fn cut(&self, end_of: impl Fn(usize) -> usize, start: usize, ends: &mut [usize]) -> usize {
        let mut at = start;
        for (count, end) in ends.iter_mut().enumerate() {
            if at == self.bytes.len() {
                return count;
            }
            at = end_of(at);
            *end = at;
        }
        ends.len()
    }

    /// The character at `at`, as its code point, and its length. 0 and 0 at the end.
    #[inline(always)]
    fn character(&self, at: usize) -> (u32, usize) {
        match self.bytes.get(at) {
            None => (0, 0),
            Some(&byte) if byte < 0x80 => (u32::from(byte), 1),
            Some(&byte) => self.wide(at, byte),
        }
    }

    /// A character of two to four bytes; the text is valid UTF-8.
    #[inline]
    fn wide(&self, at: usize, first: u8) -> (u32, usize) {
        let next = |behind: usize| u32::from(self.bytes.get(at + behind).copied().unwrap_or(0) & 0x3f);
        let first = u32::from(first);
        if first < 0xe0 {
            ((first & 0x1f) << 6 | next(1), 2)
        } else if first < 0xf0 {
            ((first & 0x0f) << 12 | next(1) << 6 | next(2), 3)
        } else {
            ((first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4)
        }
    }

    /// The classes of the character at `at`, and its length. No class at the end.
    #[inline(always)]
    fn class(&self, at: usize) -> (u8, usize) {
        let (character, length) = self.character(at);
        // NUL, which stands for the end, has no class.
        (self.classes[character as usize], length)
    }

    #[inline(always)]
    fn is(&self, at: usize, classes: u8) -> bool {
        self.class(at).0 & classes != 0
    }

    /// The end of the run of characters from `at` on that are of one of `classes`.
    #[inline(always)]
    fn run(&self, mut at: usize, classes: u8) -> usize {
        loop {
            let (class, length) = self.class(at);
            if class & classes == 0 {
                return at;
            }
            at += length;
        }
    }

    /// The end of the run of letters from `at` on.
    #[inline(always)]
    fn letters(&self, mut at: usize) -> usize {
        loop {
            at += self.ascii_letters(at);
            // A word of ASCII letters ends here; where a wide letter follows, others may.
            match self.bytes.get(at) {
                Some(byte) if *byte >= 0x80 => {}
                Some(byte) if byte.is_ascii_alphabetic() => continue,
                _ => return at,
            }
            let start = at;
            while self.bytes.get(at).is_some_and(|byte| *byte >= 0x80) {
                let (class, length) = self.class(at);
                if class & LETTER == 0 {
                    return at;
                }
                at += length;
            }
            if at == start {
                return at;
            }
        }
    }

    /// How many of the bytes from `at` on are ASCII letters, up to eight.
    #[inline(always)]
    fn ascii_letters(&self, at: usize) -> usize {
        match self.bytes.get(at..at + 8) {
            Some(eight) => {
                let eight = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
                (other_than_letters(eight).trailing_zeros() / 8) as usize
            }
            None => self.bytes[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count(),
        }
    }

    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`: the end of a contraction that begins at `at`.
    #[inline(always)]
    fn contraction(&self, at: usize) -> Option<usize> {
        if self.bytes.get(at) != Some(&b'\'') {
            return None;
        }
        let letter = |at: usize| self.bytes.get(at).map_or(0, u8::to_ascii_lowercase);
        match (letter(at + 1), letter(at + 2)) {
            (b's' | b't' | b'm' | b'd', _) => Some(at + 2),
            (b'r' | b'v', b'e') | (b'l', b'l') => Some(at + 3),
            // `ſ`, whose capital is `S`.
            (0xc5, 0xbf) => Some(at + 3),
            _ => None,
        }
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`: the end of the piece that a space begins; without `breaks` line breaks are
    /// spaces like any other.
    #[inline(always)]
    fn spaces(&self, at: usize, breaks: bool) -> usize {
        let (mut end, mut last, mut broken) = (at, at, None);
        loop {
            let (class, length) = self.class(end);
            if class & SPACE == 0 {
                break;
            }
            last = end;
            end += length;
            if breaks && class & BREAK != 0 {
                broken = Some(end);
            }
        }
        match broken {
            Some(end) => end,
            // The last space belongs to the word behind it.
            None if end < self.bytes.len() && last > at => last,
            None => end,
        }
    }

    /// ` ?[^\s\p{L}\p{N}]+` and what may follow it, from `at` on, where such a character stands there or
    /// behind a space.
    #[inline(always)]
    fn marks(&self, at: usize, follow: impl Fn(u8) -> bool) -> usize {
        let mut end = at;
        loop {
            let (class, length) = self.class(end);
            if length == 0 || class & (SPACE | LETTER | NUMBER) != 0 {
                break;
            }
            end += length;
        }
        end + self.bytes[end..].iter().take_while(|byte| follow(**byte)).count()
    }

    /// The end of the piece at `at` by cl100k's pattern, with groups of up to `DIGITS` digits:
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
    /// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
    #[inline(always)]
    fn cl100k<const DIGITS: usize>(&self, at: usize) -> usize {
        // Most pieces are a space and a word.
        if self.bytes[at] == b' ' && self.bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) {
            return self.letters(at + 1);
        }
        let (class, length) = self.class(at);
        if class & LETTER != 0 {
            return self.letters(at + length);
        }
        if class & NUMBER != 0 {
            return self.digits(at + length, DIGITS - 1);
        }
        if let Some(end) = self.contraction(at) {
            return end;
        }
        let behind = at + length;
        let (next, next_length) = self.class(behind);
        if class & BREAK == 0 && next & LETTER != 0 {
            return self.letters(behind + next_length);
        }
        let is_break = |byte: u8| matches!(byte, b'\r' | b'\n');
        if class & SPACE == 0 {
            return self.marks(behind, is_break);
        }
        if self.bytes[at] == b' ' && next_length > 0 && next & (SPACE | NUMBER) == 0 {
            return self.marks(behind, is_break);
        }
        self.spaces(at, true)
    }

    /// The end of up to `more` further numbers.
    #[inline(always)]
    fn digits(&self, mut at: usize, more: usize) -> usize {
        for _ in 0..more {
            let (class, length) = self.class(at);
            if class & NUMBER == 0 {
                break;
            }
            at += length;
        }
        at
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    #[inline(always)]
    fn gpt2(&self, at: usize) -> usize {
        if self.bytes[at] == b'\'' {
            match (self.bytes.get(at + 1), self.bytes.get(at + 2)) {
                (Some(b's' | b't' | b'm' | b'd'), _) => return at + 2,
                (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => return at + 3,
                _ => {}
            }
        }
        let start = if self.bytes[at] == b' ' { at + 1 } else { at };
        let (class, length) = self.class(start);
        if class & LETTER != 0 {
            self.letters(start + length)
        } else if class & NUMBER != 0 {
            self.run(start + length, NUMBER)
        } else if length > 0 && class & SPACE == 0 {
            self.marks(start + length, |_| false)
        } else {
            self.spaces(at, false)
        }
    }

    /// GPT-4o's pattern: words end where a capital follows a small letter, and keep their contraction.
    #[inline(always)]
    fn o200k(&self, at: usize) -> usize {
        let (class, length) = self.class(at);
        let behind = at + length;
        // `[^\r\n\p{L}\p{N}]?` takes a character where it can; marks are words as well as what may stand
        // before one.
        let prefixed = class & (BREAK | LETTER | NUMBER) == 0;
        let word = (prefixed.then(|| self.capitalised(behind)).flatten())
            .or_else(|| self.capitalised(at))
            .or_else(|| prefixed.then(|| self.capitals(behind)).flatten())
            .or_else(|| self.capitals(at));
        if let Some(end) = word {
            return self.contraction(end).unwrap_or(end);
        }
        if class & NUMBER != 0 {
            return self.digits(behind, 2);
        }
        let follow = |byte: u8| matches!(byte, b'\r' | b'\n' | b'/');
        if class & SPACE == 0 {
            return self.marks(behind, follow);
        }
        let (next, next_length) = self.class(behind);
        if self.bytes[at] == b' ' && next_length > 0 && next & (SPACE | LETTER | NUMBER) == 0 {
            return self.marks(behind, follow);
        }
        self.spaces(at, true)
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, at `at`.
    #[inline(always)]
    fn capitalised(&self, at: usize) -> Option<usize> {
        // The first run is given back, character by character, until the second one has one.
        let (mut end, mut given_back) = (at, None);
        loop {
            let (class, length) = self.class(end);
            if class & UPPER == 0 {
                break;
            }
            end += length;
            if class & LOWER != 0 {
                given_back = Some(end);
            }
        }
        if self.is(end, LOWER) { Some(self.run(end, LOWER)) } else { given_back }
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, at `at`.
    #[inline(always)]
    fn capitals(&self, at: usize) -> Option<usize> {
        let end = self.run(at, UPPER);
        (end > at).then(|| self.run(end, LOWER))
    }
}

/// The high bit of each byte that is no ASCII letter.
#[inline(always)]
fn other_than_letters(bytes: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    let low = (bytes | (ONES * 0x20)) & !HIGH;
    let from_a = low + ONES * (0x80 - b'a' as u64);
    let behind_z = low + ONES * (0x7f - b'z' as u64);
    (!from_a | behind_z | bytes) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokenizers_release::tokenizer::pattern::Pattern as _;
    use tokenizers_release::utils::SysRegex;

    const PATTERNS: [Pattern; 4] = [Pattern::Cl100k, Pattern::Qwen2, Pattern::Gpt2, Pattern::O200k];

    fn cut(pattern: Pattern, text: &str) -> Vec<&str> {
        let mut ends = vec![0; text.len() + 1];
        let count = Cutter::new(pattern).cut(text, 0, &mut ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends[..count]).map(|(start, end)| &text[start..*end]).collect()
    }

    fn by_regex<'a>(regex: &SysRegex, text: &'a str) -> Vec<&'a str> {
        if text.is_empty() {
            return Vec::new();
        }
        let found = regex.find_matches(text).unwrap();
        found.into_iter().map(|((start, end), _)| &text[start..end]).collect()
    }

    fn regexes() -> [(Pattern, SysRegex); 4] {
        PATTERNS.map(|pattern| (pattern, SysRegex::new(pattern.regex()).unwrap()))
    }

    /// Characters to which Unicode 16 gives no category, and later versions may.
    fn unassigned() -> regex::Regex {
        regex::Regex::new(r"\p{Cn}").unwrap()
    }

    #[test]
    fn every_character_is_cut_as_by_the_regular_expression() {
        let (regexes, unassigned) = (regexes(), unassigned());
        for c in '\0'..=char::MAX {
            let text = format!("{c}'r{c}1{c}  {c}\n{c}a {c}{c}'s{c}A{c}Aa{c}");
            if unassigned.is_match(&text) {
                continue;
            }
            for (pattern, regex) in &regexes {
                assert_eq!(cut(*pattern, &text), by_regex(regex, &text), "{pattern:?} {c:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn any_text_is_cut_as_by_the_regular_expression(
            text in r"([ -~]{0,8}|[\sa]{0,4}|\PC{0,6}|\p{Han}{0,9}|[0-9]{0,5}|[A-Za-z]{0,20}|'[sStTreEvVlLdDmMſ]+|[\p{Lm}\p{M}aA]{0,5}|(?s:.)|[ \r\n/!]{0,4}){0,9}",
        ) {
            let text = unassigned().replace_all(&text, "");
            for (pattern, regex) in &regexes() {
                prop_assert_eq!(cut(*pattern, &text), by_regex(regex, &text), "{:?}", pattern);
            }
        }
    }

    #[test]
    fn letters_are_found_eight_at_a_time() {
        for byte in 0..=u8::MAX {
            let eight = u64::from_le_bytes([b'a', b'Z', byte, b'z', byte, b'A', b'{', b'@']);
            let found = other_than_letters(eight);
            let letter = |at: u32| found >> (8 * at + 7) & 1 == 0;
            assert_eq!(
                (letter(2), letter(4)),
                (byte.is_ascii_alphabetic(), byte.is_ascii_alphabetic()),
                "{byte}"
            );
            assert!(letter(0) && letter(1) && letter(3) && letter(5) && !letter(6) && !letter(7));
        }
    }
}
