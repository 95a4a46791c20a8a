//! Inlay hints: at each stage what a run would do with it, or how far it is; at each expectation what was
//! measured last.

use std::collections::BTreeMap;

use gen_lsp_types::{InlayHint, InlayHintParams, MarkupContent, MarkupKind, Position};
use llmp_compiler::graph::Stage;
use llmp_insight::drawing::State;

use super::error::Answer;
use super::snapshot::Snapshot;

/// Stages on one line that get a hint each; more are counted.
const EACH: usize = 3;

/// `textDocument/inlayHint`
pub(crate) fn hints(snapshot: &Snapshot, params: InlayHintParams) -> Answer<Option<Vec<InlayHint>>> {
    let wanted = params.range.start.line..=params.range.end.line;
    let mut lines = BTreeMap::<u32, Vec<(&Stage, String)>>::new();
    for stage in &snapshot.analysis.compilation.graph.stages {
        if stage.span.file != snapshot.file {
            continue;
        }
        let line = snapshot.range(stage.span.start, stage.span.start).start.line;
        if wanted.contains(&line)
            && let Some(hint) = snapshot.plans.hint(&snapshot.analysis, &stage.name)
        {
            lines.entry(line).or_default().push((stage, hint));
        }
    }
    let mut hints = Vec::new();
    for (line, stages) in lines {
        let end = snapshot.offset(Position { line, character: u32::MAX });
        let position = snapshot.range(end, end).start;
        let hint = |label: String, stages: &[(&Stage, String)]| InlayHint {
            position,
            label: label.into(),
            kind: None,
            text_edits: None,
            tooltip: Some(tooltip(snapshot, stages).into()),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        };
        match stages.as_slice() {
            [(_, label)] => hints.push(hint(label.clone(), &stages)),
            many if many.iter().all(|(_, label)| *label == many[0].1) => {
                hints.push(hint(many[0].1.clone(), many));
            }
            few if few.len() <= EACH => {
                hints.extend(
                    few.iter()
                        .map(|one| hint(format!("{}: {}", one.0.name, one.1), std::slice::from_ref(one))),
                );
            }
            many => hints.push(hint(counted(snapshot, many), many)),
        }
    }
    for (span, (label, details)) in snapshot.plans.gates(&snapshot.analysis) {
        let position = snapshot.range(span.end, span.end).start;
        if span.file != snapshot.file || !wanted.contains(&position.line) {
            continue;
        }
        let tooltip = MarkupContent { kind: MarkupKind::Markdown, value: details };
        hints.push(InlayHint {
            position,
            label: label.into(),
            kind: None,
            text_edits: None,
            tooltip: Some(tooltip.into()),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        });
    }
    Ok(Some(hints))
}

/// `3 cached, 2 re-run`
fn counted(snapshot: &Snapshot, stages: &[(&Stage, String)]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    let states = stages.iter().map(|(stage, _)| snapshot.plans.state(&snapshot.analysis, &stage.name));
    for word in states.filter_map(State::word) {
        *counts.entry(word).or_default() += 1;
    }
    let parts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    parts.join(", ")
}

fn tooltip(snapshot: &Snapshot, stages: &[(&Stage, String)]) -> MarkupContent {
    let parts = stages.iter().filter_map(|(stage, _)| {
        let details = snapshot.plans.details(&snapshot.analysis, &stage.name)?;
        Some(format!("`{}` {details}", stage.name))
    });
    MarkupContent { kind: MarkupKind::Markdown, value: parts.collect::<Vec<_>>().join("\n\n") }
}
