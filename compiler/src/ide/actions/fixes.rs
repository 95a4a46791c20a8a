//! The certain repairs that diagnostics bring.

use super::{CodeAction, CodeActionKind};
use crate::diagnostic::{Edit, Fix};
use crate::ide::View;
use crate::ide::format::TextEdit;
use crate::source::FileId;

/// Repairs of what is wrong between `start` and `end`.
pub(super) fn fixes(view: &View<'_>, start: u32, end: u32) -> Vec<CodeAction> {
    let all = view.compilation.diagnostics.iter().enumerate();
    let here = all.filter(|(_, one)| {
        one.labels.first().is_some_and(|label| {
            let span = label.span;
            span.file == view.file.id && span.start <= end && start <= span.end
        })
    });
    let fixes = here.filter_map(|(at, one)| {
        let fix = one.fix.as_ref()?;
        Some(CodeAction {
            title: fix.title.clone(),
            kind: CodeActionKind::Fix,
            diagnostic: Some(at),
            edits: fix.edits.iter().map(of_file).collect(),
        })
    });
    fixes.collect()
}

/// All repairs of the file that do not stand in each other's way.
pub(super) fn all(view: &View<'_>) -> Option<CodeAction> {
    let here = |fix: &&Fix| fix.edits.iter().all(|edit| edit.span.file == view.file.id);
    let fixes = view.compilation.diagnostics.iter().filter_map(|one| one.fix.as_ref()).filter(here);
    let mut edits: Vec<(FileId, TextEdit)> = Vec::new();
    for fix in fixes {
        let free = |edit: &Edit| {
            edits.iter().all(|(_, other)| edit.span.end < other.start || other.end < edit.span.start)
        };
        if fix.edits.iter().all(free) {
            edits.extend(fix.edits.iter().map(of_file));
        }
    }
    let title = "fix all that is certain".to_owned();
    (!edits.is_empty()).then_some(CodeAction { title, kind: CodeActionKind::FixAll, diagnostic: None, edits })
}

fn of_file(edit: &Edit) -> (FileId, TextEdit) {
    let Edit { span, text } = edit;
    (span.file, TextEdit { start: span.start, end: span.end, text: text.clone() })
}
