//! The shape of a text: folding and selecting.

use gen_lsp_types::{
    FoldingRange, FoldingRangeKind, FoldingRangeParams, SelectionRange, SelectionRangeParams,
};
use llmp_compiler::ide::{self, Folded};

use super::error::Answer;
use super::snapshot::Snapshot;

/// `textDocument/foldingRange`: whole lines, which is what every client can fold.
pub(crate) fn folds(snapshot: &Snapshot, _: FoldingRangeParams) -> Answer<Option<Vec<FoldingRange>>> {
    let Some(view) = snapshot.view() else { return Ok(None) };
    let folds = ide::folds(&view).into_iter().filter_map(|fold| {
        let range = snapshot.range(fold.start, fold.end);
        // The line with the closing bracket stays.
        let closes = snapshot.text()[..fold.end as usize].ends_with([')', ']', '}']);
        let end_line = range.end.line - u32::from(closes && fold.what == Folded::Code);
        (end_line > range.start.line).then_some(FoldingRange {
            start_line: range.start.line,
            start_character: None,
            end_line,
            end_character: None,
            kind: match fold.what {
                Folded::Code => None,
                Folded::Comment => Some(FoldingRangeKind::Comment),
                Folded::Imports => Some(FoldingRangeKind::Imports),
            },
            collapsed_text: None,
        })
    });
    let mut folds: Vec<FoldingRange> = folds.collect();
    folds.dedup_by_key(|fold| (fold.start_line, fold.end_line));
    Ok(Some(folds))
}

/// `textDocument/selectionRange`
pub(crate) fn selections(
    snapshot: &Snapshot,
    params: SelectionRangeParams,
) -> Answer<Option<Vec<SelectionRange>>> {
    let Some(view) = snapshot.view() else { return Ok(None) };
    let around = params.positions.into_iter().map(|position| {
        let ranges = ide::selections(&view, snapshot.offset(position));
        let mut around: Option<SelectionRange> = None;
        for (start, end) in ranges.into_iter().rev() {
            around = Some(SelectionRange { range: snapshot.range(start, end), parent: around.map(Box::new) });
        }
        around.unwrap_or_default()
    });
    Ok(Some(around.collect()))
}
