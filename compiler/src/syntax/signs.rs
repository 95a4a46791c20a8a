//! What signs and words belong to, or may have been meant as.

/// The sign that closes the bracket `open`.
pub(super) fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '<' => '>',
        _ => '}',
    }
}

/// The item keyword that `word` may have been meant as.
pub(super) fn near_item(word: &str) -> Option<&'static str> {
    match word {
        "fn" | "func" | "function" | "fun" | "task" => return Some("def"),
        "include" | "use" | "require" | "load" => return Some("import"),
        "overlay" | "config" | "env" => return Some("profile"),
        "parameter" | "arg" | "input" => return Some("param"),
        "assert" | "ensure" => return Some("expect"),
        _ => {}
    }
    let limit = if word.len() < 4 { 1 } else { 2 };
    let items = ["import", "param", "profile", "def", "stage", "edition", "expect"];
    let rated = items.map(|item| (strsim::osa_distance(word, item), item));
    rated.into_iter().filter(|&(distance, _)| distance <= limit).min().map(|(_, item)| item)
}

/// Whether a sign is a quote of some typography.
pub(super) fn is_quote(sign: char) -> bool {
    matches!(sign, '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{ff02}' | '\u{ff07}')
}
