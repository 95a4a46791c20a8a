//! The short way where nothing has changed since there was nothing to do: no compiling, no planning, the same answer.

use std::path::PathBuf;
use std::sync::Arc;

use llmp_compiler::key::{Digest, Hasher};
use llmp_compiler::place::Place;
use llmp_compiler::plan::Decision;
use llmp_planning::{Asked, Past, keep_idle, store_root, was_idle};
use llmp_store::{Lock, Stamp, Store};

use super::Arguments;
use crate::commands::pipeline::Pipeline;

/// What a plain `llmp run` asks of a store that is there.
pub(super) struct Question {
    store: Arc<Store>,
    main: PathBuf,
    asked: Asked,
    /// `llmp gc` removes nothing meanwhile.
    _in_use: Option<Lock>,
}

impl Question {
    /// `None` where the long way has to be gone: there is no store yet, or the answer hangs on more than is compared.
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
        // Where a profile names the store, the long way is gone: nothing is kept then.
        let here = std::env::current_dir().ok()?;
        let root = store_root(pipeline.store.as_deref(), &Place::default(), &main, &here);
        let store = Store::look(&root).ok().filter(|_| Store::is_at(&root))?;
        let _in_use = store.in_use().ok()?;
        let asked = Asked::of(&store, digest(arguments, &main)?)?;
        Some(Self { store: Arc::new(store), main, asked, _in_use })
    }

    /// How many stages are up to date, where all are known to be.
    pub(super) fn stages(&self) -> Option<usize> {
        was_idle(&self.store, &self.main, &self.asked)
    }

    /// Keeps that there is nothing to do, unless there is something to be said each time.
    pub(super) fn keep(&self, past: &Past, pipeline: &Pipeline, decisions: &[Decision]) {
        let compilation = &pipeline.compilation;
        let told = !compilation.diagnostics.is_empty() || !compilation.graph.gates.is_empty();
        if !told && compilation.place.store.is_none() {
            keep_idle(past, &self.main, &self.asked, &pipeline.texts, &compilation.graph, decisions);
        }
    }
}

/// Which program asks from where, and for what.
fn digest(arguments: &Arguments, main: &std::path::Path) -> Option<Digest> {
    let program = std::env::current_exe().ok()?;
    let here = std::env::current_dir().ok()?;
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
