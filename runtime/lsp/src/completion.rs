//! Completion and signature help.

use std::path::Path;

use gen_lsp_types::{
    ActiveParameter, CompletionItem, CompletionItemKind, CompletionList, CompletionParams,
    CompletionResponse, Documentation, InsertReplaceEdit, InsertTextFormat, MarkupContent, MarkupKind,
    ParameterInformation, SignatureHelp, SignatureHelpParams, SignatureInformation, TextEdit,
};
use llmp_compiler::ide::{self, Completion, CompletionKind, Completions, Files};

use super::client::Client;
use super::error::Answer;
use super::paths::below;
use super::snapshot::Snapshot;

/// File names that are offered at most.
const MOST_FILES: usize = 1_000;

/// `textDocument/completion`
pub(crate) fn completion(
    snapshot: &Snapshot,
    params: CompletionParams,
) -> Answer<Option<CompletionResponse>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(view) = snapshot.view() else { return Ok(None) };
    let Completions { start, end, items, files } = ide::completions(&view, offset);
    let (range, until) = (snapshot.range(start, end), snapshot.range(start, offset.clamp(start, end)));
    let keeps = snapshot.client.can("/textDocument/completion/completionItem/insertReplaceSupport");
    let edit = |new_text| match keeps {
        // What stands behind the cursor stays, unless the user wants it replaced.
        true => InsertReplaceEdit { new_text, insert: until, replace: range }.into(),
        false => TextEdit { range, new_text }.into(),
    };
    let snippets = snapshot.client.can("/textDocument/completion/completionItem/snippetSupport");
    let texts = items.into_iter().map(|item| entry(&snapshot.client, item, snippets));
    let names = files.map(|files| file_entries(snapshot, &files)).unwrap_or_default();
    let items = texts.chain(names).enumerate().map(|(at, (item, text))| CompletionItem {
        // The order is ours, not the alphabet's.
        sort_text: Some(format!("{at:04}")),
        filter_text: Some(item.label.clone()),
        text_edit: Some(edit(text)),
        ..item
    });
    Ok(Some(
        CompletionList { is_incomplete: false, items: items.collect(), ..CompletionList::default() }.into(),
    ))
}

/// An entry and what it inserts.
fn entry(client: &Client, item: Completion, snippets: bool) -> (CompletionItem, String) {
    let (text, format) = match item.snippet.filter(|_| snippets) {
        Some(snippet) => (snippet, InsertTextFormat::Snippet),
        None => (item.insert, InsertTextFormat::PlainText),
    };
    let docs = Some(item.docs).filter(|docs| !docs.is_empty());
    let formats = "/textDocument/completion/completionItem/documentationFormat";
    let entry = CompletionItem {
        label: item.label,
        kind: Some(kind(item.kind)),
        detail: Some(item.detail).filter(|detail| !detail.is_empty()),
        documentation: docs.map(|docs| documentation(client, formats, docs)),
        insert_text_format: Some(format),
        ..CompletionItem::default()
    };
    (entry, text)
}

fn documentation(client: &Client, formats: &str, docs: String) -> Documentation {
    let kind = if client.lists(formats, "markdown") { MarkupKind::Markdown } else { MarkupKind::PlainText };
    MarkupContent { kind, value: docs }.into()
}

fn kind(kind: CompletionKind) -> CompletionItemKind {
    match kind {
        CompletionKind::Stage | CompletionKind::Function => CompletionItemKind::Function,
        CompletionKind::Binding => CompletionItemKind::Variable,
        CompletionKind::Param => CompletionItemKind::Constant,
        CompletionKind::Setting => CompletionItemKind::Property,
        CompletionKind::Word => CompletionItemKind::EnumMember,
        CompletionKind::Unit => CompletionItemKind::Unit,
        CompletionKind::Keyword => CompletionItemKind::Keyword,
        CompletionKind::Type => CompletionItemKind::Class,
    }
}

/// Names of files and folders, sorted, folders first. Nothing outside of the main file's folder is looked at.
fn file_entries(snapshot: &Snapshot, files: &Files) -> Vec<(CompletionItem, String)> {
    let root = snapshot.analysis.main.parent().unwrap_or(Path::new(""));
    let own = snapshot.analysis.path(snapshot.file).and_then(Path::parent);
    let base = if files.programs { own.unwrap_or(root) } else { root };
    let Some(folder) = below(root, base, &files.folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_FILES) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Links are what they lead to.
        let Ok(kind) = std::fs::metadata(entry.path()).map(|meta| meta.file_type()) else { continue };
        let program = name.ends_with(".llmp");
        let plain = !name.starts_with('.') && !name.contains(['"', '\\', '\n']);
        match kind {
            _ if !plain => {}
            kind if kind.is_dir() => found.push((false, name)),
            kind if kind.is_file() && (program || !files.programs) => found.push((true, name)),
            _ => {}
        }
    }
    found.sort();
    let entries = found.into_iter().map(|(file, name)| {
        let label = if file { name } else { name + "/" };
        let kind = if file { CompletionItemKind::File } else { CompletionItemKind::Folder };
        let text = label.clone();
        (CompletionItem { label, kind: Some(kind), ..CompletionItem::default() }, text)
    });
    entries.collect()
}

/// `textDocument/signatureHelp`
pub(crate) fn signature(snapshot: &Snapshot, params: SignatureHelpParams) -> Answer<Option<SignatureHelp>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(help) = snapshot.view().and_then(|view| ide::signature(&view, offset)) else { return Ok(None) };
    let formats = "/textDocument/signatureHelp/signatureInformation/documentationFormat";
    let docs = |docs: String| {
        Some(docs).filter(|docs| !docs.is_empty()).map(|docs| documentation(&snapshot.client, formats, docs))
    };
    let parameters = help
        .parameters
        .into_iter()
        .map(|(label, text)| ParameterInformation { label: label.into(), documentation: docs(text) });
    let signature = SignatureInformation {
        label: help.label,
        documentation: docs(help.docs),
        parameters: Some(parameters.collect()),
        active_parameter: None,
    };
    let active = help.active.map(|at| ActiveParameter::Int(at as u32));
    Ok(Some(SignatureHelp {
        signatures: vec![signature],
        active_signature: Some(0),
        active_parameter: active,
    }))
}
