//! The files of one array: an order for each task, a script that hands it to `llmp worker`, a report and a
//! log for each.
//!
//! ```text
//! runs/N/slurm/BATCH/  script  0.json 1.json …  0.report 1.report …  0.log 1.log …
//! ```

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Result};
use llmp_store::write_atomically;

use super::batch_file;
use super::client::SlurmOptions;
use super::tasks::{Resources, Task};
use crate::action::{FORMAT, Order, Place};
use crate::worker::Report;

/// The most tasks of an array: Slurm's `MaxArraySize` is 1,001 unless its people raise it.
pub(super) const MOST_TASKS: usize = 1_000;

/// Mebibytes are what `--mem` counts in.
const MIB: u64 = 1 << 20;

pub(super) struct Batch {
    folder: PathBuf,
    /// Which reports have been taken.
    taken: Vec<bool>,
}

impl Batch {
    pub(super) fn new(folder: &Path, tasks: usize) -> Self {
        Self { folder: folder.to_owned(), taken: vec![false; tasks] }
    }

    /// Writes what the nodes read.
    pub(super) fn write(&self, tasks: &[Task], place: &Place, options: &SlurmOptions) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(Error::io("cannot make the folder", &self.folder))?;
        for (index, task) in tasks.iter().enumerate() {
            let order = Order { format_version: FORMAT, place: place.clone(), action: task.action.clone() };
            let text = serde_json::to_vec(&order)
                .map_err(|error| Error::new("an action cannot be written").because(error))?;
            self.put(&batch_file(&self.folder, index, "json"), &text)?;
        }
        let mut script = b"#!/bin/sh\nexec ".to_vec();
        script.extend(quoted(options.program.as_os_str().as_bytes()));
        script.extend(b" worker --quiet --report ");
        script.extend(quoted(self.folder.as_os_str().as_bytes()));
        script.extend(b"/$SLURM_ARRAY_TASK_ID.report ");
        script.extend(quoted(self.folder.as_os_str().as_bytes()));
        script.extend(b"/$SLURM_ARRAY_TASK_ID.json\n");
        self.put(&self.folder.join("script"), &script)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        write_atomically(path, bytes).map_err(crate::perform::store_error)
    }

    /// What `sbatch` is called with.
    pub(super) fn arguments(
        &self,
        tasks: &[Task],
        resources: Resources,
        place: &Place,
        options: &SlurmOptions,
    ) -> Vec<OsString> {
        let name = tasks.first().map_or("", |task| task.action.stage.name.as_str());
        let at_most = options.at_most.map_or_else(String::new, |most| format!("%{most}"));
        let mut arguments: Vec<OsString> = vec![
            "--parsable".into(),
            format!("--job-name=llmp:{name}").into(),
            format!("--array=0-{}{at_most}", tasks.len().saturating_sub(1)).into(),
            "--nodes=1".into(),
            "--ntasks=1".into(),
            format!("--cpus-per-task={}", resources.cores).into(),
            "--requeue".into(),
            "--open-mode=append".into(),
            // The program stops as at Ctrl-C, with its checkpoint.
            "--signal=B:TERM@60".into(),
        ];
        let path = |name: &str, path: &Path| {
            let mut argument = OsString::from(name);
            argument.push(path);
            argument
        };
        arguments.push(path("--output=", &self.folder.join("%a.log")));
        arguments.push(path("--chdir=", &place.folder));
        if let Some(memory) = resources.memory {
            arguments.push(format!("--mem={}", memory.div_ceil(MIB).max(1)).into());
        }
        if resources.gpus > 0 {
            let gres = options.gres.as_deref().unwrap_or("gpu");
            arguments.push(format!("--gres={gres}:{}", resources.gpus).into());
        }
        arguments.extend(options.arguments());
        arguments.push(self.folder.join("script").into());
        arguments
    }

    /// The reports that have come since the last look. One that cannot be read is a failed action.
    pub(super) fn reports(&mut self) -> Vec<(usize, Report)> {
        let mut found = Vec::new();
        let Ok(entries) = fs::read_dir(&self.folder) else { return found };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let index = name.to_str().and_then(|name| name.strip_suffix(".report")?.parse::<usize>().ok());
            let Some(index) = index.filter(|index| self.taken.get(*index) == Some(&false)) else { continue };
            if let Some(taken) = self.taken.get_mut(index) {
                *taken = true;
            }
            let read = fs::read(entry.path()).map_err(|error| error.to_string());
            let report =
                read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
            found.push((index, report.unwrap_or_else(|error| Report::unreadable(&entry.path(), &error))));
        }
        found.sort_by_key(|(index, _)| *index);
        found
    }

    /// Where a task's program prints.
    pub(super) fn log(&self, index: usize) -> PathBuf {
        batch_file(&self.folder, index, "log")
    }

    /// Removes what is of no use once all has come: orders, reports, and logs in which nothing stands.
    pub(super) fn clear(&self) {
        for index in 0..self.taken.len() {
            let _ = fs::remove_file(batch_file(&self.folder, index, "json"));
            let _ = fs::remove_file(batch_file(&self.folder, index, "report"));
            let log = self.log(index);
            if fs::metadata(&log).is_ok_and(|meta| meta.len() == 0) {
                let _ = fs::remove_file(log);
            }
        }
        let _ = fs::remove_file(self.folder.join("script"));
        // It stays where a log does.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A word for the shell.
fn quoted(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in word {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            byte => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}
