//! Plans a pipeline again and again, and follows its store: for the editor and `llmp graph --watch`.
//!
//! It only reads: no store is made or written, no lock taken, no command run, and nothing fetched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use llmp_compiler::compile::Compilation;
use llmp_compiler::graph::Graph;
use llmp_compiler::place::Place;
use llmp_planning::{Latest, Past, Row, latest, rows_while, store_root};
use llmp_stage::Registry;
use llmp_store::{Result, Stamp, Store, pipeline_id};

use crate::following::{Follower, Going};

/// How often the store is worth looking at.
pub const LOOK: Duration = Duration::from_millis(500);

/// How often the user's files are looked at, and how much longer than a look the rest between two looks is at
/// least: ten thousand files, or a large one that grows, cost a look some time.
const LOOK_AT_FILES: Duration = Duration::from_secs(2);
const REST: u32 = 50;

/// Watches what a run would do with one pipeline.
pub struct Watch {
    main: PathBuf,
    registry: &'static Registry,
    /// The store that the user has chosen.
    chosen: Option<PathBuf>,
    /// What the profiles of the program that was last planned say of its store.
    place: Place,
    /// The folder in which a run would make a store.
    here: PathBuf,
    /// The store and its files as they were when last planned.
    seen: Option<(PathBuf, [Option<Stamp>; 3])>,
    open: Option<Open>,
    /// The run that was going on at the last look, whichever store it was in.
    going: Option<Going>,
}

/// The store, where it can be read.
struct Open {
    root: PathBuf,
    /// The file that says in which format the store is: another one is another store.
    version: Option<Stamp>,
    past: Past,
    follower: Follower,
    /// When the user's files are looked at again.
    files_due: Instant,
}

fn version(root: &Path) -> PathBuf {
    root.join("version")
}

impl Watch {
    /// Watches the pipeline whose main file is `main`. Its store is where [`store_root`] says.
    #[must_use]
    pub fn new(main: &Path, registry: &'static Registry, chosen: Option<&Path>, here: &Path) -> Self {
        let (main, here) = (main.to_owned(), here.to_owned());
        let (chosen, place) = (chosen.map(Path::to_owned), Place::default());
        Self { registry, main, chosen, place, here, seen: None, open: None, going: None }
    }

    /// The store's folder; there may be none yet.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        store_root(self.chosen.as_deref(), &self.place, &self.main, &self.here)
    }

    /// What a run would do with a program; `None` where `go_on` said no.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn plan(&mut self, program: &Compilation, go_on: &dyn Fn() -> bool) -> Result<Option<Vec<Row>>> {
        self.place.clone_from(&program.place);
        let root = self.root();
        self.open.take_if(|open| (&open.root, open.version) != (&root, Stamp::at(&version(&root))));
        let opened = match self.open {
            Some(_) => Ok(()),
            None => Open::new(&root, &self.main, self.registry).map(|open| self.open = Some(open)),
        };
        self.seen = Some((root.clone(), self.stamps(&root)));
        opened?;
        let Some(open) = &mut self.open else { return Ok(None) };
        open.past.refresh()?;
        let rows = rows_while(&program.graph, &open.past, self.registry, go_on);
        open.files_due = Instant::now() + LOOK_AT_FILES;
        Ok(rows)
    }

    /// What the newest reports say of what a program expects. `rows` are those that [`Self::plan`] gave for
    /// its `graph`.
    #[must_use]
    pub fn gates<'g>(&self, graph: &'g Graph, rows: &[Row]) -> Vec<Latest<'g>> {
        self.open.as_ref().map_or_else(Vec::new, |open| latest(graph, &open.past, self.registry, rows))
    }

    /// Whether something that the last plan depends on has changed: the store, or files that stages read.
    pub fn is_stale(&mut self) -> bool {
        let root = self.root();
        let stamps = self.stamps(&root);
        let seen = self.seen.as_ref().is_some_and(|seen| (&seen.0, &seen.1) == (&root, &stamps));
        !seen || self.open.as_mut().is_some_and(Open::files_changed)
    }

    /// What the files are that say what was done.
    fn stamps(&self, root: &Path) -> [Option<Stamp>; 3] {
        let last = self.open.as_ref().and_then(|open| Stamp::at(open.past.last_path()));
        [Stamp::at(&version(root)), Stamp::at(&root.join("ledger")), last]
    }

    /// Looks how far the run is that is going on; `Some` where that is other than at the last look.
    pub fn look(&mut self) -> Option<Option<&Going>> {
        let going = self.open.as_mut().and_then(|open| open.follower.look());
        if going == self.going.as_ref() {
            return None;
        }
        self.going = going.cloned();
        Some(self.going.as_ref())
    }
}

impl Open {
    fn new(root: &Path, main: &Path, registry: &'static Registry) -> Result<Self> {
        let version = Stamp::at(&version(root));
        let store = Arc::new(Store::look(root)?);
        let past = Past::open(Arc::clone(&store), main)?.probing(registry);
        let follower = Follower::new(Arc::clone(&store), pipeline_id(&store, main));
        let files_due = Instant::now();
        Ok(Self { root: root.to_owned(), version, past, follower, files_due })
    }

    fn files_changed(&mut self) -> bool {
        let before = Instant::now();
        if before < self.files_due {
            return false;
        }
        let changed = self.past.files_changed();
        self.files_due = Instant::now() + LOOK_AT_FILES.max(before.elapsed() * REST);
        changed
    }
}
