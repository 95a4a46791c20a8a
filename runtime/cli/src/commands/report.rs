//! `llmp report [RUN]`: the page of a run, or the same as JSON, or its curves for TensorBoard.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_insight::report::Report;
use llmp_insight::tensorboard;
use llmp_store::write_atomically;

use super::which_run::which_run;
use super::{Failure, Outcome, StoreArguments};
use crate::library::standard;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run: its number, `last`, or `last-1` for the one before
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    store: StoreArguments,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the curves below this folder as event files for TensorBoard
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["json", "out"])]
    tensorboard: Option<PathBuf>,
    /// Write to this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.store.open()?;
    let run = which_run(&store, &arguments.run)?;
    let report = Report::of(&store, run.run, standard())?;
    let mut out = crate::output::stdout();
    if let Some(folder) = &arguments.tensorboard {
        let files = tensorboard::write(&report, folder)?;
        if files.is_empty() {
            let failure = Failure::new(format!("no stage of run {} has a curve", run.run));
            return Err(failure.help("stages that train have: `llmp runs` lists the runs"));
        }
        for file in files {
            writeln!(out, "{}", file.display())?;
        }
        return Ok(0);
    }
    let text = if arguments.json { report.json().map_err(std::io::Error::from)? } else { report.html() };
    match &arguments.out {
        None if arguments.json => out.write_all(text.as_bytes())?,
        given => {
            let page = store.run(run.run).join("report.html");
            let path = given.as_ref().unwrap_or(&page);
            write_atomically(path, text.as_bytes())?;
            writeln!(out, "{}", path.display())?;
        }
    }
    Ok(0)
}
