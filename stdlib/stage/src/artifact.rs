//! Artifacts as stages see them: named files in a fixed order.
//!
//! Every artifact is a set of files below one folder. An artifact is *sharded* when its signature says so;
//! then the files whose names agree up to the first `.` form one shard (`3f9a….docs.parquet`, or
//! `3f9a….tokens.bin` with `3f9a….index.bin`). Shards are named by content (the first 16 hex digits of the
//! digest of the source file they come from), so that adding, removing or renaming a source file never
//! renames the other shards.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// One file of an input artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Path inside the artifact, `/`-separated, e.g. `3f9a….docs.parquet`.
    pub name: String,
    /// Where the bytes lie on this machine. Read-only.
    pub path: PathBuf,
    /// blake3 of the content, hexadecimal.
    pub digest: String,
    /// What people call the source of this file, e.g. the WARC file's path as written; never part of a key.
    pub label: Option<String>,
}

/// One input of a stage: an artifact, or the files that a path setting names.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Name of the binding or stage that made it, for messages and reports; never part of a key.
    pub label: String,
    /// Which kind of artifact it is, e.g. `Docs`: of the signature's, where it takes several. `None` for the
    /// user's files.
    pub kind: Option<String>,
    /// Files sorted by name.
    pub files: Vec<InputFile>,
    /// A folder in which the files lie under their names (links into the store), where there is one.
    pub folder: PathBuf,
}

impl Input {
    /// The file called `name`.
    ///
    /// # Errors
    /// Where the artifact holds no such file.
    pub fn file(&self, name: &str) -> Result<&InputFile> {
        self.files.iter().find(|file| file.name == name).ok_or_else(|| {
            Error::new(format!("`{}` holds no file `{name}`", self.label))
                .help("the artifact was made by another kind of stage, or its folder is incomplete")
        })
    }

    /// Whether it is an artifact of this kind, e.g. `Docs`.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Files whose name ends with `suffix`, in order.
    pub fn with_suffix<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = &'a InputFile> {
        self.files.iter().filter(move |file| file.name.ends_with(suffix))
    }

    /// The folder that holds all files under their names.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The shard that a file of a sharded artifact belongs to: its name up to the first `.`.
#[must_use]
pub fn shard_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(shard, _)| shard)
}
