//! What is known before parsing: how deep the text nests, and where a bracket that is never closed must have ended.
//!
//! One linear pass over the bytes. Parsing recurses as deep as brackets and `if`s nest, so the bound is checked here.
//! Where a bracket is left open, the text is cut where the item it belongs to seems to end, so that one missing `}`
//! does not turn the rest of the file into fields.

/// How deep brackets and `if`s may nest.
pub(super) const MAX_DEPTH: usize = 64;

/// The result of a scan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Where the text nests too deep.
    pub(super) too_deep: Option<usize>,
    /// Where parsing starts anew, in order.
    pub(super) cuts: Vec<usize>,
}

/// At so many open brackets the file is too broken to guess on.
const MAX_CUTS: usize = 16;

#[derive(Clone, Copy)]
struct Open {
    /// The bracket that closes it.
    close: u8,
    /// Where it stands.
    at: usize,
    /// `if`s of the value it stands in.
    ifs: usize,
}

/// Scans a whole file.
pub(super) fn scan(text: &str) -> Scan {
    let mut result = Scan::default();
    let mut start = 0;
    loop {
        let open = match first_open(text, start) {
            Ok(open) => open,
            Err(at) => return Scan { too_deep: Some(at), cuts: Vec::new() },
        };
        let Some(cut) = open.and_then(|at| end_of_item(text, at)).filter(|_| result.cuts.len() < MAX_CUTS)
        else {
            return result;
        };
        result.cuts.push(cut);
        start = cut;
    }
}

/// The outermost bracket behind `start` that is never closed; or, as an error, where the text nests too deep.
fn first_open(text: &str, start: usize) -> Result<Option<usize>, usize> {
    let bytes = text.as_bytes();
    let mut stack: Vec<Open> = Vec::new();
    let mut ifs = 0;
    let mut at = start;
    // After a newline, a value with an `if` goes on where `then` or `else` follows.
    let mut new_line = false;
    while let Some(&byte) = bytes.get(at) {
        let comment = byte == b'#' || bytes[at..].starts_with(b"//");
        if new_line && !comment && !byte.is_ascii_whitespace() {
            new_line = false;
            if !bytes[at..].starts_with(b"then") && !bytes[at..].starts_with(b"else") {
                ifs = 0;
            }
        }
        match byte {
            _ if comment => at = line_end(bytes, at),
            b'"' | b'\'' => {
                at += text_length(&bytes[at..]);
                continue;
            }
            b'(' | b'[' | b'{' => {
                let close = if byte == b'(' { b')' } else { byte + 2 };
                stack.push(Open { close, at, ifs: std::mem::take(&mut ifs) });
                if stack.iter().map(|open| open.ifs + 1).sum::<usize>() > MAX_DEPTH {
                    return Err(at);
                }
            }
            b')' | b']' | b'}' => {
                if let Some(index) = stack.iter().rposition(|open| open.close == byte) {
                    ifs = stack[index].ifs;
                    stack.truncate(index);
                }
            }
            b',' | b'=' => ifs = 0,
            b'\n' => new_line = true,
            byte if is_word(byte) => {
                let length = bytes[at..].iter().take_while(|&&byte| is_word(byte)).count();
                if &bytes[at..at + length] == b"if" {
                    ifs += 1;
                    if stack.iter().map(|open| open.ifs + 1).sum::<usize>() + ifs > MAX_DEPTH {
                        return Err(at);
                    }
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(stack.first().map(|open| open.at))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the line at `at` ends, so that the newline is seen next.
fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length - 1)
}

/// How long the text literal at the start of `bytes` is: the rule `text` of the grammar.
fn text_length(bytes: &[u8]) -> usize {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let line = &bytes[..line];
    let quote = line[0];
    let mut at = 1;
    while let Some(&byte) = line.get(at) {
        match byte {
            _ if byte == quote => return at + 1,
            b'\\' if quote == b'"' => at += 2,
            _ => at += 1,
        }
    }
    if quote == b'\'' {
        return 1;
    }
    let tail = line.iter().rev().take_while(|byte| b")]}, \r".contains(byte)).take(8).count();
    line.len().saturating_sub(tail).max(1)
}

/// Where the item with an open bracket at `open` seems to end: at the next line that is indented no further than the
/// bracket's own line. Where the lines inside are not indented at all, only a line that starts with an item's keyword
/// will do.
fn end_of_item(text: &str, open: usize) -> Option<usize> {
    let line_start = text[..open].rfind('\n').map_or(0, |newline| newline + 1);
    let base = indentation(&text[line_start..]);
    let mut start = text[open..].find('\n')? + open + 1;
    let mut flat = None;
    for line in text[start..].split_inclusive('\n') {
        let indent = indentation(line);
        let words = &line[indent..];
        if !words.trim_end().is_empty() {
            let flat = *flat.get_or_insert(indent <= base && !is_item(words));
            let begins =
                words.starts_with(|sign: char| sign.is_ascii_alphabetic()) || words.starts_with("//");
            if indent <= base && if flat { is_item(words) } else { begins } {
                return Some(start);
            }
        }
        start += line.len();
    }
    None
}

fn indentation(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Whether a line starts with an item's keyword and a name.
fn is_item(line: &str) -> bool {
    let mut words = line.split([' ', '\t']);
    let keyword = matches!(words.next(), Some("import" | "param" | "profile" | "def" | "stage"));
    keyword
        && words
            .next()
            .is_some_and(|next| next.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '"'))
}
