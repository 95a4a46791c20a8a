//! Lines with a text that lacks a quote: which quote it is, and where the text ends or begins.
//!
//! A text never reaches over a line, so the line itself tells: a quote behind `(` or a space opens a text,
//! one before `)` or a comma closes one. A text that is never closed ends where the brackets of the line come
//! out even.

use std::ops::Range;

/// Bytes of the longest line that is looked at: finding an end takes the square of them.
const LONGEST: usize = 512;

/// The texts of a line, where just one of them lacks a quote; it lies in its range without that quote. `None`
/// where nothing is missing, or where nobody can tell what is.
pub(super) fn mended(line: &[u8]) -> Option<Vec<Range<usize>>> {
    if line.len() > LONGEST || !lacks_quote(line) {
        return None;
    }
    let mut texts: Vec<Range<usize>> = Vec::new();
    let mut open: Option<usize> = None;
    let mut missing = 0;
    for quote in quotes(line) {
        match open {
            None if closes(line, quote) => {
                let floor = texts.last().map_or(0, |text| text.end);
                texts.push(start_of_text(line, floor, quote)..quote + 1);
                missing += 1;
            }
            None => open = Some(quote),
            Some(from) if opens(line, quote) => {
                texts.push(from..end_of_text(line, &texts, from, quote)?);
                missing += 1;
                open = Some(quote);
            }
            Some(from) => {
                texts.push(from..quote + 1);
                open = None;
            }
        }
    }
    if let Some(from) = open {
        texts.push(from..end_of_text(line, &texts, from, line.len())?);
        missing += 1;
    }
    (missing == 1).then_some(texts)
}

/// Whether a text is open at the end of the line, read from its start.
pub(super) fn lacks_quote(line: &[u8]) -> bool {
    if !line.contains(&b'"') {
        return false;
    }
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' => match end_of_closed(line, at) {
                Some(end) => at = end,
                None => return true,
            },
            b'\'' => {
                at += line[at + 1..].iter().position(|&byte| byte == b'\'').map_or(1, |length| length + 2);
            }
            b'#' => return false,
            b'/' if line.get(at + 1) == Some(&b'/') => return false,
            _ => at += 1,
        }
    }
    false
}

/// One past the quote that closes the text at `at`.
fn end_of_closed(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1;
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 1,
            _ => {}
        }
    }
}

/// All quotes but those that are escaped or stand in a comment.
fn quotes(line: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let comment = line.windows(3).position(|signs| is_space(signs[0]) && &signs[1..] == b"//");
    let line = &line[..comment.unwrap_or(line.len())];
    let is_quote = |&at: &usize| line[at] == b'"' && at.checked_sub(1).is_none_or(|at| line[at] != b'\\');
    (0..line.len()).filter(is_quote)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Whether a value can begin behind this sign.
fn is_before_value(byte: u8) -> bool {
    is_space(byte) || b"([{,=>".contains(&byte)
}

fn opens(line: &[u8], quote: usize) -> bool {
    let before = quote.checked_sub(1).is_none_or(|at| is_before_value(line[at]));
    before && line.get(quote + 1).is_some_and(|&byte| !is_space(byte) && !b")]},".contains(&byte))
}

fn closes(line: &[u8], quote: usize) -> bool {
    let behind = line.get(quote + 1).is_none_or(|&byte| is_space(byte) || b")]},|;".contains(&byte));
    behind && quote.checked_sub(1).is_some_and(|at| !is_before_value(line[at]))
}

/// Where the text begins that `quote` closes and no quote opens.
fn start_of_text(line: &[u8], floor: usize, quote: usize) -> usize {
    let before = &line[floor..quote];
    let sign = before.iter().rposition(|byte| b"([{,=>".contains(byte)).map_or(0, |at| at + 1);
    let skip = |from: usize| from + before[from..].iter().take_while(|&&byte| is_space(byte)).count();
    let start = skip(sign);
    let is_import = before[start..].strip_prefix(b"import").is_some_and(|rest| rest.first() == Some(&b' '));
    floor + if is_import { skip(start + b"import".len()) } else { start }
}

/// Where the text ends that begins at `from` and has no closing quote before `limit`.
fn end_of_text(line: &[u8], texts: &[Range<usize>], from: usize, limit: usize) -> Option<usize> {
    let mut open = Vec::new();
    let mut at = 0;
    while at < from {
        match texts.iter().find(|text| text.start == at) {
            Some(text) => at = text.end,
            None => {
                bracket(line[at], &mut open)?;
                at += 1;
            }
        }
    }
    let mut inside = 0_usize;
    for at in from + 1..=limit {
        let ends = match line.get(at) {
            None => true,
            Some(b')' | b']' | b'}') if inside == 0 => true,
            Some(b',') => inside == 0 && is_entry(&line[at + 1..]),
            Some(&byte) if is_space(byte) => {
                let rest = line[at..].trim_ascii_start();
                rest.starts_with(b"|>") || rest.starts_with(b"//") || rest.starts_with(b"{")
            }
            Some(_) => false,
        };
        if ends && comes_out_even(&line[at..], open.clone()) {
            return Some(from + line[from..at].trim_ascii_end().len());
        }
        match line.get(at) {
            Some(b'(' | b'[' | b'{') => inside += 1,
            Some(b')' | b']' | b'}') => inside = inside.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Whether what stands behind a comma looks like an entry of its own, and not like the rest of a sentence.
fn is_entry(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count();
    match (word, rest[word..].trim_ascii_start().first()) {
        (0, next) => next.is_none_or(|next| b"\"[{/".contains(next)),
        (_, next) => next.is_none_or(|next| b"=:(,)]}".contains(next)),
    }
}

/// Whether the rest of a line closes all brackets that are open before it; its own may be closed in lines to
/// come.
fn comes_out_even(rest: &[u8], mut open: Vec<u8>) -> bool {
    let mut left = open.len();
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => match end_of_closed(rest, at) {
                Some(end) => at = end,
                None => return false,
            },
            b'/' if rest.get(at + 1) == Some(&b'/') => break,
            _ => match bracket(byte, &mut open) {
                Some(()) => at += 1,
                None => return false,
            },
        }
        left = left.min(open.len());
    }
    left == 0
}

/// Keeps `open`, the signs that close the open brackets; `None` where one closes another. Those of earlier
/// lines may close.
fn bracket(byte: u8, open: &mut Vec<u8>) -> Option<()> {
    match byte {
        b'(' => open.push(b')'),
        b'[' | b'{' => open.push(byte + 2),
        b')' | b']' | b'}' if open.last().is_some_and(|&close| close != byte) => return None,
        b')' | b']' | b'}' => {
            open.pop();
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Option<Vec<&str>> {
        Some(mended(line.as_bytes())?.into_iter().map(|text| &line[text]).collect())
    }

    #[test]
    fn a_text_that_is_never_closed_ends_where_brackets_come_out_even() {
        for (line, expected) in [
            ("a = f(\"b) |> g", ["\"b"].as_slice()),
            ("a = f(g(\"b), least = 20, score = 80%)", &["\"b"]),
            ("a = f([\"b, \"c\"])", &["\"b", "\"c\""]),
            ("a = f([\"b\", \"c])", &["\"b\"", "\"c"]),
            ("a = \"web/*.gz |> f", &["\"web/*.gz"]),
            ("a = { b = \"who, when and why }", &["\"who, when and why"]),
            ("a = { b = \"x, c = 3 }", &["\"x"]),
            ("  b = \"who (and why)", &["\"who (and why)"]),
            ("  \"b\", \"c,", &["\"b\"", "\"c"]),
            ("import \"a.llmp", &["\"a.llmp"]),
        ] {
            assert_eq!(texts(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_text_that_is_never_opened_begins_behind_the_sign_before_it() {
        for (line, expected) in [
            ("a = f(b/*.gz\") |> g", ["b/*.gz\""].as_slice()),
            ("a = [b\", \"c\"]", &["b\"", "\"c\""]),
            ("a = [\"b\", c d\"]", &["\"b\"", "c d\""]),
            ("import a/b.llmp\"", &["a/b.llmp\""]),
        ] {
            assert_eq!(texts(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_left_alone() {
        for line in [
            "a = f(\"b\")",
            "a = 3 // the \"b",
            "# \"",
            "a = \"b\\\"\"",
            "a = \"b\" c\" d\" \"e",
            "a = f(\"b",
        ] {
            assert_eq!(texts(line), None, "{line}");
        }
    }
}
