//! `llmp trace URL`: what became of one document, stage by stage.

use std::io::{BufRead, BufReader, Write};

use clap::Args;
use llmp_stage::Dropped;

use super::{Failure, Outcome, PipelineArguments};
use crate::runs::Run;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The document's URL or id, or a part of it
    url: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.pipeline.store()?;
    let Some(run) = Run::all(&store).next() else {
        return Err(Failure::new("nothing has run yet").help("run a pipeline first: `llmp run FILE`"));
    };
    let ledger = crate::store::Ledger::open(&store.ledger_path())?;
    let mut out = std::io::stdout().lock();
    let mut found = false;
    for stage in &run.stages {
        let (Some(key), Some(artifact)) = (stage.key, stage.artifact) else { continue };
        let Some(record) = ledger.record(&key)? else { continue };
        for digest in &record.dropped {
            let file = std::fs::File::open(store.objects.path(digest))?;
            for line in BufReader::new(file).lines() {
                let Ok(dropped) = serde_json::from_str::<Dropped>(&line?) else { continue };
                if dropped.url.contains(&arguments.url) || dropped.id == arguments.url {
                    found = true;
                    writeln!(
                        out,
                        "{:<28} dropped {}: {} ({})",
                        stage.name, dropped.url, dropped.rule, dropped.value
                    )?;
                }
            }
        }
        if stage.output == "Docs" {
            let manifest = store.objects.manifest(&artifact)?;
            for (name, entry) in manifest.files.iter().filter(|(name, _)| name.ends_with(".parquet")) {
                for doc in llmp_data::docs::Reader::open(&store.objects.path(&entry.digest))? {
                    let doc = doc?;
                    if doc.url.contains(&arguments.url) || doc.id == arguments.url {
                        found = true;
                        let words = doc.text.split_whitespace().count();
                        writeln!(out, "{:<28} kept {} ({words} words, in {name})", stage.name, doc.url)?;
                    }
                }
            }
        }
    }
    if found {
        Ok(0)
    } else {
        Err(Failure::new(format!("no document of run {} has `{}` in its URL", run.run, arguments.url)))
    }
}
