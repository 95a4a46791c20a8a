//! Where names are defined: in the program, or in a signature of the standard library.

use gen_lsp_types::{Definition, DefinitionLink, DefinitionParams, DefinitionResponse};
use llmp_compiler::ide;

use super::error::Answer;
use super::signatures;
use super::snapshot::Snapshot;

/// `textDocument/definition`
pub(crate) fn definition(
    snapshot: &Snapshot,
    params: DefinitionParams,
) -> Answer<Option<DefinitionResponse>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let found = snapshot.view().and_then(|view| ide::definition(&view, offset));
    let place = |to| snapshot.location(to).or_else(|| signatures::location(&snapshot.client, to));
    let Some((found, to)) = found.and_then(|found| Some((found, place(found.to)?))) else {
        return Ok(None);
    };
    Ok(Some(match snapshot.client.can("/textDocument/definition/linkSupport") {
        true => DefinitionResponse::DefinitionLinkList(vec![DefinitionLink {
            origin_selection_range: Some(snapshot.range(found.at.start, found.at.end)),
            target_uri: to.uri,
            target_range: to.range,
            target_selection_range: to.range,
        }]),
        false => DefinitionResponse::Definition(Definition::Location(to)),
    }))
}
