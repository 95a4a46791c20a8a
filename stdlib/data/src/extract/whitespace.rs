//! White space that the extraction would lose. It joins words across the borders of blocks (`<h1>One</h1><p>Two`), and
//! makes one line of a `pre`: what matters there travels as characters for private use.

use trafilatura::dom::Document;

/// Stand for a line feed, a blank and a tab; `decode` takes them out of pages, where they mean nothing.
pub(super) const MARKS: [char; 3] = ['\u{f8f0}', '\u{f8f1}', '\u{f8f2}'];
const MEANINGS: [char; 3] = ['\n', ' ', '\t'];

/// Elements behind which a line ends.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
];

/// Parts blocks, and marks the white space of every `pre`.
pub(super) fn protect(document: &mut Document) {
    for block in document.iter_descendants(document.root(), &BLOCKS) {
        let tail = document.tail(block);
        if !tail.starts_with(char::is_whitespace) {
            document.set_tail(block, &format!("\n{tail}"));
        }
    }
    for pre in document.iter_descendants(document.root(), &["pre"]) {
        let text = document.text(pre);
        document.set_text(pre, &marked(&text));
        for inside in document.iter_descendants(pre, &[]) {
            let (text, tail) = (document.text(inside), document.tail(inside));
            document.set_text(inside, &marked(&text));
            document.set_tail(inside, &marked(&tail));
        }
    }
}

/// A single blank between words needs no mark, and lets words be told apart.
fn marked(text: &str) -> String {
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
        let html = "<h1>One</h1><p>Two</p>three <pre>if a:\n    <b>b</b>  c \n\n\td e<br>f</pre>end";
        let mut document = Document::parse(html);
        protect(&mut document);
        let body = document.body().expect("a body");
        let collapsed = document.text_content(body).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(restored(&collapsed), "One Two three if a:\n    b  c\n\n\td e\nf end");
    }
}
