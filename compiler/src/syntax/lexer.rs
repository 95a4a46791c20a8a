//! Text to tokens, and tokens to the letters that the grammar reads.
//!
//! Every token but space and comments has a letter: `{`, `=` and other signs of one character stand for
//! themselves, `a` for a name, `0` for a number, `"` for a text, and the letters below for keywords and
//! longer signs. So the grammar is about structure alone, and the same tokens serve bracket matching, the
//! tree and the formatter.

use std::ops::Range;

use super::kind::NodeKind;
use super::{quotes, signs};

/// A token; it ends where the next one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: NodeKind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A text in tokens.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// All tokens; they cover every byte.
    pub(super) tokens: Vec<Token>,
    /// A letter for each token that the grammar reads.
    pub(super) letters: String,
    /// Which token a letter stands for.
    pub(super) places: Vec<u32>,
    /// Whether some text lacks a quote.
    pub(super) unquoted: bool,
}

/// The letter of a newline.
pub(super) const NEWLINE: u8 = b'\n';
/// The letters of `if`, `then` and `else`.
pub(super) const IF: u8 = b'i';
pub(super) const THEN: u8 = b't';
pub(super) const ELSE: u8 = b'e';
/// The letters of the words that begin an item.
pub(super) const ITEMS: &[u8] = b"IPRDSXY";

impl Lexed {
    /// Takes letters out of the grammar: brackets that close nothing would end what stands around them.
    pub(super) fn strike(&mut self, letters: &[usize]) {
        if letters.is_empty() {
            return;
        }
        let mut struck = std::mem::take(&mut self.letters).into_bytes();
        for &at in letters {
            struck[at] = FOREIGN;
        }
        self.letters = String::from_utf8(struck).unwrap_or_default();
    }

    /// The letter of the item's keyword that the last token was meant to be, where it is the first of its
    /// line and `next` follows it: `parm width`, `use "common.llmp"`.
    fn misspelt(&self, text: &str, next: u8) -> Option<u8> {
        let is_first = matches!(self.letters.as_bytes(), [b'a' | b'Q'] | [.., NEWLINE, b'a' | b'Q']);
        if !is_first || !next.is_ascii_alphabetic() && !matches!(next, b'"' | b'0') {
            return None;
        }
        let token = self.tokens.get(*self.places.last()? as usize)?;
        let keyword = signs::near_item(&text[token.start as usize..token.end as usize])?;
        let fits = (keyword == "import") == (next == b'"') && (keyword == "edition") == (next == b'0');
        fits.then(|| word(keyword))
    }
}

/// The letter of a word. Small letters but `a` are reserved in expressions.
fn word(text: &str) -> u8 {
    match text {
        "import" => b'I',
        "param" => b'P',
        "profile" => b'R',
        "def" => b'D',
        "stage" => b'S',
        "edition" => b'Y',
        "expect" => b'X',
        "per" => b'E',
        "shard" => b'H',
        "runtime" => b'U',
        "require" => b'Q',
        "measure" => b'M',
        "let" | "var" | "const" | "val" => b'L',
        "if" => IF,
        "then" => THEN,
        "else" => ELSE,
        "each" => b'c',
        "in" => b'r',
        "not" => b'n',
        "and" => b'd',
        "or" => b'o',
        _ => b'a',
    }
}

/// Signs of two characters and their letters.
const LONG_SIGNS: [(&[u8; 2], u8); 12] = [
    (b"==", b'1'),
    (b"!=", b'2'),
    (b"<=", b'3'),
    (b">=", b'4'),
    (b"&&", b'5'),
    (b"||", b'6'),
    (b"|>", b'7'),
    (b"->", b'8'),
    (b"..", b'9'),
    (b":=", b'@'),
    (b"=>", b'^'),
    (b"/*", FOREIGN),
];

/// The letter of what no token starts with.
const FOREIGN: u8 = b'$';

/// Splits a text into tokens.
pub(super) fn lex(text: &str) -> Lexed {
    let bytes = text.as_bytes();
    let mut lexed = Lexed::default();
    let mut at = 0;
    // The texts of the line, where one of them lacks a quote.
    let mut texts: Vec<Range<usize>> = Vec::new();
    let mut line = 0;
    while at < bytes.len() {
        if at == line {
            let rest = &bytes[at..];
            let end = line_length(rest);
            let lacks_quote = quotes::lacks_quote(&rest[..end]);
            lexed.unquoted |= lacks_quote;
            texts = if lacks_quote { quotes::mended(&rest[..end]).unwrap_or_default() } else { Vec::new() };
            line = at + end + 1;
            texts.iter_mut().for_each(|text| *text = at + text.start..at + text.end);
        }
        let (kind, length, letter) = match texts.iter().find(|text| text.start == at) {
            Some(text) => (NodeKind::Text, text.len(), Some(b'"')),
            None => token(&bytes[at..], text, at),
        };
        if let Some(letter) = letter {
            if let Some(meant) = lexed.misspelt(text, letter) {
                lexed.letters.pop();
                lexed.letters.push(char::from(meant));
            }
            lexed.places.push(lexed.tokens.len() as u32);
            lexed.letters.push(char::from(letter));
        }
        lexed.tokens.push(Token { kind, start: at as u32, end: (at + length) as u32 });
        at += length;
    }
    lexed
}

/// The first token of `rest`, which is not empty and stands at `at` in `text`: its kind, length and letter.
fn token(rest: &[u8], text: &str, at: usize) -> (NodeKind, usize, Option<u8>) {
    let run =
        |from: usize, of: fn(u8) -> bool| from + rest[from..].iter().take_while(|&&byte| of(byte)).count();
    match rest[0] {
        b' ' | b'\t' | b'\r' => (NodeKind::Space, run(1, |byte| matches!(byte, b' ' | b'\t' | b'\r')), None),
        b'\n' => (NodeKind::Newline, 1, Some(NEWLINE)),
        b'/' if rest.get(1) == Some(&b'/') => {
            let kind = match (rest.get(2), rest.get(3)) {
                (Some(b'/'), Some(b'/')) => NodeKind::Comment,
                (Some(b'/'), _) => NodeKind::Doc,
                (Some(b'!'), _) => NodeKind::FileDoc,
                _ => NodeKind::Comment,
            };
            (kind, line_length(rest), None)
        }
        b'#' => (NodeKind::HashComment, line_length(rest), None),
        byte if byte.is_ascii_alphabetic() || byte == b'_' => {
            let length = run(1, is_word);
            (NodeKind::Keyword, length, Some(word(&text[at..at + length])))
        }
        byte if byte.is_ascii_digit() => (NodeKind::Digits, number_length(rest), Some(b'0')),
        b'"' => (NodeKind::Text, text_length(rest), Some(b'"')),
        b'\'' => match rest[1..].iter().position(|&byte| matches!(byte, b'\'' | b'\n')) {
            Some(length) if rest[length + 1] == b'\'' => (NodeKind::Text, length + 2, Some(b'"')),
            _ => (NodeKind::Sign, 1, Some(FOREIGN)),
        },
        _ if text[at..].starts_with('\u{feff}') => (NodeKind::Space, '\u{feff}'.len_utf8(), None),
        byte => match LONG_SIGNS.iter().find(|(sign, _)| rest.starts_with(*sign)) {
            Some(&(_, letter)) => (NodeKind::Sign, 2, Some(letter)),
            None if b"{}()[]<>=:,.|?+-*/%!".contains(&byte) => (NodeKind::Sign, 1, Some(byte)),
            // Other languages separate by it.
            None if byte == b';' => (NodeKind::Sign, 1, Some(b',')),
            None => (NodeKind::Sign, text[at..].chars().next().map_or(1, char::len_utf8), Some(FOREIGN)),
        },
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len())
}

/// Digits, point and exponent, then a suffix: letters or `%`.
fn number_length(bytes: &[u8]) -> usize {
    let digits = super::digits_length(bytes);
    match bytes.get(digits) {
        Some(b'%') => digits + 1,
        _ => digits + bytes[digits..].iter().take_while(|&&byte| is_word(byte)).count(),
    }
}

/// A text up to its closing quote. One that is never closed ends before the closing brackets at the end of
/// its line, so that it does not swallow them.
fn text_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at).filter(|&&byte| byte != b'\n') {
        match byte {
            b'"' => return at + 1,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 2,
            _ => at += 1,
        }
    }
    let line = &bytes[..at.min(bytes.len())];
    let tail = line.iter().rev().take_while(|byte| b")]}, \t\r".contains(byte)).count();
    line.len().saturating_sub(tail).max(1)
}
