//! Documents cut into passages: short enough to be read by a model, whole enough to be understood.

use llmp_artifacts::words;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// What is shown.
    pub(crate) text: String,
    /// What it can be found by besides: the page's title and, where a paragraph goes on, its first sentence.
    pub(crate) about: String,
}

/// A first line of at most so many words that ends no sentence is the document's title.
const TITLE_WORDS: usize = 12;

/// How long a text is, in words or tokens.
pub(crate) type Size<'a> = &'a dyn Fn(&str) -> usize;

/// Cuts a document into passages of at most `limit` words, or whatever `size` counts. A sentence that is
/// longer is cut between words.
pub(crate) fn cut(document: &str, limit: usize, size: Size<'_>) -> Vec<Passage> {
    let mut lines = document.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let title =
        lines.peek().copied().filter(|line| !ends_sentence(line) && count(line) <= TITLE_WORDS).unwrap_or("");
    let mut passages = Vec::new();
    let mut pending = String::new();
    for line in lines {
        let open = !ends_sentence(line);
        if !pending.is_empty() && size(&pending) + size(line) > limit {
            push(&mut passages, &std::mem::take(&mut pending), title, limit, size);
        }
        if !pending.is_empty() {
            pending.push('\n');
        }
        pending.push_str(line);
        if !open {
            push(&mut passages, &std::mem::take(&mut pending), title, limit, size);
        }
    }
    push(&mut passages, &pending, title, limit, size);
    passages
}

/// Adds `paragraph`, in several passages where it is longer than `limit`.
fn push(passages: &mut Vec<Passage>, paragraph: &str, title: &str, limit: usize, size: Size<'_>) {
    let pieces: Vec<&str> =
        sentences(paragraph).flat_map(|sentence| bounded(sentence, limit, size)).collect();
    let Some(first) = pieces.first().copied() else { return };
    let mut text = String::new();
    let mut about = title.to_owned();
    let mut words = 0;
    for piece in pieces {
        let more = size(piece);
        if words > 0 && words + more > limit {
            passages.push(Passage { text: text.trim().to_owned(), about });
            about = format!("{title}\n{}", first.trim());
            text.clear();
            words = 0;
        }
        text.push_str(piece);
        words += more;
    }
    passages.push(Passage { text: text.trim().to_owned(), about });
}

/// Sentences with the white space after them. A dot ends one only where a blank and no small letter follow.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, after) = rest.split_at(sentence_end(rest));
        rest = after;
        Some(sentence)
    })
}

fn sentence_end(text: &str) -> usize {
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let after = &text[end..];
        let blanks = after.len() - after.trim_start().len();
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => blanks > 0 && !after.trim_start().starts_with(char::is_lowercase),
            '\n' => true,
            _ => false,
        };
        if ends {
            return end + blanks;
        }
    }
    text.len()
}

/// `sentence` in pieces of at most `limit`, unless a word alone is longer.
fn bounded<'a>(sentence: &'a str, limit: usize, size: Size<'_>) -> Vec<&'a str> {
    let starts: Vec<usize> = words::spans(sentence).map(|span| span.start).collect();
    let ends = starts.iter().copied().skip(1).chain([sentence.len()]);
    let (mut pieces, mut start, mut length) = (Vec::new(), 0, 0);
    for (word, end) in starts.iter().copied().zip(ends) {
        let more = size(&sentence[word..end]);
        if length > 0 && length + more > limit.max(1) {
            pieces.push(&sentence[start..word]);
            (start, length) = (word, 0);
        }
        length += more;
    }
    pieces.push(&sentence[start..]);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

fn ends_sentence(line: &str) -> bool {
    let closing = |c: char| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」');
    line.trim_end_matches(closing).ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

fn count(text: &str) -> usize {
    words::spans(text).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str, limit: usize) -> Vec<String> {
        cut(document, limit, &count).into_iter().map(|passage| passage.text).collect()
    }

    #[test]
    fn short_paragraphs_stay_whole_and_headings_go_with_what_follows() {
        let document = "Lae\nLae lies in Papua. It has 76 thousand people.\n\nSifra is elsewhere.";
        assert_eq!(
            texts(document, 20),
            ["Lae\nLae lies in Papua. It has 76 thousand people.", "Sifra is elsewhere."]
        );
        assert_eq!(cut(document, 20, &count)[1].about, "Lae");
        assert_eq!(texts("Country: Peru\nPeople: 5\nHeight: 9", 20), ["Country: Peru\nPeople: 5\nHeight: 9"]);
        assert!(cut("  \n\n", 20, &count).is_empty());
    }

    #[test]
    fn a_long_paragraph_is_cut_between_sentences() {
        let document =
            "Lae lies in Papua. It has 76 thousand people. St. Mary was there, e.g. once. It rains.";
        let passages = cut(document, 9, &count);
        let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(
            texts,
            ["Lae lies in Papua. It has 76 thousand people.", "St. Mary was there, e.g. once. It rains."]
        );
        assert!(passages[1].about.contains("Lae lies in Papua."));
        assert_eq!(passages[0].about, "");
    }

    #[test]
    fn endless_sentences_are_cut_between_words() {
        let passages = texts(&"word ".repeat(25), 10);
        assert_eq!(passages.iter().map(|text| count(text)).collect::<Vec<_>>(), [10, 10, 5]);
        assert_eq!(texts("莱城位于巴布亚。它有七万人。", 8), ["莱城位于巴布亚。", "它有七万人。"]);
        // Counted in tokens, of which a sign is two here, a passage holds half as many signs.
        let passages = cut("莱城位于巴布亚。它有七万人。", 8, &|text| 2 * count(text));
        let texts: Vec<&str> = passages.iter().map(|passage| passage.text.as_str()).collect();
        assert_eq!(texts, ["莱城位于", "巴布亚。", "它有七万", "人。"]);
    }
}
