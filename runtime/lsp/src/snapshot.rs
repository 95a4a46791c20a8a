//! What a request about a document is answered from.

use std::sync::Arc;

use gen_lsp_types::{Location, Position, Range};
use llmp_compiler::ide::View;
use llmp_compiler::source::{FileId, Span};

use super::analysis::Analysis;
use super::client::Client;
use super::lines::{Encoding, Lines};
use super::plan::Plans;

/// One moment's text and meaning, as seen from one document.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The client.
    pub(crate) client: Arc<Client>,
    /// The program that the document is read as a part of.
    pub(crate) analysis: Arc<Analysis>,
    /// The other programs that it takes part in.
    pub(crate) others: Vec<Arc<Analysis>>,
    /// What a run would do, and how far it is.
    pub(crate) plans: Arc<Plans>,
    /// The profiles that are chosen.
    pub(crate) profiles: Vec<String>,
    /// The document, among the files of `analysis`.
    pub(crate) file: FileId,
}

impl Snapshot {
    /// What columns count.
    pub(crate) fn encoding(&self) -> Encoding {
        self.client.encoding
    }

    /// The program as seen from the document.
    pub(crate) fn view(&self) -> Option<View<'_>> {
        self.analysis.view(self.file)
    }

    /// The document's text.
    pub(crate) fn text(&self) -> &str {
        self.analysis.text(self.file)
    }

    /// The document's lines.
    pub(crate) fn lines(&self) -> Option<&Lines> {
        self.analysis.lines(self.file)
    }

    /// The byte at a position in the document.
    pub(crate) fn offset(&self, position: Position) -> u32 {
        self.lines().map_or(0, |lines| lines.offset(position, self.encoding()))
    }

    /// The bytes `start..end` of the document in the protocol's units.
    pub(crate) fn range(&self, start: u32, end: u32) -> Range {
        self.lines().map_or_else(Range::default, |lines| lines.range(start, end, self.encoding()))
    }

    /// A span of any file of the program, with its file.
    pub(crate) fn location(&self, span: Span) -> Option<Location> {
        self.analysis.location(span, self.encoding())
    }
}
