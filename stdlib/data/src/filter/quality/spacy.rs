//! The words and sentences of a text as spaCy's tokenizer for English and its sentencizer part them, which
//! datatrove's filters count by.
//!
//! A chunk between blanks is an exception, or loses prefixes and suffixes one by one until it is one; what is
//! left is parted at infixes, unless it looks like an address. Alphabets are Unicode's here and lists of
//! ranges there; addresses in private networks are addresses here, too.

use std::sync::LazyLock;

use regex::Regex;
use rustc_hash::FxHashMap;

/// Marks that part from both ends.
const MARKS: &str = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪";
const QUOTES: &str = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧";
const CURRENCIES: &str = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿";
/// Part from a number before them.
const UNITS: &[&str] = &[
    "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²", "mm³", "ha",
    "µm", "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa",
    "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K", "%", "км", "км²",
    "км³", "м", "м²", "м³", "дм", "дм²", "дм³", "см", "см²", "см³", "мм", "мм²", "мм³", "нм", "кг", "г",
    "мг", "м/с", "км/ч", "кПа", "Па", "мбар", "Кб", "КБ", "кб", "Мб", "МБ", "мб", "Гб", "ГБ", "гб", "Тб",
    "ТБ", "م", "كم", "جم",
];
/// Marks of datatrove that make no word, beside control characters and ends of sentences.
const SYMBOLS: &str =
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»";
/// Marks that end a sentence: datatrove's.
pub(super) const TERMINAL: &str = "!.?։؝؞؟۔܀܁܂߹࠷࠹࠽࠾।॥၊။።፧፨᙮᜵᜶។៕៖៙៚᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᭽᭾᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼⹓⹔。꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡𐩖𐩗𐽕𐽖𐽗𐽘𐽙𐾆𐾇𐾈𐾉𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑥄𑥆𑩂𑩃𑪛𑪜𑱁𑱂𑻷𑻸𑽃𑽄𖩮𖩯𖫵𖬷𖬸𖭄𖺘𛲟𝪈";

/// The bytes of each piece of an exception.
static EXCEPTIONS: LazyLock<FxHashMap<String, Vec<usize>>> = LazyLock::new(|| {
    include_str!("spacy/exceptions.txt")
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| (line.replace(' ', ""), line.split(' ').map(str::len).collect()))
        .collect()
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[\w+\-.]{2,}://)?(?:\S+(?::\S*)?@)?(?:(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.\d{1,3}){3}|(?:(?:[A-Za-z0-9\u{a1}-\u{ffff}][A-Za-z0-9\u{a1}-\u{ffff}_-]*)?[A-Za-z0-9\u{a1}-\u{ffff}]\.)+[\p{Ll}\p{Lo}]{2,})(?::\d{2,5})?(?:[/?#]\S*)?$",
    )
    .expect("the expression is valid")
});

static ICON: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{So}").expect("the expression is valid"));
static PUNCTUATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\p{P}+$").expect("the expression is valid"));

/// The words of a text; marks are words of their own.
pub(super) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    // Python parts at four control characters besides.
    let blank = |letter: char| letter.is_whitespace() || matches!(letter, '\x1c'..='\x1f');
    for chunk in text.split(blank).filter(|chunk| !chunk.is_empty()) {
        part(chunk, &mut words);
    }
    words
}

/// How many sentences these words are: one ends with the marks after it.
pub(super) fn sentences(words: &[&str]) -> usize {
    let (mut count, mut ended) = (usize::from(!words.is_empty()), false);
    for word in words {
        let mut letters = word.chars();
        let ends =
            matches!((letters.next(), letters.next()), (Some(letter), None) if TERMINAL.contains(letter));
        if ends {
            ended = true;
        } else if ended && !PUNCTUATION.is_match(word) {
            count += 1;
            ended = false;
        }
    }
    count
}

/// Whether a word counts as one.
pub(super) fn is_word(word: &str) -> bool {
    word.chars().any(|c| !c.is_control() && !SYMBOLS.contains(c) && !TERMINAL.contains(c))
}

fn part<'a>(chunk: &'a str, words: &mut Vec<&'a str>) {
    let (first, mut rest, mut suffixes) = (words.len(), chunk, Vec::new());
    while !rest.is_empty() && !EXCEPTIONS.contains_key(rest) {
        let before = prefix(rest);
        if before > 0 && EXCEPTIONS.contains_key(&rest[before..]) {
            words.push(&rest[..before]);
            rest = &rest[before..];
            break;
        }
        let end = rest.len() - suffix(&rest[before..]);
        if end < rest.len() && EXCEPTIONS.contains_key(&rest[..end]) {
            suffixes.push(&rest[end..]);
            rest = &rest[..end];
            break;
        }
        if before > 0 {
            words.push(&rest[..before]);
        }
        if end < rest.len() {
            suffixes.push(&rest[end..]);
        }
        if before == 0 && end == rest.len() {
            break;
        }
        rest = &rest[before..end];
    }
    if let Some(pieces) = EXCEPTIONS.get(rest) {
        for &piece in pieces {
            words.push(&rest[..piece]);
            rest = &rest[piece..];
        }
    } else if !rest.is_empty() {
        match rest.contains('.') && ADDRESS.is_match(rest) {
            true => words.push(rest),
            false => part_at_infixes(rest, words),
        }
    }
    words.extend(suffixes.into_iter().rev());
    join_exceptions(chunk, first, words);
}

/// Exceptions, as `:)` and `Minn.`, are found again after the chunk was parted.
fn join_exceptions<'a>(chunk: &'a str, first: usize, words: &mut Vec<&'a str>) {
    let mut at = first;
    while at + 1 < words.len() {
        let start = offset(chunk, words[at]);
        let joined = (at + 1..words.len().min(at + 4)).rev().find(|&last| {
            let joined = &chunk[start..offset(chunk, words[last]) + words[last].len()];
            EXCEPTIONS.get(joined).is_some_and(|pieces| pieces.len() == 1)
        });
        if let Some(last) = joined {
            words[at] = &chunk[start..offset(chunk, words[last]) + words[last].len()];
            words.drain(at + 1..=last);
        }
        at += 1;
    }
}

/// Where a part of a chunk begins.
fn offset(chunk: &str, part: &str) -> usize {
    part.as_ptr() as usize - chunk.as_ptr() as usize
}

/// The bytes of the prefix that parts, or 0.
fn prefix(text: &str) -> usize {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return 0 };
    if first.is_ascii_alphanumeric() {
        return ["US$", "C$", "A$"].into_iter().find(|sign| text.starts_with(sign)).map_or(0, str::len);
    }
    let dots = text.len() - text.trim_start_matches('.').len();
    match first {
        '.' if dots >= 2 => dots,
        '+' if !letters.next().is_some_and(char::is_numeric) => 1,
        '§' | '%' | '=' | '—' | '–' => first.len_utf8(),
        _ if is_mark(first) || CURRENCIES.contains(first) || is_icon(first) => first.len_utf8(),
        _ => 0,
    }
}

/// The bytes of the suffix that parts, or 0.
fn suffix(text: &str) -> usize {
    let mut letters = text.chars().rev();
    let Some(last) = letters.next() else { return 0 };
    let before = letters.next();
    let number_before = |rest: &str| rest.ends_with(|letter: char| letter.is_ascii_digit());
    let dots = text.len() - text.trim_end_matches('.').len();
    match last {
        '.' if dots >= 2 => return dots,
        '.' => {
            let second = letters.next();
            let parts = before.is_some_and(|before| {
                before.is_ascii_digit()
                    || is_lower(before)
                    || is_mark(before)
                    || "%²-+|".contains(before)
                    || (is_upper(before) && second.is_some_and(is_upper))
                    || (second == Some('°') && "FCK".contains(before))
            });
            return usize::from(parts);
        }
        '…' => return if before == Some('…') { 6 } else { 3 },
        's' | 'S' if matches!(before, Some('\'' | '’')) => {
            return 1 + before.map_or(0, char::len_utf8);
        }
        '+' if number_before(&text[..text.len() - 1]) => return 1,
        '—' | '–' => return last.len_utf8(),
        _ if is_mark(last) || is_icon(last) => return last.len_utf8(),
        _ => {}
    }
    // What stands after the last digit.
    let Some(digit) = text.rfind(|letter: char| letter.is_ascii_digit()) else { return 0 };
    let unit = &text[digit + 1..];
    let mut signs = unit.chars();
    let currency = matches!((signs.next(), signs.next()), (Some(sign), None) if CURRENCIES.contains(sign))
        || matches!(unit, "US$" | "C$" | "A$");
    if currency || UNITS.contains(&unit) { unit.len() } else { 0 }
}

fn part_at_infixes<'a>(text: &'a str, words: &mut Vec<&'a str>) {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        words.push(text);
        return;
    }
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let byte = |at: usize| letters.get(at).map_or(text.len(), |(byte, _)| *byte);
    let (mut start, mut at) = (0, 0);
    while at < letters.len() {
        let length = infix(&letters, at);
        if length > 0 && byte(at) != start {
            words.push(&text[start..byte(at)]);
            words.push(&text[byte(at)..byte(at + length)]);
            start = byte(at + length);
        }
        at += length.max(1);
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
}

/// How many characters the infix at `at` has, or 0.
fn infix(letters: &[(usize, char)], at: usize) -> usize {
    let letter = |at: usize| letters.get(at).map(|(_, letter)| *letter);
    let Some(here) = letter(at) else { return 0 };
    if here.is_alphanumeric() {
        return 0;
    }
    let dots = letters[at..].iter().take_while(|(_, letter)| *letter == '.').count();
    if dots >= 2 {
        return dots;
    }
    if here == '…' || is_icon(here) {
        return 1;
    }
    let Some(before) = at.checked_sub(1).and_then(letter) else { return 0 };
    let (digit, word) = (before.is_ascii_digit(), before.is_alphabetic() || before.is_ascii_digit());
    let alphabetic = |length: usize| letter(at + length).is_some_and(char::is_alphabetic);
    let next = letter(at + 1);
    let parts = match here {
        '+' | '-' | '*' | '^' if digit && next.is_some_and(|c| c.is_ascii_digit() || c == '-') => true,
        '.' => {
            (is_lower(before) || QUOTES.contains(before))
                && next.is_some_and(|next| is_upper(next) || QUOTES.contains(next))
        }
        ',' => before.is_alphabetic() && alphabetic(1),
        ':' | '<' | '>' | '=' | '/' | '~' => word && alphabetic(1),
        '-' | '–' | '—' if word => {
            let row = letters[at..].iter().take_while(|(_, letter)| *letter == here).count();
            let longest = match here {
                '-' => 3,
                '—' => 2,
                _ => 1,
            };
            return if row <= longest && alphabetic(row) { row } else { 0 };
        }
        _ => false,
    };
    usize::from(parts)
}

fn is_mark(letter: char) -> bool {
    MARKS.contains(letter) || QUOTES.contains(letter)
}

fn is_icon(letter: char) -> bool {
    !letter.is_ascii() && !letter.is_alphanumeric() && ICON.is_match(letter.encode_utf8(&mut [0; 4]))
}

/// Lower case, or of a script without cases.
fn is_lower(letter: char) -> bool {
    letter.is_alphabetic() && !letter.is_uppercase()
}

/// Upper case, or of a script without cases.
fn is_upper(letter: char) -> bool {
    letter.is_alphabetic() && !letter.is_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What spaCy 3.8 gives.
    #[test]
    fn words_are_spacys() {
        for (text, expected) in [
            ("5-year a-5 A--B x---y", "5 - year a-5 A -- B x --- y"),
            ("2+3 a=b a:b 5:a 5/5", "2 + 3 a = b a : b 5 : a 5/5"),
            ("z.B. U.S. it's don't etc.) can't!", "z. B. U.S. it 's do n't etc . ) ca n't !"),
            ("http://x.com/a-b, word:) Hello.World", "http://x.com/a-b , word :) Hello . World"),
            ("a.m. 10km/h I.B.M Mr.Smith (cant)", "a.m. 10 km/h I.B.M Mr. Smith ( ca nt )"),
            ("end.” $5.00 100$ 50%. NASA.", "end . ” $ 5.00 100 $ 50 % . NASA ."),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
        assert!(words(" \n\t").is_empty());
    }

    #[test]
    fn sentences_end_with_the_marks_after_them() {
        let count = |text: &str| sentences(&words(text));
        assert_eq!(count("He said “Go.” Then he went! Wait... no?"), 3);
        assert_eq!(count("no mark at all"), 1);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn marks_are_no_words() {
        assert!(is_word("½") && is_word("a.") && is_word("©"));
        assert!(!is_word("...") && !is_word("—") && !is_word("$"));
    }
}
