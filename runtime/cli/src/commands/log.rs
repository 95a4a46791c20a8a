//! `llmp log [STAGE]`: a stage's log from the newest run that has one, or the list of runs. With `-f` it goes
//! on as long as the run does.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use llmp_insight::following::Follower;
use llmp_records::{StageStatus, log_name, text};

use llmp_store::Store;

use super::which_run::which_run;
use super::{Failure, Outcome, PipelineArguments};
use crate::render::pad;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage; without it, the runs are listed
    stage: Option<String>,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The run: its number, `last`, `last-1`, or the name of a pin [default: the newest that has the stage's
    /// log]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Go on with what the stage says until its run ends
    #[arg(short, long, requires = "stage")]
    follow: bool,
}

/// How often a log that is followed is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (pipeline, stage) = arguments.pipeline.with_first(arguments.stage.as_deref());
    let store = pipeline.store()?;
    let wanted = arguments.run.as_deref().map(|run| which_run(&store, run)).transpose()?;
    let mut out = crate::output::stdout();
    let Some(name) = stage else {
        for run in store.all_runs().filter(|run| wanted.as_ref().is_none_or(|wanted| wanted.run == run.run)) {
            let told = if run.stages.is_empty() {
                // It goes on, or was killed.
                "has not ended".to_owned()
            } else {
                let (status, count) = (run.status, |status| run.count(status));
                let mut parts = vec![
                    format!("{} ran", count(StageStatus::Ran)),
                    format!("{} cached", count(StageStatus::Cached) + count(StageStatus::Skipped)),
                ];
                let failed = count(StageStatus::Failed);
                parts.extend((failed > 0).then(|| format!("{failed} failed")));
                let warnings = run.remarks() as u64;
                parts.extend((warnings > 0).then(|| text::plural(warnings, "warning")));
                format!("{status} in {}: {}", text::duration(run.seconds), parts.join(", "))
            };
            writeln!(out, "run {:<4} {}  {}  {told}", run.run, text::moment(run.started), run.title())?;
            if wanted.is_some() {
                for stage in &run.stages {
                    let seconds = stage.seconds.map_or(String::new(), text::duration);
                    let message = stage.message.as_deref().unwrap_or_default();
                    writeln!(out, "  {} {:<8} {seconds:<8} {message}", pad(&stage.name, 28), stage.status)?;
                }
            }
        }
        return Ok(0);
    };
    let file = log_name(&name);
    let numbers = match &wanted {
        Some(run) => vec![run.run],
        None => store.runs().into_iter().rev().collect(),
    };
    for number in numbers {
        let path = store.run(number).join("logs").join(&file);
        if let Ok(log) = std::fs::read(&path) {
            writeln!(out, "{name}, run {number} ({})", path.display())?;
            out.write_all(&log)?;
            if arguments.follow {
                follow(&store, number, &path, log.len() as u64)?;
            }
            return Ok(0);
        }
    }
    Err(Failure::new(format!("there is no log of a stage `{name}`"))
        .help("`llmp log` lists the runs; a cached stage has its log in the run that made it"))
}

/// Prints what is written to a log behind its first `at` bytes, until the run has ended.
fn follow(store: &Store, number: u64, path: &Path, mut at: u64) -> Result<(), Failure> {
    let Some(run) = store.read_run(number) else { return Ok(()) };
    let mut follower = Follower::new(Arc::new(Store::look(store.root())?), run.pipeline_id);
    let mut out = crate::output::stdout();
    loop {
        // Asked first: what it wrote before its end is read then.
        let goes_on = follower.look().is_some_and(|going| going.run == number);
        let mut more = Vec::new();
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        at += file.read_to_end(&mut more)? as u64;
        out.write_all(&more)?;
        out.flush()?;
        if !goes_on {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_EVERY);
    }
}
