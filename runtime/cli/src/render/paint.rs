//! Colours and columns of what goes to standard output.

use std::io::IsTerminal;

use llmp_stage::Tone;
pub(crate) use llmp_stage::cells;

/// Whether to colour standard output: `NO_COLOR` and `CLICOLOR_FORCE` as people know them.
#[must_use]
pub(crate) fn stdout_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    set("CLICOLOR_FORCE") || std::io::stdout().is_terminal()
}

/// A text in the colour of its tone.
#[must_use]
pub(crate) fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Label => "1",
        Tone::Learned => "32",
        Tone::Special => "35",
        Tone::Aside => "2",
        Tone::Cut => "31",
    };
    coloured(text, code, colour)
}

/// A text in a colour of ANSI's, line by line, so that a pager shows each right.
#[must_use]
pub(crate) fn coloured(text: &str, code: &str, colour: bool) -> String {
    if !colour || text.is_empty() {
        return text.to_owned();
    }
    let lines = text.split('\n').map(|line| match line.is_empty() {
        true => String::new(),
        false => format!("\u{1b}[{code}m{line}\u{1b}[0m"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A text with blanks behind it up to `width` cells of a terminal.
#[must_use]
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(cells(text))))
}

/// Columns of the terminal that standard output is; none where it is none and `COLUMNS` does not say.
#[must_use]
pub(crate) fn stdout_width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)))
        .filter(|columns| *columns >= 20)
}

/// A text as lines of at most `width` cells, broken at blanks; a longer word stands alone.
#[must_use]
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().map_or(0, |line| cells(line));
        if line > 0 && line + 1 + cells(word) > width {
            lines.push(word.to_owned());
        } else if let Some(last) = lines.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_cells() {
        assert_eq!(pad("陽臺", 6), "陽臺  ");
        assert_eq!(pad("ab", 6), "ab    ");
        assert_eq!(pad("abc", 2), "abc");
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-very-long-word b", 5), ["a-very-long-word", "b"]);
        assert_eq!(wrapped("陽臺 陽臺", 8), ["陽臺", "陽臺"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn colours_end_with_each_line() {
        assert_eq!(paint("a\nb", Tone::Learned, true), "\u{1b}[32ma\u{1b}[0m\n\u{1b}[32mb\u{1b}[0m");
        assert_eq!(paint("a", Tone::Learned, false), "a");
    }
}
