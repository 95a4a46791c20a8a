//! Extracted HTML as plain text: one line a paragraph, heading, list item or table row.

use trafilatura::dom::Document;

use super::whitespace::restored;

/// Elements that stand inside a line; all others start a line and end one.
const INLINE: [&str; 30] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
    "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "u",
];

/// The text of an HTML fragment.
pub(super) fn plain_text(html: &str) -> String {
    let document = Document::parse(html);
    let Some(body) = document.body() else { return String::new() };
    let mut lines = Lines::default();
    // Elements to enter, and what follows the ones that are left.
    let mut steps = vec![(body, Step::Enter { verbatim: false })];
    while let Some((node, step)) = steps.pop() {
        let tag = document.tag_name(node);
        match step {
            Step::Enter { verbatim } => {
                let verbatim = verbatim || tag == "pre";
                lines.open(tag);
                lines.add(&document.text(node), verbatim);
                steps.push((node, Step::Close));
                for child in document.children(node).into_iter().rev() {
                    steps.push((child, Step::Tail { verbatim }));
                    steps.push((child, Step::Enter { verbatim }));
                }
            }
            Step::Close => lines.close(tag),
            Step::Tail { verbatim } => lines.add(&document.tail(node), verbatim),
        }
    }
    lines.end();
    restored(lines.done.join("\n").trim_matches('\n'))
}

enum Step {
    Enter { verbatim: bool },
    Close,
    Tail { verbatim: bool },
}

/// Lines of a document in the making.
#[derive(Default)]
struct Lines {
    done: Vec<String>,
    line: String,
}

impl Lines {
    fn open(&mut self, tag: &str) {
        match tag {
            "td" | "th" if !self.line.trim().is_empty() => self.line.push_str(" | "),
            "td" | "th" => {}
            "li" => {
                self.end();
                self.line.push_str("- ");
            }
            // A paragraph that opens a list item stands behind its dash.
            _ if INLINE.contains(&tag) || self.line == "- " => {}
            _ => self.end(),
        }
    }

    fn close(&mut self, tag: &str) {
        if !INLINE.contains(&tag) && !matches!(tag, "td" | "th") {
            self.end();
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_end();
        if !line.is_empty() && line != "-" {
            self.done.push(line.to_owned());
        }
    }

    fn add(&mut self, text: &str, verbatim: bool) {
        if verbatim {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.done.push(std::mem::take(&mut self.line).trim_end().to_owned());
                }
                self.line.push_str(line);
            }
            return;
        }
        for (number, word) in text.split(char::is_whitespace).enumerate() {
            if number > 0 && !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
            self.line.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn blocks_become_lines() {
        for (html, text) in [
            ("<p>One <b>bold</b>, two.</p>\n <p>Three\n four</p>", "One bold, two.\nThree four"),
            ("<h2>Head</h2>text<br>next", "Head\ntext\nnext"),
            ("<ul><li>a</li><li><p>b <i>c</i></p></li><li> </li></ul>end", "- a\n- b c\nend"),
            ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", "a | b\nc"),
            ("<pre>let x = 1;\n  let y;</pre><p>z</p>", "let x = 1;\n  let y;\nz"),
            ("a<span> </span>b<span>c</span>", "a bc"),
            ("", ""),
        ] {
            assert_eq!(plain_text(html), text, "{html}");
        }
    }
}
