//! Formatting: the one style of `llmp fmt`, as small edits.

use gen_lsp_types::{DocumentFormattingParams, TextEdit};
use llmp_compiler::ide;

use super::error::Answer;
use super::snapshot::Snapshot;

/// `textDocument/formatting`
pub(crate) fn document(snapshot: &Snapshot, _: DocumentFormattingParams) -> Answer<Option<Vec<TextEdit>>> {
    Ok(Some(edits(snapshot, 0, u32::MAX)))
}

/// The edits that bring the bytes `start..end` into the one style.
fn edits(snapshot: &Snapshot, start: u32, end: u32) -> Vec<TextEdit> {
    let edits = ide::format(snapshot.text(), start, end).into_iter();
    edits.map(|edit| TextEdit { range: snapshot.range(edit.start, edit.end), new_text: edit.text }).collect()
}
