//! A short look at a result, for the editor: what was counted, what was dropped, and the first rows.
//!
//! It only reads, and little: the record of the last run, and as many rows as are shown.

use std::fmt::Write as _;
use std::path::Path;

use llmp_records::text;
use llmp_stage::{Input, InputFile, Registry};
use llmp_store::{Ledger, Store};

/// Rows that are shown.
const ROWS: usize = 3;
/// Letters of each.
const LETTERS: usize = 160;
/// Rules that are named.
const RULES: usize = 3;
/// Counts that are told.
const COUNTS: usize = 6;

/// What stage `name` made in run `run` of the store at `root`, in Markdown; `None` where nothing is to be
/// told. `kind` is that of its results, e.g. `Docs`.
#[must_use]
pub fn peek(root: &Path, registry: &Registry, name: &str, kind: &str, run: u64) -> Option<String> {
    let store = Store::look(root).ok()?;
    let run = store.read_run(run)?;
    let stage = run.stage(name)?;
    let record = Ledger::open(&store.ledger_path()).ok()?.record(&stage.key?).ok()??;
    let mut out = String::new();
    let mut counts: Vec<(&str, u64)> =
        record.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    let mut dropped: Vec<(&str, u64)> =
        counts.iter().filter_map(|(name, count)| Some((name.strip_prefix("dropped.")?, *count))).collect();
    counts.retain(|(name, _)| !name.contains('.'));
    if !counts.is_empty() {
        let told = counts.iter().take(COUNTS).map(|(name, count)| format!("{} {name}", text::count(*count)));
        let _ = write!(out, "run {}: {}", record.run, told.collect::<Vec<_>>().join(", "));
    }
    if !dropped.is_empty() {
        dropped.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let all: u64 = dropped.iter().map(|(_, count)| count).sum();
        let told =
            dropped.iter().take(RULES).map(|(rule, count)| format!("`{rule}` {}", text::count(*count)));
        let told = told.collect::<Vec<_>>().join(", ");
        let more = if dropped.len() > RULES { ", …" } else { "" };
        let _ = write!(out, "\n\n{} dropped: {told}{more}", text::count(all));
    }
    let rows = rows(&store, registry, kind, &stage.artifact?).unwrap_or_default();
    if !rows.is_empty() {
        let _ = write!(out, "\n\n```text\n{}\n```", rows.join("\n"));
    }
    Some(out.trim().to_owned()).filter(|out| !out.is_empty())
}

/// The first rows, a line each; none where the result is gone or cannot be read.
fn rows(
    store: &Store,
    registry: &Registry,
    kind: &str,
    artifact: &llmp_compiler::key::Digest,
) -> Option<Vec<String>> {
    let form = registry.form(kind)?;
    let manifest = store.objects.manifest(artifact).ok()?;
    let files = manifest.files.iter().map(|(name, entry)| {
        let path = store.objects.localize(&entry.digest).ok()?;
        Some(InputFile { name: name.clone(), path, digest: entry.digest.hex(), label: None })
    });
    let files = files.collect::<Option<Vec<_>>>()?;
    let input = Input { label: kind.to_owned(), files, ..Input::default() };
    let views = form.views(&input).ok()?.take(ROWS).map_while(Result::ok);
    Some(views.map(|view| line(&view.head, &view.all_text())).collect())
}

/// A row in one line, without what would end the block that it stands in.
fn line(head: &str, body: &str) -> String {
    let words: Vec<&str> = body.split_whitespace().collect();
    let all = format!("{head}  {}", words.join(" ")).replace('`', "'");
    let clean = all.chars().filter(|letter| !letter.is_control());
    let shown: String = clean.take(LETTERS).collect();
    if all.chars().count() > LETTERS { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, line};

    #[test]
    fn a_row_is_one_short_line() {
        assert_eq!(line("u1", "one\n\n```two\u{7}"), "u1  one '''two");
        assert_eq!(line("u1", &"山".repeat(500)).chars().count(), LETTERS + 1);
    }
}
