//! Diagnostics as SARIF 2.1.0, for code-scanning services.

use std::collections::BTreeMap;

use llmp_compiler::diagnostic::{Diagnostic, Severity};
use llmp_compiler::source::{Sources, Span};
use serde_json::{Value, json};

fn location(span: Span, text: &str, sources: &Sources) -> Value {
    let Some(source) = sources.get(span.file) else { return json!({}) };
    let (start, end) = (source.position(span.start), source.position(span.end));
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": source.path.replace(' ', "%20")},
        "region": {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
                   "byteOffset": span.start, "byteLength": span.end - span.start},
    }});
    if !text.is_empty()
        && let Some(fields) = location.as_object_mut()
    {
        fields.insert("message".into(), json!({"text": text}));
    }
    location
}

/// The whole log.
#[must_use]
pub(crate) fn sarif(all: &[Diagnostic], sources: &Sources) -> Value {
    let mut rules = BTreeMap::new();
    let results: Vec<_> = all
        .iter()
        .map(|diagnostic| {
            rules.entry(diagnostic.code).or_insert_with(|| {
                let page = diagnostic.code.page();
                let title = page.lines().next().unwrap_or_default().trim_start_matches("# ");
                json!({"id": diagnostic.code, "shortDescription": {"text": title},
                       "help": {"text": page, "markdown": page}})
            });
            let level = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "note",
            };
            let text = match &diagnostic.help {
                Some(help) => format!("{}\n{help}", diagnostic.message),
                None => diagnostic.message.clone(),
            };
            let first = diagnostic.labels.first();
            let related: Vec<_> = diagnostic
                .labels
                .iter()
                .skip(1)
                .map(|label| location(label.span, &label.text, sources))
                .collect();
            json!({
                "ruleId": diagnostic.code, "level": level, "message": {"text": text},
                "locations": first.map(|label| vec![location(label.span, &label.text, sources)]),
                "relatedLocations": related,
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "llmp", "version": env!("CARGO_PKG_VERSION"),
                                "rules": rules.into_values().collect::<Vec<_>>()}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}
