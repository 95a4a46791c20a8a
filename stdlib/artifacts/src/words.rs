//! Words, as grading and search see them.

use std::ops::Range;

/// Places of the words in `text`: runs of letters and digits. A Han or Kana character is a word of its own,
/// since those scripts set no spaces.
pub fn spans(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = chars.find(|(_, c)| c.is_alphanumeric())?;
        let mut end = start + first.len_utf8();
        if !stands_alone(first) {
            while let Some((at, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() && !stands_alone(*c)) {
                end = at + c.len_utf8();
            }
        }
        Some(start..end)
    })
}

/// Words in lower case; a comma or blank between digits that groups thousands is left out.
pub fn normalized(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut end = 0;
    for span in spans(text) {
        let word = text[span.clone()].to_lowercase();
        let gap = &text[end..span.start];
        end = span.end;
        let digits = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        match words.last_mut() {
            Some(last) if gap == "," && word.len() == 3 && digits(&word) && digits(last) => {
                last.push_str(&word)
            }
            _ => words.push(word),
        }
    }
    words
}

fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_several_scripts() {
        let text = "São Paulo’s 12 million: 法国 is ok";
        let words: Vec<&str> = spans(text).map(|span| &text[span]).collect();
        assert_eq!(words, ["São", "Paulo", "s", "12", "million", "法", "国", "is", "ok"]);
        assert_eq!(spans("… —").count(), 0);
    }

    #[test]
    fn grouped_thousands_are_one_number() {
        assert_eq!(normalized("1,234,567 People"), ["1234567", "people"]);
        assert_eq!(normalized("1990, 1991 and 12,5"), ["1990", "1991", "and", "12", "5"]);
    }
}
