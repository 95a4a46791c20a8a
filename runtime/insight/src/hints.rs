//! A plan in few words: one line for a stage, one for the whole.

use llmp_compiler::graph::Graph;
use llmp_compiler::plan::{Blocked, Decision, Reason};
use llmp_planning::{Action, Row, reasons};
use llmp_records::text;

/// Seconds below which a time is not said: nobody waits for it.
const FELT: f64 = 0.05;

/// Root causes that are named; the others are counted.
const NAMED: usize = 2;

/// `cached`, `re-run: lr 1e-3 → 3e-4 · 12m 00s · 2.1 GiB`, `blocked: there is no file …`.
#[must_use]
pub fn hint(row: &Row, graph: &Graph) -> String {
    let word = row.action().word();
    let Decision::Run { reasons, may_skip, shards, .. } = &row.decision else {
        return blocked(row, graph).map_or_else(|| word.to_owned(), |why| format!("{word}: {why}"));
    };
    let mut parts = Vec::new();
    let causes: Vec<String> = reasons
        .iter()
        .filter(|reason| **reason != Reason::Fetches || row.fetch.is_none())
        .filter(|reason| **reason != Reason::New && (row.action() != Action::New || reason.is_root()))
        .map(reasons::text)
        .collect();
    let named = causes.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match causes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    parts.push(match (named.is_empty(), *may_skip) {
        (true, _) => word.to_owned(),
        (false, true) => format!("may {word}: {named}{more}"),
        (false, false) => format!("{word}: {named}{more}"),
    });
    if let Some((todo, all)) = shards.filter(|(todo, all)| todo < all) {
        parts.push(format!("{todo} of {all} shards"));
    }
    parts.extend(row.fetch.map(|fetch| format!("fetch {fetch}")));
    parts.extend(row.estimate.seconds.filter(|seconds| *seconds >= FELT).map(text::duration));
    parts.extend(row.estimate.memory.map(text::bytes));
    parts.join(" · ")
}

/// Why a stage cannot run; `None` where it can.
#[must_use]
pub fn blocked(row: &Row, graph: &Graph) -> Option<String> {
    match &row.decision {
        Decision::Blocked(Blocked::Files { message, .. }) => Some(message.clone()),
        Decision::Blocked(Blocked::By(id)) => Some(format!("waits for {}", graph.stage(*id).name)),
        Decision::Cached { .. } | Decision::Run { .. } => None,
    }
}

/// `nothing to do`, `1 to re-run, 2 new, at least 12m 00s`.
#[must_use]
pub fn summary(rows: &[Row]) -> String {
    let count = |action: Action| rows.iter().filter(|row| row.action() == action).count();
    let (again, new, blocked) = (count(Action::Rerun), count(Action::New), count(Action::Blocked));
    let mut parts = Vec::new();
    for (count, word) in [(again, "to re-run"), (new, "new"), (blocked, "blocked")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    if parts.is_empty() {
        return "nothing to do".to_owned();
    }
    let seconds: f64 = rows.iter().filter_map(|row| row.estimate.seconds).sum();
    if seconds >= FELT {
        let unknown =
            |row: &Row| row.estimate.seconds.is_none() && matches!(row.decision, Decision::Run { .. });
        let word = if rows.iter().any(unknown) { "at least" } else { "about" };
        parts.push(format!("{word} {}", text::duration(seconds)));
    }
    parts.join(", ")
}
