//! Doing an action: from inputs in the store to files in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, LineWriter};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::key::Digest;
use llmp_records::Record;
use llmp_stage::{Error, Input, InputFile, Stem};
use llmp_store::{Store, StoreError, copy_checked, help_for};

use super::action::{Action, ActionFile, ActionInput, ActionStem, Effect, Place, absolute};
use super::command;
use super::context::RunContext;
use super::job::Harness;
use super::memory::Peak;

/// Does actions, here and now: what they are bound to, and with what they are done.
pub struct Performer<'a> {
    /// Where inputs come from and outputs go.
    pub store: &'a Store,
    /// Where everything else lies.
    pub place: &'a Place,
    /// With what.
    pub harness: Harness<'a>,
    /// Objects whose content was compared with their name.
    pub checked: &'a Checked,
    /// What the folders of its attempts are called: those called [`ATTEMPT`] are removed by the next holder
    /// of the lock.
    pub attempts: &'static str,
}

/// The rule by which a program's documents are gone of which it says nothing.
const UNTOLD: &str = "untold";

/// The name of attempts that are made under the lock of their key.
pub(super) const ATTEMPT: &str = "attempt";

/// Objects whose content was compared with their name, so that each is read once.
#[derive(Default)]
pub struct Checked(Mutex<BTreeSet<Digest>>);

/// Why an action gave nothing.
#[derive(Debug)]
pub enum ActionError {
    /// The stage failed, or was stopped.
    Failed(Error),
    /// An object of one of its inputs is missing, or its content is not what its name says and was set aside.
    /// Nothing was done.
    Damaged {
        /// The input's place among the action's.
        input: usize,
        /// The object.
        object: Digest,
        /// What is wrong.
        error: StoreError,
    },
}

impl From<Error> for ActionError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for ActionError {
    fn from(error: StoreError) -> Self {
        Self::Failed(store_error(error))
    }
}

/// Turns a store's error into a stage's.
pub(super) fn store_error(error: StoreError) -> Error {
    Error::new(error.to_string()).help_if(error.help())
}

/// What the user can do about an error: what it says itself, or what helps against the system's reason for
/// it.
#[must_use]
pub fn help_of(error: &Error) -> Option<&str> {
    let kind = error.io_kind();
    // A stage that cannot write may take what it writes for damaged: a full disk explains it.
    let full = kind.filter(|kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded));
    full.and_then(help_for).or(error.help_text()).or_else(|| {
        // What may not be read is the user's own.
        help_for(kind.filter(|kind| *kind != ErrorKind::PermissionDenied)?)
    })
}

impl Performer<'_> {
    /// Performs an action.
    ///
    /// # Errors
    /// Whatever kept it from giving anything. What it wrote is gone then; its state is kept.
    pub fn perform(&self, action: &Action) -> Result<Effect, ActionError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = action.shard.as_deref().unwrap_or("whole");
        let scratch =
            self.work(action).join(format!("{}-{name}-{}-{number}", self.attempts, std::process::id()));
        let effect = self.attempt(&scratch, action);
        // What is finished has been moved out; a leftover is removed by the next holder of the lock.
        let _ = fs::remove_dir_all(&scratch);
        effect
    }

    /// The private folder of the stage's key.
    pub(super) fn work(&self, action: &Action) -> PathBuf {
        absolute(&self.store.work(&action.stage.key.hex()))
    }

    fn attempt(&self, scratch: &Path, action: &Action) -> Result<Effect, ActionError> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let (clock, peak) = (Instant::now(), Peak::start());
        let is_command = action.stage.command.is_some();
        let output = scratch.join("out");
        let state = self.work(action).join("state");
        for folder in [scratch, &output].into_iter().chain(Some(&*state).filter(|_| !is_command)) {
            fs::create_dir_all(folder).map_err(Error::io("cannot make the folder", folder))?;
        }
        if let Some(stem) = &action.stem {
            self.lay(stem, &state, action)?;
        }
        // Documents that a command was given, where that is known.
        let mut documents = Vec::new();
        let mut inputs = BTreeMap::<String, Vec<Input>>::new();
        for (index, given) in action.inputs.iter().enumerate() {
            let same_role = inputs.entry(given.role.clone()).or_default();
            let folder = scratch.join(format!("{}-{}", given.role, same_role.len()));
            same_role.push(if is_command {
                let mut input = self.copy(index, given, folder)?;
                if action.stage.jsonl && given.files.iter().all(|file| file.path.is_none()) {
                    documents.extend(self.as_lines(&mut input)?);
                }
                input
            } else {
                self.materialise(index, given, folder)?
            });
        }
        let before = stamps(action, self.place);
        let log = OpenOptions::new().create(true).append(true).open(self.place.log(action)).ok();
        let context = RunContext {
            stage: action.stage.name.clone(),
            shard: action.shard.clone(),
            inputs,
            output: output.clone(),
            state: state.clone(),
            shared: self.place.store.join("shared"),
            device: &self.place.device,
            threads: action.threads,
            stop: self.harness.stop,
            screen: self.harness.observer,
            // Line by line, so that a log tells how far a stage came however it ends.
            log: Mutex::new(log.map(LineWriter::new)),
            reported: Mutex::default(),
        };
        let kind = &action.stage.kind;
        let implementation = self.harness.registry.stage(kind).filter(|_| !is_command);
        // What a command took is known by itself.
        let run = || match &implementation {
            Some(implementation) => implementation.run(&context, &action.stage.settings).map(|()| None),
            None => {
                let Harness { registry, guard, .. } = self.harness;
                command::run(&context, action, &self.place.folder, registry, scratch, guard).map(Some)
            }
        };
        let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(Error::new(format!("`{kind}` broke down: {text}"))
                .help("this is a defect of llmp, not of the pipeline; please report it with the log"))
        });
        if let Err(error) = &outcome {
            llmp_stage::Context::log(&context, &format!("error: {error}"));
        }
        let mut reported = context.finish();
        let memory = outcome?;
        let after = stamps(action, self.place);
        let changed = after.iter().zip(&before).find(|(after, before)| after != before || after.1.is_none());
        if let Some(((name, _), _)) = changed {
            return Err(Error::new(format!("`{name}` changed while it was read"))
                .help("run again once nothing writes to it")
                .into());
        }
        let manifest = self.store.objects.take_folder(&output)?;
        self.checked.fresh(manifest.files.values().map(|file| file.digest));
        if manifest.files.is_empty() && action.shard.is_none() {
            return Err(Error::new(format!("`{kind}` wrote no files")).into());
        }
        let makes_documents =
            action.stage.output.as_ref().is_some_and(|output| output.kind == ArtifactKind::Docs);
        // Of several sets, nobody knows which one is looked up in only.
        if let ([given], true) = (documents.as_slice(), makes_documents) {
            let told: u64 = (reported.counts.iter())
                .filter(|(name, _)| *name == "documents" || name.starts_with("dropped."))
                .map(|(_, count)| count)
                .sum();
            // What is gone without a word is counted all the same.
            if *given > told {
                reported.counts.insert(format!("dropped.{UNTOLD}"), given - told);
            }
        }
        let mut dropped = Vec::new();
        let lines = reported.dropped.lines();
        if !lines.is_empty() {
            dropped.push(self.store.objects.put(lines.as_bytes())?);
        }
        let record = Record {
            name: action.stage.name.clone(),
            kind: kind.clone(),
            counts: reported.counts,
            curves: reported.curves.into_iter().map(|(name, curve)| (name, curve.points)).collect(),
            shown: reported.shown,
            measures: reported.measures,
            dropped,
            started,
            seconds: reported.before + clock.elapsed().as_secs_f64(),
            peak_memory: memory.unwrap_or_else(|| peak.end()),
            bytes: manifest.size(),
            device: self.place.device.clone(),
            ..Record::default()
        };
        let made = if is_command { None } else { Stem::read(&state) };
        let stem = match made {
            Some(Stem { step }) => {
                let entry = self.store.objects.take(&Stem::made(&state))?;
                self.checked.fresh(std::iter::once(entry.digest));
                Some(ActionStem { digest: entry.digest, size: entry.size, step })
            }
            None => None,
        };
        Ok(Effect { manifest, record, stem })
    }

    /// Lays the stem in the stage's private folder. It is a shortcut: one that is missing or damaged is gone
    /// without, which the log says.
    fn lay(&self, stem: &ActionStem, state: &Path, action: &Action) -> Result<(), ActionError> {
        let path = Stem::given(state);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("cannot remove", &path)(error).into());
            }
            _ => {}
        }
        let laid = self
            .checked
            .check(self.store, &stem.digest)
            .and_then(|()| self.store.objects.link_file(&stem.digest, &path));
        match laid {
            Err(error @ (StoreError::Missing { .. } | StoreError::Damaged { .. })) => {
                let line = format!("{}: training starts at its first step: {error}", action.stage.name);
                self.harness.observer.line(&line);
                Ok(())
            }
            laid => Ok(laid?),
        }
    }

    /// Makes an input's files available: those of the user where they lie, those of the store as links in
    /// `folder`.
    fn materialise(&self, index: usize, given: &ActionInput, folder: PathBuf) -> Result<Input, ActionError> {
        let mut files = Vec::with_capacity(given.files.len());
        let mut made = BTreeSet::new();
        for file in given.files.iter() {
            let path = match self.place.file(file) {
                Some(path) => path,
                None => {
                    let path = folder.join(&file.name);
                    if let Some(parent) = path.parent()
                        && made.insert(parent.to_owned())
                    {
                        fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
                    }
                    let linked = self
                        .checked
                        .check(self.store, &file.digest)
                        .and_then(|()| self.store.objects.link_file(&file.digest, &path));
                    match linked {
                        Ok(()) => path,
                        Err(error @ (StoreError::Missing { .. } | StoreError::Damaged { .. })) => {
                            return Err(ActionError::Damaged { input: index, object: file.digest, error });
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            files.push(InputFile {
                name: file.name.clone(),
                path,
                digest: file.digest.hex(),
                label: file.label.clone(),
            });
        }
        fs::create_dir_all(&folder).map_err(Error::io("cannot make the folder", &folder))?;
        Ok(Input {
            label: given.label.clone(),
            kind: given.kind.map(|kind| kind.name().to_owned()),
            files,
            folder,
        })
    }

    /// Replaces the copied files of documents by JSON lines; gives how many documents they are, where it
    /// holds any file of such.
    fn as_lines(&self, input: &mut Input) -> Result<Option<u64>, ActionError> {
        let Some(form) = self.harness.registry.form(ArtifactKind::Docs.name()) else { return Ok(None) };
        let (mut documents, mut any) = (0, false);
        for file in &mut input.files {
            let Some(folder) = file.path.parent().map(Path::to_owned) else { continue };
            if let Some((name, rows)) = form.as_lines(&file.name, &file.path, &folder)? {
                fs::remove_file(&file.path).map_err(Error::io("cannot remove", &file.path))?;
                (file.path, file.name) = (folder.join(&name), name);
                documents += rows;
                any = true;
            }
        }
        Ok(any.then_some(documents))
    }

    /// Copies an input's files to `folder`: what a program does to them reaches neither the store nor the
    /// user's folder.
    fn copy(&self, index: usize, given: &ActionInput, folder: PathBuf) -> Result<Input, ActionError> {
        fs::create_dir_all(&folder).map_err(Error::io("cannot make the folder", &folder))?;
        let mut files = Vec::with_capacity(given.files.len());
        for file in given.files.iter() {
            let relative = Path::new(&file.name);
            let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
            // A file from outside the pipeline's folder is given under its last name.
            let name = if inside { relative } else { Path::new(relative.file_name().unwrap_or_default()) };
            // Two of them may have the same.
            let mut path = folder.join(name);
            for number in 2_u32.. {
                if !path.exists() {
                    break;
                }
                path = folder.join(number.to_string()).join(name);
            }
            if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                fs::create_dir_all(parent).map_err(Error::io("cannot make the folder", parent))?;
            }
            let source = self.place.file(file).map_or_else(|| self.store.objects.localize(&file.digest), Ok);
            let copied = source.and_then(|source| copy_checked(&source, &path, &file.digest));
            if !matches!(copied, Ok(true)) {
                if file.path.is_none()
                    && let Err(error) = self.store.objects.check(&file.digest)
                {
                    return Err(ActionError::Damaged { input: index, object: file.digest, error });
                }
                copied?;
                return Err(Error::new(format!("`{}` changed while it was read", file.name))
                    .help("run again once nothing writes to it")
                    .into());
            }
            files.push(InputFile {
                name: file.name.clone(),
                path,
                digest: file.digest.hex(),
                label: file.label.clone(),
            });
        }
        Ok(Input {
            label: given.label.clone(),
            kind: given.kind.map(|kind| kind.name().to_owned()),
            files,
            folder,
        })
    }
}

impl Checked {
    /// Compares an object's content with its name, once. One that differs is set aside.
    ///
    /// # Errors
    /// Where it is missing, damaged or unreadable.
    pub fn check(&self, store: &Store, object: &Digest) -> Result<(), StoreError> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(object) {
            return Ok(());
        }
        store.objects.check(object)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(*object);
        Ok(())
    }

    /// Notes objects that were hashed while they were written.
    fn fresh(&self, objects: impl Iterator<Item = Digest>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
    }

    /// Forgets what was found about an object.
    pub fn forget(&self, object: &Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(object);
    }
}

/// What tells that a file of the user was changed: one that changes while it is read gives a result under a
/// wrong key.
type Stamp = Option<(u64, i64, i64, u64)>;

fn stamps<'a>(action: &'a Action, place: &Place) -> Vec<(&'a str, Stamp)> {
    let stamp = |file: &'a ActionFile| -> Option<(&'a str, Stamp)> {
        let meta = fs::metadata(place.file(file)?).ok().filter(|meta| meta.len() == file.size);
        let stamp = meta.map(|meta| (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()));
        Some((&file.name, stamp))
    };
    action.inputs.iter().flat_map(|given| given.files.iter()).filter_map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_explains_what_a_stage_takes_for_damage() {
        let full = std::io::Error::from_raw_os_error(28);
        let error = Error::new("cannot use `a.parquet`").because(full).help("the file may be damaged");
        assert!(help_of(&error).is_some_and(|help| help.starts_with("the disk is full")));
        let other =
            Error::new("cannot use `a.parquet`").because("bad footer").help("the file may be damaged");
        assert_eq!(help_of(&other), Some("the file may be damaged"));
    }
}
