//! Diagnostics as JSON; the form is described in `spec/`.

use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::source::{Sources, Span};
use serde_json::{Value, json};

fn place(span: Span, sources: &Sources) -> Value {
    let Some(source) = sources.get(span.file) else { return Value::Null };
    let (start, end) = (source.position(span.start), source.position(span.end));
    json!({
        "file": source.path,
        "start": {"line": start.line, "column": start.column, "byte": span.start},
        "end": {"line": end.line, "column": end.column, "byte": span.end},
    })
}

/// One diagnostic.
#[must_use]
pub(crate) fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let labels: Vec<_> = diagnostic
        .labels
        .iter()
        .map(|label| json!({"place": place(label.span, sources), "text": label.text}))
        .collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let edits: Vec<_> = fix
            .edits
            .iter()
            .map(|edit| json!({"place": place(edit.span, sources), "text": edit.text}))
            .collect();
        json!({"title": fix.title, "edits": edits})
    });
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
        "place": place(diagnostic.span(), sources),
        "labels": labels,
        "help": diagnostic.help,
        "fix": fix,
    })
}

/// All diagnostics of a compilation.
#[must_use]
pub(crate) fn diagnostics(all: &[Diagnostic], sources: &Sources) -> Vec<Value> {
    all.iter().map(|one| diagnostic(one, sources)).collect()
}
