//! How far an attempt came that was stopped: what a stage leaves beside its checkpoint, for whoever plans to
//! go on from it.

use std::path::Path;

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
        let (path, unfinished) = (state.join(FILE), state.join("progress.unfinished"));
        let text = serde_json::to_vec(self)
            .map_err(|error| Error::new("cannot note the progress").because(error))?;
        std::fs::write(&unfinished, text).map_err(Error::io("cannot write", &unfinished))?;
        std::fs::rename(&unfinished, &path).map_err(Error::io("cannot write", &path))
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
}
