//! The card beside an export of documents or of a model: what it was made of and how, in Markdown.
//!
//! Everything in it is from records: sources with their licences, what each stage kept and dropped by which
//! rule, tokens by source, evaluations that read it, and the command that makes it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use llmp_compiler::artifact::ArtifactKind;
use llmp_records::{Record, Run, StageRun, text};
use llmp_stage::{Registry, shard_of};
use llmp_store::{Ledger, Manifest, Store};

/// The largest report that is taken in.
const MAX_REPORT: u64 = 4 << 20;
/// Rows of a table; more are counted.
const MAX_ROWS: usize = 40;

/// What a card is about, and what the records do not say.
pub struct Subject<'a> {
    /// The stage that is exported.
    pub stage: &'a str,
    /// Licences that the program names, by stage.
    pub licences: BTreeMap<String, String>,
    /// How it is made again.
    pub command: String,
}

/// The card of a stage's result; `None` for kinds that have none.
#[must_use]
pub fn card(
    store: &Store,
    ledger: &Ledger,
    registry: &Registry,
    run: &Run,
    subject: &Subject<'_>,
) -> Option<String> {
    let stage = run.stage(subject.stage)?;
    if !stage.makes(ArtifactKind::Docs) && !stage.makes(ArtifactKind::Model) {
        return None;
    }
    let above = above(run, stage);
    let record =
        |stage: &StageRun| stage.key.and_then(|key| ledger.record(&key).ok().flatten()).unwrap_or_default();
    let records: Vec<(&StageRun, Record)> = above.iter().map(|stage| (*stage, record(stage))).collect();
    let mut page = format!("# {}\n\n", stage.name);
    let own = records.last().map(|(_, record)| record);
    let kind = stage.output.as_ref().map_or("Files", |output| output.kind.name());
    let _ = writeln!(page, "{kind}, made by `{}` of `{}`.", stage.kind, text::path(&run.pipeline));
    for (name, count) in own.iter().flat_map(|record| &record.counts) {
        if !name.contains('.') {
            let _ = writeln!(page, "- {name}: {}", text::count(*count));
        }
    }
    sources(&mut page, run, &records, subject);
    filters(&mut page, &records);
    tokens(&mut page, store, &records);
    evaluations(&mut page, store, registry, run, stage);
    again(&mut page, stage, own, subject);
    Some(page)
}

/// A stage and all that it was made from, in the order of the run.
fn above<'a>(run: &'a Run, stage: &'a StageRun) -> Vec<&'a StageRun> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![stage.name.as_str()];
    while let Some(name) = open.pop() {
        if names.insert(name) {
            open.extend(
                run.stage(name).iter().flat_map(|stage| &stage.inputs).map(|(_, from)| from.as_str()),
            );
        }
    }
    run.stages.iter().filter(|stage| names.contains(stage.name.as_str())).collect()
}

fn sources(page: &mut String, run: &Run, records: &[(&StageRun, Record)], subject: &Subject<'_>) {
    page.push_str("\n## Sources\n\n| stage | files | licence | holds |\n|---|---|---|---|\n");
    for (stage, record) in records {
        let files: Vec<&str> = stage
            .inputs
            .iter()
            .map(|(_, from)| from.as_str())
            .filter(|from| run.stage(from).is_none())
            .collect();
        if files.is_empty() {
            continue;
        }
        let licence = subject.licences.get(&stage.name).map_or("not stated", String::as_str);
        let holds: Vec<String> = ["pages", "documents", "conversations", "questions"]
            .into_iter()
            .filter_map(|unit| Some(format!("{} {unit}", text::count(*record.counts.get(unit)?))))
            .collect();
        let _ = writeln!(
            page,
            "| `{}` | {} | {licence} | {} |",
            stage.name,
            cell(&files.join(", ")),
            holds.join(", ")
        );
    }
}

fn filters(page: &mut String, records: &[(&StageRun, Record)]) {
    let dropped = |record: &Record| -> Vec<(String, u64)> {
        let all = record.counts.iter();
        all.filter_map(|(name, count)| Some((name.strip_prefix("dropped.")?.to_owned(), *count))).collect()
    };
    let mut rows = String::new();
    for (stage, record) in records {
        let mut rules = dropped(record);
        if rules.is_empty() {
            continue;
        }
        rules.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let all: u64 = rules.iter().map(|(_, count)| count).sum();
        let kept =
            ["documents", "pages"].iter().find_map(|unit| record.counts.get(*unit)).copied().unwrap_or(0);
        let rules: Vec<String> =
            rules.iter().map(|(rule, count)| format!("{rule} {}", text::count(*count))).collect();
        let _ = writeln!(
            rows,
            "| `{}` | `{}` | {} | {} | {} |",
            stage.name,
            stage.kind,
            text::count(kept),
            text::count(all),
            rules.join(", ")
        );
    }
    if !rows.is_empty() {
        let _ = write!(
            page,
            "\n## Filters\n\n| stage | what | kept | left out | by rule |\n|---|---|---|---|---|\n{rows}"
        );
    }
}

/// Tokens by the file that their shard was made of.
fn tokens(page: &mut String, store: &Store, records: &[(&StageRun, Record)]) {
    // Shards keep their names; what the first stage called their source is what people know.
    let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
    for (shard, label) in records.iter().flat_map(|(_, record)| &record.labels) {
        labels.entry(shard_of(shard)).or_insert(label);
    }
    for (stage, record) in records.iter().filter(|(stage, _)| stage.makes(ArtifactKind::Tokens)) {
        let Some(manifest) = stage.artifact.and_then(|artifact| store.objects.manifest(&artifact).ok())
        else {
            continue;
        };
        let Some(all) = record.counts.get("tokens").copied() else { continue };
        let by_shard = by_shard(&manifest);
        let bytes: u64 = by_shard.values().sum();
        let mut by_source: BTreeMap<&str, u64> = BTreeMap::new();
        for (shard, size) in &by_shard {
            // Every id has as many bytes.
            let tokens =
                if bytes == 0 { 0 } else { (u128::from(*size) * u128::from(all) / u128::from(bytes)) as u64 };
            *by_source.entry(labels.get(shard).copied().unwrap_or("a source without a name")).or_default() +=
                tokens;
        }
        let mut rows: Vec<(&str, u64)> = by_source.into_iter().collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let _ = write!(page, "\n## Tokens by source: `{}`\n\n| source | tokens |\n|---|---|\n", stage.name);
        for (source, tokens) in rows.iter().take(MAX_ROWS) {
            let _ = writeln!(page, "| {} | {} |", cell(source), text::count(*tokens));
        }
        if rows.len() > MAX_ROWS {
            let rest: u64 = rows[MAX_ROWS..].iter().map(|(_, tokens)| tokens).sum();
            let _ = writeln!(page, "| {} more | {} |", rows.len() - MAX_ROWS, text::count(rest));
        }
        let _ = writeln!(page, "| all | {} |", text::count(all));
    }
}

/// Bytes of ids by shard: of its largest file, which they are.
fn by_shard(manifest: &Manifest) -> BTreeMap<&str, u64> {
    let mut sizes = BTreeMap::new();
    for (name, entry) in manifest.files.iter().filter(|(name, _)| name.ends_with(".tokens.bin")) {
        *sizes.entry(shard_of(name)).or_default() += entry.size;
    }
    sizes
}

/// Reports of stages that read it.
fn evaluations(page: &mut String, store: &Store, registry: &Registry, run: &Run, stage: &StageRun) {
    let readers = run.stages.iter().filter(|other| {
        other.makes(ArtifactKind::Report) && other.inputs.iter().any(|(_, from)| *from == stage.name)
    });
    for reader in readers {
        let shown = reader.artifact.and_then(|artifact| {
            let manifest = store.objects.manifest(&artifact).ok()?;
            let entry = manifest.files.get("report.json").filter(|entry| entry.size <= MAX_REPORT)?;
            let text = std::fs::read_to_string(store.objects.localize(&entry.digest).ok()?).ok()?;
            registry.shown(&reader.kind, &serde_json::from_str(&text).ok()?)
        });
        let Some(table) = shown.as_ref().and_then(|shown| shown.tables.first()) else { continue };
        let _ =
            write!(page, "\n## Evaluation: `{}` (`{}`)\n\n{}\n", reader.name, reader.kind, table.markdown());
    }
}

fn again(page: &mut String, stage: &StageRun, own: Option<&Record>, subject: &Subject<'_>) {
    let _ = writeln!(page, "\n## How to make it again\n\n    {}\n", subject.command);
    if let Some(key) = stage.key {
        let _ = writeln!(page, "- key of the stage: `{}`", key.hex());
    }
    if let Some(artifact) = stage.artifact {
        let _ = writeln!(page, "- digest of the result: `{}`", artifact.hex());
    }
    if let Some(record) = own.filter(|record| !record.device.is_empty()) {
        let _ = writeln!(page, "- made on: {}", record.device);
    }
    let _ = writeln!(
        page,
        "- the same inputs and settings give the same key; `llmp plan --lowered` lists all settings"
    );
}

/// A text that ends no cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_about_all_that_something_was_made_from() {
        let stage = |name: &str, inputs: &[&str]| StageRun {
            name: name.into(),
            inputs: inputs.iter().map(|from| ("docs".to_owned(), (*from).to_owned())).collect(),
            ..StageRun::default()
        };
        let stages = vec![
            stage("a", &["\"a.jsonl\""]),
            stage("b", &["\"b.jsonl\""]),
            stage("a/filter", &["a"]),
            stage("table", &["a/filter", "b"]),
        ];
        let run = Run { stages, ..Run::default() };
        let names = |of: &str| {
            above(&run, run.stage(of).unwrap()).iter().map(|stage| stage.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("a/filter"), ["a", "a/filter"]);
        assert_eq!(names("table"), ["a", "b", "a/filter", "table"]);
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }
}
