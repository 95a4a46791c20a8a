//! `llmp why STAGE`: one screen, root cause first.

use std::io::Write;

use clap::Args;
use llmp_insight::why::Why;
use llmp_planning as planning;

use super::plan::{as_json, rows};
use super::{Failure, Format, Outcome, PipelineArguments};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage, e.g. `base` or `docs/filter.urls`
    stage: String,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as `--format json`
    #[arg(long)]
    json: bool,
    /// As a run with `--keep-old` would see it
    #[arg(long)]
    keep_old: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, name) = arguments.pipeline.with_first(Some(&arguments.stage));
    let name = name.ok_or_else(|| Failure::new("why what?").help("name a stage: `llmp why STAGE FILE`"))?;
    let mut pipeline = pipeline.checked()?;
    let id = pipeline.stage(&name)?;
    let past = pipeline.open()?;
    let kept = match arguments.keep_old {
        true => planning::keep_old(&mut pipeline.compilation.graph, &past, &[]),
        false => Vec::new(),
    };
    let rows = rows(&pipeline, &past);
    // A cache: a store that cannot be written to can be planned with all the same.
    let _ = past.save();
    let why = Why::new(&pipeline.compilation, &pipeline.main, &past, &rows, id);
    let mut out = crate::output::stdout();
    if arguments.json || arguments.format == Format::Json {
        writeln!(out, "{:#}", why.json(&as_json(&pipeline, &rows, &kept, &[])))?;
    } else {
        write!(out, "{}", why.text())?;
        if let Some(upgrade) = kept.iter().find(|upgrade| upgrade.stage == id) {
            writeln!(out, "  kept        {upgrade}")?;
        }
    }
    Ok(0)
}
