//! What is known before parsing: how deep the text nests, and where a bracket that is never closed must have
//! ended.
//!
//! One pass over the letters of the tokens. Parsing recurses as deep as brackets and `if`s nest, so the bound
//! is checked here. Where a bracket is left open, the text is cut where the item it belongs to seems to end,
//! so that one missing `}` does not turn the rest of the file into fields.

use super::MAX_DEPTH;
use super::lexer::{self, Lexed};

/// With so many open brackets the file is too broken to guess on.
const MAX_CUTS: usize = 16;

/// What a scan finds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where parsing starts anew: indices of letters, in order.
    pub(super) cuts: Vec<usize>,
    /// Whether some bracket is never closed.
    pub(super) unclosed: bool,
    /// Brackets that close nothing: indices of letters, in order.
    pub(super) strays: Vec<usize>,
}

/// Scans a whole file. As an error, the letter that nests too deep.
pub(super) fn scan(text: &str, lexed: &Lexed) -> Result<Scan, usize> {
    let mut scan = Scan::default();
    let mut start = 0;
    loop {
        let brackets = brackets(lexed.letters.as_bytes(), start)?;
        scan.unclosed |= brackets.unclosed;
        let cut = brackets.open.and_then(|open| end_of_item(text, lexed, open));
        let cut = cut.filter(|_| scan.cuts.len() < MAX_CUTS);
        scan.strays.extend(brackets.strays.into_iter().filter(|&at| cut.is_none_or(|cut| at < cut)));
        match cut {
            Some(cut) => {
                scan.cuts.push(cut);
                start = cut;
            }
            _ => return Ok(scan),
        }
    }
}

/// How the brackets of a text match.
#[derive(Default)]
struct Brackets {
    /// The outermost bracket that is open at the end.
    open: Option<usize>,
    /// Whether any bracket is open at the end, or ended by the end of one around it.
    unclosed: bool,
    /// Those that close nothing.
    strays: Vec<usize>,
}

struct Open {
    /// The bracket that closes it.
    close: u8,
    at: usize,
    /// How many `if`s the value has in which it stands.
    ifs: usize,
}

/// Matches the brackets from `start`. As an error, where they nest too deep.
fn brackets(letters: &[u8], start: usize) -> Result<Brackets, usize> {
    let mut result = Brackets::default();
    let mut stack: Vec<Open> = Vec::new();
    // Brackets, and `if`s outside the innermost bracket.
    let mut depth = 0;
    let mut ifs = 0;
    for (at, &letter) in letters.iter().enumerate().skip(start) {
        match letter {
            b'(' | b'[' | b'{' => {
                let close = if letter == b'(' { b')' } else { letter + 2 };
                stack.push(Open { close, at, ifs });
                depth += 1 + ifs;
                ifs = 0;
            }
            b')' | b']' | b'}' => {
                if let Some(index) = stack.iter().rposition(|open| open.close == letter) {
                    ifs = stack[index].ifs;
                    result.unclosed |= index + 1 < stack.len();
                    depth -= stack.drain(index..).map(|open| 1 + open.ifs).sum::<usize>();
                } else {
                    result.strays.push(at);
                }
            }
            lexer::IF => ifs += 1,
            b',' | b'=' => ifs = 0,
            // A value with an `if` goes on where `then` or `else` follows.
            lexer::NEWLINE => {}
            lexer::THEN | lexer::ELSE => {}
            _ if at > 0 && letters[at - 1] == lexer::NEWLINE => ifs = 0,
            _ => {}
        }
        if depth + ifs > MAX_DEPTH {
            return Err(at);
        }
    }
    result.open = stack.first().map(|open| open.at);
    result.unclosed |= result.open.is_some();
    Ok(result)
}

/// Where the item with an open bracket seems to end: at the next line that is indented no further than the
/// bracket's own line. Where the lines inside are not indented at all, only a line that starts with an item's
/// keyword will do.
fn end_of_item(text: &str, lexed: &Lexed, open: usize) -> Option<usize> {
    let letters = lexed.letters.as_bytes();
    let is_item = |at: usize| {
        lexer::ITEMS.contains(&letters[at])
            && letters.get(at + 1).is_some_and(|next| next.is_ascii_alphabetic() || *next == b'"')
    };
    let indentation = |at: usize| {
        let start = lexed.tokens[lexed.places[at] as usize].start as usize;
        let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        text[line..start].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    };
    let base = indentation(open);
    let flat = match &letters[open + 1..] {
        [lexer::NEWLINE, next, ..] if *next != lexer::NEWLINE => {
            indentation(open + 2) <= base && !is_item(open + 2)
        }
        _ => false,
    };
    let starts = (open + 2..letters.len()).filter(|&at| letters[at - 1] == lexer::NEWLINE);
    starts
        .filter(|&at| is_item(at) || !flat && letters[at].is_ascii_alphabetic())
        .find(|&at| indentation(at) <= base)
}
