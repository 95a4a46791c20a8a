//! `llmp worker ACTION`: does one action from its file and leaves the result in the store, where the next run
//! finds it.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use llmp_engine::{Checked, Guard, Harness, Order, Performer, Report, read_order, work};

use super::{Failure, Outcome, pipeline, run};
use crate::library::standard;
use crate::progress::Screen;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The action's file; a run keeps those that failed in `.llmp/runs/N/actions/`
    action: PathBuf,
    /// Threads it may keep busy [default: as the file says]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write the result to this file, too, once it is there; not where it was told to stop
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Say nothing but the result
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let Order { place, mut action, .. } = read_order(&arguments.action).map_err(Failure::new)?;
    action.threads = arguments.threads.unwrap_or(action.threads).max(1);
    let store = pipeline::existing(&place.store)?;
    let _in_use = store.in_use()?;
    run::listen()?;
    let report = work(
        &action,
        &Performer {
            store: &store,
            place: &place,
            harness: Harness {
                registry: standard(),
                observer: &Screen::new(false, arguments.quiet),
                stop: &run::STOP,
                guard: &Guard::new(std::env::current_exe().ok()),
            },
            checked: &Checked::default(),
            attempts: "worker",
        },
    )?;
    match &arguments.report {
        Some(path) if !matches!(report, Report::Stopped) => report.write(path)?,
        _ => writeln!(crate::output::stdout(), "{}", serde_json::to_string(&report).unwrap_or_default())?,
    }
    Ok(u8::from(report.failed()))
}
