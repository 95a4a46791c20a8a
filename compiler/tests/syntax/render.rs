//! Trees and diagnostics as plain text.

use std::fmt::Write;

use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::source::{Source, Sources};
use llmp_compiler::syntax::Tree;

/// A node a line, children indented; trivia left out.
pub(crate) fn tree(tree: &Tree, text: &str) -> String {
    let mut out = String::new();
    for id in tree.ids().filter(|&id| !tree.kind(id).is_trivia()) {
        let depth = std::iter::successors(Some(id), |&id| tree.parent(id)).count() - 1;
        let _ = write!(out, "{:width$}{:?}", "", tree.kind(id), width = 2 * depth);
        if tree.kind(id).is_token() {
            let _ = write!(out, " {}", &text[tree.range(id)]);
        }
        out.push('\n');
    }
    out
}

/// A paragraph a diagnostic.
pub(crate) fn diagnostics(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let _ = writeln!(out, "{} {}: {}", diagnostic.severity.name(), diagnostic.code, diagnostic.message);
        for label in &diagnostic.labels {
            let Some(source) = sources.get(label.span.file) else { continue };
            let _ = writeln!(out, "{}", underlined(source, label.span.start, label.span.end, &label.text));
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  help: {help}");
        }
        if let Some(fix) = &diagnostic.fix {
            let edits =
                fix.edits.iter().map(|edit| format!("{:?} -> {:?}", sources.text(edit.span), edit.text));
            let _ = writeln!(out, "  fix: {} ({})", fix.title, edits.collect::<Vec<_>>().join(", "));
        }
        out.push('\n');
    }
    out
}

fn underlined(source: &Source, start: u32, end: u32, text: &str) -> String {
    let (from, to) = (source.position(start), source.position(end));
    let line = source.line(from.line);
    let length = if to.line == from.line { to.column - from.column } else { line.chars().count() as u32 };
    let number = from.line.to_string();
    let margin = " ".repeat(number.len());
    let space = " ".repeat(from.column as usize - 1);
    format!("  {number} | {line}\n  {margin} | {space}{} {text}", "^".repeat(length.max(1) as usize))
}
