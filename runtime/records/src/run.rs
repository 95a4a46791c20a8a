//! The record of a run: `runs/N/run.json`.

use std::fmt;
use std::path::{Path, PathBuf};

use llmp_compiler::artifact::{ArtifactKind, ArtifactType};
use llmp_compiler::key::Digest;
use serde::{Deserialize, Serialize};

use crate::{Expectation, RunStatus, StageStatus, text};

/// The name of a stage's log below `runs/N/logs/`.
#[must_use]
pub fn log_name(stage: &str) -> String {
    format!("{}.log", stage.replace(['/', '\\'], "~"))
}

/// What people call a run of a pipeline, or a plan of it, that goes as far as `targets`: `main.llmp to base,
/// vocab`.
#[must_use]
pub fn title(pipeline: &Path, targets: &[String]) -> String {
    let to = if targets.is_empty() { String::new() } else { format!(" to {}", targets.join(", ")) };
    format!("{}{to}", text::path(pipeline))
}

/// `runs/N/run.json`: written when the run starts, and again when it ends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Raised when the form changes.
    pub format_version: u32,
    /// Counted from 1 in each store.
    pub run: u64,
    /// The main file as given.
    #[serde(with = "path")]
    pub pipeline: PathBuf,
    /// The pipeline's name in the store, the same from whatever folder it is run.
    pub pipeline_id: String,
    /// Profiles.
    pub profiles: Vec<String>,
    /// How far it went: names of stages and bindings, sorted; none for all of the pipeline.
    pub targets: Vec<String>,
    /// How it ended.
    pub status: RunStatus,
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
    /// What came of what the program expects of its reports, in order of text; none before it ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
}

/// For serde's `with`: a path as people read it, whatever its bytes are.
pub mod path {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::text;

    /// Writes [`text::path`].
    ///
    /// # Errors
    /// Where the serializer refuses.
    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text::path(path))
    }

    /// Reads it as it stands.
    ///
    /// # Errors
    /// Where there is no text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        String::deserialize(deserializer).map(PathBuf::from)
    }
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
    /// Bytes of main memory; `None` where the system did not say.
    #[serde(with = "crate::unknown")]
    pub memory: Option<u64>,
}

/// One stage of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRun {
    /// As the graph calls it: its binding, with the member of a family behind it.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// Its output's type; `None` where this version knows no such kind.
    #[serde(flatten, with = "llmp_compiler::artifact::recorded")]
    pub output: Option<ArtifactType>,
    /// How it ended.
    pub status: StageStatus,
    /// What went wrong, or what it waited for.
    pub message: Option<String>,
    /// The hash of the lowered stage and of its inputs' content.
    pub key: Option<Digest>,
    /// Its result.
    pub artifact: Option<Digest>,
    /// Wall-clock seconds, where it ran.
    pub seconds: Option<f64>,
    /// How many things its result is to be looked at for.
    #[serde(skip_serializing_if = "is_none")]
    pub remarks: usize,
    /// Roles and the names of the stages that fill them.
    pub inputs: Vec<(String, String)>,
    /// What made its result, where that is an older implementation whose result was kept with `--keep-old`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// A result that was kept though this program's implementation would make another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The epoch of the implementation that made it.
    pub epoch: u32,
    /// The epoch of the implementation of the program that kept it.
    pub newer: u32,
    /// The version of the program that made it.
    pub version: String,
}

impl fmt::Display for Kept {
    /// `result of epoch 2 (llmp 0.1.0), kept`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "result of epoch {} (llmp {}), kept", self.epoch, self.version)
    }
}

fn is_none(remarks: &usize) -> bool {
    *remarks == 0
}

impl StageRun {
    /// Whether it makes an artifact of this kind.
    #[must_use]
    pub fn makes(&self, kind: ArtifactKind) -> bool {
        self.output.as_ref().is_some_and(|output| output.kind == kind)
    }
}

impl Run {
    /// How many things its results are to be looked at for.
    #[must_use]
    pub fn remarks(&self) -> usize {
        self.stages.iter().map(|stage| stage.remarks).sum()
    }

    /// `main.llmp to base`
    #[must_use]
    pub fn title(&self) -> String {
        title(&self.pipeline, &self.targets)
    }

    /// The stage of this name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// How many stages have this status.
    #[must_use]
    pub fn count(&self, status: StageStatus) -> usize {
        self.stages.iter().filter(|stage| stage.status == status).count()
    }
}
