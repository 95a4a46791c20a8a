//! `llmp du`: what takes how much of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use clap::Args;
use llmp_compiler::key::Digest;
use llmp_insight::reach::{KEPT_RUNS, Keep, Reach, size_of};
use llmp_records::text;
use llmp_store::{Downloads, Ledger};
use serde_json::json;

use super::gc::Garbage;
use super::{Outcome, StoreArguments};
use crate::render::pad;

/// Rows of each table that are shown; JSON has all.
const MAX_ROWS: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// What one stage or run needs: all of it, and what nothing else needs.
struct Share {
    name: String,
    bytes: u64,
    alone: u64,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.store.open()?;
    let ledger = Ledger::open(&store.ledger_path())?;
    let reach = Reach::new(&store, &ledger)?;
    let free = Garbage::find(&store, &ledger, Keep { runs: KEPT_RUNS, younger_than: None })?.bytes();
    let mut stages = shares(&reach, reach.of_stage.iter().map(|(name, needs)| (name.clone(), needs)));
    stages.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let mut runs = shares(&reach, reach.of_run.iter().map(|(run, needs)| (run.to_string(), needs)));
    runs.reverse();
    if !arguments.json {
        for (share, run) in runs.iter_mut().zip(&reach.runs) {
            share.name = format!("{}  {}", share.name, run.title());
        }
    }
    let objects: u64 = reach.objects.values().sum();
    let folder = |name: &str| size_of(&store.root().join(name));
    let ledger_size = std::fs::metadata(store.ledger_path()).map_or(0, |meta| meta.len());
    let others = [
        ("work", folder("work")),
        ("runs", folder("runs")),
        ("quarantine", folder("quarantine")),
        ("ledger", ledger_size),
    ];
    let mut out = crate::output::stdout();
    if arguments.json {
        let rows = |shares: &[Share], what: &str| {
            let row = |share: &Share| json!({what: share.name, "bytes": share.bytes, "alone": share.alone});
            shares.iter().map(row).collect::<Vec<_>>()
        };
        let others: BTreeMap<_, _> = others.into_iter().collect();
        let whole = json!({"format_version": 1, "objects": {"count": reach.objects.len(), "bytes": objects},
            "stages": rows(&stages, "stage"), "runs": rows(&runs, "run"), "others": others, "gc_frees": free});
        writeln!(out, "{whole:#}")?;
        return Ok(0);
    }
    writeln!(
        out,
        "{}: {} in {}",
        store.root().display(),
        text::bytes(objects),
        text::plural(reach.objects.len() as u64, "object")
    )?;
    table(&mut out, "stage", &stages)?;
    table(&mut out, "run", &runs)?;
    writeln!(out)?;
    for (name, bytes) in others.into_iter().filter(|(_, bytes)| *bytes > 0) {
        writeln!(out, "{name:<28} {:>10}", text::bytes(bytes))?;
    }
    let downloads = Downloads::of_user();
    let (_, bytes) = downloads.size();
    if bytes > 0 {
        let (name, folder) = ("downloads, of all pipelines", downloads.root().display());
        writeln!(
            out,
            "{name:<28} {:>10}  in {folder}; `llmp gc --downloads` removes them",
            text::bytes(bytes)
        )?;
    }
    writeln!(out, "\n`llmp gc` would free {}", text::bytes(free))?;
    Ok(0)
}

fn shares<'a>(
    reach: &Reach,
    owners: impl Iterator<Item = (String, &'a BTreeSet<Digest>)> + Clone,
) -> Vec<Share> {
    let mut users = BTreeMap::<&Digest, usize>::new();
    for (_, needs) in owners.clone() {
        for digest in needs {
            *users.entry(digest).or_default() += 1;
        }
    }
    let share = |(name, needs): (String, &'a BTreeSet<Digest>)| {
        let alone = needs.iter().filter(|digest| users.get(digest) == Some(&1));
        Share { name, bytes: reach.bytes(needs), alone: reach.bytes(alone) }
    };
    owners.map(share).collect()
}

fn table(out: &mut impl Write, what: &str, shares: &[Share]) -> Result<(), super::Failure> {
    writeln!(out, "\n{what:<28} {:>10} {:>14}", "bytes", "not shared")?;
    for share in shares.iter().take(MAX_ROWS) {
        writeln!(
            out,
            "{} {:>10} {:>14}",
            pad(&share.name, 28),
            text::bytes(share.bytes),
            text::bytes(share.alone)
        )?;
    }
    if shares.len() > MAX_ROWS {
        writeln!(out, "and {} more (`--json` has all)", shares.len() - MAX_ROWS)?;
    }
    Ok(())
}
