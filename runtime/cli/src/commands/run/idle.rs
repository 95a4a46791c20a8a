//! The short way where nothing has changed since there was nothing to do: no compiling, no planning, the same
//! answer.

use std::path::{Path, PathBuf};

use llmp_compiler::key::{Digest, Hasher};
use llmp_compiler::place::Place;
use llmp_compiler::plan::Decision;
use llmp_engine::StageOutcome;
use llmp_planning::{Past, keep_idle, store_root, was_idle};
use llmp_store::{Stamp, Store};

use super::Arguments;
use crate::commands::pipeline::Pipeline;

/// What a plain `llmp run` asks.
pub(super) struct Question {
    main: PathBuf,
    /// Where its store is, unless a profile says otherwise.
    root: PathBuf,
    digest: Digest,
}

impl Question {
    /// `None` where the long way has to be gone: the answer hangs on more than is compared.
    pub(super) fn of(arguments: &Arguments) -> Option<Self> {
        let Arguments { pipeline, to, force, plan, keep_old, strict, .. } = arguments;
        // `--strict` looks at the remarks of results that are there.
        let plain = to.is_empty()
            && force.is_empty()
            && plan.is_none()
            && !keep_old
            && !strict
            && pipeline.params.is_none();
        if !plain {
            return None;
        }
        // What is wrong with these is said on the long way.
        let main = pipeline.main().ok()?;
        let here = std::env::current_dir().ok()?;
        // Where a profile names the store, the long way is gone: nothing is kept then.
        let root = store_root(pipeline.store.as_deref(), &Place::default(), &main, &here);
        let digest = digest(arguments, &main, &here)?;
        Some(Self { main, root, digest })
    }

    /// How many stages are up to date, where all are known to be.
    pub(super) fn stages(&self) -> Option<usize> {
        let store = Store::look(&self.root).ok().filter(|_| Store::is_at(&self.root))?;
        // `llmp gc` removes nothing meanwhile.
        let _in_use = store.in_use().ok()?;
        was_idle(&store, &self.main, self.digest)
    }

    /// Keeps that there is nothing to do.
    pub(super) fn keep_decisions(&self, past: &Past, pipeline: &Pipeline, decisions: &[Decision]) {
        let result = |decision: &Decision| match decision {
            Decision::Cached { key, artifact } => Some((key.digest, *artifact)),
            Decision::Run { .. } | Decision::Blocked(_) => None,
        };
        self.keep(past, pipeline, decisions.iter().map(result).collect());
    }

    /// Keeps that nothing is left to do after a run that ended well.
    pub(super) fn keep_ends(&self, past: &Past, pipeline: &Pipeline, ends: &[StageOutcome]) {
        self.keep(past, pipeline, ends.iter().map(|end| Some((end.key?, end.artifact?))).collect());
    }

    /// Not where there is something to be said each time.
    fn keep(&self, past: &Past, pipeline: &Pipeline, results: Option<Vec<(Digest, Digest)>>) {
        let compilation = &pipeline.compilation;
        let told = !compilation.diagnostics.is_empty() || !compilation.graph.gates.is_empty();
        if let Some(results) = results
            && !told
            && compilation.place.store.is_none()
        {
            keep_idle(past, &self.main, self.digest, &pipeline.texts, &compilation.graph, &results);
        }
    }
}

/// Which program asks from where, and for what.
fn digest(arguments: &Arguments, main: &Path, here: &Path) -> Option<Digest> {
    let program = std::env::current_exe().ok()?;
    let pipeline = &arguments.pipeline;
    let mut hasher = Hasher::new("llmp idle 1");
    hasher.text(program.to_str()?).digest(&Stamp::at(&program)?.digest());
    hasher.text(here.to_str()?).text(main.to_str()?).text(&arguments.device);
    for list in [&pipeline.profile, &pipeline.set] {
        hasher.number(list.len() as u64);
        for text in list {
            hasher.text(text);
        }
    }
    Some(hasher.finish())
}
