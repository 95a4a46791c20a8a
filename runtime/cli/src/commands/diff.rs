//! `llmp diff RUN RUN`: what differs between two runs, causes first.

use std::io::Write;

use clap::Args;
use llmp_insight::diff::Difference;
use llmp_insight::report::Report;
use llmp_store::Ledger;

use super::which_run::which_run;
use super::{Outcome, StoreArguments};
use crate::library::standard;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The earlier run: its number, `last`, or `last-1` for the one before
    #[arg(default_value = "last-1")]
    old: String,
    /// The later run
    #[arg(default_value = "last")]
    new: String,
    #[command(flatten)]
    store: StoreArguments,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let store = arguments.store.open()?;
    let old = Report::of(&store, which_run(&store, &arguments.old)?.run, standard())?;
    let new = Report::of(&store, which_run(&store, &arguments.new)?.run, standard())?;
    let ledger = Ledger::open(&store.ledger_path())?;
    let difference = Difference::between(&ledger, &old, &new);
    let mut out = crate::output::stdout();
    if arguments.json {
        writeln!(out, "{:#}", difference.json(&old, &new))?;
    } else {
        difference.print(&mut out, &old, &new)?;
    }
    Ok(0)
}
