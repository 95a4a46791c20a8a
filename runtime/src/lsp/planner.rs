//! Plans programs on a thread of its own, and follows their stores.
//!
//! It only reads: no store is made or written, no lock taken, no command run, and nothing fetched. What it works on is
//! always the newest text; a keystroke ends the plan of an older one.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::analysis::Analysis;
use super::plan::Plan;
use super::server::Poster;
use crate::engine::{Past, pipeline_id, rows_while};
use crate::following::{Follower, Going};
use crate::store::Store;

/// How often stores are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The server's end.
pub(crate) struct Planner {
    shared: Arc<Shared>,
}

struct Shared {
    /// What is to be planned next; an older one that nobody has taken is replaced.
    next: Mutex<Next>,
    told: Condvar,
    /// Raised by every change of a text.
    moment: AtomicU64,
}

#[derive(Default)]
struct Next {
    programs: Option<(u64, Vec<Arc<Analysis>>)>,
    closed: bool,
}

impl Shared {
    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Planner {
    /// Starts the thread; plans are given to the server.
    pub(crate) fn start(poster: Poster) -> Self {
        let shared = Shared { next: Mutex::default(), told: Condvar::new(), moment: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let worker = Worker {
            shared: Arc::clone(&shared),
            poster,
            store: std::env::var_os("LLMP_STORE").filter(|path| !path.is_empty()).map(PathBuf::from),
            moment: 0,
            programs: BTreeMap::new(),
        };
        // Without it the editor has no plans, and all else.
        let _ = std::thread::Builder::new().name("planner".to_owned()).spawn(move || worker.work());
        Self { shared }
    }

    /// A text has changed: what is being planned is old.
    pub(crate) fn interrupt(&self) {
        self.shared.moment.fetch_add(1, Ordering::Relaxed);
    }

    /// These are the programs now; those that are new are planned.
    pub(crate) fn plan(&self, programs: Vec<Arc<Analysis>>) {
        let moment = self.shared.moment.load(Ordering::Relaxed);
        self.shared.next().programs = Some((moment, programs));
        self.shared.told.notify_one();
    }
}

impl Drop for Planner {
    fn drop(&mut self) {
        self.interrupt();
        self.shared.next().closed = true;
        self.shared.told.notify_one();
    }
}

struct Worker {
    shared: Arc<Shared>,
    poster: Poster,
    /// The store that the user has chosen for all pipelines.
    store: Option<PathBuf>,
    moment: u64,
    programs: BTreeMap<PathBuf, Program>,
}

struct Program {
    analysis: Arc<Analysis>,
    planned: bool,
    open: Option<Open>,
}

/// The store of a program.
struct Open {
    root: PathBuf,
    past: Past,
    follower: Follower,
    /// What the store's files were when last looked at.
    stamp: Stamp,
    going: Option<Going>,
}

/// Sizes, times and inodes of the files that say what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp([Option<(u64, i64, i64, u64)>; 2]);

impl Stamp {
    fn of(past: &Past) -> Self {
        Self([&past.store().ledger_path(), past.last_path()].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()))
        }))
    }
}

impl Worker {
    fn work(mut self) {
        while let Some(news) = self.wait() {
            match news {
                Some((moment, programs)) => self.take(moment, programs),
                None => self.look(),
            }
            for (main, program) in &mut self.programs {
                let shared = &self.shared;
                let go_on = || shared.moment.load(Ordering::Relaxed) == self.moment;
                if !program.planned && go_on() {
                    match program.plan(main, self.store.as_deref(), &go_on) {
                        Ok(None) => {}
                        Ok(Some(plan)) => self.poster.post(move |server| server.planned(plan)),
                        Err(message) => self.poster.post(move |server| server.not_planned(message)),
                    }
                }
            }
        }
    }

    /// Waits for programs, or until it is time to look at the stores (`Some(None)`); `None` when the server is gone.
    fn wait(&self) -> Option<Option<(u64, Vec<Arc<Analysis>>)>> {
        let idle = |next: &mut Next| !next.closed && next.programs.is_none();
        let next = self.shared.next();
        let mut next = if self.programs.is_empty() {
            self.shared.told.wait_while(next, idle).unwrap_or_else(PoisonError::into_inner)
        } else {
            let waited = self.shared.told.wait_timeout_while(next, LOOK, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        if next.closed { None } else { Some(next.programs.take()) }
    }

    fn take(&mut self, moment: u64, programs: Vec<Arc<Analysis>>) {
        self.moment = moment;
        let mut known = std::mem::take(&mut self.programs);
        for analysis in programs {
            // What has no place on the disk has no store.
            if !analysis.main.is_absolute() || !analysis.main.is_file() {
                continue;
            }
            let old = known.remove(&analysis.main);
            let planned =
                old.as_ref().is_some_and(|old| old.planned && Arc::ptr_eq(&old.analysis, &analysis));
            let open = old.and_then(|old| old.open);
            self.programs.insert(analysis.main.clone(), Program { analysis, planned, open });
        }
    }

    /// Looks whether the stores have changed, and how far runs are.
    fn look(&mut self) {
        for (main, program) in &mut self.programs {
            let root = root(main, self.store.as_deref());
            let Some(open) = program.open.as_mut().filter(|open| open.root == root) else {
                program.planned &= program.open.is_none() && !root.join("version").is_file();
                continue;
            };
            if Stamp::of(&open.past) != open.stamp {
                program.planned = false;
            }
            let going = open.follower.look().cloned();
            if going != open.going {
                open.going.clone_from(&going);
                let main = main.clone();
                self.poster.post(move |server| server.followed(main, going));
            }
        }
    }
}

/// The store of a pipeline, as the command line finds it when it is run in the pipeline's folder.
fn root(main: &Path, chosen: Option<&Path>) -> PathBuf {
    let folder = crate::world::folder_of(main);
    chosen.map_or_else(|| Store::find(&folder, &folder), Path::to_owned)
}

impl Program {
    /// Plans; `None` where it was interrupted.
    fn plan(
        &mut self,
        main: &Path,
        chosen: Option<&Path>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Option<Plan>, String> {
        // An error is told once.
        self.planned = true;
        let root = root(main, chosen);
        if self.open.as_ref().is_none_or(|open| open.root != root) {
            self.open = None;
            let store = Arc::new(Store::look(&root).map_err(|error| error.to_string())?);
            let past = Past::open(Arc::clone(&store), main).map_err(|error| error.to_string())?;
            let follower = Follower::new(Arc::clone(&store), pipeline_id(&store, main));
            self.open =
                Some(Open { root: root.clone(), past, follower, stamp: Stamp::default(), going: None });
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        open.stamp = Stamp::of(&open.past);
        open.past.refresh().map_err(|error| error.to_string())?;
        let rows = rows_while(&self.analysis.compilation.graph, &open.past, go_on);
        self.planned = rows.is_some();
        Ok(rows.map(|rows| Plan::new(Arc::clone(&self.analysis), rows, root)))
    }
}
