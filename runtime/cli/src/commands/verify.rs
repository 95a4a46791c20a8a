//! `llmp verify`: reads everything in the store again; what is damaged is set aside, and the next run makes
//! it anew.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;
use llmp_records::text;
use llmp_store::{Kind, Ledger, Manifest};

use super::{Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.pipeline.store()?;
    let _in_use = store.in_use()?;
    let mut ledger = Ledger::open(&store.ledger_path())?;
    let mut out = crate::output::stdout();
    let all = store.objects.list()?;
    let mut damaged = BTreeSet::new();
    let mut bytes = 0;
    for (digest, size) in &all {
        bytes += size;
        if store.objects.check(digest).is_err() {
            damaged.insert(*digest);
        }
    }
    let mut affected = Vec::new();
    for (key, kind, artifact) in ledger.all() {
        let whole = match kind {
            Kind::Forgotten => true,
            Kind::Stage => store.objects.intact(&artifact),
            Kind::Shard => ledger
                .record(&key)?
                .and_then(|record| Manifest::parse(&artifact, record.manifest.as_deref()?).ok())
                .is_some_and(|files| {
                    files.files.values().all(|file| store.objects.has(&file.digest, file.size))
                }),
        };
        if !whole {
            // The record stays: it tells what the stage was, for `llmp why` and for estimates.
            let mut record = ledger.record(&key)?.unwrap_or_default();
            if kind == Kind::Stage {
                affected.push(record.name.clone());
            }
            record.lost = "it was damaged; `llmp verify` set it aside".into();
            ledger.append(Kind::Forgotten, &key, &artifact, &record)?;
        }
    }
    for digest in &damaged {
        writeln!(out, "damaged: object {digest} (set aside in quarantine/)")?;
    }
    affected.sort();
    affected.dedup();
    for name in &affected {
        writeln!(out, "needs it: {name}; the next run makes it again")?;
    }
    writeln!(
        out,
        "{}, {} read: {} damaged, {} to be made again",
        text::plural(all.len() as u64, "object"),
        text::bytes(bytes),
        damaged.len(),
        affected.len()
    )?;
    Ok(u8::from(!damaged.is_empty() || !affected.is_empty()))
}
