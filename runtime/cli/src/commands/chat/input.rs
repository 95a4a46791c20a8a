//! Lines that a person types, with editing and history, or that come through a pipe.

use std::io::{BufRead, IsTerminal};

use rustyline::completion::Completer;
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Editor, Helper};

use super::Failure;

/// Longest line that is read from a pipe, in bytes.
const MAX_LINE: u64 = 16 << 20;

/// Where lines come from.
pub(super) enum Input {
    /// A person at a terminal.
    Person(Box<Editor<Lines, MemHistory>>),
    /// A file or another program.
    Pipe,
}

/// One line, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    /// It is passed over; the next may be read.
    Unreadable(String),
    End,
}

/// A `\` at the end of a line says that the next one belongs to it.
pub(super) struct Lines;

impl Validator for Lines {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match typed.input().ends_with('\\') {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Completer for Lines {
    type Candidate = String;
}

impl Hinter for Lines {
    type Hint = String;
}

impl Highlighter for Lines {}

impl Helper for Lines {}

impl Input {
    pub(super) fn open() -> Result<Self, Failure> {
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            return Ok(Self::Pipe);
        }
        let config = Config::builder().auto_add_history(true).build();
        let history = MemHistory::with_config(&config);
        let editor = Editor::with_history(config, history);
        let mut editor =
            editor.map_err(|error| Failure::new(format!("cannot read from the terminal: {error}")))?;
        editor.set_helper(Some(Lines));
        Ok(Self::Person(Box::new(editor)))
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    pub(super) fn next(&mut self) -> Result<Line, Failure> {
        match self {
            Self::Person(editor) => match editor.readline("> ") {
                Ok(line) => Ok(Line::Text(line.replace("\\\n", "\n"))),
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(Line::End),
                // A key that is no UTF-8, as a terminal in another encoding sends it.
                Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                    Ok(Line::Unreadable("that was no UTF-8; is the terminal in another encoding?".to_owned()))
                }
                Err(error) => Err(Failure::new(format!("cannot read the question: {error}"))),
            },
            Self::Pipe => piped(&mut std::io::stdin().lock()),
        }
    }
}

/// A line of whatever bytes; what is no UTF-8 becomes U+FFFD.
fn piped(input: &mut impl BufRead) -> Result<Line, Failure> {
    let mut bytes = Vec::new();
    std::io::Read::take(input, MAX_LINE)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Failure::new(format!("cannot read the question: {error}")))?;
    if bytes.is_empty() {
        return Ok(Line::End);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Line::Text(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_end_nothing() {
        let mut input = &b"one\r\n\xe4\xbd two\n\nlast"[..];
        let mut next = || piped(&mut input).unwrap();
        assert_eq!(next(), Line::Text("one".into()));
        assert_eq!(next(), Line::Text("\u{fffd} two".into()));
        assert_eq!(next(), Line::Text(String::new()));
        assert_eq!(next(), Line::Text("last".into()));
        assert_eq!(next(), Line::End);
    }
}
