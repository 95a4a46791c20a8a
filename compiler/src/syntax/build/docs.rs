//! Which documentation belongs to what: `///` lines before an item or setting, or one at the end of its line.

use super::Builder;
use crate::syntax::errors;
use crate::syntax::{NodeId, NodeKind};

/// A child that may have documentation.
pub(super) struct Entry {
    pub(super) id: NodeId,
    pub(super) docs: String,
}

impl Builder<'_> {
    /// The children of a node, trivia left out, with their documentation.
    pub(super) fn entries(&mut self, id: NodeId) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut before: Vec<NodeId> = Vec::new();
        // The entry on the current line.
        let mut on_line = None;
        for child in self.tree.children(id) {
            match self.kind(child) {
                NodeKind::Newline => on_line = None,
                NodeKind::Doc
                    if on_line.is_some_and(|at: usize| self.kind(entries[at].id) == NodeKind::Import) =>
                {
                    self.lost(&mut vec![child]);
                }
                NodeKind::Doc => match on_line {
                    Some(entry) => {
                        let line = self.doc(child);
                        let entry: &mut Entry = &mut entries[entry];
                        append(&mut entry.docs, line);
                    }
                    None => before.push(child),
                },
                NodeKind::Sign if self.str(child) == "}" => {
                    self.lost(&mut before);
                    entries.push(Entry { id: child, docs: String::new() });
                }
                NodeKind::Import => {
                    self.lost(&mut before);
                    on_line = Some(entries.len());
                    entries.push(Entry { id: child, docs: String::new() });
                }
                NodeKind::Sign | NodeKind::Junk => entries.push(Entry { id: child, docs: String::new() }),
                kind if kind.is_trivia() => {}
                _ => {
                    let mut docs = String::new();
                    for line in before.drain(..) {
                        append(&mut docs, self.doc(line));
                    }
                    on_line = Some(entries.len());
                    entries.push(Entry { id: child, docs });
                }
            }
        }
        self.lost(&mut before);
        entries
    }

    /// The documentation of the file: its `//!` lines.
    pub(super) fn file_docs(&self) -> String {
        let mut docs = String::new();
        for id in self.tree.leaves().filter(|&id| self.kind(id) == NodeKind::FileDoc) {
            append(&mut docs, self.doc(id));
        }
        docs
    }

    /// The text of a `///` or `//!` line.
    fn doc(&self, id: NodeId) -> &str {
        let text = &self.str(id)[3..];
        text.strip_prefix(' ').unwrap_or(text).trim_end()
    }

    fn lost(&mut self, lines: &mut Vec<NodeId>) {
        if let Some(&first) = lines.first() {
            self.report(errors::lost_docs(self.span(first)));
        }
        lines.clear();
    }
}

fn append(docs: &mut String, line: &str) {
    if !docs.is_empty() {
        docs.push('\n');
    }
    docs.push_str(line);
}
