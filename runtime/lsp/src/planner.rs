//! Plans programs on a thread of its own, and follows their stores.
//!
//! What it works on is always the newest text; a keystroke ends the plan of an older one.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use llmp_insight::watching::{LOOK, Watch};
use llmp_planning::{Toolkit, folder_of};

use super::analysis::Analysis;
use super::gates::Gate;
use super::plan::Plan;
use super::server::{Poster, told};

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
    pub(crate) fn start(toolkit: Toolkit, poster: Poster) -> Self {
        let shared = Shared { next: Mutex::default(), told: Condvar::new(), moment: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let worker = Worker {
            toolkit,
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
    toolkit: Toolkit,
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
    watch: Watch,
}

impl Worker {
    fn work(mut self) {
        while let Some(news) = self.wait() {
            match news {
                Some((moment, programs)) => self.take(moment, programs),
                None => self.look(),
            }
            for program in self.programs.values_mut() {
                let shared = &self.shared;
                let go_on = || shared.moment.load(Ordering::Relaxed) == self.moment;
                if !program.planned && go_on() {
                    let plan = catch_unwind(AssertUnwindSafe(|| program.plan(&go_on)));
                    // A panic is a bug that is told, not the end of planning.
                    match plan.unwrap_or_else(|panic| Err(told(&*panic))) {
                        Ok(None) => {}
                        Ok(Some(plan)) => self.poster.post(move |server| server.planned(plan)),
                        Err(message) => self.poster.post(move |server| server.not_planned(message)),
                    }
                }
            }
        }
    }

    /// Waits for programs, or until it is time to look at the stores (`Some(None)`); `None` when the server
    /// is gone.
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
            let watch = old.map_or_else(|| self.watch(&analysis.main), |old| old.watch);
            self.programs.insert(analysis.main.clone(), Program { analysis, planned, watch });
        }
    }

    /// A store is found as the command line finds it when it is run in the pipeline's folder.
    fn watch(&self, main: &Path) -> Watch {
        Watch::new(main, self.toolkit.registry, self.store.as_deref(), &folder_of(main))
    }

    /// Looks whether stores or files have changed, and how far runs are.
    fn look(&mut self) {
        for (main, program) in &mut self.programs {
            program.planned &= !program.watch.is_stale();
            if let Some(going) = program.watch.look() {
                let (main, going) = (main.clone(), going.cloned());
                self.poster.post(move |server| server.followed(main, going));
            }
        }
    }
}

impl Program {
    /// Plans; `None` where it was interrupted.
    fn plan(&mut self, go_on: &dyn Fn() -> bool) -> Result<Option<Plan>, String> {
        // An error is told once.
        self.planned = true;
        let rows = self.watch.plan(&self.analysis.compilation, go_on);
        let rows = rows.map_err(|error| error.to_string())?;
        self.planned = rows.is_some();
        Ok(rows.map(|rows| {
            let compilation = &self.analysis.compilation;
            let gates = self.watch.gates(&compilation.graph, &rows);
            let gates = gates.iter().map(|latest| Gate::new(latest, compilation)).collect();
            Plan::new(Arc::clone(&self.analysis), rows, gates, self.watch.root())
        }))
    }
}
