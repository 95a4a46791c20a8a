//! Lists in brackets: their entries, separators and ends.

use super::Builder;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::{MAX_DEPTH, errors, signs};
use crate::syntax::{NodeId, NodeKind};

impl Builder<'_> {
    /// Hands every entry of the brackets `id` to `entry`, reports everything else that stands in them, and
    /// says whether anything was wrong.
    pub(super) fn brackets(&mut self, id: NodeId, mut entry: impl FnMut(&mut Self, NodeId)) -> bool {
        let before = self.diagnostics.len();
        let mut open = None;
        // Whether an entry on this line is already known to be wrong, and whether a comma may follow.
        let (mut failed, mut separable) = (false, false);
        // The same of any entry before on the line: what is junk then follows from it.
        let mut doubtful = false;
        let mut previous = None;
        // The last entry, where a value is missing at its end, and the diagnostic that says so.
        let mut dangling: Option<(NodeId, usize)> = None;
        let is_closed = self.is_closed(id);
        // What shows first that the brackets should have ended before it.
        let mut beyond: Option<NodeId> = None;
        // The last entry of the line.
        let mut last: Option<NodeId> = None;
        let keeps_docs = matches!(self.kind(id), NodeKind::Clauses | NodeKind::RecordType | NodeKind::Body);
        let mut documented = false;
        for child in self.tree.children(id) {
            match self.kind(child) {
                NodeKind::Doc if !keeps_docs => {
                    if !std::mem::replace(&mut documented, true) {
                        self.report(errors::lost_docs(self.span(child)));
                    }
                }
                NodeKind::Newline => {
                    (failed, doubtful) = (false, false);
                    (previous, last) = (None, None);
                }
                NodeKind::Sign => match self.str(child) {
                    sign @ ("," | ";") => {
                        if sign == ";" {
                            self.report(errors::semicolon(self.span(child), !separable, true));
                        } else if !separable && !failed {
                            self.report(errors::extra_comma(
                                self.span(child),
                                self.kind(id) == NodeKind::Args,
                            ));
                        }
                        (failed, separable) = (false, false);
                        previous = None;
                    }
                    _ if open.is_none() => open = Some(child),
                    _ => {}
                },
                NodeKind::Junk => {
                    let joined = dangling.take().is_some_and(|(entry, at)| self.joined(at, entry, child));
                    let follows = failed || doubtful || joined;
                    if beyond.is_some() {
                        // Reported as that.
                    } else if !follows && !is_closed && self.diagnostics.len() == before {
                        beyond = Some(child);
                    } else if !follows && let Some(list) = last.and_then(|last| self.bare_list(last)) {
                        let text = &self.text[list.start as usize..list.end as usize];
                        self.report(errors::bare_list(list, text));
                        doubtful = true;
                    } else if !follows {
                        self.broken |= self.str(child).starts_with('=');
                        self.junk(child, previous, self.kind(id));
                    }
                    (failed, separable) = (true, true);
                }
                kind if kind.is_trivia() || beyond.is_some() => {}
                _ if !is_closed && self.arrow(child).is_some() => beyond = self.arrow(child),
                _ => {
                    let before = self.diagnostics.len();
                    entry(self, child);
                    failed = self.diagnostics.len() > before;
                    doubtful |= failed;
                    dangling = self.dangling(before).map(|at| (child, at));
                    documented = false;
                    separable = true;
                    (previous, last) = (Some(child), Some(child));
                }
            }
        }
        if let Some(open) = open.filter(|_| !is_closed) {
            self.unclosed(id, open, before, beyond);
        }
        self.diagnostics.len() > before
    }

    /// The arrow in a parameter's default, where the parameters are never closed: `(words: Int = 50 -> Docs`.
    fn arrow(&self, parameter: NodeId) -> Option<NodeId> {
        let mut below = self.tree.below(parameter).filter(|_| self.kind(parameter) == NodeKind::Parameter);
        below.find(|&below| self.kind(below) == NodeKind::Pipe && self.str(below) == "->")
    }

    /// Whether a node is brackets with any number of entries.
    pub(super) fn is_list(&self, id: NodeId) -> bool {
        matches!(
            self.kind(id),
            NodeKind::Record
                | NodeKind::RecordType
                | NodeKind::Clauses
                | NodeKind::Body
                | NodeKind::List
                | NodeKind::Args
                | NodeKind::Parameters
        )
    }

    /// Whether the brackets `id` have an end.
    pub(super) fn is_closed(&self, id: NodeId) -> bool {
        let last = self.parts(id).last();
        last.is_some_and(|last| {
            self.kind(last) == NodeKind::Sign && matches!(self.str(last), ")" | "]" | "}" | ">")
        })
    }

    /// Reports that the brackets `id` have no end, and that they should have one before `beyond`; once, where
    /// several end at the same place. Diagnostics from position `from` on are about what stands in them: such
    /// a mistake may well be the cause.
    fn unclosed(&mut self, id: NodeId, open: NodeId, from: usize, beyond: Option<NodeId>) {
        self.broken = true;
        let end = beyond.map_or(self.tree.range(id).end, |beyond| self.tree.range(beyond).start);
        let rest = self.text[end..].trim_start();
        let at = (self.text.len() - rest.len()) as u32;
        let word = rest.find(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').unwrap_or(rest.len());
        let length = match rest.get(..2) {
            Some("->" | "|>") => 2,
            _ => word.max(rest.chars().next().map_or(0, char::len_utf8)),
        };
        let found = match rest.is_empty() {
            true => "the end of the file".to_owned(),
            false => format!("`{}`", &rest[..length]),
        };
        let before = Span::new(self.file, at, at + length as u32);
        // Brackets inside this one that end at the same place were reported just now.
        let known = |other: &Diagnostic| {
            other.code == code::BRACKET_NEVER_CLOSED && other.labels.iter().any(|label| label.span == before)
        };
        let recent = from.max(self.diagnostics.len().saturating_sub(MAX_DEPTH));
        let inner = self.diagnostics.iter().skip(recent).rposition(known).map(|at| recent + at);
        let is_cause = |other: &Diagnostic| {
            matches!(other.code, code::BRACKET_NEVER_CLOSED | code::BRACKET_CLOSES_NOTHING | code::UNEXPECTED)
        };
        if inner.is_none() && self.diagnostics.iter().skip(recent).any(is_cause) {
            return;
        }
        let askew = if inner.is_none() { self.askew(id) } else { None };
        let sign = self.str(askew.unwrap_or(open)).chars().next().unwrap_or('{');
        let close = signs::closing(sign);
        let end = match (askew, beyond) {
            (None, None) => self.missing_end(id, open, close, from, inner),
            (None, Some(_)) if rest.starts_with("->") => {
                let end = self.text[..end].trim_end().len() as u32;
                Some((Span::new(self.file, end, end), close.to_string()))
            }
            _ => None,
        };
        match inner.and_then(|at| self.diagnostics.get_mut(at)) {
            // Whoever closes the inner bracket has to close this one, too.
            Some(inner) => {
                let fix = inner.fix.take();
                inner.fix = fix.zip(end).map(|(mut fix, (_, close))| {
                    if let Some(edit) = fix.edits.last_mut() {
                        edit.text.push_str(&close);
                    }
                    fix
                });
            }
            None => {
                let open = self.span(askew.unwrap_or(open));
                self.report(errors::unclosed(open, sign, before, &found, end));
            }
        }
    }

    /// The innermost bracket below `id` whose closing bracket stands further left than its own line starts:
    /// the one that is really missing its end, judging by indentation.
    fn askew(&self, id: NodeId) -> Option<NodeId> {
        let indent = |offset: usize| {
            let line = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
            let space = self.text[line..offset].trim_start_matches([' ', '\t']);
            (
                self.text[line..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count(),
                space.is_empty(),
            )
        };
        let mut found = None;
        let signs = |id: NodeId| {
            self.parts(id)
                .filter(|&part| self.kind(part) == NodeKind::Sign && !matches!(self.str(part), "," | ";"))
        };
        for below in self.tree.below(id) {
            if !self.is_list(below) {
                continue;
            }
            if let (Some(open), Some(close)) = (signs(below).next(), signs(below).nth(1)) {
                let (close_indent, first) = indent(self.tree.range(close).start);
                if first && close_indent < indent(self.tree.range(open).start).0 {
                    found = Some(open);
                }
            }
        }
        found
    }
}
