//! Why a stage runs, in words.

use llmp_compiler::graph::Graph;
use llmp_compiler::plan::Reason;
use llmp_compiler::source::Sources;

/// One reason as a phrase: `lr 1e-3 → 3e-4`, `waits for base`.
#[must_use]
pub fn text(reason: &Reason, graph: &Graph) -> String {
    match reason {
        Reason::New => "never run".into(),
        Reason::Lost => "its result was removed or damaged".into(),
        Reason::Forced => "forced".into(),
        Reason::Waits(stage) => format!("waits for {}", graph.stage(*stage).name),
        Reason::Changed { name, old, new, .. } => changed(name, old.as_deref(), new.as_deref()),
    }
}

fn changed(name: &str, old: Option<&str>, new: Option<&str>) -> String {
    if name == "epoch" {
        return "the stage's implementation changed".into();
    }
    if let Some(role) = name.strip_prefix("input ") {
        return match new {
            Some(stage) if old.is_none_or(|old| old == stage) => format!("{role} changed (from {stage})"),
            Some(stage) => format!("{role} {} → {stage}", old.unwrap_or("none")),
            None => format!("{role} is no longer given"),
        };
    }
    let name = name.strip_prefix("files ").map_or(name.to_owned(), |role| format!("files of {role}"));
    match (old, new) {
        (Some(old), Some(new)) => format!("{name} {old} → {new}"),
        (None, Some(new)) => format!("{name} {new} (new)"),
        (Some(old), None) => format!("{name} {old} (gone)"),
        (None, None) => name,
    }
}

/// Where a reason's new value is written: `who-is.llmp:23:14`.
#[must_use]
pub fn place(reason: &Reason, sources: &Sources) -> Option<String> {
    match reason {
        Reason::Changed { span: Some(span), .. } => Some(sources.place(*span)),
        _ => None,
    }
}
