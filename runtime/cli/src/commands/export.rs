//! `llmp export STAGE DIR`: a result as files of one's own.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_compiler::plan::Decision;
use llmp_records::text;

use super::plan::rows;
use super::{Failure, Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage whose result is wanted
    stage: String,
    /// A folder that does not exist yet
    to: PathBuf,
    #[command(flatten)]
    pipeline: PipelineArguments,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let pipeline = arguments.pipeline.checked()?;
    let id = pipeline.stage(&arguments.stage)?;
    let past = pipeline.open()?;
    let _in_use = past.store().in_use()?;
    let rows = rows(&pipeline, &past);
    let name = &pipeline.compilation.graph.stage(id).name;
    let Some(Decision::Cached { artifact, .. }) = rows.get(id.0 as usize).map(|row| &row.decision) else {
        return Err(Failure::new(format!("`{name}` has no result that is up to date"))
            .help(format!("make it first: `llmp run {}`", pipeline.main.display())));
    };
    if arguments.to.exists() {
        return Err(
            Failure::new(format!("`{}` exists already", arguments.to.display())).help("name a new folder")
        );
    }
    let objects = &past.store().objects;
    let manifest = objects.manifest(artifact)?;
    for (file, entry) in &manifest.files {
        let target = arguments.to.join(file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // A copy, not a link: what is exported may be changed.
        let mut from = std::fs::File::open(objects.localize(&entry.digest)?)?;
        let mut to = std::fs::File::create(&target)?;
        std::io::copy(&mut from, &mut to)?;
    }
    let count = text::plural(manifest.files.len() as u64, "file");
    writeln!(
        crate::output::stdout(),
        "{name}: {count}, {} in {}",
        text::bytes(manifest.size()),
        arguments.to.display()
    )?;
    Ok(0)
}
