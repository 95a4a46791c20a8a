//! `llmp pin NAME [RUN]` and `llmp unpin NAME`: names for runs whose results are kept.

use std::io::Write;

use clap::Args;
use llmp_records::text;
use llmp_store::write_atomically;

use super::which_run::which_run;
use super::{Failure, Outcome, StoreArguments, did_you_mean};

#[derive(Debug, Args)]
pub(super) struct PinArguments {
    /// The name; without it, the pins are listed
    name: Option<String>,
    /// The run: its number, `last`, or `last-1` for the one before
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
pub(super) struct UnpinArguments {
    /// The name
    name: String,
    #[command(flatten)]
    store: StoreArguments,
}

pub(super) fn pin(arguments: &PinArguments) -> Outcome {
    let store = arguments.store.open()?;
    let mut out = crate::output::stdout();
    let Some(name) = &arguments.name else {
        for (name, number) in store.pins() {
            let title = store.read_run(number).map_or("gone".to_owned(), |run| run.title());
            writeln!(out, "{name:<20} run {number:<4} {title}")?;
        }
        return Ok(0);
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty()
        || name.len() > 64
        || name.starts_with(['.', '-'])
        || !name.chars().all(plain)
        || name.parse::<u64>().is_ok()
        || name.starts_with("last")
    {
        return Err(Failure::new(format!("`{name}` cannot be the name of a pin"))
            .help("a name has letters, digits, `-`, `_` and `.`; numbers and `last` mean runs"));
    }
    let run = which_run(&store, &arguments.run)?;
    let folder = store.root().join("pins");
    std::fs::create_dir_all(&folder)?;
    // Under the lock of those who use results: `llmp gc` sees the pin or has ended.
    let _in_use = store.in_use()?;
    write_atomically(&folder.join(name), format!("{}\n", run.run).as_bytes())?;
    writeln!(out, "{name} is run {} of {}; `llmp gc` keeps its results", run.run, run.title())?;
    let lost = run
        .stages
        .iter()
        .filter_map(|stage| stage.artifact)
        .filter(|artifact| !store.objects.intact(artifact));
    let lost = lost.count();
    if lost > 0 {
        let lost = text::plural(lost as u64, "result");
        writeln!(crate::output::stderr(), "warning: {lost} of run {} are gone already", run.run)?;
    }
    Ok(0)
}

pub(super) fn unpin(arguments: &UnpinArguments) -> Outcome {
    let store = arguments.store.open()?;
    let pins = store.pins();
    let Some(number) = pins.get(&arguments.name) else {
        let failure = Failure::new(format!("there is no pin `{}`", arguments.name));
        return Err(match did_you_mean(&arguments.name, pins.keys().map(String::as_str)) {
            Some(close) => failure.help(format!("did you mean `{close}`?")),
            None => failure.help("`llmp pin` lists them"),
        });
    };
    std::fs::remove_file(store.root().join("pins").join(&arguments.name))?;
    writeln!(crate::output::stdout(), "run {number} is no longer `{}`", arguments.name)?;
    Ok(0)
}
