//! Numbers and texts.

use super::Builder;
use crate::ast::{ExprKind, Name, Number};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};
use crate::syntax::{digits_length, errors};

impl Builder<'_> {
    pub(super) fn number(&mut self, id: NodeId) -> ExprKind {
        let mut number = Number { digits: String::new(), suffix: None, unit: None };
        for part in self.parts(id) {
            match self.kind(part) {
                NodeKind::Sign => number.digits.push('-'),
                NodeKind::Digits => {
                    let text = self.str(part);
                    let length = digits_length(text.as_bytes());
                    number.digits.extend(text[..length].chars().filter(|&sign| sign != '_'));
                    if length < text.len() {
                        let span = self.span(part);
                        let span = Span { start: span.start + length as u32, ..span };
                        number.suffix = Some(Name { span, text: text[length..].to_owned() });
                    }
                }
                NodeKind::Unit => number.unit = Some(self.name(part)),
                _ => {}
            }
        }
        ExprKind::Number(number)
    }

    /// The text of a literal, escapes resolved.
    pub(super) fn text(&mut self, id: NodeId) -> String {
        let raw = self.str(id);
        let span = self.span(id);
        if let Some(inner) = raw.strip_prefix('\'') {
            let inner = inner.strip_suffix('\'').unwrap_or(inner);
            self.report(errors::single_quotes(span, inner));
            return inner.to_owned();
        }
        if !raw.starts_with('"') {
            self.report(errors::unopened_text(span));
            return raw.trim_end_matches('"').to_owned();
        }
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw.char_indices().skip(1);
        let mut closed = false;
        while let Some((at, sign)) = rest.next() {
            match sign {
                '"' => closed = true,
                '\\' => {
                    let (resolved, length) = escape(&raw[at..]);
                    match resolved {
                        Some(sign) => text.push(sign),
                        None => {
                            let start = span.start + at as u32;
                            let place = Span { start, end: start + length as u32, ..span };
                            self.report(errors::bad_escape(place, &raw[at..at + length]));
                        }
                    }
                    while rest.clone().next().is_some_and(|(next, _)| next < at + length) {
                        rest.next();
                    }
                }
                sign => text.push(sign),
            }
        }
        if !closed {
            self.report(errors::unfinished_text(span, '"'));
        }
        text
    }
}

/// The sign that the escape at the start of `text` stands for, and the escape's length.
fn escape(text: &str) -> (Option<char>, usize) {
    let Some(sign) = text[1..].chars().next() else { return (None, 1) };
    let plain = |sign| (Some(sign), 2);
    match sign {
        '"' | '\\' => plain(sign),
        'n' => plain('\n'),
        't' => plain('\t'),
        'u' => {
            let Some(end) =
                text.get(2..).filter(|rest| rest.starts_with('{')).and_then(|rest| rest.find('}'))
            else {
                return (None, 2);
            };
            let code = text.get(3..end + 2).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            (code.and_then(char::from_u32), end + 3)
        }
        other => (None, 1 + other.len_utf8()),
    }
}
