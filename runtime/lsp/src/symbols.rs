//! Outlines: of a document, and of all files of the workspace. Links.

use gen_lsp_types::{
    BaseSymbolInformation, DocumentLink, DocumentLinkParams, DocumentSymbol, DocumentSymbolParams,
    DocumentSymbolResponse, Location, SymbolInformation, SymbolKind, Uri, WorkspaceSymbol,
    WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use llmp_compiler::ide::{self, NameKind, Symbol};
use llmp_compiler::source::Span;

use super::error::Answer;
use super::paths::file;
use super::server::Server;
use super::snapshot::Snapshot;

/// Symbols of the workspace that are sent at most.
const MOST: usize = 500;

fn kind(kind: NameKind) -> SymbolKind {
    match kind {
        NameKind::Param => SymbolKind::Constant,
        NameKind::Binding | NameKind::Local | NameKind::Parameter | NameKind::Input => SymbolKind::Variable,
        NameKind::Function | NameKind::Stage => SymbolKind::Function,
        NameKind::Profile => SymbolKind::Namespace,
        NameKind::Setting => SymbolKind::Property,
    }
}

/// `textDocument/documentSymbol`: a tree where the client can show one.
pub(crate) fn of_document(
    snapshot: &Snapshot,
    _: DocumentSymbolParams,
) -> Answer<Option<DocumentSymbolResponse>> {
    let Some(view) = snapshot.view() else { return Ok(None) };
    let symbols = ide::symbols(&view);
    if snapshot.client.can("/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport") {
        let tree = symbols.into_iter().map(|symbol| document_symbol(snapshot, symbol));
        return Ok(Some(tree.collect::<Vec<_>>().into()));
    }
    let mut list = Vec::new();
    flatten(snapshot, &symbols, None, &mut list);
    Ok(Some(list.into()))
}

#[expect(deprecated, reason = "the type has a deprecated field")]
fn document_symbol(snapshot: &Snapshot, symbol: Symbol) -> DocumentSymbol {
    let inside: Vec<_> = symbol.inside.into_iter().map(|one| document_symbol(snapshot, one)).collect();
    DocumentSymbol {
        name: symbol.name,
        detail: Some(symbol.detail).filter(|detail| !detail.is_empty()),
        kind: kind(symbol.kind),
        tags: None,
        deprecated: None,
        range: snapshot.range(symbol.whole.start, symbol.whole.end),
        selection_range: snapshot.range(symbol.at.start, symbol.at.end),
        children: Some(inside).filter(|inside| !inside.is_empty()),
    }
}

fn flatten(
    snapshot: &Snapshot,
    symbols: &[Symbol],
    container: Option<&str>,
    list: &mut Vec<SymbolInformation>,
) {
    for symbol in symbols {
        if let Some(location) = snapshot.location(symbol.whole) {
            list.push(SymbolInformation::new(None, location, base(symbol, container)));
        }
        flatten(snapshot, &symbol.inside, Some(&symbol.name), list);
    }
}

fn base(symbol: &Symbol, container: Option<&str>) -> BaseSymbolInformation {
    BaseSymbolInformation {
        name: symbol.name.clone(),
        kind: kind(symbol.kind),
        tags: None,
        container_name: container.map(str::to_owned),
    }
}

/// `workspace/symbol`: names at the top of every file whose letters hold the query's, in order.
pub(crate) fn of_workspace(
    server: &mut Server,
    params: WorkspaceSymbolParams,
) -> Answer<Option<WorkspaceSymbolResponse>> {
    let encoding = server.client.encoding;
    let mut analyses = server.analyses.roots(&server.documents, &server.settings);
    let known = |analyses: &[_], path: &std::path::Path| {
        analyses.iter().any(|one: &std::sync::Arc<super::analysis::Analysis>| one.file(path).is_some())
    };
    for main in server.workspace_files() {
        if !known(&analyses, &main) {
            analyses.push(server.analyses.closed(&server.documents, &server.settings, &main));
        }
    }
    let mut found: Vec<WorkspaceSymbol> = Vec::new();
    let mut seen: Vec<(Location, String)> = Vec::new();
    for analysis in &analyses {
        for file in &analysis.compilation.files {
            let Some(view) = analysis.view(file.id) else { continue };
            for symbol in ide::symbols(&view).iter().filter(|symbol| holds(&symbol.name, &params.query)) {
                let Some(location) = analysis.location(symbol.at, encoding) else { continue };
                if found.len() >= MOST {
                    return Ok(Some(found.into()));
                }
                let key = (location.clone(), symbol.name.clone());
                if !seen.contains(&key) {
                    seen.push(key);
                    let base_symbol_information = base(symbol, Some(&file.path));
                    found.push(WorkspaceSymbol {
                        location: location.into(),
                        data: None,
                        base_symbol_information,
                    });
                }
            }
        }
    }
    Ok(Some(found.into()))
}

/// Whether the letters of `query` stand in `name`, in order, in either case.
fn holds(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}

/// `textDocument/documentLink`: imports, and files of the pipeline that are there.
pub(crate) fn links(snapshot: &Snapshot, _: DocumentLinkParams) -> Answer<Option<Vec<DocumentLink>>> {
    let Some(view) = snapshot.view() else { return Ok(None) };
    let imports = ide::links(&view).into_iter();
    let imports = imports.filter_map(|link| Some((link.at, snapshot.analysis.uri(link.to)?.clone())));
    let files = ide::paths(&view).into_iter().filter_map(|path| Some((path, file(snapshot, path)?)));
    let link = |(at, target): (Span, Uri)| DocumentLink {
        range: snapshot.range(at.start, at.end),
        target: Some(target),
        tooltip: None,
        data: None,
    };
    Ok(Some(imports.chain(files).map(link).collect()))
}
