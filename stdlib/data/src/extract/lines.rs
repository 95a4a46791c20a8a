//! The lines of a page, and a text that has lost them.
//!
//! Where a page holds little text, the extraction gives all of it as one paragraph. Which lines it is made of is known from the
//! page.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

/// Where a joined text may begin: so many lines that fit are tried.
const BEGINNINGS: usize = 16;

/// The lines of a page's text, in order.
#[derive(Debug, Default)]
pub(super) struct Lines {
    done: Vec<Line>,
    /// The line in the making.
    line: String,
    item: bool,
}

#[derive(Debug)]
struct Line {
    /// Its characters without white space, to be compared.
    bare: String,
    text: String,
}

impl Lines {
    /// Begins a line; `item` says whether it is the first of a list item.
    pub(super) fn start(&mut self, item: bool) {
        self.end();
        self.item |= item;
    }

    /// Adds a piece of the line.
    pub(super) fn add(&mut self, text: &str) {
        self.line.push_str(text);
    }

    /// Ends the line.
    pub(super) fn end(&mut self) {
        let bare = bare(&self.line);
        if !bare.is_empty() {
            let words: Vec<&str> = self.line.split_whitespace().collect();
            let dash = if self.item { "- " } else { "" };
            self.done.push(Line { bare, text: format!("{dash}{}", words.join(" ")) });
            self.item = false;
        }
        self.line.clear();
    }

    /// How many characters there are, apart from white space.
    pub(super) fn characters(&self) -> usize {
        self.done.iter().map(|line| line.bare.chars().count()).sum()
    }

    /// A text whose lines are made of several lines of the page, with these apart.
    pub(super) fn apart(&self, text: &str) -> String {
        let known: HashSet<&str, FxBuildHasher> = self.done.iter().map(|line| line.bare.as_str()).collect();
        let mut apart = Vec::new();
        for line in text.split('\n') {
            let bare = bare(line.strip_prefix("- ").unwrap_or(line));
            match bare.is_empty() || known.contains(bare.as_str()) {
                true => apart.push(line.to_owned()),
                false => match self.parts(&bare) {
                    Some(parts) => apart.extend(parts.into_iter().map(|part| part.text.clone())),
                    None => apart.push(line.to_owned()),
                },
            }
        }
        apart.join("\n")
    }

    /// The lines that make `joined`, in the page's order; lines of the page may be left out between them.
    fn parts(&self, joined: &str) -> Option<Vec<&Line>> {
        let fits = |at: &usize| joined.starts_with(&self.done[*at].bare);
        (0..self.done.len()).filter(fits).take(BEGINNINGS).find_map(|first| {
            let (mut parts, mut rest) = (Vec::new(), joined);
            for line in &self.done[first..] {
                if let Some(behind) = rest.strip_prefix(&line.bare) {
                    parts.push(line);
                    rest = behind;
                }
                if rest.is_empty() {
                    break;
                }
            }
            (rest.is_empty() && parts.len() > 1).then_some(parts)
        })
    }
}

/// Without white space, and without what the extraction drops: soft hyphens and control characters.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace() && !character.is_control() && *character != '\u{ad}')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_lines_come_apart() {
        let mut lines = Lines::default();
        for (text, item) in [
            ("Open", false),
            ("Opening  hours", false),
            ("Menu", false),
            ("from nine", true),
            ("Closed", false),
        ] {
            lines.start(item);
            lines.add(text);
        }
        lines.end();
        assert_eq!(lines.apart("Opening hours from nine Closed"), "Opening hours\n- from nine\nClosed");
        assert_eq!(
            lines.apart("Opening hours\nfrom\u{ad} nine\n\nClosed"),
            "Opening hours\nfrom\u{ad} nine\n\nClosed"
        );
        assert_eq!(lines.apart("Opening hours of another"), "Opening hours of another");
        assert_eq!(lines.characters(), 4 + 12 + 4 + 8 + 6);
    }
}
