//! The compiler's types as the protocol's.

use gen_lsp_types::{Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag};
use llmp_compiler::code::Nature;
use llmp_compiler::diagnostic::{self, Severity};

use super::analysis::Analysis;
use super::client::Client;

/// A diagnostic whose primary place is in a file of the program.
pub(crate) fn diagnostic(
    one: &diagnostic::Diagnostic,
    analysis: &Analysis,
    client: &Client,
) -> Option<Diagnostic> {
    let range = analysis.range(one.span(), client.encoding)?;
    let mut message = one.message.clone();
    if let Some(label) = one.labels.first().filter(|label| !label.text.is_empty()) {
        message += &format!("\n{}", label.text);
    }
    if let Some(help) = &one.help {
        message += &format!("\nhelp: {help}");
    }
    let related = one.labels.iter().skip(1).filter_map(|label| {
        let location = analysis.location(label.span, client.encoding)?;
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    });
    let related: Vec<_> = related.collect();
    let shows_related = client.can("/textDocument/publishDiagnostics/relatedInformation")
        || client.can("/textDocument/diagnostic/relatedInformation");
    Some(Diagnostic {
        range,
        severity: Some(match one.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Info => DiagnosticSeverity::Information,
        }),
        code: Some(one.code.as_str().to_owned().into()),
        code_description: None,
        source: Some("llmp".to_owned()),
        message: message.into(),
        tags: (one.code.nature() == Nature::Idle).then(|| vec![DiagnosticTag::Unnecessary]),
        related_information: (shows_related && !related.is_empty()).then_some(related),
        data: None,
    })
}
