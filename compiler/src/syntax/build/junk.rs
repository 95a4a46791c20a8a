//! Text that fits nowhere: what its author may have meant.

use super::Builder;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};
use crate::syntax::{errors, signs};

impl Builder<'_> {
    /// Reports the error node `id`, which stands in the brackets (or file) `container`, on one line behind
    /// the entry `previous` where that is given.
    pub(super) fn junk(&mut self, id: NodeId, previous: Option<NodeId>, container: NodeKind) {
        let (text, span) = self.junk_text(id);
        let word = word(text);
        if self.thousands(id).is_some_and(|number| self.is_known(number)) {
            return;
        }
        let diagnostic = match self.look_alike(id, text, span, container) {
            Some(diagnostic) => diagnostic,
            None if self.kind(id) == NodeKind::ErrorItem => not_an_item(text, span),
            None if previous.is_some() => behind_entry(text, span, container),
            None if container == NodeKind::Record && !word.is_empty() => {
                errors::field_without_value(span, text, path(text))
            }
            None if container == NodeKind::Clauses && is_shard_clause(text) => {
                let length = text.match_indices(' ').nth(1).map_or(text.len(), |(at, _)| at);
                errors::misspelt_shard(Span { end: span.start + length as u32, ..span }, &text[..length])
            }
            None if container == NodeKind::Clauses
                && !word.is_empty()
                && is_value_like(text[word.len()..].trim_start()) =>
            {
                errors::field_without_value(span, text, word)
            }
            None if matches!(container, NodeKind::Clauses | NodeKind::RecordType) && !word.is_empty() => {
                errors::missing_colon(behind_word(span, word), word, text[word.len()..].trim_start())
            }
            None => errors::unexpected(span, text, expected(container)),
        };
        self.report(diagnostic);
    }

    /// Reports that something is missing behind `id`; where junk stands there instead, its look tells more.
    pub(super) fn missing(&mut self, id: NodeId, diagnostic: Diagnostic) {
        let Some(junk) = self.junk_behind(id) else { return self.report(diagnostic) };
        let (text, span) = self.junk_text(junk);
        let found =
            text.split([' ', '\t', '(', '{', '[']).next().filter(|word| !word.is_empty()).unwrap_or(text);
        let diagnostic = match self.look_alike(junk, text, span, NodeKind::Expr) {
            Some(better) => better,
            None if text.starts_with('-') && diagnostic.code == code::VALUE_MISSING => {
                errors::negated(span, text)
            }
            None => {
                let label = match is_keyword(found) {
                    true => format!("`{found}` is a keyword"),
                    false => format!("found {}", errors::quoted(found)),
                };
                let mut diagnostic = diagnostic.label(label);
                if let Some(first) = diagnostic.labels.first_mut() {
                    first.span = Span { end: span.start + found.len() as u32, ..span };
                }
                diagnostic
            }
        };
        self.report(diagnostic);
    }

    /// The junk that follows `id` on its line.
    pub(super) fn junk_behind(&self, id: NodeId) -> Option<NodeId> {
        let mut next = self.tree.following(id);
        while let Some(space) = next.filter(|&next| self.kind(next) == NodeKind::Space) {
            next = self.tree.following(space);
        }
        next.filter(|&next| self.kind(next) == NodeKind::Junk)
    }

    pub(super) fn junk_text(&self, id: NodeId) -> (&str, Span) {
        let text = self.str(id).trim_end_matches([' ', '\t', '\r', '\n']);
        let span = self.span(id);
        (text, Span { end: span.start + text.len() as u32, ..span })
    }

    /// A habit from elsewhere, or a sign that only looks right.
    fn look_alike(&self, id: NodeId, text: &str, span: Span, container: NodeKind) -> Option<Diagnostic> {
        let first = text.chars().next()?;
        let second = text[first.len_utf8()..].chars().next();
        let sign = Span { end: span.start + first.len_utf8() as u32, ..span };
        let letters = text.len()
            - text.trim_start_matches(|sign: char| sign.is_ascii_alphanumeric() || sign == '_').len();
        if let Some(foreign) = text[letters..].chars().next().filter(|sign| !sign.is_ascii()) {
            let start = span.start + letters as u32;
            let behind = &text[letters + foreign.len_utf8()..];
            if let Some(length) = behind.find(signs::is_quote).filter(|_| signs::is_quote(foreign)) {
                let inner = &behind[..length];
                let close = behind[length..].chars().next().map_or(0, char::len_utf8);
                let end = start + (foreign.len_utf8() + length + close) as u32;
                return Some(errors::typographic_quotes(Span { start, end, ..span }, inner));
            }
            return Some(errors::foreign_sign(
                Span { start, end: start + foreign.len_utf8() as u32, ..span },
                foreign,
            ));
        }
        Some(match (first, second) {
            (';', _) => errors::semicolon(sign, text.len() == 1, container != NodeKind::File),
            (')' | ']' | '}', _) => errors::stray(sign, first),
            ('"', _) if self.text[..span.start as usize].ends_with(is_word) => {
                let end = self.text[span.start as usize..].find(['\n', ')']);
                let closed = end.is_some_and(|end| self.text[span.start as usize + end..].starts_with(')'));
                let length = text[1..].find('"').map_or(text.len(), |length| length + 2);
                errors::missing_open(
                    Span { end: span.start + length as u32, ..span },
                    &text[..length],
                    closed,
                )
            }
            ('>', _)
                if matches!(container, NodeKind::Parameters | NodeKind::Clauses | NodeKind::RecordType) =>
            {
                errors::stray(sign, first)
            }
            ('/', Some('*')) => errors::block_comment(Span { end: span.start + 2, ..span }),
            ('.', Some('0'..='9')) => errors::leading_point(span, text),
            ('\'', _) => errors::unfinished_text(span, '\''),
            ('$' | '@', _) => errors::sigil(sign, first),
            ('%', None)
                if self.text[..span.start as usize]
                    .trim_end()
                    .ends_with(|sign: char| sign.is_ascii_digit()) =>
            {
                let space = self.text[..span.start as usize].trim_end().len() as u32;
                errors::spaced_percent(Span { start: space, ..sign })
            }
            ('&', _) => errors::wrong_operator(sign, "&", Some("and")),
            ('%' | '^' | '~' | '\\' | '`' | '?', _) if container != NodeKind::Type => {
                errors::wrong_operator(sign, &first.to_string(), None)
            }
            ('0'..='9' | ',', _) if self.thousands(id).is_some() => {
                let number = self.thousands(id)?;
                errors::thousands(number, &self.text[number.start as usize..number.end as usize])
            }
            ('[', _) if self.word_before(span).is_some_and(|(_, word)| is_almost(word, "each")) => {
                let (place, word) = self.word_before(span)?;
                errors::misspelt_each(place, word)
            }
            _ if container != NodeKind::Clauses && closes_braces(text) && begins_field(text) => {
                errors::missing_brace(span, path(text))
            }
            _ if container == NodeKind::File && self.kind(id) == NodeKind::Junk && begins_step(text) => {
                errors::missing_step(span, text)
            }
            _ => match word(text) {
                branch @ ("then" | "else") => errors::lost_branch(behind_word(span, branch), branch),
                _ => return None,
            },
        })
    }

    /// The word right before a place, space left out, and where it stands.
    fn word_before(&self, place: Span) -> Option<(Span, &str)> {
        let before = self.text[..place.start as usize].trim_end_matches(' ');
        let start = before.trim_end_matches(is_word).len();
        let span = Span { start: start as u32, end: before.len() as u32, ..place };
        (start < before.len()).then_some((span, &before[start..]))
    }

    /// Whether something at this place was reported.
    fn is_known(&self, place: Span) -> bool {
        self.diagnostics.iter().rev().take(4).any(|diagnostic| diagnostic.span() == place)
    }
}

/// The path at the start of a text.
fn path(text: &str) -> &str {
    &text[..text.find(|sign| !is_word(sign) && sign != '.').unwrap_or(text.len())]
}

/// Whether a word is another one with a slip.
pub(super) fn is_almost(word: &str, meant: &str) -> bool {
    word != meant && strsim::osa_distance(word, meant) == 1
}

/// Whether a text closes braces that it does not open.
pub(super) fn closes_braces(text: &str) -> bool {
    let mut open = 0_i32;
    text.chars().any(|sign| {
        open += i32::from(sign == '{') - i32::from(sign == '}');
        open < 0
    })
}

/// Whether a text begins as a field does: `min_words = 3`.
fn begins_field(text: &str) -> bool {
    let rest = text[path(text).len()..].trim_start();
    !word(text).is_empty() && rest.starts_with('=') && !rest.starts_with("==")
}

/// Whether a text begins as a step of a pipe does, with the family of the stage: `filter.pii { … }`.
fn begins_step(text: &str) -> bool {
    let (path, rest) = (path(text), text[path(text).len()..].trim_start());
    path.contains('.') && (rest.is_empty() || rest.starts_with(['(', '{']) || rest.starts_with("|>"))
}

fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

/// Whether expressions reserve a word.
pub(super) fn is_keyword(word: &str) -> bool {
    matches!(word, "and" | "each" | "else" | "if" | "in" | "not" | "or" | "then")
}

/// The word at the start of a text; empty where there is none.
pub(super) fn word(text: &str) -> &str {
    let length = text.find(|sign| !is_word(sign)).unwrap_or(text.len());
    if text.starts_with(|sign: char| sign.is_ascii_digit()) { "" } else { &text[..length] }
}

/// Whether a text starts almost as `per shard` does.
pub(super) fn is_shard_clause(text: &str) -> bool {
    let mut words = text.split(' ');
    let (per, shard) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    words.next().is_some() && strsim::osa_distance(&format!("{per} {shard}"), "per shard") <= 2
}

/// Whether a text starts as a number, a text or a list of texts does, and not as a type.
fn is_value_like(text: &str) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_digit() || sign == '"') || text.starts_with("[\"")
}

/// The place of `word` at the start of `span`.
fn behind_word(span: Span, word: &str) -> Span {
    Span { end: span.start + word.len() as u32, ..span }
}

/// What follows an entry on its line: the next entry, or something that the entry cannot have.
fn behind_entry(text: &str, span: Span, container: NodeKind) -> Diagnostic {
    let rest = text[word(text).len()..].trim_start();
    let is_entry = match container {
        NodeKind::Record => rest.starts_with('=') && !word(text).is_empty(),
        NodeKind::Clauses | NodeKind::RecordType | NodeKind::Parameters => {
            rest.starts_with(':') && !word(text).is_empty()
        }
        NodeKind::Args | NodeKind::List => {
            text.starts_with(|sign: char| sign.is_ascii_alphanumeric() || "_\"[".contains(sign))
        }
        _ => false,
    };
    match container {
        _ if is_entry => errors::missing_comma(span, text),
        NodeKind::Group => errors::unexpected(span, text, "`)`"),
        NodeKind::ListType => errors::unexpected(span, text, "`]`"),
        _ => errors::unexpected(span, text, "`,` or a new line"),
    }
}

fn not_an_item(text: &str, span: Span) -> Diagnostic {
    let word = word(text);
    let rest = text[word.len()..].trim_start();
    let at = behind_word(span, word);
    if word.is_empty() {
        return errors::not_an_item(span, text);
    }
    if rest.is_empty() {
        return errors::binding_without_value(span, word);
    }
    let path = text.find([' ', '\t', '=']).map_or(text, |end| &text[..end]);
    if rest.starts_with('.') && text[path.len()..].trim_start().starts_with('=') {
        return errors::dotted_binding(Span { end: span.start + path.len() as u32, ..span }, path);
    }
    if let Some(keyword) = signs::near_item(word)
        .filter(|_| rest.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '"'))
    {
        return errors::misspelt_item(at, word, keyword);
    }
    if rest.starts_with('(') && text.contains("->") {
        return errors::missing_def(at, word);
    }
    if rest.starts_with(['(', '.', '{', '|']) {
        return errors::unnamed_value(span, text);
    }
    errors::missing_assign(at, word, text)
}

/// What the entries of a container are, for messages.
fn expected(container: NodeKind) -> &'static str {
    match container {
        NodeKind::Record => "a field, as in `name = value`",
        NodeKind::Args => "an argument",
        NodeKind::Body => "a binding or the result",
        NodeKind::Clauses | NodeKind::RecordType => "a setting, as in `name: Type = default`",
        NodeKind::Parameters => "a parameter, as in `name: Type`",
        NodeKind::ListType | NodeKind::TypeArgs => "a type",
        NodeKind::File => "the end of the line",
        _ => "a value",
    }
}
