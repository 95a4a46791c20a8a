//! Words that documents are left out for, by language: `bad_words.txt` beside this file.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexBuilder};

const LISTS: &str = include_str!("bad_words.txt");

/// An expression takes some megabytes once it runs.
const MAX_EXPRESSION: usize = 64 << 20;

/// The first bad word of a text, in lower case; none in languages without a list.
pub(super) fn find(text: &str, language: &str) -> Option<String> {
    static ALL: LazyLock<BTreeMap<&str, (&str, OnceLock<Regex>)>> = LazyLock::new(|| {
        let lines = LISTS.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once(' '))
            .map(|(code, words)| (code, (words, OnceLock::new())))
            .collect()
    });
    let language = if language.is_empty() { "en" } else { language };
    let (words, compiled) = ALL.get(language)?;
    let lower = text.to_lowercase();
    let found = compiled.get_or_init(|| expression(language, words)).captures(&lower)?;
    Some(found[1].to_owned())
}

/// As C4's filter has it: whole words, but in Chinese, Japanese and Thai, wherever they stand.
fn expression(language: &str, words: &str) -> Regex {
    let words: Vec<String> = words.split('|').map(regex::escape).collect();
    let any = words.join("|");
    let text = match language {
        "ja" | "th" | "zh" => format!("({any})"),
        _ => format!(r"(?:\W|^)({any})(?:\W|$)"),
    };
    RegexBuilder::new(&text).size_limit(MAX_EXPRESSION).build().expect("escaped words are an expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_where_blanks_part_them() {
        let lists: Vec<(&str, &str)> = LISTS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once(' ').unwrap())
            .collect();
        assert_eq!(lists.len(), 26);
        for (language, words) in lists {
            let word = words.split('|').next().unwrap();
            assert!(find(&format!("x. {}!", word.to_uppercase()), language).is_some(), "{language} {word}");
        }
        assert_eq!(find("a scunthorpe cockpit", "en"), None);
        assert_eq!(find("这是色情网站", "zh").as_deref(), Some("色情"));
        assert_eq!((find("porn", "und"), find("Porn", "").as_deref()), (None, Some("porn")));
    }
}
