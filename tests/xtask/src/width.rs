//! Comments within the formatter's width, which it leaves as they are: `wrap_comments` is not stable yet.

/// `max_width` of `rustfmt.toml`.
pub const WIDTH: usize = 110;

/// The lines, counted from 1, at which a comment is too wide and could be narrower.
#[must_use]
pub fn too_wide(text: &str) -> Vec<usize> {
    let wrapped = wrap(text);
    let wide = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.chars().count() > WIDTH).map(str::to_owned).collect()
    };
    let left = wide(&wrapped);
    let lines = text.lines().enumerate().filter(|(_, line)| line.chars().count() > WIDTH);
    lines.filter(|(_, line)| !left.iter().any(|other| other == line)).map(|(at, _)| at + 1).collect()
}

/// A source text with the paragraphs of its comments filled anew from their first line that is too wide.
/// Code, tables and lines without a space are left alone.
#[must_use]
pub fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let lines: Vec<&str> = text.lines().collect();
    let (mut at, mut fenced) = (0, false);
    while let Some(&line) = lines.get(at) {
        let Some(comment) = Comment::of(line) else {
            fenced = false;
            out += &format!("{line}\n");
            at += 1;
            continue;
        };
        fenced ^= comment.text.trim_start().starts_with("```");
        if fenced || line.chars().count() <= WIDTH || !comment.is_prose() {
            out += &format!("{line}\n");
            at += 1;
            continue;
        }
        let mut words: Vec<&str> = comment.text.split_whitespace().collect();
        at += 1;
        while let Some(next) = lines.get(at).and_then(|line| Comment::of(line))
            && comment.goes_on_with(&next)
        {
            words.extend(next.text.split_whitespace());
            at += 1;
        }
        comment.fill(&words, &mut out);
    }
    out
}

/// A line that is a comment and nothing else.
struct Comment<'a> {
    /// The space and the slashes before the text.
    head: &'a str,
    text: &'a str,
}

impl<'a> Comment<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let start = line.trim_start();
        let slashes = ["///", "//!", "//"].into_iter().find(|slashes| start.starts_with(slashes))?;
        let (head, text) = line.split_at(line.len() - start.len() + slashes.len());
        Some(Self { head, text })
    }

    /// How far its text is indented, the one space behind the slashes apart.
    fn indent(&self) -> usize {
        (self.text.len() - self.text.trim_start().len()).saturating_sub(1)
    }

    /// How far the lines that go on with it are indented: below a list's sign, below its text.
    fn hanging(&self) -> usize {
        let text = self.text.trim_start();
        // `- ` and `12. `: up to the text behind the sign.
        let sign = text.find(' ').map_or(0, |space| space + 1);
        self.indent() + if begins_entry(text) { sign } else { 0 }
    }

    fn is_prose(&self) -> bool {
        let text = self.text.trim();
        self.text.starts_with(' ') && self.indent() < 4 && !text.starts_with(['|', '#']) && !text.is_empty()
    }

    fn goes_on_with(&self, next: &Comment<'_>) -> bool {
        next.head == self.head
            && next.is_prose()
            && next.indent() == self.hanging()
            && !begins_entry(next.text.trim_start())
            && !next.text.trim_start().starts_with("```")
    }

    fn fill(&self, words: &[&str], out: &mut String) {
        let mut line = format!("{} {}", self.head, " ".repeat(self.indent()));
        let mut is_empty = true;
        for (at, word) in words.iter().enumerate() {
            // At the start of a line, a sign would begin a list or a heading: it stays with the word before.
            let next =
                words.get(at + 1).filter(|next| begins_entry(&format!("{next} ")) || next.starts_with('#'));
            let wanted = word.chars().count() + next.map_or(0, |next| next.chars().count() + 1);
            if !is_empty && line.chars().count() + 1 + wanted > WIDTH {
                *out += &format!("{line}\n");
                line = format!("{} {}", self.head, " ".repeat(self.hanging()));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        *out += &format!("{line}\n");
    }
}

/// Whether a text begins an entry of a list.
fn begins_entry(text: &str) -> bool {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|sign| text.starts_with(sign))
        || digits.len() < text.len() && digits.starts_with(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_filled_from_its_first_wide_line() {
        let word = "word ".repeat(30);
        let text = format!("/// Short.\n/// {}\n/// last\n///\n/// Next.\nfn f() {{}}\n", word.trim_end());
        let wrapped = wrap(&text);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH), "{wrapped}");
        assert!(wrapped.starts_with("/// Short.\n/// word"), "{wrapped}");
        assert!(wrapped.contains("word last\n///\n/// Next.\n"), "{wrapped}");
        assert_eq!(wrap(&wrapped), wrapped);
        assert_eq!(too_wide(&text), [2]);
        assert_eq!(too_wide(&wrapped), [0; 0]);
    }

    #[test]
    fn code_tables_and_entries_keep_their_shape() {
        let long = "word ".repeat(30);
        let long = long.trim_end();
        for text in [
            format!("/// ```\n/// {long}\n/// ```\n"),
            format!("/// | {long} |\n"),
            format!("let x = \"{long}\";\n"),
            format!("///{}\n", "x".repeat(200)),
        ] {
            assert_eq!(wrap(&text), text);
            assert_eq!(too_wide(&text), [0; 0]);
        }
        let wrapped = wrap(&format!("//! 1. {long}\n//!    more\n//! 2. next\n"));
        assert!(
            wrapped.contains("\n//!    word") && wrapped.ends_with("word more\n//! 2. next\n"),
            "{wrapped}"
        );
        let wrapped = wrap(&format!("    // - {long}\n    //   more\n    // - next\n"));
        assert!(wrapped.starts_with("    // - word") && wrapped.contains("\n    //   word"), "{wrapped}");
        assert!(wrapped.ends_with("word more\n    // - next\n"), "{wrapped}");
    }
}
