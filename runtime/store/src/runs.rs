//! `runs/` and `pins/`: the records of runs, and the names of those that are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use llmp_compiler::key::Digest;
use llmp_records::{Notes, Run};

use super::{Result, Store, write_atomically};

/// The name of a pipeline in the store: a hash of its main file's path relative to the store's folder.
#[must_use]
pub fn pipeline_id(store: &Store, main: &Path) -> String {
    let main = std::fs::canonicalize(main).unwrap_or_else(|_| main.to_owned());
    let base = store.root().parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    let relative = base.as_deref().and_then(|base| main.strip_prefix(base).ok()).unwrap_or(&main);
    let stem = main.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    format!("{stem}-{}", Digest::of(relative.to_string_lossy().as_bytes()).hex().get(..8).unwrap_or_default())
}

impl Store {
    /// Writes the record of a run.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write_run(&self, run: &Run) -> Result<()> {
        let text = serde_json::to_string_pretty(run).unwrap_or_default();
        write_atomically(&self.run(run.run).join("run.json"), text.as_bytes())
    }

    /// Reads the record of run `number`.
    #[must_use]
    pub fn read_run(&self, number: u64) -> Option<Run> {
        serde_json::from_str(&fs::read_to_string(self.run(number).join("run.json")).ok()?).ok()
    }

    /// What the user wrote about run `number`; nothing where nothing was written, or nothing that can be
    /// read.
    #[must_use]
    pub fn read_notes(&self, number: u64) -> Notes {
        let text = fs::read_to_string(self.run(number).join("notes.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write_notes(&self, number: u64, notes: &Notes) -> Result<()> {
        let text = serde_json::to_string_pretty(notes).unwrap_or_default() + "\n";
        write_atomically(&self.run(number).join("notes.json"), text.as_bytes())
    }

    /// All runs that have a record, the newest first.
    pub fn all_runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.runs().into_iter().rev().filter_map(|number| self.read_run(number))
    }

    /// Those that ended, well or not, the newest first.
    pub fn ended_runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.all_runs().filter(|run| !run.stages.is_empty())
    }

    /// The pins: names of runs that are kept, with the runs' numbers.
    #[must_use]
    pub fn pins(&self) -> BTreeMap<String, u64> {
        let entries = fs::read_dir(self.root().join("pins")).into_iter().flatten().flatten();
        let pin = |entry: fs::DirEntry| {
            let number = fs::read_to_string(entry.path()).ok()?.trim().parse().ok()?;
            Some((entry.file_name().into_string().ok()?, number))
        };
        entries.filter_map(pin).collect()
    }
}
