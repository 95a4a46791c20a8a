//! Actions as files: `llmp worker ACTION` does one and leaves its result where the next run finds it.
//!
//! A run that has it done elsewhere puts the same file on any machine that reaches the store. The result's
//! file appears whole or not at all, and the first one stays: a machine that was given up for lost may finish
//! late.

use std::fs;
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;
use llmp_records::log_name;
use llmp_store::{Result, StoreError, at, write_atomically};
use serde::{Deserialize, Serialize};

use super::action::{Action, Effect, FORMAT, Order, Place};
use super::perform::{ActionError, Performer};

/// What came of an action.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Report {
    /// It is done.
    Done {
        /// What it gave.
        effect: Box<Effect>,
        /// Whether the same action had been done before, by another.
        before: bool,
        /// Whether what was done before has other contents: the stage's output is not determined by its
        /// inputs.
        differs: bool,
    },
    /// An object of one of its inputs is missing or damaged, and was set aside. Nothing was done.
    Damaged {
        /// The input's place among the action's.
        input: usize,
        /// The object.
        object: Digest,
        /// What is wrong.
        what: String,
    },
    /// It was told to stop: it goes on from where it was, once it is asked for again.
    Stopped,
    /// It failed.
    Failed {
        /// What went wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

impl Report {
    /// Whether nothing came of it.
    #[must_use]
    pub fn failed(&self) -> bool {
        !matches!(self, Self::Done { .. })
    }

    /// Puts it where the one who asked for the action looks for it, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// What a report stands for that cannot be read.
    pub(super) fn unreadable(path: &Path, error: &str) -> Self {
        Self::Failed {
            message: format!("its report `{}` cannot be read: {error}", path.display()),
            help: None,
        }
    }
}

/// Where the result of an action lies, below the private folder of its stage's key.
fn result_path(work: &Path, action: &Action) -> PathBuf {
    work.join(format!("result-{}.json", action.shard.as_deref().unwrap_or("whole")))
}

/// What another process has made of an action: `work` is the private folder of its stage's key.
pub(super) fn read_result(work: &Path, action: &Action) -> Option<Effect> {
    let text = fs::read(result_path(work, action)).ok()?;
    let (key, effect): (Digest, Effect) = serde_json::from_slice(&text).ok()?;
    (key == action.key).then_some(effect)
}

/// Keeps a failed action's file with its run, so that it can be done again by itself.
pub(super) fn keep(action: &Action, place: Place, run: &Path) {
    let folder = run.join("actions");
    let path = folder.join(log_name(&action.stage.name)).with_extension("json");
    // It is for looking into the failure, which is told in any case.
    let _ = fs::create_dir_all(&folder);
    let order = Order { format_version: FORMAT, place, action: action.clone() };
    let _ = write_atomically(&path, &serde_json::to_vec_pretty(&order).unwrap_or_default());
}

/// Does an action, unless its result is there.
///
/// # Errors
/// Where the result cannot be written.
pub fn work(action: &Action, performer: &Performer<'_>) -> Result<Report> {
    let folder = performer.work(action);
    if let Some(effect) = read_result(&folder, action) {
        return Ok(Report::Done { effect: Box::new(effect), before: true, differs: false });
    }
    match performer.perform(action) {
        Ok(effect) => {
            let path = result_path(&folder, action);
            let mine = path.with_extension(format!("{}.tmp", std::process::id()));
            let text = serde_json::to_vec(&(action.key, &effect)).unwrap_or_default();
            write_atomically(&mine, &text)?;
            // Unlike a rename, a link does not replace what is there.
            let linked = fs::hard_link(&mine, &path);
            let _ = fs::remove_file(&mine);
            match linked {
                Ok(()) => Ok(Report::Done { effect: Box::new(effect), before: false, differs: false }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    let first = read_result(&folder, action).unwrap_or_else(|| effect.clone());
                    let differs = first.manifest != effect.manifest;
                    Ok(Report::Done { effect: Box::new(first), before: true, differs })
                }
                Err(error) => Err(at("write", &path)(error)),
            }
        }
        Err(ActionError::Failed(error)) if error.is_cancelled() => Ok(Report::Stopped),
        Err(ActionError::Failed(error)) => {
            Ok(Report::Failed { message: error.to_string(), help: error.help_text().map(str::to_owned) })
        }
        Err(ActionError::Damaged { input, object, error }) => {
            let what = match error {
                StoreError::Damaged { what, .. } => what,
                error => error.to_string(),
            };
            Ok(Report::Damaged { input, object, what })
        }
    }
}

/// Reads an action's file.
///
/// # Errors
/// A sentence for people.
pub fn read_order(path: &Path) -> std::result::Result<Order, String> {
    /// What all formats have in common.
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let text = fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let none = |error| format!("`{}` is no action of this program: {error}", path.display());
    let Head { format_version: found } = serde_json::from_slice(&text).map_err(none)?;
    if found != FORMAT {
        return Err(format!("`{}` has format {found}; this program reads format {FORMAT}", path.display()));
    }
    serde_json::from_slice(&text).map_err(none)
}
