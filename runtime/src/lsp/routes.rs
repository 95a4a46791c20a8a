//! The table of requests, and what the server says it can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use gen_lsp_types::{
    CodeLensOptions, CodeLensRequest, DefinitionRequest, DiagnosticOptions, DocumentDiagnosticRequest,
    DocumentFormattingRequest, ExecuteCommandOptions, ExecuteCommandRequest, FoldingRangeRequest,
    InlayHintRequest, PositionEncodingKind, Request, SelectionRangeRequest, ServerCapabilities,
    TextDocumentSyncKind, TextDocumentSyncOptions, Uri, WorkDoneProgressOptions,
};
use serde_json::Value;

use super::client::Client;
use super::custom::{self, GraphRequest, ProfilesRequest, TextRequest};
use super::error::{Answer, Refusal};
use super::lines::Encoding;
use super::server::Server;
use super::snapshot::Snapshot;
use super::{commands, definition, diagnostics, formatting, hints, lenses, structure};

type Route = Arc<dyn Fn(&mut Server, Value) -> Answer<Value>>;

/// What answers each method.
pub(crate) type Routes = BTreeMap<&'static str, Route>;

/// All requests.
pub(crate) fn table() -> Routes {
    let routes = [
        document::<DefinitionRequest>(definition::definition),
        document::<DocumentDiagnosticRequest>(diagnostics::pull),
        document::<DocumentFormattingRequest>(formatting::document),
        document::<FoldingRangeRequest>(structure::folds),
        document::<SelectionRangeRequest>(structure::selections),
        document::<CodeLensRequest>(lenses::lenses),
        document::<InlayHintRequest>(hints::hints),
        workspace::<ExecuteCommandRequest>(commands::execute),
        document::<GraphRequest>(custom::graph),
        document::<ProfilesRequest>(custom::profiles),
        document::<TextRequest>(custom::text),
    ];
    routes.into_iter().collect()
}

/// What the server can do for this client.
pub(crate) fn capabilities(client: &Client) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match client.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::Incremental),
                save: Some(true.into()),
                ..TextDocumentSyncOptions::default()
            }
            .into(),
        ),
        diagnostic_provider: Some(
            DiagnosticOptions {
                identifier: Some("llmp".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: false,
                work_done_progress_options: WorkDoneProgressOptions::default(),
            }
            .into(),
        ),
        definition_provider: Some(true.into()),
        document_formatting_provider: Some(true.into()),
        folding_range_provider: Some(true.into()),
        selection_range_provider: Some(true.into()),
        code_lens_provider: Some(CodeLensOptions::default()),
        inlay_hint_provider: Some(true.into()),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands::offered(client),
            ..ExecuteCommandOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}

/// A request about one document, answered from a snapshot of it.
fn document<R: Request>(answer: fn(&Snapshot, R::Params) -> Answer<R::Result>) -> (&'static str, Route) {
    let route = move |server: &mut Server, params: Value| {
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str);
        let uri = uri.and_then(|uri| Uri::parse(uri).ok());
        let uri = uri.ok_or_else(|| Refusal::params("`textDocument.uri` is missing or no URI"))?;
        let params = read::<R>(params)?;
        let snapshot = server.snapshot(&uri)?;
        write(answer(&snapshot, params)?)
    };
    (R::METHOD.as_str(), Arc::new(route))
}

/// A request about no document, or about several.
fn workspace<R: Request>(answer: fn(&mut Server, R::Params) -> Answer<R::Result>) -> (&'static str, Route) {
    let route = move |server: &mut Server, params: Value| write(answer(server, read::<R>(params)?)?);
    (R::METHOD.as_str(), Arc::new(route))
}

fn read<R: Request>(params: Value) -> Answer<R::Params> {
    serde_json::from_value(params).map_err(|error| Refusal::params(error.to_string()))
}

fn write(result: impl serde::Serialize) -> Answer<Value> {
    serde_json::to_value(result).map_err(|error| Refusal::bug(error.to_string()))
}
