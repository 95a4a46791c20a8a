//! `llmp run`: does what the plan says.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::feasible::feasible;
use llmp_compiler::gate::{Gate, Verdict};
use llmp_compiler::graph::{Graph, Producer, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::Decision;
use llmp_engine::{self as engine, Ended, Engine, Guard, Observer, RunOptions, Status, free_memory};
use llmp_insight::report;
use llmp_planning::machine::environment;
use llmp_planning::{self as planning, Past, Row, capacity, host_name, needs};
use llmp_records::{Run, text};
use llmp_store::{are_linked, link_results, pipeline_id};
use serde_json::json;

use super::pipeline::Pipeline;
use super::plan::{lowered, rows};
use super::planned::Planned;
use super::{Failure, Format, Outcome, PipelineArguments, at_least_one};
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
    /// Run though the machine has too little memory or disk for the plan
    #[arg(long)]
    ignore_limits: bool,
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
    let whole = arguments.pipeline.checked()?;
    let name = |id| whole.compilation.graph.stage(id).name.clone();
    let forced = arguments.force.iter().map(|stage| whole.stage(stage).map(name));
    let forced = forced.collect::<Result<Vec<String>, _>>()?;
    let planned = arguments.plan.as_deref().map(Planned::read).transpose()?;
    let mut pipeline = match &planned {
        Some(planned) => planned.part_of(whole, &arguments.to)?,
        None => whole.up_to(&arguments.to)?,
    };
    let forced = forced.iter().map(|name| part(&pipeline, name)).collect::<Result<Vec<_>, _>>()?;
    let device = llmp_model::device::Device::open(&arguments.device)?.to_string();
    let past = pipeline.open()?;
    let _in_use = past.store().in_use()?;
    let kept = match arguments.keep_old {
        true => planning::keep_old(&mut pipeline.compilation.graph, &past),
        false => Vec::new(),
    };
    let pipeline = pipeline;
    let graph = &pipeline.compilation.graph;
    let screen = Screen::new(arguments.format == Format::Json, arguments.quiet);
    for upgrade in &kept {
        screen.line(&format!("kept: {upgrade}"));
    }
    let clock = Instant::now();
    if let Some(planned) = &planned {
        planned.refuse_stale(&pipeline, &rows(&pipeline, &past))?;
    }
    let rows = planning::rows(graph, &past, standard(), &forced);
    if !arguments.ignore_limits {
        refuse_infeasible(&pipeline, &past, &rows, &device)?;
    }
    let decisions: Vec<Decision> = rows.into_iter().map(|row| row.decision).collect();
    if nothing_to_do(&pipeline, &past, &decisions) {
        // What it keeps can be found out again, and a store that can't be written to has its results all the same.
        let _ = past.save();
        say_nothing_to_do(&pipeline, &screen, clock)?;
        let verdicts = planning::verdicts(graph, past.store(), standard(), &found(&decisions));
        let failures = failures(graph, &verdicts, &screen);
        pipeline.print(&failures);
        return Ok(u8::from(!failures.is_empty()));
    }
    listen()?;

    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
    let (number, folder) = past.store().new_run()?;
    std::fs::create_dir_all(folder.join("logs"))?;
    let mut record = Run {
        format_version: 1,
        run: number,
        pipeline: pipeline.main.clone(),
        pipeline_id: pipeline_id(past.store(), &pipeline.main),
        profiles: pipeline.profiles.clone(),
        targets: pipeline.targets.clone(),
        status: "started".into(),
        started,
        device: device.clone(),
        environment: environment(),
        ..Run::default()
    };
    past.store().write_run(&record)?;
    report::keep_lowered(&folder, || lowered(&pipeline), graph.stages.len())?;
    screen.record_events(&folder.join("events.jsonl"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = RunOptions {
        jobs: arguments.jobs.unwrap_or(cores),
        cores,
        memory: free_memory(),
        keep_going: arguments.keep_going,
        retries: arguments.retries,
        forced,
        device: device.clone(),
        run: number,
        run_folder: folder.clone(),
        folder: pipeline.folder(),
    };
    screen.line(&format!("run {number}: {} on {device}", pipeline.title()));
    screen.event(&json!({"event": "run_started", "format_version": 1, "run": number,
        "pipeline": text::path(&pipeline.main), "profiles": pipeline.profiles, "targets": pipeline.targets, "device": device,
        "id": record.pipeline_id, "host": host_name(), "process": std::process::id()}));
    let guard = Guard::new(std::env::current_exe().ok());
    let engine = Engine {
        graph,
        past: &past,
        registry: standard(),
        screen: &screen,
        stop: &STOP,
        guard: &guard,
        options: &options,
    };
    let mut ended = engine.run(vec![]);
    let damaged = link_results(past.store(), graph, &pipeline.main, &promoted(&pipeline, &past, &ended))?;
    if !damaged.is_empty() && !STOP.load(Ordering::Relaxed) {
        for end in damaged.iter().filter_map(|id| ended.get(id.0 as usize)) {
            engine.forget(end);
        }
        ended = engine.run(ended);
        let promoted = promoted(&pipeline, &past, &ended);
        if let Some(&id) = link_results(past.store(), graph, &pipeline.main, &promoted)?.first() {
            let name = &graph.stage(id).name;
            return Err(Failure::new(format!("the result of `{name}` is incomplete in the store"))
                .help("`llmp verify` finds what is damaged; the disk may be failing"));
        }
    }
    past.save()?;
    past.ledger().sync()?;
    let seconds = clock.elapsed().as_secs_f64();
    engine::end(&mut record, graph, &ended, STOP.load(Ordering::Relaxed), seconds);
    let verdicts = planning::verdicts(graph, past.store(), standard(), &artifacts(&ended));
    let failures = failures(graph, &verdicts, &screen);
    if !failures.is_empty() && record.status == "done" {
        record.status = "failed".into();
    }
    past.store().write_run(&record)?;
    let outcome = finish(&pipeline, &past, &screen, &ended, &record);
    pipeline.print(&failures);
    outcome
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

fn nothing_to_do(pipeline: &Pipeline, past: &Past, decisions: &[Decision]) -> bool {
    let graph = &pipeline.compilation.graph;
    let found = found(decisions);
    let verdicts = || planning::verdicts(graph, past.store(), standard(), &found);
    let done = found.iter().all(Option::is_some)
        && (are_linked(past.store(), graph, &pipeline.main, &found)
            || link(pipeline, past, &planning::promoted(graph, &verdicts(), &found)));
    if done {
        for (stage, decision) in graph.stages.iter().zip(decisions) {
            let Decision::Cached { key, .. } = decision else { continue };
            let run = past.last(&stage.name).map_or(0, |(_, run)| run);
            past.settle(&stage.name, key.digest, run);
        }
    }
    done
}

/// The results that are there, by index.
fn found(decisions: &[Decision]) -> Vec<Option<Digest>> {
    let found = |decision: &Decision| match decision {
        Decision::Cached { artifact, .. } => Some(*artifact),
        Decision::Run { .. } | Decision::Blocked(_) => None,
    };
    decisions.iter().map(found).collect()
}

/// The results that get their names below `out/`.
fn promoted(pipeline: &Pipeline, past: &Past, ended: &[Ended]) -> Vec<Option<Digest>> {
    let (graph, artifacts) = (&pipeline.compilation.graph, artifacts(ended));
    let verdicts = planning::verdicts(graph, past.store(), standard(), &artifacts);
    planning::promoted(graph, &verdicts, &artifacts)
}

/// What is not as the program expects it; every expectation is told as an event.
fn failures(graph: &Graph, verdicts: &[(&Gate, Verdict)], screen: &Screen) -> Vec<Diagnostic> {
    for (gate, verdict) in verdicts {
        screen.event(&json!({"event": "expectation", "text": gate.text, "holds": verdict.holds()}));
    }
    verdicts.iter().filter_map(|(gate, verdict)| gate.failure(verdict, graph)).collect()
}

/// The results of the stages, by index.
fn artifacts(ended: &[Ended]) -> Vec<Option<Digest>> {
    ended.iter().map(|end| end.artifact).collect()
}

/// Links results that are all there; false where one is incomplete, which a run mends.
fn link(pipeline: &Pipeline, past: &Past, found: &[Option<Digest>]) -> bool {
    // In a store that can't be written to, results are where they are.
    link_results(past.store(), &pipeline.compilation.graph, &pipeline.main, found)
        .map_or(true, |incomplete| incomplete.is_empty())
}

fn say_nothing_to_do(pipeline: &Pipeline, screen: &Screen, clock: Instant) -> Result<(), Failure> {
    let stages = pipeline.compilation.graph.stages.len() as u64;
    screen.event(&json!({"event": "run_finished", "format_version": 1, "status": "nothing_to_do",
        "targets": pipeline.targets, "cached": stages}));
    screen.told()?;
    if !screen.is_json() {
        let time = text::duration(clock.elapsed().as_secs_f64());
        let needed = match pipeline.targets.as_slice() {
            [] => String::new(),
            targets => format!(" for {}", targets.join(", ")),
        };
        let stages = text::plural(stages, "stage");
        writeln!(crate::output::stdout(), "nothing to do: all {stages}{needed} are up to date ({time})")?;
    }
    Ok(())
}

fn finish(pipeline: &Pipeline, past: &Past, screen: &Screen, ended: &[Ended], run: &Run) -> Outcome {
    let (number, seconds, status) = (run.run, run.seconds, run.status.as_str());
    let graph = &pipeline.compilation.graph;
    let count = |wanted: fn(&Status) -> bool| ended.iter().filter(|end| wanted(&end.status)).count() as u64;
    let ran = count(|status| matches!(status, Status::Ran { .. }));
    let cached = count(|status| matches!(status, Status::Cached | Status::Skipped));
    let failed = count(|status| matches!(status, Status::Failed { .. }));
    let blocked = count(|status| matches!(status, Status::Blocked(_) | Status::Stopped));
    screen.event(
        &json!({"event": "run_finished", "format_version": 1, "run": number, "status": status, "ran": ran, "cached": cached,
        "failed": failed, "not_run": blocked, "seconds": seconds}),
    );
    let code = match status {
        "done" => 0,
        "failed" => 1,
        _ => 130,
    };
    // A report that cannot be made is no reason for the run to fail.
    let report = report::write(past.store(), &past.ledger(), run, standard());
    if screen.is_json() {
        screen.told()?;
        return Ok(code);
    }
    // What the stages showed, once everything is quiet: reports last.
    let mut out = crate::output::stdout();
    for (stage, end) in graph.stages.iter().zip(ended) {
        let final_report = stage.makes(ArtifactKind::Report);
        if let (Status::Ran { .. }, Some(key)) = (&end.status, end.key)
            && let Some(record) = past.ledger().record(&key)?
            && final_report
            && !record.shown.is_empty()
        {
            writeln!(out, "\n{}: {}\n\n{}\n", stage.name, stage.kind, record.shown.trim_end())?;
        }
    }
    for (stage, end) in graph.stages.iter().zip(ended) {
        if let Status::Failed { message, help } = &end.status {
            let mut err = crate::output::stderr();
            writeln!(err, "error: `{}` failed: {message}", stage.name)?;
            writeln!(err, "   at: {}", pipeline.compilation.sources.place(stage.span))?;
            if let Some(help) = help {
                writeln!(err, " help: {help}")?;
            }
            if stage.inputs.iter().all(|input| matches!(input.from, Producer::Stage(_))) || end.key.is_some()
            {
                writeln!(err, "  log: llmp log {}", stage.name)?;
            }
        }
    }
    let mut parts = vec![format!("{ran} ran"), format!("{cached} cached")];
    for (count, word) in [(failed, "failed"), (blocked, "not run")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    writeln!(out, "run {number} {status} in {}: {}", text::duration(seconds), parts.join(", "))?;
    if status != "done" {
        writeln!(
            crate::output::stderr(),
            "what is finished is kept; `{}` goes on from there",
            pipeline.run_command()
        )?;
    }
    match report {
        Ok(page) => writeln!(out, "report: {}", page.display())?,
        Err(error) => writeln!(crate::output::stderr(), "warning: the report could not be written: {error}")?,
    }
    Ok(code)
}
