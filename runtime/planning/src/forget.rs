//! The list of removed sources beside a pipeline, `NAME.forget`, which `llmp forget` writes and people may:
//! stages that start a pipeline are given it as an input, so that its content is part of their keys.

use std::path::{Path, PathBuf};

use llmp_compiler::graph::Graph;
use llmp_compiler::key::Digest;
use llmp_stage::removed::ROLE;
use serde_json::Value;

/// Where the list of the pipeline with this main file is.
#[must_use]
pub fn list(main: &Path) -> PathBuf {
    main.with_extension("forget")
}

/// The list and what it holds, as what a program was made of; `None` where there is none.
#[must_use]
pub fn text(main: &Path) -> (PathBuf, Option<Digest>) {
    let path = list(main);
    let digest = std::fs::read(&path).ok().map(|bytes| Digest::of(&bytes));
    (path, digest)
}

/// Gives the list, where there is one, to every stage that takes one and is told none.
pub fn obey(graph: &mut Graph, main: &Path) {
    let path = list(main);
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) else {
        return;
    };
    let settings = graph.stages.iter_mut().flat_map(|stage| &mut stage.settings);
    for setting in settings.filter(|setting| setting.name == ROLE && setting.path && setting.value.is_null())
    {
        setting.value = Value::String(name.to_owned());
    }
}
