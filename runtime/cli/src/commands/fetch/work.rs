//! Fetching files, a few at a time; each stands in the lock file as soon as it is whole.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use llmp_engine::Observer as _;
use llmp_net::{Error, Limits, Observer};
use llmp_planning::{LockFile, Locked};
use llmp_stage::Bar;
use llmp_store::Lock;

use super::resolve::{Task, trouble};
use super::{Done, FetchError, Fetcher};

/// No file is larger.
const MOST_BYTES: u64 = 1 << 40;

/// No file takes longer, waits for busy servers included.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

impl Fetcher<'_> {
    /// Fetches files; after one that is not to be had, no other is begun.
    pub(super) fn work(&self, tasks: Vec<Task>, done: &mut Done) -> Result<(), Vec<FetchError>> {
        let sizes: Option<Vec<u64>> = tasks.iter().map(|task| Some(task.entry.as_ref()?.size)).collect();
        let total = sizes.map(|sizes| sizes.iter().sum());
        let bar = self.screen.bar("fetch", None, total, "bytes");
        let workers = self.network.connections.min(tasks.len());
        let (queue, troubles) = (Mutex::new(VecDeque::from(tasks)), Mutex::new(Vec::new()));
        let (failed, told) = (AtomicBool::new(false), Mutex::new(done));
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while !failed.load(Ordering::Relaxed) && !self.stop.load(Ordering::Relaxed) {
                        let Some(task) = locked(&queue).pop_front() else { return };
                        match self.one(&task, &*bar) {
                            Ok(received) => {
                                let mut told = locked(&told);
                                told.files += 1;
                                told.received += received;
                            }
                            Err(trouble) => {
                                failed.store(true, Ordering::Relaxed);
                                locked(&troubles).extend(trouble);
                            }
                        }
                    }
                });
            }
        });
        let troubles = troubles.into_inner().unwrap_or_else(PoisonError::into_inner);
        let whole = !failed.into_inner() && !self.stop.load(Ordering::Relaxed);
        if whole { Ok(()) } else { Err(troubles) }
    }

    /// Fetches one file and notes it; gives the bytes that came. No trouble is told where it was only
    /// stopped.
    fn one(&self, task: &Task, bar: &dyn Bar) -> Result<u64, Option<FetchError>> {
        let limits = Limits { bytes: MOST_BYTES, time: LONGEST };
        let mut watch = Watch { bar, stop: self.stop, before: None };
        let fetched = self.client.fetch(&task.url, &self.downloads, task.entry.as_ref(), limits, &mut watch);
        let fetched = fetched.map_err(|error| match error {
            Error::Stopped => None,
            error => Some(trouble(&error, task.span)),
        })?;
        if task.entry.is_none() {
            let locked = Locked { address: task.address.clone(), entry: fetched.entry };
            let noted = self.note(|lock| match &task.numbered {
                Some((section, number)) => lock.insert(section, *number, locked.clone()),
                None => lock.insert_address(locked.clone()),
            });
            noted.map_err(|message| {
                Some(FetchError {
                    span: task.span,
                    message,
                    help: Some("what was fetched is kept".to_owned()),
                })
            })?;
        }
        Ok(fetched.received)
    }

    /// Changes the lock file, which another process may be writing, too.
    pub(super) fn note(&self, change: impl Fn(&mut LockFile)) -> Result<(), String> {
        let path = LockFile::path(&self.pipeline.main);
        let whole = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let guard = self.downloads.coming(&format!("lock {}", whole.display()));
        let guard = guard.and_then(|guard| Lock::wait(&guard.with_extension("lock")));
        let _guard = guard.map_err(|error| error.to_string())?;
        let mut lock = LockFile::open(&path)?;
        change(&mut lock);
        lock.write(&path).map_err(|error| error.to_string())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows how far a file has come.
pub(super) struct Watch<'a> {
    pub(super) bar: &'a dyn Bar,
    pub(super) stop: &'a AtomicBool,
    pub(super) before: Option<u64>,
}

impl Observer for Watch<'_> {
    fn received(&mut self, bytes: u64, _: Option<u64>) {
        let before = self.before.replace(bytes).unwrap_or_default();
        self.bar.add(bytes.saturating_sub(before));
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Only stops.
pub(super) struct Stopping(pub(super) &'static AtomicBool);

impl Observer for Stopping {
    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
