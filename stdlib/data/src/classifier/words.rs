//! A text as the words that a classifier counts.

/// The words of a text: what stands between blanks, as in fastText. Signs of scripts without blanks between
/// words (Han, Kana, Thai, Lao, Khmer, Burmese) are a word each, since there a sentence would be one
/// otherwise.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || letter == '\0')
        .flat_map(|chunk| Pieces { rest: chunk })
}

/// The text as one line of these words, which is how fastText's program takes it.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in words(text) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.rest.chars().next()?;
        let end = match stands_alone(first) {
            true => first.len_utf8(),
            false => self.rest.find(stands_alone).unwrap_or(self.rest.len()),
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word)
    }
}

fn stands_alone(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3001}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff0f}'
        | '\u{ff1a}'..='\u{ff20}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_without_blanks_are_words() {
        assert_eq!(line("Hello,  world\n河水rose 3 times。"), "Hello, world 河 水 rose 3 times 。");
        assert_eq!(line(" \n\0"), "");
    }
}
