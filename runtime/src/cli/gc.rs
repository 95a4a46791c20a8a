//! `llmp gc`: removes objects that none of the newest runs needs.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, SystemTime};

use clap::Args;

use super::{Failure, Outcome, PipelineArguments};
use crate::runs::Run;
use crate::store::{Kind, Ledger, Lock, Manifest, Record};
use crate::text;

/// Younger objects may belong to a run that has not written its record yet.
const GRACE: Duration = Duration::from_secs(3600);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Runs of each pipeline whose results are kept
    #[arg(long, value_name = "N", default_value_t = 5)]
    keep_runs: usize,
    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Also remove what was made within the last hour; nothing else may be running
    #[arg(long)]
    now: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.pipeline.store()?;
    let Some(_lock) = Lock::try_take(&store.root().join("gc.lock"))? else {
        return Err(Failure::new("another `llmp gc` is running"));
    };
    let mut ledger = Ledger::open(&store.ledger_path())?;
    let mut kept_per_pipeline = std::collections::BTreeMap::<_, usize>::new();
    let mut keys = BTreeSet::new();
    let mut artifacts = BTreeSet::new();
    for run in Run::all(&store) {
        let kept = kept_per_pipeline.entry(run.pipeline.clone()).or_default();
        if *kept < arguments.keep_runs {
            *kept += 1;
            keys.extend(run.stages.iter().filter_map(|stage| stage.key));
            artifacts.extend(run.stages.iter().filter_map(|stage| stage.artifact));
        }
    }
    let mut needed = artifacts.clone();
    for artifact in &artifacts {
        if let Ok(manifest) = store.objects.manifest(artifact) {
            needed.extend(manifest.files.values().map(|file| file.digest));
        }
    }
    for key in &keys {
        if let Some(record) = ledger.record(key)? {
            needed.extend(record.dropped);
        }
    }
    let old = |path: &std::path::Path| {
        let age = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        arguments.now
            || age.and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > GRACE)
    };
    let unneeded: Vec<_> = store
        .objects
        .all()?
        .into_iter()
        .filter(|(digest, path, _)| !needed.contains(digest) && old(path))
        .collect();
    let bytes: u64 = unneeded.iter().map(|(.., size)| size).sum();
    let count = text::plural(unneeded.len() as u64, "object");
    if arguments.dry_run {
        writeln!(std::io::stdout(), "would remove {count}, {}", text::bytes(bytes))?;
        return Ok(0);
    }
    let gone: BTreeSet<_> = unneeded.iter().map(|(digest, ..)| *digest).collect();
    // The ledger first: what it no longer offers may go.
    for (key, kind, artifact) in ledger.all() {
        let lost = match kind {
            Kind::Forgotten => false,
            Kind::Stage => {
                gone.contains(&artifact)
                    || store.objects.manifest(&artifact).is_ok_and(|manifest| touches(&manifest, &gone))
            }
            Kind::Shard => ledger
                .record(&key)?
                .and_then(|record| Manifest::parse(&artifact, record.manifest.as_deref()?).ok())
                .is_some_and(|manifest| touches(&manifest, &gone)),
        };
        if lost {
            ledger.append(Kind::Forgotten, &key, &artifact, &Record::default())?;
        }
    }
    ledger.sync()?;
    for (_, path, _) in &unneeded {
        std::fs::remove_file(path)?;
    }
    let _ = std::fs::remove_dir_all(store.root().join("open"));
    writeln!(std::io::stdout(), "removed {count}, {}", text::bytes(bytes))?;
    Ok(0)
}

fn touches(manifest: &Manifest, gone: &BTreeSet<llmp_compiler::key::Digest>) -> bool {
    manifest.files.values().any(|file| gone.contains(&file.digest))
}
