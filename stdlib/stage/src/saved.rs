//! How far an attempt came that was stopped: what a stage leaves beside its checkpoint, for whoever plans to
//! go on from it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The file below [`Context::state`](crate::Context::state).
const FILE: &str = "progress.json";

/// How far a stage with steps came. It says nothing that the checkpoint does not: a plan reads it without
/// reading tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Seconds of work that they took.
    pub seconds: f64,
}

impl Saved {
    /// Writes it to the stage's private folder, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, state: &Path) -> Result<()> {
        write(&state.join(FILE), self)
    }

    /// What was left there; `None` where nothing was, or nothing that can be read.
    #[must_use]
    pub fn read(state: &Path) -> Option<Self> {
        let saved: Self = serde_json::from_slice(&std::fs::read(state.join(FILE)).ok()?).ok()?;
        (saved.step <= saved.steps).then_some(saved)
    }

    /// The share of the steps that is left, from 0 to 1.
    #[must_use]
    pub fn left(&self) -> f64 {
        if self.steps == 0 { 1.0 } else { 1.0 - self.step as f64 / self.steps as f64 }
    }
}

/// A stem: the checkpoint at the end of the part of a training that does not depend on how long it is to be.
///
/// A stage that leaves one writes it to [`Stem::made`] and notes how far that is with [`Stem::note`]; once
/// the stage has ended well, the runtime keeps it. One that can go on from a stem finds it at
/// [`Stem::given`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stem {
    /// Steps done.
    pub step: u64,
}

impl Stem {
    /// Where the runtime lays the stem to go on from.
    #[must_use]
    pub fn given(state: &Path) -> PathBuf {
        state.join("given.stem")
    }

    /// Where the stage lays its own.
    #[must_use]
    pub fn made(state: &Path) -> PathBuf {
        state.join("made.stem")
    }

    fn notes(state: &Path) -> PathBuf {
        state.join("stem.json")
    }

    /// Notes that the file at [`Stem::made`] is whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn note(&self, state: &Path) -> Result<()> {
        write(&Self::notes(state), self)
    }

    /// What was made, where it is whole.
    #[must_use]
    pub fn read(state: &Path) -> Option<Self> {
        let stem = serde_json::from_slice(&std::fs::read(Self::notes(state)).ok()?).ok()?;
        Self::made(state).is_file().then_some(stem)
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let text =
        serde_json::to_vec(value).map_err(|error| Error::new("cannot note the progress").because(error))?;
    std::fs::write(&unfinished, text).map_err(Error::io("cannot write", &unfinished))?;
    std::fs::rename(&unfinished, path).map_err(Error::io("cannot write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_is_read_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Saved::read(folder.path()), None);
        let saved = Saved { step: 229, steps: 1172, seconds: 12.5 };
        saved.write(folder.path()).unwrap();
        assert_eq!(Saved::read(folder.path()), Some(saved));
        assert!((saved.left() - 943.0 / 1172.0).abs() < 1e-12);
        std::fs::write(folder.path().join(FILE), "{\"step\": 3").unwrap();
        assert_eq!(Saved::read(folder.path()), None);
        std::fs::write(folder.path().join(FILE), r#"{"step": 3, "steps": 2, "seconds": 0}"#).unwrap();
        assert_eq!(Saved::read(folder.path()), None);
    }

    #[test]
    fn a_stem_is_there_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        Stem { step: 7 }.note(folder.path()).unwrap();
        assert_eq!(Stem::read(folder.path()), None);
        std::fs::write(Stem::made(folder.path()), b"tensors").unwrap();
        assert_eq!(Stem::read(folder.path()), Some(Stem { step: 7 }));
        assert_ne!(Stem::made(folder.path()), Stem::given(folder.path()));
    }
}
