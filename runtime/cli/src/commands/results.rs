//! Which result a command means: the stages of a pipeline as `plan` resolves them, or those of a run.
//!
//! `sample`, `chat`, `export`, `trace`, `show` and `search` ask here, so that FILE, `--set`, `--profile` and
//! names of stages mean the same everywhere, and what is cached is found whichever pipeline made it. Nothing
//! else is ever taken silently.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::key::Digest;
use llmp_insight::trace::standing;
use llmp_records::{Run, StageRun, text};
use llmp_stage::{Input, InputFile};
use llmp_store::{Ledger, Lock, Store, pipeline_id};

use super::pipeline::{Pipeline, existing};
use super::plan::rows;
use super::spelling::means;
use super::which_run::which_run;
use super::{Failure, PipelineArguments, did_you_mean};

/// Runs that are looked through where no pipeline says what is meant.
const MAX_RUNS: usize = 100;
/// Models, or results, that a message names.
const MAX_NAMED: usize = 8;

/// Whose results are meant where it is not those that the file asks for.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct OfRun {
    /// Take what this run made: its number, `last`, `last-1`, or the name of a pin [default: what the file
    /// asks for]
    #[arg(long, value_name = "RUN")]
    pub(super) run: Option<String>,
}

/// Where results are looked for.
pub(super) struct Results {
    pub(super) store: Arc<Store>,
    pub(super) ledger: Ledger,
    /// The stages with their results: one run, or the newest ones where no pipeline was named.
    pub(super) runs: Vec<Run>,
    /// The pipeline, where it is what says which results are meant.
    pub(super) pipeline: Option<Pipeline>,
    /// Keeps `llmp gc` from them.
    _in_use: Option<Lock>,
}

/// A stage of a run, with its result.
pub(super) struct One<'a> {
    pub(super) run: &'a Run,
    pub(super) stage: &'a StageRun,
    pub(super) artifact: Digest,
}

impl Results {
    /// What the arguments mean: a run, the pipeline's results as they stand, or what ran last where there is
    /// no one pipeline.
    pub(super) fn of(arguments: &PipelineArguments, run: Option<&str>) -> Result<Self, Failure> {
        let said = !(arguments.set.is_empty() && arguments.profile.is_empty())
            || arguments.file.is_some()
            || arguments.params.is_some();
        let pipeline = match (run, arguments.main()) {
            (Some(_), _) => None,
            (None, Ok(_)) => {
                let pipeline = arguments.compile()?;
                if pipeline.has_errors() {
                    pipeline.print_diagnostics();
                    return Err(Failure::silent(1));
                }
                Some(pipeline)
            }
            (None, Err(failure)) if said => return Err(failure),
            (None, Err(_)) => None,
        };
        let store = match &pipeline {
            Some(pipeline) => existing(&pipeline.store_root()?)?,
            None => arguments.store()?,
        };
        let in_use = store.in_use()?;
        let runs = match (&pipeline, run) {
            (_, Some(name)) => vec![which_run(&store, name)?],
            (Some(pipeline), None) => {
                let rows = rows(pipeline, &pipeline.open()?);
                vec![standing(&pipeline.main, &pipeline.compilation.graph, &rows)]
            }
            (None, None) => store.ended_runs().take(MAX_RUNS).collect(),
        };
        if runs.is_empty() {
            return Err(Failure::new("nothing has run yet").help("run a pipeline first: `llmp run FILE`"));
        }
        let ledger = Ledger::open(&store.ledger_path())?;
        Ok(Self { store, ledger, runs, pipeline, _in_use: in_use })
    }

    /// The result of the stage called `name`, among those that `fits` lets through.
    pub(super) fn named(&self, name: &str, fits: &dyn Fn(&StageRun) -> bool) -> Result<One<'_>, Failure> {
        if let (Some(pipeline), Some(run)) = (&self.pipeline, self.runs.first()) {
            let id = pipeline.stage(name).map_err(|failure| self.with_those_at_hand(failure, fits))?;
            let name = &pipeline.compilation.graph.stage(id).name;
            let stage = run.stage(name).ok_or_else(|| Failure::new(format!("there is no stage `{name}`")))?;
            return match stage.artifact {
                Some(artifact) => Ok(One { run, stage, artifact }),
                None => Err(self.not_there(name, pipeline)),
            };
        }
        for run in &self.runs {
            let named: Vec<&StageRun> = run.stages.iter().filter(|stage| is_called(stage, name)).collect();
            let exact = named.iter().find(|stage| stage.name == name).copied();
            let stage = match (exact, named.as_slice()) {
                (Some(exact), _) => exact,
                (None, [one]) => *one,
                (None, []) => continue,
                (None, many) => {
                    let names: Vec<_> = many.iter().map(|stage| format!("`{}`", stage.name)).collect();
                    return Err(Failure::new(format!("`{name}` may be {}", names.join(" or ")))
                        .help("name one of them"));
                }
            };
            if let Some(artifact) = stage.artifact {
                return Ok(One { run, stage, artifact });
            }
        }
        let of = match self.runs.as_slice() {
            [run] => format!(" in run {}", run.run),
            _ => format!(" in the store `{}`", self.store.root().display()),
        };
        Err(self.with_those_at_hand(Failure::new(format!("there is no result `{name}`{of}")), fits))
    }

    /// The last stage that `fits` and has a result, and the stages behind it that would have been meant and
    /// have none.
    pub(super) fn last(&self, fits: &dyn Fn(&StageRun) -> bool) -> Option<(One<'_>, Vec<&str>)> {
        self.runs.iter().find_map(|run| {
            let mut without = Vec::new();
            for stage in run.stages.iter().rev().filter(|stage| fits(stage)) {
                match stage.artifact {
                    Some(artifact) => return Some((One { run, stage, artifact }, without)),
                    None => without.push(stage.name.as_str()),
                }
            }
            None
        })
    }

    /// All results that are meant at once: those of a run where one has just these, else those that stand in
    /// the store for the pipeline, with no number.
    pub(super) fn whole(&self) -> Result<Run, Failure> {
        let Some(first) = self.runs.first() else { return Err(Failure::new("nothing has run yet")) };
        let Some(pipeline) = &self.pipeline else { return Ok(first.clone()) };
        let id = pipeline_id(&self.store, &pipeline.main);
        let mut others = self.store.ended_runs().take(MAX_RUNS).filter(|run| run.pipeline_id == id);
        let Some(missing) = first.stages.iter().find(|stage| stage.artifact.is_none()) else {
            let of = |run: &Run, name: &str| run.stage(name).and_then(|stage| stage.artifact);
            let same = |run: &Run| first.stages.iter().all(|stage| of(run, &stage.name) == stage.artifact);
            return Ok(others.find(same).unwrap_or_else(|| first.clone()));
        };
        let old = others.next().map(|run| format!("`--run {}` takes those of run {0}", run.run));
        let message = format!("`{}` has no result that is up to date", missing.name);
        if first.stages.iter().any(|stage| stage.artifact.is_some()) {
            let old = old.map_or(String::new(), |old| format!("; {old}"));
            let _ = writeln!(crate::output::stderr(), "{message}, and so nothing is known behind it{old}");
            return Ok(first.clone());
        }
        let make = format!("make it: `{}`", pipeline.run_command());
        Err(Failure::new(message).help(old.map_or(make.clone(), |old| format!("{make}; {old}"))))
    }

    /// Why a stage of the pipeline has no result, and what there is instead: of other settings, and said so.
    fn not_there(&self, name: &str, pipeline: &Pipeline) -> Failure {
        let id = pipeline_id(&self.store, &pipeline.main);
        let mut others = self.store.ended_runs().take(MAX_RUNS).filter(|run| run.pipeline_id == id);
        let other = others.find_map(|run| {
            let stage = run.stage(name)?;
            let artifact = stage.artifact?;
            self.store.objects.contains(&artifact).then(|| self.told(&run, stage))
        });
        let failure = Failure::new(format!("`{name}` has no result that is up to date"));
        let make = format!("make it: `{} --to {name}`", pipeline.run_command());
        match other {
            Some((told, run)) => failure
                .help(format!("{make}; or take `{told}`, which is of other settings, with `--run {run}`")),
            None => failure.help(make),
        }
    }

    /// Adds the results that could be meant.
    pub(super) fn with_those_at_hand(&self, failure: Failure, fits: &dyn Fn(&StageRun) -> bool) -> Failure {
        let mut seen = BTreeSet::new();
        let mut named = Vec::new();
        let recent: Vec<Run> = match self.pipeline {
            Some(_) => self.store.ended_runs().take(MAX_RUNS).collect(),
            None => vec![],
        };
        for run in self.runs.iter().chain(&recent) {
            let there = run.stages.iter().filter(|stage| fits(stage));
            for stage in
                there.filter(|stage| stage.artifact.is_some_and(|key| self.store.objects.contains(&key)))
            {
                if seen.insert(stage.artifact) {
                    named.push(format!("`{}`", self.told(run, stage).0));
                }
            }
        }
        let more = named.len().saturating_sub(MAX_NAMED);
        named.truncate(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match (named.as_slice(), &failure.help) {
            ([], Some(_)) => failure,
            ([], None) => failure.help("`llmp log` lists the runs, and `llmp log --run N` their stages"),
            (_, Some(help)) => {
                let help = format!("{help}; there are {}{more}", named.join(", "));
                failure.help(help)
            }
            (_, None) => failure.help(format!("there are {}{more}", named.join(", "))),
        }
    }

    /// `base of run 4, 1.2M tokens`, and the number of the run that made it.
    pub(super) fn told(&self, run: &Run, stage: &StageRun) -> (String, u64) {
        let record = stage.key.and_then(|key| self.ledger.record(&key).ok().flatten());
        let number = record.as_ref().map_or(run.run, |record| record.run);
        let count = |name: &str| {
            let count = record.as_ref()?.counts.get(name).copied()?;
            Some(format!(", {} {name}", text::short_count(count as f64)))
        };
        let count = ["tokens", "conversations", "steps", "documents"].iter().find_map(|name| count(name));
        let of = if number > 0 { format!(" of run {number}") } else { String::new() };
        (format!("{}{of}{}", stage.name, count.unwrap_or_default()), number)
    }

    /// Says on standard error what is used.
    pub(super) fn say(&self, one: &One<'_>) {
        let (told, _) = self.told(one.run, one.stage);
        let file = match self.pipeline {
            Some(_) => String::new(),
            None => format!(" ({})", text::path(&one.run.pipeline)),
        };
        let _ = writeln!(crate::output::stderr(), "{told}{file}");
    }

    /// A result as a stage would read it: its files, linked below one folder.
    pub(super) fn input(&self, one: &One<'_>) -> Result<Input, Failure> {
        let folder = unpack(&self.store, &one.artifact)?;
        let manifest = self.store.objects.manifest(&one.artifact)?;
        let files = manifest.files.iter().map(|(name, entry)| InputFile {
            name: name.clone(),
            path: folder.join(name),
            digest: entry.digest.hex(),
            label: None,
        });
        Ok(Input {
            label: one.stage.name.clone(),
            files: files.collect(),
            folder: folder.clone(),
            kind: None,
        })
    }
}

/// Whether a stage of a run is called so: by its name, its last part, its signature, its family, or without
/// brackets.
fn is_called(stage: &StageRun, name: &str) -> bool {
    let family = stage.name.split('[').next().unwrap_or_default();
    stage.name == name
        || stage.kind == name
        || family == name
        || stage.name.rsplit('/').next() == Some(name)
        || means(name, &stage.name)
}

/// Fails where the stage makes something else than `kind`; it names a stage that does.
pub(super) fn must_make(stage: &StageRun, kind: ArtifactKind, run: &Run) -> Result<(), Failure> {
    if stage.makes(kind) {
        return Ok(());
    }
    let makes = stage.output.as_ref().map_or("nothing that is known", |output| output.kind.name());
    let failure = Failure::new(format!("`{}` makes {makes}, expected {}", stage.name, kind.name()));
    let others = run.stages.iter().filter(|stage| stage.makes(kind)).map(|stage| stage.name.as_str());
    let names: Vec<_> = others.clone().map(|name| format!("`{name}`")).collect();
    Err(match (did_you_mean(&stage.name, others), names.as_slice()) {
        (Some(close), _) => failure.help(format!("did you mean `{close}`?")),
        (None, []) => failure,
        (None, names) => failure.help(format!("{} is made by {}", kind.name(), names.join(", "))),
    })
}

/// An artifact as a folder, linked once and kept while the artifact is.
pub(super) fn unpack(store: &Arc<Store>, artifact: &Digest) -> Result<PathBuf, Failure> {
    let folder = store.root().join("open").join(artifact.hex());
    if !folder.exists() {
        let fresh = store.root().join("open").join(format!(".new-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&fresh);
        store.objects.link(&store.objects.manifest(artifact)?, &fresh)?;
        if std::fs::rename(&fresh, &folder).is_err() {
            // Another process was faster.
            let _ = std::fs::remove_dir_all(&fresh);
        }
    }
    Ok(folder)
}
