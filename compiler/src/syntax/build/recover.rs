//! One cause, one message: what a mistake takes along.

use super::Builder;
use crate::ast::{Expr, ExprKind};
use crate::code;
use crate::diagnostic::{Edit, Fix};
use crate::source::Span;
use crate::syntax::{NodeId, NodeKind};

/// Bytes of a number with commas; nobody writes longer ones.
const LONGEST: usize = 64;

impl Builder<'_> {
    /// Reads the expression `expr` in the entry `entry`. Where what follows the entry shows that it is only a
    /// part of what was meant, as in `2 ^ 10`, `80 %`, `4,096` or `tokenize train(docs)`, nothing is known of
    /// its value.
    pub(super) fn sound(&mut self, entry: NodeId, expr: NodeId) -> Expr {
        let expr = self.expr(expr);
        match self.is_part(entry) {
            true => Expr { kind: ExprKind::Error, ..expr },
            false => expr,
        }
    }

    fn is_part(&self, entry: NodeId) -> bool {
        if let Some(junk) = self.junk_behind(entry) {
            let text = self.str(junk);
            let word = super::junk::word(text);
            let next_entry = !word.is_empty() && text[word.len()..].trim_start().starts_with(['=', ':']);
            return match self.tree.parent(entry).map(|parent| self.kind(parent)) {
                Some(NodeKind::File) => text.trim_end() != ";",
                Some(NodeKind::Record | NodeKind::Clauses | NodeKind::RecordType) => {
                    !next_entry && !text.starts_with(';')
                }
                _ => text.starts_with(['%', '^', '~', '\\', '`', '?', '&']) || self.thousands(junk).is_some(),
            };
        }
        let comma = self.tree.following(entry).filter(|&next| self.str(next) == ",");
        let behind = comma.and_then(|comma| self.tree.following(comma));
        behind.is_some_and(|junk| self.kind(junk) == NodeKind::Junk && self.thousands(junk).is_some())
            || self.bare_list(entry).is_some()
    }

    /// The elements that follow the first one, which is the value of `entry`, where a list lacks its
    /// brackets: `keep = en, zh`. Their place begins with the first.
    pub(super) fn bare_list(&self, entry: NodeId) -> Option<Span> {
        if !matches!(self.kind(entry), NodeKind::Field | NodeKind::Property) {
            return None;
        }
        let value = self.part(entry, NodeKind::Expr)?;
        let mut end = None;
        let mut next = self.tree.following(entry);
        while let Some(comma) = next.filter(|&comma| self.str(comma) == ",") {
            next = self.tree.following(comma);
            while let Some(space) = next.filter(|&space| self.kind(space) == NodeKind::Space) {
                next = self.tree.following(space);
            }
            let Some(element) = next.filter(|&element| self.kind(element) == NodeKind::Junk) else { break };
            let (text, span) = self.junk_text(element);
            if !is_element(text.trim_end_matches(']')) || self.thousands(element).is_some() {
                break;
            }
            end = Some(span.end);
            next = self.tree.following(element);
        }
        Some(Span { end: end?, ..self.span(value) })
    }

    /// The whole number with commas of which `junk` is a later group of digits.
    pub(super) fn thousands(&self, junk: NodeId) -> Option<Span> {
        let (text, mut end) = (self.text.as_bytes(), self.tree.range(junk).start);
        let is_group = |at: usize| {
            let digits = text.get(at..at + 3).is_some_and(|group| group.iter().all(u8::is_ascii_digit));
            digits && !text.get(at + 3).is_some_and(u8::is_ascii_digit)
        };
        // At the end of an item the comma belongs to the junk.
        end += usize::from(text.get(end) == Some(&b','));
        if !is_group(end) || end == 0 || text.get(end - 1) != Some(&b',') {
            return None;
        }
        let mut start = end - 1;
        while start > 0 && (text[start - 1].is_ascii_digit() || text[start - 1] == b',') {
            start -= 1;
            if end - start > LONGEST {
                return None;
            }
        }
        end += 3;
        while end - start <= LONGEST && text.get(end) == Some(&b',') && is_group(end + 1) {
            end += 4;
        }
        let span = Span::new(self.file, start as u32, end as u32);
        text[start].is_ascii_digit().then_some(span)
    }

    /// The diagnostic, of those from position `before` on, that misses something at the end of its line.
    pub(super) fn dangling(&self, before: usize) -> Option<usize> {
        let at = self.diagnostics.len().checked_sub(1).filter(|&at| at >= before)?;
        let diagnostic = &self.diagnostics[at];
        let rest = &self.text[diagnostic.span().start as usize..];
        let blank = rest.lines().next().is_none_or(|line| line.trim().is_empty());
        (matches!(diagnostic.code, code::VALUE_MISSING | code::STAGE_MISSING) && blank).then_some(at)
    }

    /// Whether `next`, which fits nowhere, is what the diagnostic at position `missing` misses: it stands in
    /// the next line, further in than the line that `entry` begins in. Then the diagnostic says so.
    pub(super) fn joined(&mut self, missing: usize, entry: NodeId, next: NodeId) -> bool {
        if !self.continues(entry, next) {
            return false;
        }
        let start = self.tree.range(next).start;
        let between = Span::new(self.file, self.text[..start].trim_end().len() as u32, start as u32);
        let edit = Edit { span: between, text: " ".to_owned() };
        if let Some(diagnostic) = self.diagnostics.get_mut(missing) {
            match &mut diagnostic.fix {
                Some(fix) => fix.edits.push(edit),
                None => {
                    diagnostic.help = Some("write it on the same line".to_owned());
                    diagnostic.fix = Some(Fix { title: "join the lines".to_owned(), edits: vec![edit] });
                }
            }
        }
        true
    }

    /// Whether `next` stands in the line after the text before it, further in than the line that `entry`
    /// begins in.
    pub(super) fn continues(&self, entry: NodeId, next: NodeId) -> bool {
        let start = self.tree.range(next).start;
        let gap = &self.text[self.text[..start].trim_end().len()..start];
        gap.matches('\n').count() == 1 && self.column(start) > self.indent(self.tree.range(entry).start)
    }

    fn line(&self, offset: usize) -> usize {
        self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
    }

    pub(super) fn column(&self, offset: usize) -> usize {
        offset - self.line(offset)
    }

    /// The space before the first sign of the line that `offset` lies in.
    pub(super) fn indent(&self, offset: usize) -> usize {
        let line = &self.text[self.line(offset)..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// Where the closing sign of a bracket that is never closed certainly belongs, and what to write there:
    /// nothing in it is wrong (no diagnostic from position `before` on, but for `inner`), and nothing in it
    /// could as well stand behind it.
    pub(super) fn missing_end(
        &self,
        id: NodeId,
        open: NodeId,
        close: char,
        before: usize,
        inner: Option<usize>,
    ) -> Option<(Span, String)> {
        let range = self.tree.range(id);
        let inside = self.tree.range(open).end..range.end;
        if (before..self.diagnostics.len()).any(|at| Some(at) != inner) {
            return None;
        }
        let content = self.text[inside.clone()].trim_end();
        let doubtful = content.is_empty() || content.contains("|>") || content.contains("//");
        // `f([a, b)`: the other argument may be outside.
        let outside = self.text[range.end..].trim_start().starts_with(')') && content.contains(',');
        // `{ a = { b = 1, c = 2 }`: the entries of the inner brackets may be those of the outer.
        let inner = self.tree.below(id).filter(|&below| {
            self.text[self.tree.range(below)].ends_with(close) && self.is_list(below) && self.is_closed(below)
        });
        let is_ambiguous = inner.into_iter().any(|inner| {
            self.parts(inner)
                .filter(|&part| self.kind(part) == NodeKind::Sign && self.str(part) == ",")
                .count()
                > 0
        });
        if doubtful
            || is_ambiguous
            || (close == ']' && outside)
            || (close == ')' && content.contains(['{', '\n']))
        {
            return None;
        }
        let end = inside.start + content.len();
        let span = Span::new(self.file, end as u32, end as u32);
        let indent = self.indent(self.tree.range(open).start);
        Some((
            span,
            match (content.contains('\n'), close) {
                (true, _) => format!("\n{}{close}", " ".repeat(indent)),
                (false, '}') => format!(" {close}"),
                (false, _) => close.to_string(),
            },
        ))
    }
}

/// Whether a text is one word, number or text in quotes.
fn is_element(text: &str) -> bool {
    let is_word =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.%".contains(&byte));
    match text.strip_prefix('"') {
        Some(rest) => rest.find('"') == Some(rest.len().wrapping_sub(1)),
        None => !text.is_empty() && is_word(text),
    }
}
