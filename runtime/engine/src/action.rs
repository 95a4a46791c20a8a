//! An action: a whole stage, or one shard of it, as data that says everything about the work and can be done
//! anywhere the store can be reached: on a thread of this process, or by `llmp worker` from a file.
//!
//! An [`Action`] holds digests and relative names only. Who does it binds it to a [`Place`], which says where
//! they are here. A file for `llmp worker` is an [`Order`]: an action with the place that it was made for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::artifact::{ArtifactKind, ArtifactType};
use llmp_compiler::graph::{Graph, Stage};
use llmp_compiler::key::Digest;
use llmp_planning::{Files, Found, ShardInput, settings};
use llmp_records::{Record, log_name};
use llmp_stage::shard_of;
use llmp_store::{Entry, Manifest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Raised when the form of an [`Order`] changes. In format 1 the action itself had the place's absolute
/// paths.
pub(super) const FORMAT: u32 = 2;

/// An action as a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// [`FORMAT`].
    pub format_version: u32,
    /// Where the run that made it does its actions.
    pub place: Place,
    /// The work.
    pub action: Action,
}

/// One unit of work, the same wherever it is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// Identifies the work: the stage's key, or the shard's.
    pub key: Digest,
    /// What is to be done, the same for all actions of a stage.
    #[serde(with = "shared")]
    pub stage: Arc<Recipe>,
    /// The shard's name, for one shard of the stage.
    pub shard: Option<String>,
    /// Its inputs, in the order of the signature; files that settings name follow.
    pub inputs: Vec<ActionInput>,
    /// Threads it may keep busy.
    pub threads: usize,
    /// The GPUs that it has for itself, as programs know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// What another training left that it goes on from: a file of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<ActionStem>,
}

/// A stem, see [`llmp_stage::Stem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionStem {
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Steps done.
    pub step: u64,
}

/// A stage without the graph around it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recipe {
    /// The stage's key, which names its private folder in the store.
    pub key: Digest,
    /// What people call it.
    pub name: String,
    /// Its signature, `filter.urls`.
    pub kind: String,
    /// The signature's epoch.
    pub epoch: u32,
    /// Its output's type.
    #[serde(flatten, with = "llmp_compiler::artifact::recorded")]
    pub output: Option<ArtifactType>,
    /// All settings, as the implementation takes them.
    pub settings: Value,
    /// The program and its arguments, for command stages.
    pub command: Option<Vec<String>>,
    /// Whether documents reach it as JSON lines.
    #[serde(default)]
    pub jsonl: bool,
    /// Seconds after which a command is stopped.
    pub time_limit: Option<f64>,
}

/// Where actions are done: what an executor binds them to. All paths are absolute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The store's folder.
    #[serde(with = "exact")]
    pub store: PathBuf,
    /// The folder of the pipeline's main file, where commands run; names of the user's files are relative to
    /// it.
    #[serde(with = "exact")]
    pub folder: PathBuf,
    /// The folder of the run's logs.
    #[serde(with = "exact")]
    pub logs: PathBuf,
    /// The device as on the command line.
    pub device: String,
}

/// An input, or the files that a setting names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionInput {
    /// The parameter or setting.
    pub role: String,
    /// Name of the stage that made it, or the pattern.
    pub label: String,
    /// Which kind of artifact it is; `None` for the user's files. Where an earlier version wrote the action,
    /// nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ArtifactKind>,
    /// Its files; shared by the shards of a stage.
    #[serde(with = "shared")]
    pub files: Arc<Vec<ActionFile>>,
}

/// A file of an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionFile {
    /// Its name in the artifact, or its path as people know it.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// For a file of the user, where it lies as seen from the pipeline's folder: absolute only where it has
    /// no relative path. The others are in the store.
    #[serde(with = "exact_if")]
    pub path: Option<PathBuf>,
    /// What people call its source.
    pub label: Option<String>,
}

/// What an action gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Effect {
    /// Its files, already in the store, in the form of [`Manifest::text`].
    #[serde(with = "manifest_text")]
    pub manifest: Manifest,
    /// What it reported, as far as known.
    pub record: Record,
    /// The stem that it left, already in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stem: Option<ActionStem>,
}

impl Recipe {
    /// The recipe of a stage of `graph`, with the stage's key.
    #[must_use]
    pub fn of(graph: &Graph, stage: &Stage, key: Digest) -> Self {
        Self {
            key,
            name: stage.name.clone(),
            kind: stage.kind.clone(),
            epoch: stage.epoch,
            output: graph.artifact_type(stage),
            settings: settings(stage),
            command: stage.command.clone(),
            jsonl: stage.jsonl,
            time_limit: stage.needs.time_limit,
        }
    }
}

impl Place {
    /// The place with these folders, from wherever this process sees them.
    #[must_use]
    pub fn new(store: &Path, folder: &Path, logs: &Path, device: &str) -> Self {
        let device = device.to_owned();
        Self { store: absolute(store), folder: absolute(folder), logs: absolute(logs), device }
    }

    /// Where a file of the user lies; `None` for one that is in the store.
    pub(super) fn file(&self, file: &ActionFile) -> Option<PathBuf> {
        file.path.as_ref().map(|path| self.folder.join(path))
    }

    /// The log of an action's stage.
    pub(super) fn log(&self, action: &Action) -> PathBuf {
        self.logs.join(log_name(&action.stage.name))
    }
}

/// A path that means the same in every folder.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl ActionInput {
    /// Files of the user, as seen from the pipeline's folder.
    pub(super) fn of_files(role: &str, label: &str, files: &Files, folder: &Path) -> Self {
        let file = |file: &Found| ActionFile {
            name: file.label.clone(),
            digest: file.digest,
            size: file.size,
            path: Some(file.path.strip_prefix(folder).map_or_else(|_| absolute(&file.path), Path::to_owned)),
            label: Some(file.label.clone()),
        };
        let files = Arc::new(files.found.iter().map(file).collect());
        Self { role: role.to_owned(), label: label.to_owned(), kind: None, files }
    }

    /// An artifact of the store, with what people call the sources of its shards.
    pub(super) fn of_artifact(
        role: &str,
        label: &str,
        kind: Option<ArtifactKind>,
        manifest: &Manifest,
        labels: &BTreeMap<String, String>,
    ) -> Self {
        let file = |(name, entry): (&String, &Entry)| ActionFile {
            name: name.clone(),
            digest: entry.digest,
            size: entry.size,
            path: None,
            label: labels.get(shard_of(name)).cloned(),
        };
        let files = Arc::new(manifest.files.iter().map(file).collect());
        Self { role: role.to_owned(), label: label.to_owned(), kind, files }
    }

    /// The same with the files of one shard only, which stand at these [`positions`](ActionInput::positions).
    pub(super) fn shard(&self, shard: &ShardInput, positions: &BTreeMap<(&str, Digest), usize>) -> Self {
        let file = |(name, digest): &(String, Digest)| {
            self.files.get(*positions.get(&(name.as_str(), *digest))?).cloned()
        };
        let files = Arc::new(shard.files.iter().filter_map(file).collect());
        Self { files, ..self.clone() }
    }

    /// Where each file stands in the list.
    pub(super) fn positions(&self) -> BTreeMap<(&str, Digest), usize> {
        let files = self.files.iter().enumerate();
        files.map(|(index, file)| ((file.name.as_str(), file.digest), index)).collect()
    }
}

/// What several actions share, as each one's own.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// A path as text, and as its bytes where it is none.
mod exact {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    pub(super) enum Exact {
        Text(String),
        Bytes(Vec<u8>),
    }

    impl Exact {
        pub(super) fn of(path: &Path) -> Self {
            path.to_str().map_or_else(
                || Self::Bytes(path.as_os_str().as_bytes().to_vec()),
                |text| Self::Text(text.to_owned()),
            )
        }

        pub(super) fn path(self) -> PathBuf {
            match self {
                Self::Text(text) => text.into(),
                Self::Bytes(bytes) => OsString::from_vec(bytes).into(),
            }
        }
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        Exact::of(path).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Exact::deserialize(deserializer).map(Exact::path)
    }
}

/// The same, where there is one.
mod exact_if {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::exact::Exact;

    pub(super) fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_deref().map(Exact::of).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<Exact>::deserialize(deserializer)?.map(Exact::path))
    }
}

/// A manifest as its text.
mod manifest_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{Digest, Manifest};

    pub(super) fn serialize<S: Serializer>(manifest: &Manifest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&manifest.text())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Manifest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Manifest::parse(&Digest::of(text.as_bytes()), &text).map_err(D::Error::custom)
    }
}
