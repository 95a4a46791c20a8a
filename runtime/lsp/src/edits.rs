//! Edits of several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{
    OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextDocumentIdentifier, TextEdit,
    WorkspaceEdit,
};
use llmp_compiler::ide;
use llmp_compiler::source::FileId;

use super::analysis::Analysis;
use super::client::Client;

/// Edits by file, collected from programs that may share files.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    files: BTreeMap<PathBuf, (Arc<Analysis>, FileId, BTreeSet<ide::TextEdit>)>,
}

impl Edits {
    /// Adds edits of a file of a program; one that is there already is not added again.
    pub(crate) fn add(
        &mut self,
        analysis: &Arc<Analysis>,
        file: FileId,
        edits: impl IntoIterator<Item = ide::TextEdit>,
    ) {
        let Some(path) = analysis.path(file) else { return };
        let entry = self.files.entry(path.to_owned());
        let (_, _, all) = entry.or_insert_with(|| (Arc::clone(analysis), file, BTreeSet::new()));
        all.extend(edits);
    }

    /// The edits in the form that the client takes.
    pub(crate) fn workspace_edit(self, client: &Client) -> WorkspaceEdit {
        let files = self.files.into_values().filter_map(|(analysis, file, edits)| {
            let uri = analysis.uri(file)?.clone();
            let lines = analysis.lines(file)?;
            let edits = edits.into_iter().map(|edit| TextEdit {
                range: lines.range(edit.start, edit.end, client.encoding),
                new_text: edit.text,
            });
            Some((uri, analysis.version(file), edits.collect::<Vec<_>>()))
        });
        if client.can("/workspace/workspaceEdit/documentChanges") {
            let changes = files.map(|(uri, version, edits)| {
                let text_document = OptionalVersionedTextDocumentIdentifier {
                    version,
                    text_document_identifier: TextDocumentIdentifier { uri },
                };
                let edits = edits.into_iter().map(Into::into).collect();
                TextDocumentEdit { text_document, edits }.into()
            });
            return WorkspaceEdit { document_changes: Some(changes.collect()), ..WorkspaceEdit::default() };
        }
        let changes = files.map(|(uri, _, edits)| (uri, edits)).collect();
        WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
    }
}
