//! `llmp export STAGE DIR`: a result as files of one's own.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_records::text;
use llmp_stage::Error;

use super::results::{OfRun, Results};
use super::{Failure, Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage whose result is wanted
    stage: String,
    /// A folder that does not exist yet
    to: PathBuf,
    #[command(flatten)]
    pipeline: PipelineArguments,
    #[command(flatten)]
    of: OfRun,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let results = Results::of(&arguments.pipeline, arguments.of.run.as_deref())?;
    let one = results.named(&arguments.stage, &|_| true)?;
    let name = &one.stage.name;
    if arguments.to.exists() {
        return Err(
            Failure::new(format!("`{}` exists already", arguments.to.display())).help("name a new folder")
        );
    }
    results.say(&one);
    let objects = &results.store.objects;
    let manifest = objects.manifest(&one.artifact)?;
    for (file, entry) in &manifest.files {
        let target = arguments.to.join(file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
        }
        // A copy, not a link: what is exported may be changed.
        let mut from = std::fs::File::open(objects.localize(&entry.digest)?)?;
        let copied = std::fs::File::create(&target).and_then(|mut to| std::io::copy(&mut from, &mut to));
        copied.map_err(Error::io("cannot write", &target))?;
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
