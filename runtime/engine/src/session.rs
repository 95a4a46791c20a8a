//! One run of a pipeline, from its number to its record.
//!
//! ```text
//! open ─▶ runs/N/run.json "started" ─▶ run: stages ─▶ out/ ─▶ expectations ─▶ run.json as it ended ─▶ Outcome
//! ```
//!
//! What a run is asked for with, what the screen shows and what is made of the outcome is the caller's: the
//! command line, a server or a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use llmp_compiler::diagnostic::Diagnostic;
use llmp_compiler::gate::{Gate, Verdict};
use llmp_compiler::graph::{Graph, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::Decision;
use llmp_compiler::source::Sources;
use llmp_planning::machine::environment;
use llmp_planning::{self as planning, Past, folder_of, host_name};
use llmp_records::{Event, Run, RunStatus, StageRun, StageStatus, title};
use llmp_stage::{Error, Registry};
use llmp_store::{Lock, StoreError, are_linked, at, link_results, pipeline_id};

use super::events::Recorder;
use super::guard::Guard;
use super::job::{Harness, Job, RunOptions};
use super::outcome::{StageOutcome, Status};
use super::perform::store_error;
use super::{Observer, record, scheduler};

/// What a run is of: a compiled pipeline, and what it is called.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    /// Its stages and expectations.
    pub graph: &'a Graph,
    /// Its texts, for the places of expectations.
    pub sources: &'a Sources,
    /// The main file as given.
    pub main: &'a Path,
    /// Profiles, as given.
    pub profiles: &'a [String],
    /// How far it goes: names of stages and bindings, sorted; none for all of the pipeline.
    pub targets: &'a [String],
}

/// A run that has its number, folder and record.
pub struct Session<'a> {
    program: Program<'a>,
    past: &'a Past,
    registry: &'a Registry,
    options: RunOptions,
    record: Run,
    folder: PathBuf,
    /// `llmp gc` removes nothing meanwhile.
    _in_use: Option<Lock>,
}

/// How a run ended.
pub struct Outcome<'a> {
    /// The record, as it was written: number, status, seconds.
    pub record: Run,
    /// How each stage ended, by index.
    pub stages: Vec<StageOutcome>,
    /// What came of every expectation whose reports are there.
    pub verdicts: Vec<(&'a Gate, Verdict)>,
    /// What is not as the program expects it.
    pub failures: Vec<Diagnostic>,
}

/// How many stages ended in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Those that ran.
    pub ran: u64,
    /// Those whose result was there, before the run or by the time it came to them.
    pub cached: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that could not start, or were stopped.
    pub not_run: u64,
}

impl<'a> Session<'a> {
    /// Begins a run: gives it a number, and writes the record that says so.
    ///
    /// # Errors
    /// Where the store cannot be written to.
    pub fn open(
        program: Program<'a>,
        past: &'a Past,
        registry: &'a Registry,
        options: RunOptions,
    ) -> Result<Self, StoreError> {
        let store = past.store();
        let in_use = store.in_use()?;
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let (number, folder) = store.new_run()?;
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).map_err(at("make the folder", &logs))?;
        let record = Run {
            format_version: 1,
            run: number,
            pipeline: program.main.to_owned(),
            pipeline_id: pipeline_id(store, program.main),
            profiles: program.profiles.to_vec(),
            targets: program.targets.to_vec(),
            status: RunStatus::Started,
            started,
            device: options.device.clone(),
            environment: environment(),
            ..Run::default()
        };
        store.write_run(&record)?;
        Ok(Self { program, past, registry, options, record, folder, _in_use: in_use })
    }

    /// The run's folder, `runs/N`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs to the end, which comes early once `stop` is set. What fails in a stage is told by the outcome;
    /// what is finished is kept whatever happens.
    ///
    /// # Errors
    /// Where the store cannot be written to, or loses what was just made.
    pub fn run(mut self, observer: Arc<dyn Observer>, stop: &AtomicBool) -> Result<Outcome<'a>, Error> {
        let path = self.folder.join("events.jsonl");
        let recorder = Recorder::create(observer, &path).map_err(store_error)?;
        self.announce(&recorder);
        let stages = self.perform(&recorder, stop)?;
        self.past.save().map_err(store_error)?;
        self.past.ledger().sync().map_err(store_error)?;
        self.conclude(stages, &recorder, stop.load(Ordering::Relaxed))
    }

    /// Says that the run starts.
    fn announce(&self, observer: &dyn Observer) {
        let Self { program: Program { main, profiles, targets, .. }, record, .. } = self;
        let (number, device) = (record.run, &record.device);
        observer.line(&format!("run {number}: {} on {device}", title(main, targets)));
        observer.tell(Event::RunStarted {
            format_version: 1,
            run: number,
            pipeline: main.to_path_buf(),
            profiles: profiles.to_vec(),
            targets: targets.to_vec(),
            device: device.clone(),
            id: record.pipeline_id.clone(),
            host: host_name(),
            process: std::process::id(),
        });
    }

    /// Runs the stages and links their results.
    ///
    /// The scheduler makes again what a stage finds damaged in its inputs. A result that nothing used in this
    /// run is only looked at when it is linked; so what turns out to be incomplete there is forgotten, and
    /// the stages are gone through once more. That is told how they ended before: what failed is not tried
    /// again, what was forced is not forced again, and what ran counts as having run. A result that is
    /// incomplete right after that is no old damage: the store loses what it is given, so there is no third
    /// time.
    fn perform(&self, observer: &dyn Observer, stop: &AtomicBool) -> Result<Vec<StageOutcome>, Error> {
        let guard = Guard::new(self.options.guard.clone());
        let job = Job {
            graph: self.program.graph,
            past: self.past,
            harness: Harness { registry: self.registry, observer, stop, guard: &guard },
            options: &self.options,
            run: self.record.run,
            run_folder: self.folder.clone(),
            folder: folder_of(self.program.main),
        };
        let stages = scheduler::run(&job, vec![]);
        let incomplete = self.link(&stages)?;
        if incomplete.is_empty() || stop.load(Ordering::Relaxed) {
            return Ok(stages);
        }
        for end in incomplete.iter().filter_map(|id| stages.get(id.0 as usize)) {
            // A list of files that is there but damaged is set aside, or what is made again would be taken
            // for there already.
            let _ = end.artifact.map(|artifact| self.past.store().objects.check(&artifact));
            job.forget(end);
        }
        let stages = scheduler::run(&job, stages);
        let Some(&id) = self.link(&stages)?.first() else { return Ok(stages) };
        let name = &self.program.graph.stage(id).name;
        Err(Error::new(format!("the result of `{name}` is incomplete in the store"))
            .help("`llmp verify` finds what is damaged; the disk may be failing"))
    }

    /// Links the results that are promoted; gives the stages whose results are incomplete in the store.
    fn link(&self, stages: &[StageOutcome]) -> Result<Vec<StageId>, Error> {
        let Program { graph, main, .. } = self.program;
        let artifacts = artifacts(stages);
        let verdicts = planning::verdicts(graph, self.past.store(), self.registry, &artifacts);
        let promoted = planning::promoted(graph, &verdicts, &artifacts);
        link_results(self.past.store(), graph, main, &promoted).map_err(store_error)
    }

    /// Counts what the results are to be looked at for, those of earlier runs included; in very large
    /// pipelines those of this run only.
    fn note_remarks(&self, run: &mut Run) {
        const MANY: usize = 1_000;
        let few = run.stages.len() <= MANY;
        for stage in run.stages.iter_mut().filter(|stage| few || stage.seconds.is_some()) {
            stage.remarks = stage.key.map_or(0, |key| self.past.ledger().remarks(&key));
        }
    }

    /// Compares the reports with what the program expects, writes the record, and says so.
    fn conclude(
        &mut self,
        stages: Vec<StageOutcome>,
        observer: &dyn Observer,
        stopped: bool,
    ) -> Result<Outcome<'a>, Error> {
        let graph = self.program.graph;
        let seconds = self.options.asked.elapsed().as_secs_f64();
        let mut record = std::mem::take(&mut self.record);
        record::end(&mut record, graph, &stages, stopped, seconds);
        for (id, kept) in &self.options.kept {
            // What ran all the same has a result of its own.
            let there =
                |stage: &&mut StageRun| matches!(stage.status, StageStatus::Cached | StageStatus::Skipped);
            if let Some(stage) = record.stages.get_mut(id.0 as usize).filter(there) {
                stage.kept = Some(kept.clone());
            }
        }
        self.note_remarks(&mut record);
        let ran = graph.stages.iter().zip(&stages).filter_map(|(stage, end)| match end.status {
            Status::Ran { seconds, .. } => Some((stage, seconds)),
            _ => None,
        });
        planning::note_rates(self.past, self.registry, ran);
        let verdicts = planning::verdicts(graph, self.past.store(), self.registry, &artifacts(&stages));
        record.expectations = planning::expectations(graph, self.program.sources, &verdicts);
        let failures = failures(self.program, &verdicts, observer);
        if !failures.is_empty() && record.status == RunStatus::Done {
            record.status = RunStatus::Failed;
        }
        self.past.store().write_run(&record).map_err(store_error)?;
        let outcome = Outcome { record, stages, verdicts, failures };
        let Counts { ran, cached, failed, not_run } = outcome.counts();
        observer.tell(Event::RunFinished {
            format_version: 1,
            run: Some(outcome.record.run),
            status: outcome.record.status,
            targets: None,
            ran: Some(ran),
            cached,
            failed: Some(failed),
            not_run: Some(not_run),
            seconds: Some(seconds),
        });
        Ok(outcome)
    }
}

impl Outcome<'_> {
    /// How many stages ended in which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let count =
            |wanted: fn(&Status) -> bool| self.stages.iter().filter(|end| wanted(&end.status)).count() as u64;
        Counts {
            ran: count(|status| matches!(status, Status::Ran { .. })),
            cached: count(|status| matches!(status, Status::Cached | Status::Skipped)),
            failed: count(|status| matches!(status, Status::Failed { .. })),
            not_run: count(|status| matches!(status, Status::Blocked(_) | Status::Stopped)),
        }
    }
}

/// What came of the expectations where a run has nothing to do: all results are there and lie below `out/`,
/// which this sees to. `None` where there is something to do. No run is opened for it.
#[must_use]
pub fn nothing_to_do<'a>(
    program: Program<'a>,
    past: &Past,
    registry: &Registry,
    decisions: &[Decision],
) -> Option<Vec<(&'a Gate, Verdict)>> {
    let Program { graph, main, .. } = program;
    let found: Vec<Option<Digest>> = decisions.iter().map(found).collect();
    if !found.iter().all(Option::is_some) {
        return None;
    }
    let verdicts = planning::verdicts(graph, past.store(), registry, &found);
    if !are_linked(past.store(), graph, main, &found) {
        // One that is incomplete is mended by a run. In a store that can't be written to, results are where
        // they are.
        let promoted = planning::promoted(graph, &verdicts, &found);
        let linked = link_results(past.store(), graph, main, &promoted);
        if linked.is_ok_and(|incomplete| !incomplete.is_empty()) {
            return None;
        }
    }
    for (stage, decision) in graph.stages.iter().zip(decisions) {
        let Decision::Cached { key, .. } = decision else { continue };
        let run = past.last(&stage.name).map_or(0, |(_, run)| run);
        past.settle(&stage.name, key.digest, run);
    }
    // What it keeps can be found out again, and a store that can't be written to has its results all the
    // same.
    let _ = past.save();
    Some(verdicts)
}

/// Whether a result that is there is to be looked at for something.
#[must_use]
pub fn is_remarked(past: &Past, decisions: &[Decision]) -> bool {
    decisions.iter().any(|decision| {
        let Decision::Cached { key, .. } = decision else { return false };
        past.ledger().remarks(&key.digest) > 0
    })
}

/// What is not as the program expects it; every expectation whose reports are there is told as an event.
#[must_use]
pub fn failures(
    program: Program<'_>,
    verdicts: &[(&Gate, Verdict)],
    observer: &dyn Observer,
) -> Vec<Diagnostic> {
    let all = planning::expectations(program.graph, program.sources, verdicts);
    for one in all.into_iter().filter(|one| one.holds.is_some()) {
        observer.tell(Event::Expectation(one));
    }
    verdicts.iter().filter_map(|(gate, verdict)| gate.failure(verdict, program.graph)).collect()
}

/// The result that is there.
fn found(decision: &Decision) -> Option<Digest> {
    match decision {
        Decision::Cached { artifact, .. } => Some(*artifact),
        Decision::Run { .. } | Decision::Blocked(_) => None,
    }
}

/// The results of the stages, by index.
fn artifacts(stages: &[StageOutcome]) -> Vec<Option<Digest>> {
    stages.iter().map(|end| end.artifact).collect()
}
