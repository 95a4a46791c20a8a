//! Code actions.

use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionResponse, Command,
};
use llmp_compiler::ide;
use serde_json::json;

use super::commands::APPLY;
use super::convert;
use super::edits::Edits;
use super::error::Answer;
use super::snapshot::Snapshot;

/// Where a client says that it takes code actions, and not only commands.
pub(crate) const LITERALS: &str = "/textDocument/codeAction/codeActionLiteralSupport";

/// What the server says about its actions.
pub(crate) fn options() -> CodeActionOptions {
    let kinds = vec![
        CodeActionKind::QuickFix,
        CodeActionKind::RefactorExtract,
        CodeActionKind::RefactorInline,
        CodeActionKind::RefactorRewrite,
        CodeActionKind::SourceFixAll,
    ];
    CodeActionOptions { code_action_kinds: Some(kinds), ..CodeActionOptions::default() }
}

fn kind(kind: ide::CodeActionKind) -> CodeActionKind {
    match kind {
        ide::CodeActionKind::Fix => CodeActionKind::QuickFix,
        ide::CodeActionKind::FixAll => CodeActionKind::SourceFixAll,
        ide::CodeActionKind::Extract => CodeActionKind::RefactorExtract,
        ide::CodeActionKind::Inline => CodeActionKind::RefactorInline,
        ide::CodeActionKind::Rewrite => CodeActionKind::RefactorRewrite,
    }
}

/// The name of a kind: `refactor.extract`.
fn name(kind: &CodeActionKind) -> String {
    serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `textDocument/codeAction`
pub(crate) fn actions(
    snapshot: &Snapshot,
    params: CodeActionParams,
) -> Answer<Option<Vec<CodeActionResponse>>> {
    let Some(view) = snapshot.view() else { return Ok(None) };
    let (start, end) = (snapshot.offset(params.range.start), snapshot.offset(params.range.end));
    // A kind that is asked for stands for those below it: `refactor` for `refactor.extract`.
    let wanted = |kind: &CodeActionKind| {
        params.context.only.as_ref().is_none_or(|only| {
            let kind = name(kind);
            only.iter().map(name).any(|only| {
                let below = kind.strip_prefix(only.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    };
    let actions = ide::actions(&view, start, end).into_iter();
    let actions = actions.filter(|action| wanted(&kind(action.kind))).map(|action| answer(snapshot, action));
    Ok(Some(actions.collect()))
}

fn answer(snapshot: &Snapshot, action: ide::CodeAction) -> CodeActionResponse {
    let analysis = &snapshot.analysis;
    let mut edits = Edits::default();
    for (file, edit) in action.edits {
        edits.add(analysis, file, [edit]);
    }
    let edit = edits.workspace_edit(&snapshot.client);
    if !snapshot.client.has(LITERALS) {
        // An old client takes commands only: it asks the server, and the server asks it to apply the edit.
        let arguments = Some(vec![json!(edit)]);
        return Command { title: action.title, command: APPLY.to_owned(), arguments, tooltip: None }.into();
    }
    let repaired = action.diagnostic.and_then(|at| analysis.compilation.diagnostics.get(at));
    let repaired = repaired.and_then(|one| convert::diagnostic(one, analysis, &snapshot.client));
    CodeAction {
        title: action.title,
        kind: Some(kind(action.kind)),
        is_preferred: repaired.is_some().then_some(true),
        diagnostics: repaired.map(|one| vec![one]),
        edit: Some(edit),
        ..CodeAction::default()
    }
    .into()
}
