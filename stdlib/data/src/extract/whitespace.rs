//! White space that the extraction would lose: it makes one line of a `pre`. What matters there travels as characters for
//! private use.

/// Stand for a line feed, a blank and a tab; `decode` takes them out of pages, where they mean nothing.
pub(super) const MARKS: [char; 3] = ['\u{f8f0}', '\u{f8f1}', '\u{f8f2}'];
const MEANINGS: [char; 3] = ['\n', ' ', '\t'];

/// A single blank between words needs no mark, and lets words be told apart.
pub(super) fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut alone = false;
    for character in text.chars() {
        match MEANINGS.iter().position(|meaning| *meaning == character) {
            Some(1) if alone => marked.push(' '),
            Some(which) => marked.push(MARKS[which]),
            None => marked.push(character),
        }
        alone = !character.is_whitespace();
    }
    marked
}

/// Text with its white space back.
pub(super) fn restored(text: &str) -> String {
    if !text.contains(MARKS) {
        return text.to_owned();
    }
    let meaning = |character| {
        let which = MARKS.iter().position(|mark| *mark == character);
        which.map_or(character, |which| MEANINGS[which])
    };
    let text: String = text.chars().map(meaning).collect();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_that_matters_comes_back() {
        let text = "if a:\n    b  c \n\n\td e\nf";
        let collapsed = marked(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(restored(&collapsed), "if a:\n    b  c\n\n\td e\nf");
    }
}
