//! Uses of names: references, highlights, renaming. A file may be part of several programs; all are asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use gen_lsp_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, Location, Position,
    PrepareRenameParams, PrepareRenamePlaceholder, PrepareRenameResult, ReferenceParams, RenameParams,
    WorkspaceEdit,
};
use llmp_compiler::ide::{self, View};
use llmp_compiler::source::Span;

use super::analysis::Analysis;
use super::edits::Edits;
use super::error::{Answer, Refusal};
use super::snapshot::Snapshot;

/// `textDocument/references`
pub(crate) fn references(snapshot: &Snapshot, params: ReferenceParams) -> Answer<Option<Vec<Location>>> {
    let position = params.text_document_position_params.position;
    let Some(target) = target(snapshot, position) else { return Ok(None) };
    let mut found: BTreeMap<(String, Position), Location> = BTreeMap::new();
    for (analysis, to) in programs(snapshot, target.to) {
        let Some(view) = view(analysis) else { continue };
        for one in ide::uses(&view, to) {
            if one.defines && !params.context.include_declaration {
                continue;
            }
            if let Some(location) = analysis.location(one.at, snapshot.encoding()) {
                found.insert((location.uri.to_string(), location.range.start), location);
            }
        }
    }
    Ok(Some(found.into_values().collect()))
}

/// `textDocument/documentHighlight`
pub(crate) fn highlights(
    snapshot: &Snapshot,
    params: DocumentHighlightParams,
) -> Answer<Option<Vec<DocumentHighlight>>> {
    let position = params.text_document_position_params.position;
    let (Some(target), Some(view)) = (target(snapshot, position), snapshot.view()) else { return Ok(None) };
    let here = ide::uses(&view, target.to).into_iter().filter(|one| one.at.file == snapshot.file);
    let highlights = here.map(|one| DocumentHighlight {
        range: snapshot.range(one.at.start, one.at.end),
        kind: Some(if one.defines { DocumentHighlightKind::Write } else { DocumentHighlightKind::Read }),
    });
    Ok(Some(highlights.collect()))
}

/// `textDocument/prepareRename`
pub(crate) fn prepare_rename(
    snapshot: &Snapshot,
    params: PrepareRenameParams,
) -> Answer<Option<PrepareRenameResult>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(view) = snapshot.view() else { return Ok(None) };
    let target = ide::renamable(&view, offset).map_err(Refusal::cannot)?;
    let placeholder = PrepareRenamePlaceholder {
        range: snapshot.range(target.at.start, target.at.end),
        placeholder: view.text()[target.at.start as usize..target.at.end as usize].to_owned(),
    };
    Ok(Some(placeholder.into()))
}

/// `textDocument/rename`
pub(crate) fn rename(snapshot: &Snapshot, params: RenameParams) -> Answer<Option<WorkspaceEdit>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(here) = snapshot.view() else { return Ok(None) };
    let target = ide::renamable(&here, offset).map_err(Refusal::cannot)?;
    let mut edits = Edits::default();
    for (analysis, to) in programs(snapshot, target.to) {
        let Some(view) = view(analysis) else { continue };
        let renamed =
            ide::rename(&view, to, &params.new_name, analysis.options()).map_err(Refusal::cannot)?;
        for (file, renamed) in renamed {
            edits.add(analysis, file, renamed);
        }
    }
    Ok(Some(edits.workspace_edit(&snapshot.client)))
}

fn target(snapshot: &Snapshot, position: Position) -> Option<ide::Target> {
    ide::target(&snapshot.view()?, snapshot.offset(position))
}

fn view(analysis: &Analysis) -> Option<View<'_>> {
    let main = analysis.compilation.files.first()?;
    analysis.view(main.id)
}

/// The programs around the document, each with the definition `to` among its own files.
fn programs(snapshot: &Snapshot, to: Span) -> Vec<(&Arc<Analysis>, Span)> {
    let all = std::iter::once(&snapshot.analysis).chain(&snapshot.others);
    let found = all.filter_map(|analysis| match snapshot.analysis.path(to.file) {
        Some(path) => Some((analysis, Span { file: analysis.file(path)?, ..to })),
        // Signatures of the library are the same in every program.
        None => Some((analysis, to)),
    });
    found.collect()
}
