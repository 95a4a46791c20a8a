//! `llmp log [STAGE]`: a stage's log from the newest run that has one, or the list of runs.

use std::io::Write;

use clap::Args;

use super::{Failure, Outcome, PipelineArguments};
use crate::runs::{Run, log_name};
use crate::text;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage; without it, the runs are listed
    stage: Option<String>,
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// The run's number [default: the newest that has the stage's log]
    #[arg(long, value_name = "N")]
    run: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut pipeline = arguments.pipeline.clone();
    let mut stage = arguments.stage.clone();
    if let Some(name) = stage.as_deref().filter(|name| name.ends_with(".llmp")) {
        let file = pipeline.file.replace(name.into());
        stage = file.map(|name| name.to_string_lossy().into_owned());
    }
    let store = pipeline.store()?;
    let mut out = std::io::stdout().lock();
    let Some(name) = stage else {
        for run in Run::all(&store).filter(|run| arguments.run.is_none_or(|wanted| wanted == run.run)) {
            let count = |status: &str| run.stages.iter().filter(|stage| stage.status == status).count();
            writeln!(
                out,
                "run {:<4} {}  {} ran, {} cached, {} failed  {}",
                run.run,
                run.pipeline.display(),
                count("ran"),
                count("cached") + count("skipped"),
                count("failed"),
                text::duration(run.seconds)
            )?;
            if arguments.run.is_some() {
                for stage in &run.stages {
                    let seconds = stage.seconds.map_or(String::new(), text::duration);
                    let message = stage.message.as_deref().unwrap_or_default();
                    writeln!(out, "  {:<28} {:<8} {seconds:<8} {message}", stage.name, stage.status)?;
                }
            }
        }
        return Ok(0);
    };
    let file = log_name(&name);
    let numbers = match arguments.run {
        Some(number) => vec![number],
        None => store.runs().into_iter().rev().collect(),
    };
    for number in numbers {
        let path = store.run(number).join("logs").join(&file);
        if let Ok(log) = std::fs::read(&path) {
            writeln!(out, "{name}, run {number} ({})", path.display())?;
            out.write_all(&log)?;
            return Ok(0);
        }
    }
    Err(Failure::new(format!("there is no log of a stage `{name}`"))
        .help("`llmp log` lists the runs; a cached stage has its log in the run that made it"))
}
