//! What is kept of a run: its record, and links to its results under their names. Its report: [`crate::report`].

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use llmp_compiler::artifact::{ArtifactKind, ArtifactType};
use llmp_compiler::graph::{Graph, Producer, Stage, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::Decision;
use serde::{Deserialize, Serialize};

use crate::engine::{Ended, Past, Status, pipeline_id};
use crate::store::{Lock, Result, Store, StoreError, at, write_atomically};

/// The name of a stage's log below `runs/N/logs/`.
#[must_use]
pub fn log_name(stage: &str) -> String {
    format!("{}.log", stage.replace(['/', '\\'], "~"))
}

/// What people call a run of a pipeline, or a plan of it, that goes as far as `targets`: `main.llmp to base, vocab`.
#[must_use]
pub fn title(pipeline: &Path, targets: &[String]) -> String {
    let to = if targets.is_empty() { String::new() } else { format!(" to {}", targets.join(", ")) };
    format!("{}{to}", pipeline.display())
}

/// `runs/N/run.json`: written when the run starts, and again when it ends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Raised when the form changes.
    pub format_version: u32,
    /// Its number.
    pub run: u64,
    /// The main file as given.
    pub pipeline: PathBuf,
    /// The pipeline's name in the store, the same from whatever folder it is run.
    pub pipeline_id: String,
    /// Profiles.
    pub profiles: Vec<String>,
    /// How far it went: names of stages and bindings, sorted; none for all of the pipeline.
    pub targets: Vec<String>,
    /// `done`, `failed`, `stopped`; `started` until it ends, and for good where it was killed.
    pub status: String,
    /// Seconds since the Unix epoch.
    pub started: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The device.
    pub device: String,
    /// What it ran in.
    pub environment: Environment,
    /// Stages in topological order; none before it ends.
    pub stages: Vec<StageRun>,
}

/// What a run runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// The program's version.
    pub version: String,
    /// The machine's name.
    pub host: String,
    /// Operating system, its version, and the processor's architecture.
    pub system: String,
    /// The processor's model.
    pub processor: String,
    /// Cores that the run may use.
    pub cores: usize,
    /// Bytes of main memory.
    pub memory: u64,
}

impl Environment {
    /// This machine; what the system does not say stays empty.
    #[must_use]
    pub fn here() -> Self {
        let name = rustix::system::uname();
        let of = |path: &str, field: &str| {
            let text = fs::read_to_string(path).ok()?;
            let value = text.lines().find_map(|line| line.strip_prefix(field))?;
            Some(value.trim_start_matches([' ', '\t', ':']).to_owned())
        };
        let memory = of("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: name.nodename().to_string_lossy().into_owned(),
            system: format!(
                "{} {} {}",
                name.sysname().to_string_lossy(),
                name.release().to_string_lossy(),
                std::env::consts::ARCH
            ),
            processor: of("/proc/cpuinfo", "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.unwrap_or(0_u64) * 1024,
        }
    }
}

/// One stage of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRun {
    /// Its name.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// Its output's type; `None` where this version knows no such kind.
    #[serde(flatten, with = "llmp_compiler::artifact::recorded")]
    pub output: Option<ArtifactType>,
    /// `ran`, `cached`, `skipped`, `failed`, `blocked`, `stopped`.
    pub status: String,
    /// What went wrong, or what it waited for.
    pub message: Option<String>,
    /// Its key.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
    /// Wall-clock seconds, where it ran.
    pub seconds: Option<f64>,
    /// Roles and the names of the stages that fill them.
    pub inputs: Vec<(String, String)>,
}

impl StageRun {
    /// Whether it makes an artifact of this kind.
    #[must_use]
    pub fn makes(&self, kind: ArtifactKind) -> bool {
        self.output.as_ref().is_some_and(|output| output.kind == kind)
    }
}

impl Run {
    /// A run of the pipeline `main` that starts: of all of it, without profiles.
    #[must_use]
    pub fn new(store: &Store, number: u64, main: &Path, device: &str, started: f64) -> Self {
        Self {
            format_version: 1,
            run: number,
            pipeline: main.to_owned(),
            pipeline_id: pipeline_id(store, main),
            status: "started".into(),
            started,
            device: device.to_owned(),
            environment: Environment::here(),
            ..Self::default()
        }
    }

    /// `main.llmp to base`
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.pipeline, &self.targets)
    }

    /// Notes how it ended.
    pub fn end(&mut self, graph: &Graph, ended: &[Ended], stopped: bool, seconds: f64) {
        let failed = ended.iter().any(|end| matches!(end.status, Status::Failed { .. }));
        self.status = if failed {
            "failed"
        } else if stopped {
            "stopped"
        } else {
            "done"
        }
        .into();
        self.seconds = seconds;
        self.stages =
            graph.stages.iter().zip(ended).map(|(stage, end)| stage_run(graph, stage, end)).collect();
    }

    /// Writes the record.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&self, store: &Store) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write_atomically(&store.run(self.run).join("run.json"), text.as_bytes())
    }

    /// Reads the record of run `number`.
    #[must_use]
    pub fn read(store: &Store, number: u64) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(store.run(number).join("run.json")).ok()?).ok()
    }

    /// All runs that have a record, the newest first.
    pub fn all(store: &Store) -> impl Iterator<Item = Self> + '_ {
        store.runs().into_iter().rev().filter_map(|number| Self::read(store, number))
    }

    /// Those that ended, well or not, the newest first.
    pub fn ended(store: &Store) -> impl Iterator<Item = Self> + '_ {
        Self::all(store).filter(|run| !run.stages.is_empty())
    }

    /// The stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// How many stages have this status.
    #[must_use]
    pub fn count(&self, status: &str) -> usize {
        self.stages.iter().filter(|stage| stage.status == status).count()
    }
}

fn stage_run(graph: &Graph, stage: &Stage, end: &Ended) -> StageRun {
    let (status, message, seconds) = match &end.status {
        Status::Cached => ("cached", None, None),
        Status::Skipped => ("skipped", None, None),
        Status::Ran { seconds, .. } => ("ran", None, Some(*seconds)),
        Status::Failed { message, .. } => ("failed", Some(message.clone()), None),
        Status::Blocked(message) => ("blocked", Some(message.clone()), None),
        Status::Stopped => ("stopped", None, None),
    };
    let inputs = stage.inputs.iter().map(|input| {
        let from = match &input.from {
            Producer::Stage(from) => graph.stage(*from).name.clone(),
            Producer::Files(pattern) => format!("\"{pattern}\""),
        };
        (input.role.clone(), from)
    });
    StageRun {
        name: stage.name.clone(),
        kind: stage.kind.clone(),
        output: graph.artifact_type(stage),
        status: status.into(),
        message,
        key: end.key,
        artifact: end.artifact,
        seconds,
        inputs: inputs.collect(),
    }
}

/// Links the results of named bindings to `out/PIPELINE/NAME`, where they changed: one whole folder takes the place of the
/// other. Gives the stages whose results are incomplete in the store.
///
/// # Errors
/// Where the disk refuses.
pub fn link_results(past: &Past, graph: &Graph, main: &Path, ended: &[Ended]) -> Result<Vec<StageId>> {
    let store = past.store();
    let root = store.root().join("out").join(pipeline_id(store, main));
    fs::create_dir_all(&root).map_err(at("make the folder", &root))?;
    let _lock = Lock::wait(&root.join(".lock"))?;
    let (index, fresh) = (root.join(".artifacts.json"), root.join(".new"));
    let mut known = linked(&index);
    let mut changed = false;
    let mut incomplete = Vec::new();
    for ((id, stage), end) in graph.ids().zip(&graph.stages).zip(ended) {
        let Some(artifact) = end.artifact.filter(|_| !stage.name.contains('/')) else { continue };
        let hex = artifact.hex();
        let target = root.join(&stage.name);
        if known.get(&stage.name) == Some(&hex) && target.exists() {
            continue;
        }
        // Left behind by a run that was killed here.
        let _ = fs::remove_dir_all(&fresh);
        match store.objects.manifest(&artifact).and_then(|manifest| store.objects.link(&manifest, &fresh)) {
            Ok(()) => {}
            Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => {
                let _ = fs::remove_dir_all(&fresh);
                incomplete.push(id);
                continue;
            }
            Err(error) => return Err(error),
        }
        swap(&fresh, &target).map_err(at("write", &target))?;
        let _ = fs::remove_dir_all(&fresh);
        known.insert(stage.name.clone(), hex);
        changed = true;
    }
    if changed {
        write_atomically(&index, serde_json::to_string_pretty(&known).unwrap_or_default().as_bytes())?;
    }
    Ok(incomplete)
}

/// Whether what lies in `out/PIPELINE/` under the names of bindings are the results that `decisions` found.
#[must_use]
pub fn are_linked(store: &Store, graph: &Graph, main: &Path, decisions: &[Decision]) -> bool {
    let folder = store.root().join("out").join(pipeline_id(store, main));
    let known = linked(&folder.join(".artifacts.json"));
    let there: BTreeSet<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    let mut named = graph.stages.iter().zip(decisions).filter(|(stage, _)| !stage.name.contains('/'));
    named.all(|(stage, decision)| {
        let Decision::Cached { artifact, .. } = decision else { return false };
        known.get(&stage.name).is_some_and(|known| *known == artifact.hex())
            && there.contains(OsStr::new(&stage.name))
    })
}

/// Which artifact each name was linked to.
fn linked(index: &Path) -> BTreeMap<String, String> {
    fs::read_to_string(index).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Puts `fresh` where `target` is; what was there is at `fresh` then.
fn swap(fresh: &Path, target: &Path) -> std::io::Result<()> {
    if !target.exists() {
        return fs::rename(fresh, target);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, fresh, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // A file system that can't exchange: for a moment there is nothing, never a part.
    let old = fresh.with_file_name(".old");
    let _ = fs::remove_dir_all(&old);
    fs::rename(target, &old)?;
    fs::rename(fresh, target)?;
    let _ = fs::remove_dir_all(&old);
    Ok(())
}
