//! C4's rules by line. The rule on terminal punctuation is left out, as in FineWeb.

use std::sync::LazyLock;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use super::bad_words;
use super::limits::Ask;
use super::words::{self, without_blanks};
use super::{Broken, WordRule, spacy};

static CITATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\[\d*\]|\[edit\]|\[citation needed\]").expect("the expression is valid"));

const POLICIES: [&str; 6] =
    ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"];

/// The text of the lines that are left.
pub(super) fn clean(text: &str, language: &str, limits: &Ask<'_>) -> Result<String, Broken> {
    let (mut lines, mut sentences) = (Vec::new(), 0);
    for line in words::lines(text) {
        let line = line.trim();
        if line.split_whitespace().any(|word| word.chars().count() > limits.max_word_characters) {
            continue;
        }
        // Words are counted with the citations, as datatrove counts them.
        if count_words(line, language) < limits.min_line_words {
            continue;
        }
        let line = CITATION.replace_all(line, "");
        let lower = line.to_lowercase();
        limits.never("c4.lorem_ipsum", lower.contains("lorem ipsum"), || "lorem ipsum".into())?;
        if lower.contains("javascript") {
            continue;
        }
        limits.never("c4.curly_bracket", line.contains('{'), || "{".into())?;
        if POLICIES.iter().any(|policy| lower.contains(policy)) {
            continue;
        }
        sentences += match limits.words {
            WordRule::Spacy | WordRule::Dictionary if !without_blanks(language) => {
                spacy::sentences(&spacy::words(&line))
            }
            _ => line.unicode_sentences().count(),
        };
        lines.push(line);
    }
    limits.few("c4.min_sentences", sentences, limits.min_sentences, "sentences")?;
    if limits.min_long_paragraphs > 0 {
        let long = lines.iter().filter(|line| line.chars().count() >= limits.long_paragraph).count();
        limits.few("c4.min_long_paragraphs", long, limits.min_long_paragraphs, "long paragraphs")?;
    }
    let cleaned = lines.join("\n").trim().to_owned();
    if limits.bad_words {
        let found = bad_words::find(&cleaned, language);
        limits.never("c4.bad_words", found.is_some(), || found.clone().unwrap_or_default())?;
    }
    Ok(cleaned)
}

fn count_words(line: &str, language: &str) -> usize {
    if without_blanks(language) { line.unicode_words().count() } else { line.split_whitespace().count() }
}
