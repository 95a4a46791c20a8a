//! The table of requests, and what the server says it can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use gen_lsp_types::{
    CodeActionRequest, CodeLensOptions, CodeLensRequest, CompletionOptions, CompletionRequest,
    DefinitionRequest, DiagnosticOptions, DocumentDiagnosticRequest, DocumentFormattingRequest,
    DocumentHighlightRequest, DocumentLinkOptions, DocumentLinkRequest, DocumentOnTypeFormattingOptions,
    DocumentOnTypeFormattingRequest, DocumentRangeFormattingRequest, DocumentSymbolRequest,
    ExecuteCommandOptions, ExecuteCommandRequest, FoldingRangeRequest, HoverRequest, InlayHintRequest,
    PositionEncodingKind, PrepareRenameRequest, ReferencesRequest, RenameOptions, RenameRequest, Request,
    SelectionRangeRequest, SemanticTokensDeltaRequest, SemanticTokensFullDelta, SemanticTokensOptions,
    SemanticTokensRangeRequest, SemanticTokensRequest, ServerCapabilities, SignatureHelpOptions,
    SignatureHelpRequest, TextDocumentContentRequest, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
    WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities, WorkspaceOptions, WorkspaceSymbolRequest,
};
use serde_json::Value;

use super::client::Client;
use super::custom::{self, GraphRequest, ProfilesRequest, TextRequest};
use super::error::{Answer, Refusal};
use super::lines::Encoding;
use super::server::Server;
use super::snapshot::Snapshot;
use super::{
    actions, commands, completion, definition, diagnostics, formatting, hints, hover, lenses, names,
    signatures, structure, symbols, tokens,
};

type Route = Arc<dyn Fn(&mut Server, Value) -> Answer<Value>>;

/// What answers each method.
pub(crate) type Routes = BTreeMap<&'static str, Route>;

/// All requests.
pub(crate) fn table() -> Routes {
    let routes = [
        document::<CodeActionRequest>(actions::actions),
        document::<CompletionRequest>(completion::completion),
        document::<DefinitionRequest>(definition::definition),
        document::<DocumentDiagnosticRequest>(diagnostics::pull),
        document::<DocumentFormattingRequest>(formatting::document),
        document::<DocumentHighlightRequest>(names::highlights),
        document::<DocumentLinkRequest>(symbols::links),
        document::<DocumentOnTypeFormattingRequest>(formatting::on_type),
        document::<DocumentRangeFormattingRequest>(formatting::range),
        document::<DocumentSymbolRequest>(symbols::of_document),
        document::<FoldingRangeRequest>(structure::folds),
        document::<HoverRequest>(hover::hover),
        document::<PrepareRenameRequest>(names::prepare_rename),
        document::<SelectionRangeRequest>(structure::selections),
        document::<CodeLensRequest>(lenses::lenses),
        document::<InlayHintRequest>(hints::hints),
        workspace::<ExecuteCommandRequest>(commands::execute),
        document::<GraphRequest>(custom::graph),
        document::<ProfilesRequest>(custom::profiles),
        document::<TextRequest>(custom::text),
        document::<SemanticTokensRangeRequest>(tokens::range),
        highlighting::<SemanticTokensDeltaRequest>(tokens::delta),
        highlighting::<SemanticTokensRequest>(tokens::full),
        document::<SignatureHelpRequest>(completion::signature),
        programs::<ReferencesRequest>(names::references),
        programs::<RenameRequest>(names::rename),
        workspace::<TextDocumentContentRequest>(signatures::content),
        workspace::<WorkspaceSymbolRequest>(symbols::of_workspace),
    ];
    routes.into_iter().collect()
}

/// What the server can do for this client.
pub(crate) fn capabilities(client: &Client) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match client.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
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
        code_action_provider: Some(actions::options().into()),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(owned(&[".", ">", "\"", "/", "=", "(", "{", "[", ","])),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(true.into()),
        document_formatting_provider: Some(true.into()),
        document_highlight_provider: Some(true.into()),
        document_link_provider: Some(DocumentLinkOptions::default()),
        document_on_type_formatting_provider: Some(DocumentOnTypeFormattingOptions {
            first_trigger_character: "}".to_owned(),
            more_trigger_character: None,
        }),
        document_range_formatting_provider: Some(true.into()),
        document_symbol_provider: Some(true.into()),
        folding_range_provider: Some(true.into()),
        hover_provider: Some(true.into()),
        references_provider: Some(true.into()),
        rename_provider: Some(match client.can("/textDocument/rename/prepareSupport") {
            true => RenameOptions { prepare_provider: Some(true), ..RenameOptions::default() }.into(),
            false => true.into(),
        }),
        selection_range_provider: Some(true.into()),
        code_lens_provider: Some(CodeLensOptions::default()),
        inlay_hint_provider: Some(true.into()),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands::offered(client),
            ..ExecuteCommandOptions::default()
        }),
        semantic_tokens_provider: Some(
            SemanticTokensOptions {
                legend: tokens::legend(),
                range: Some(true.into()),
                full: Some(SemanticTokensFullDelta { delta: Some(true) }.into()),
                ..SemanticTokensOptions::default()
            }
            .into(),
        ),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(owned(&["(", "{", ","])),
            ..SignatureHelpOptions::default()
        }),
        workspace_symbol_provider: Some(true.into()),
        workspace: Some(WorkspaceOptions {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(true.into()),
            }),
            text_document_content: signatures::options(client).map(Into::into),
            ..WorkspaceOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// A request about one document, answered from a snapshot of it.
fn document<R: Request>(answer: fn(&Snapshot, R::Params) -> Answer<R::Result>) -> (&'static str, Route) {
    about::<R>(Server::snapshot, move |_, snapshot, params| answer(snapshot, params))
}

/// The same, with what has been answered before.
fn highlighting<R: Request>(
    answer: fn(&mut tokens::Answered, &Snapshot, R::Params) -> Answer<R::Result>,
) -> (&'static str, Route) {
    about::<R>(Server::snapshot, move |server, snapshot, params| answer(&mut server.tokens, snapshot, params))
}

/// A request about one document and all programs that it takes part in, also those that are closed.
fn programs<R: Request>(answer: fn(&Snapshot, R::Params) -> Answer<R::Result>) -> (&'static str, Route) {
    about::<R>(Server::snapshot_of_all, move |_, snapshot, params| answer(snapshot, params))
}

fn about<R: Request>(
    snapshot: fn(&mut Server, &Uri) -> Answer<Snapshot>,
    answer: impl Fn(&mut Server, &Snapshot, R::Params) -> Answer<R::Result> + 'static,
) -> (&'static str, Route) {
    let route = move |server: &mut Server, params: Value| {
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str);
        let uri = uri.and_then(|uri| Uri::parse(uri).ok());
        let uri = uri.ok_or_else(|| Refusal::params("`textDocument.uri` is missing or no URI"))?;
        let params = read::<R>(params)?;
        let snapshot = snapshot(server, &uri)?;
        write(answer(server, &snapshot, params)?)
    };
    (R::METHOD.as_str(), Arc::new(route))
}

/// A request about no document.
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
