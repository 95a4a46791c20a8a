//! `llmp run`: does what the plan says.

mod executor;
mod finish;
mod idle;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::feasible::feasible;
use llmp_compiler::graph::{Stage, StageId};
use llmp_compiler::plan::Decision;
use llmp_engine::{self as engine, Observer, Program, Recorder, RunOptions, Session, free_memory};
use llmp_insight as insight;
use llmp_planning::{self as planning, Calibration, Past, Row, capacity, gpus, needs};
use llmp_records::{Event, Run, RunStatus, text};

use super::pipeline::Pipeline;
use super::plan::{lowered, rows};
use super::planned::Planned;
use super::{Failure, Format, Outcome, PipelineArguments, at_least_one, fetch};
use crate::library::standard;
use crate::progress::Screen;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pipeline: PipelineArguments,
    /// Go as far as this stage and no further; may be given several times
    #[arg(long, value_name = "STAGE")]
    to: Vec<String>,
    /// Where models run: auto, cpu, wgpu, cuda, cuda:1 …
    #[arg(long, default_value = "auto")]
    device: String,
    /// What runs the stages: local, slurm [default: as the profile says, or local]
    #[arg(long, value_name = "EXECUTOR")]
    on: Option<String>,
    /// Actions at the same time [default: cores]
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,
    /// Go on with everything that does not depend on a failed stage
    #[arg(short, long)]
    keep_going: bool,
    /// Try a failed stage again, up to N times
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: usize,
    /// Run this stage though its result is there; may be given several times
    #[arg(long, value_name = "STAGE")]
    force: Vec<String>,
    /// Refuse to run unless the plan in FILE (from `llmp plan --out`) is still what would happen
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Go on with results of earlier versions where only the implementation of their stage has changed
    #[arg(long)]
    keep_old: bool,
    /// Stop at the first warning about a result, as at a failure
    #[arg(long)]
    strict: bool,
    /// Run though the machine has too little memory or disk for the plan
    #[arg(long)]
    ignore_limits: bool,
    #[command(flatten)]
    network: fetch::Network,
    /// How the run is told: bars and lines, or JSON events
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Say nothing but results
    #[arg(short, long)]
    quiet: bool,
}

/// Set when everything is to stop.
pub(super) static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C, SIGTERM or a closed terminal ask for a clean stop; the second time, they insist.
pub(super) fn listen() -> Result<(), Failure> {
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            // Commands are killed by the guard, which sees this process end.
            std::process::exit(130);
        }
        let _ = writeln!(
            crate::output::stderr(),
            "stopping; once more stops at once, without waiting for anything"
        );
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let begun = Instant::now();
    let question = idle::Question::of(arguments);
    if let Some(stages) = question.as_ref().and_then(idle::Question::stages) {
        let screen = Arc::new(Screen::new(arguments.format == Format::Json, arguments.quiet));
        say_nothing_to_do(stages, &[], &screen, begun)?;
        return Ok(0);
    }
    let (mut pipeline, forced, planned) = part_to_run(arguments)?;
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let slurm = executor::slurm(arguments.on.as_deref(), &pipeline)?;
    let past = pipeline.open()?;
    // From before the plan is made, so that what it finds stays.
    let _in_use = past.store().in_use()?;
    let screen = Arc::new(Screen::new(arguments.format == Format::Json, arguments.quiet));
    let kept = match arguments.keep_old {
        true => planning::keep_old(&mut pipeline.compilation.graph, &past, &forced),
        false => Vec::new(),
    };
    for upgrade in &kept {
        screen.line(&format!("kept: {upgrade}"));
    }
    let pipeline = pipeline;
    let asked = Instant::now();
    let rows = plan(arguments, &pipeline, &past, &forced, planned.as_ref(), &device, slurm.is_some())?;
    let decisions: Vec<Decision> = rows.iter().map(|row| row.decision.clone()).collect();
    let program = Program {
        graph: &pipeline.compilation.graph,
        sources: &pipeline.compilation.sources,
        main: &pipeline.main,
        profiles: &pipeline.profiles,
        targets: &pipeline.targets,
    };
    // What is to be looked at is looked at in a run.
    let look = arguments.strict && engine::is_remarked(&past, &decisions);
    if !look && let Some(verdicts) = engine::nothing_to_do(program, &past, standard(), &decisions) {
        if let Some(question) = question {
            question.keep_decisions(&past, &pipeline, &decisions);
        }
        say_nothing_to_do(program.graph.stages.len(), &pipeline.targets, &screen, asked)?;
        let recorder = Recorder::new(screen.clone());
        let failures = engine::failures(program, &verdicts, &recorder);
        pipeline.print(&failures);
        return Ok(u8::from(!failures.is_empty()));
    }
    listen()?;
    fetch::needed(&pipeline, &past, &rows, &forced, &arguments.network, &screen)?;
    if decisions.iter().zip(&program.graph.stages).any(|(decision, stage)| is_estimated(decision, stage)) {
        Calibration::ensure(llmp_model::speed::of_core);
    }
    let kept = kept.iter().map(|upgrade| (upgrade.stage, upgrade.kept())).collect();
    let options = RunOptions { kept, slurm, ..options(arguments, &pipeline, forced, device, asked) };
    let session = Session::open(program, &past, standard(), options)?;
    let text = || serde_json::to_string(&lowered(&pipeline)).unwrap_or_default();
    insight::report::keep_lowered(session.folder(), text, program.graph.stages.len())?;
    let outcome = session.run(screen.clone(), &STOP)?;
    if let Some(question) = question.filter(|_| outcome.record.status == RunStatus::Done) {
        question.keep_ends(&past, &pipeline, &outcome.stages);
    }
    // A report that cannot be made is no reason for the run to fail.
    let report = insight::report::write(past.store(), &past.ledger(), &outcome.record, standard());
    let said = match screen.is_json() {
        true => screen.told().map_err(Failure::from),
        false => finish::say(&pipeline, &past, &outcome, report),
    };
    pipeline.print(&outcome.failures);
    said?;
    Ok(exit_code(&outcome.record))
}

/// The part of the pipeline that is asked for, the stages of it that are forced, and the plan that is to
/// hold.
fn part_to_run(arguments: &Arguments) -> Result<(Pipeline, Vec<StageId>, Option<Planned>), Failure> {
    let whole = arguments.pipeline.checked()?;
    let name = |id| whole.compilation.graph.stage(id).name.clone();
    let forced = arguments.force.iter().map(|stage| whole.stage(stage).map(name));
    let forced = forced.collect::<Result<Vec<String>, _>>()?;
    let planned = arguments.plan.as_deref().map(Planned::read).transpose()?;
    let pipeline = match &planned {
        Some(planned) => planned.part_of(whole, &arguments.to)?,
        None => whole.up_to(&arguments.to)?,
    };
    let forced = forced.iter().map(|name| part(&pipeline, name)).collect::<Result<Vec<_>, _>>()?;
    Ok((pipeline, forced, planned))
}

/// Whether it is a stage that runs, and whose time is foretold by how quick the machine is.
fn is_estimated(decision: &Decision, stage: &Stage) -> bool {
    matches!(decision, Decision::Run { .. }) && standard().stage(&stage.kind).is_some()
}

/// What would happen now; refuses where it is not what was planned, or more than the machine has.
fn plan(
    arguments: &Arguments,
    pipeline: &Pipeline,
    past: &Past,
    forced: &[StageId],
    planned: Option<&Planned>,
    device: &str,
    elsewhere: bool,
) -> Result<Vec<Row>, Failure> {
    if let Some(planned) = planned {
        planned.refuse_stale(pipeline, &rows(pipeline, past))?;
    }
    let rows = planning::rows(&pipeline.compilation.graph, past, standard(), forced);
    // What this machine has is no matter where others do the work.
    if !arguments.ignore_limits && !elsewhere {
        refuse_infeasible(pipeline, past, &rows, device)?;
    }
    Ok(rows)
}

fn options(
    arguments: &Arguments,
    pipeline: &Pipeline,
    forced: Vec<StageId>,
    device: String,
    asked: Instant,
) -> RunOptions {
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    // What a profile gives to `runtime on = local { … }`: never more than there is.
    let given = |name: &str| pipeline.compilation.place.on.as_ref()?.settings.get(name)?.as_u64();
    let cores = given("cores").map_or(here, |cores| here.min(cores as usize));
    let memory = free_memory();
    RunOptions {
        jobs: arguments.jobs.unwrap_or(cores),
        cores,
        memory: given("memory").map_or(memory, |given| Some(memory.map_or(given, |free| free.min(given)))),
        kept: vec![],
        keep_going: arguments.keep_going,
        retries: arguments.retries,
        strict: arguments.strict,
        forced,
        device,
        slurm: None,
        gpus: gpus(),
        guard: std::env::current_exe().ok(),
        asked,
    }
}

/// The stage of this name, where it is in the part of the pipeline that is to run.
fn part(pipeline: &Pipeline, name: &str) -> Result<StageId, Failure> {
    let graph = &pipeline.compilation.graph;
    graph.ids().find(|&id| graph.stage(id).name == name).ok_or_else(|| {
        Failure::new(format!("`{name}` is not needed for {}", pipeline.targets.join(", ")))
            .help(format!("leave out `--force {name}`, or add `--to {name}`"))
    })
}

/// Fails where the machine has too little for what would run, and says so as `llmp plan` does.
fn refuse_infeasible(pipeline: &Pipeline, past: &Past, rows: &[Row], device: &str) -> Result<(), Failure> {
    let capacity = capacity(device, past.store().root());
    let against = feasible(&pipeline.compilation.graph, &needs(rows), &capacity);
    if !against.iter().any(Diagnostic::is_error) {
        return Ok(());
    }
    pipeline.print(&against);
    Err(Failure::silent(1))
}

fn say_nothing_to_do(
    stages: usize,
    targets: &[String],
    screen: &Arc<Screen>,
    asked: Instant,
) -> Result<(), Failure> {
    let stages = stages as u64;
    Recorder::new(screen.clone()).tell(Event::RunFinished {
        format_version: 1,
        run: None,
        status: RunStatus::NothingToDo,
        targets: Some(targets.to_vec()),
        ran: None,
        cached: stages,
        failed: None,
        not_run: None,
        seconds: None,
    });
    screen.told()?;
    if !screen.is_json() {
        let time = text::duration(asked.elapsed().as_secs_f64());
        let needed = match targets {
            [] => String::new(),
            targets => format!(" for {}", targets.join(", ")),
        };
        let stages = text::plural(stages, "stage");
        writeln!(crate::output::stdout(), "nothing to do: all {stages}{needed} are up to date ({time})")?;
    }
    Ok(())
}

fn exit_code(run: &Run) -> u8 {
    match run.status {
        RunStatus::Done | RunStatus::NothingToDo => 0,
        RunStatus::Failed => 1,
        RunStatus::Started | RunStatus::Stopped | RunStatus::Ended => 130,
    }
}
