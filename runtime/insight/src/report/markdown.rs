//! The report as Markdown: the stages, what was left out, and the tables of evaluations.

use std::fmt::Write as _;

use llmp_compiler::artifact::ArtifactKind;
use llmp_records::text;
use llmp_store::Store;

use super::summary::chains;
use super::{Report, StageReport};

pub(super) fn page(store: &Store, report: &Report) -> String {
    let mut page = format!(
        "# Run {}: {}\n\n{} on {}, {}.\n\n## Stages\n\n| stage | kind | status | time | result |\n|---|---|---|---|---|\n",
        report.run,
        report.title(),
        text::plural(report.stages.len() as u64, "stage"),
        report.device,
        text::duration(report.seconds),
    );
    for stage in &report.stages {
        let counts = stage.counts.iter().filter(|(name, _)| !name.contains('.')).take(4);
        let counts: Vec<_> = counts.map(|(name, count)| format!("{} {name}", text::count(*count))).collect();
        let status = match &stage.kept {
            Some(kept) => format!("{}: {kept}", stage.status.word()),
            None => stage.status.word().to_owned(),
        };
        let cells: [&str; 5] =
            [&stage.name, &stage.kind, &status, &text::duration(stage.seconds), &counts.join(", ")];
        page += &row(&cells);
    }
    if report.remarks() > 0 {
        page += "\n## Warnings\n\n| stage | warning | what to do |\n|---|---|---|\n";
        for stage in &report.stages {
            for remark in &stage.remarks {
                page += &row(&[&stage.name, &remark.message, remark.help.as_deref().unwrap_or_default()]);
            }
        }
    }
    if !report.expectations.is_empty() {
        page += "\n## Expectations\n\n| expectation | place | outcome |\n|---|---|---|\n";
    }
    for one in &report.expectations {
        page += &row(&[&format!("`{}`", one.text), &one.place, &one.outcome()]);
    }
    let mut left_out = String::new();
    let mut seen = std::collections::BTreeSet::new();
    for step in chains(report).iter().flat_map(|chain| &chain.steps) {
        // A stage that several chains have in common is told once.
        if seen.insert(step.stage.name.as_str()) {
            for (rule, count) in step.dropped.iter().chain(&step.skipped) {
                left_out += &row(&[&step.stage.name, rule, &text::count(*count)]);
            }
        }
    }
    if !left_out.is_empty() {
        page += "\n## What was left out\n\n| stage | rule | documents |\n|---|---|---|\n";
        page += &left_out;
    }
    for stage in report.stages.iter().filter(|stage| stage.makes(ArtifactKind::Report)) {
        if let Some(table) = table(store, stage) {
            // Writing to a string cannot fail.
            let _ = write!(page, "\n## {}\n\n{}\n", stage.name, table.trim());
        }
    }
    page
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The table as the stage wrote it.
fn table(store: &Store, stage: &StageReport) -> Option<String> {
    let manifest = store.objects.manifest(&stage.artifact?).ok()?;
    let entry = manifest.files.get("report.md")?;
    String::from_utf8(store.objects.read(&entry.digest).ok()?).ok()
}
