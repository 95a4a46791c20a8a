//! Where names are defined: in the program, or in a signature of the standard library. A path leads to its
//! file.

use gen_lsp_types::{Definition, DefinitionLink, DefinitionParams, DefinitionResponse, Location, Range};
use llmp_compiler::ide;

use super::error::Answer;
use super::paths::file;
use super::signatures;
use super::snapshot::Snapshot;

/// `textDocument/definition`
pub(crate) fn definition(
    snapshot: &Snapshot,
    params: DefinitionParams,
) -> Answer<Option<DefinitionResponse>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(view) = snapshot.view() else { return Ok(None) };
    let name = || {
        let found = ide::definition(&view, offset)?;
        let library = snapshot.analysis.toolkit().library;
        let to = snapshot.location(found.to);
        let to = to.or_else(|| signatures::location(library, &snapshot.client, found.to));
        Some((found.at, to?))
    };
    let path = || {
        let at = ide::paths(&view).into_iter().find(|path| path.touches(offset))?;
        Some((at, Location { uri: file(snapshot, at)?, range: Range::default() }))
    };
    let Some((at, to)) = name().or_else(path) else { return Ok(None) };
    Ok(Some(match snapshot.client.can("/textDocument/definition/linkSupport") {
        true => DefinitionResponse::DefinitionLinkList(vec![DefinitionLink {
            origin_selection_range: Some(snapshot.range(at.start, at.end)),
            target_uri: to.uri,
            target_range: to.range,
            target_selection_range: to.range,
        }]),
        false => DefinitionResponse::Definition(Definition::Location(to)),
    }))
}
