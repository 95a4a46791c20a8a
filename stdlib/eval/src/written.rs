//! How these stages write what they found: `report.json` says itself how it is shown.

use llmp_artifacts::report;
use llmp_stage::shown::{Shown, Table};
use llmp_stage::{Context, Result};
use serde::Serialize;

/// Version of `report.json`.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a, A> {
    version: u32,
    kind: &'static str,
    #[serde(flatten)]
    shown: &'a Shown,
    /// Left out where a run's report holds this.
    answers: &'a [A],
}

/// Writes the report of `kind`, with every single case, and its page, on which `legend` says how to read it.
pub(crate) fn write<A: Serialize>(
    ctx: &dyn Context,
    kind: &'static str,
    shown: &Shown,
    answers: &[A],
    legend: &str,
) -> Result<()> {
    let tables = shown.tables.iter().map(|table| format!("{}\n", table.markdown()));
    let mut page = format!("# {}\n\n{}{legend}\n", shown.title, tables.collect::<String>());
    for example in &shown.examples {
        page.push_str(&format!("\n## {}\n\n", example.of));
        for (name, text) in &example.fields {
            page.push_str(&format!("- {name}: {}\n", text.replace('\n', "\n  ")));
        }
    }
    report::write(ctx.output(), &Written { version: VERSION, kind, shown, answers }, &page)?;
    ctx.show(&shown.tables.first().map_or_else(String::new, Table::aligned));
    Ok(())
}
