//! What is known of what stands at a place.

use gen_lsp_types::{Hover, HoverParams, MarkupContent, MarkupKind};
use llmp_compiler::ide;

use super::client::Client;
use super::error::Answer;
use super::snapshot::Snapshot;

/// Stages of a family whose states are told.
const MOST: usize = 8;

/// `textDocument/hover`: what is known of it, and the state and cost of the stages that it is about.
pub(crate) fn hover(snapshot: &Snapshot, params: HoverParams) -> Answer<Option<Hover>> {
    let offset = snapshot.offset(params.text_document_position_params.position);
    let Some(found) = snapshot.view().and_then(|view| ide::hover(&view, offset)) else { return Ok(None) };
    let mut parts = vec![found.text];
    let graph = &snapshot.analysis.compilation.graph;
    for stage in found.stages.iter().take(MOST).map(|&id| graph.stage(id)) {
        if let Some(details) = snapshot.plans.details(&snapshot.analysis, &stage.name) {
            parts.push(format!("`{}` {details}", stage.name));
        }
        // A family's members have each rows like the others'.
        if found.stages.len() == 1 {
            parts.extend(snapshot.plans.seen(&snapshot.analysis, stage));
        }
    }
    parts.retain(|part| !part.is_empty());
    let text = text(&snapshot.client, "/textDocument/hover/contentFormat", &found.code, &parts.join("\n\n"));
    let range = Some(snapshot.range(found.at.start, found.at.end));
    Ok(Some(Hover { contents: text.into(), range }))
}

/// A declaration and Markdown, as Markdown where the client's list of formats at `formats` has that, else as
/// plain text.
pub(crate) fn text(client: &Client, formats: &str, code: &str, text: &str) -> MarkupContent {
    let markdown = client.lists(formats, "markdown");
    let code = match (code.is_empty(), markdown) {
        (true, _) => String::new(),
        (false, true) => format!("```llmp\n{code}\n```"),
        (false, false) => code.to_owned(),
    };
    let parts: Vec<&str> = [code.as_str(), text].into_iter().filter(|part| !part.is_empty()).collect();
    MarkupContent {
        kind: if markdown { MarkupKind::Markdown } else { MarkupKind::PlainText },
        value: parts.join("\n\n"),
    }
}
