//! Formatting: the one style of `llmp fmt`, as small edits.

use gen_lsp_types::{
    DocumentFormattingParams, DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, TextEdit,
};
use llmp_compiler::ide;

use super::error::Answer;
use super::snapshot::Snapshot;

/// `textDocument/formatting`
pub(crate) fn document(snapshot: &Snapshot, _: DocumentFormattingParams) -> Answer<Option<Vec<TextEdit>>> {
    Ok(Some(edits(snapshot, 0, u32::MAX)))
}

/// `textDocument/rangeFormatting`
pub(crate) fn range(
    snapshot: &Snapshot,
    params: DocumentRangeFormattingParams,
) -> Answer<Option<Vec<TextEdit>>> {
    let (start, end) = (snapshot.offset(params.range.start), snapshot.offset(params.range.end));
    Ok(Some(edits(snapshot, start, end)))
}

/// `textDocument/onTypeFormatting`: the item that a `}` has just been typed in.
pub(crate) fn on_type(
    snapshot: &Snapshot,
    params: DocumentOnTypeFormattingParams,
) -> Answer<Option<Vec<TextEdit>>> {
    let offset = snapshot.offset(params.position);
    let around = snapshot.view().map(|view| ide::selections(&view, offset)).unwrap_or_default();
    // The last range is the file, the one before it an item.
    let item = around.iter().rev().nth(1);
    Ok(item.map(|&(start, end)| edits(snapshot, start, end.min(offset))))
}

/// The edits that bring the bytes `start..end` into the one style.
fn edits(snapshot: &Snapshot, start: u32, end: u32) -> Vec<TextEdit> {
    let edits = ide::format(snapshot.text(), start, end).into_iter();
    edits.map(|edit| TextEdit { range: snapshot.range(edit.start, edit.end), new_text: edit.text }).collect()
}
