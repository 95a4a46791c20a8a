//! `out/`: the newest results under their names, linked to the objects they are.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use llmp_compiler::graph::{Graph, StageId};
use llmp_compiler::key::Digest;

use super::{Lock, Result, Store, StoreError, at, pipeline_id, write_atomically};

/// Links the results of named bindings to `out/PIPELINE/NAME`, where they changed: one whole folder takes the
/// place of the other. `artifacts` are those of the stages, by index. Gives the stages whose results are
/// incomplete in the store.
///
/// # Errors
/// Where the disk refuses.
pub fn link_results(
    store: &Store,
    graph: &Graph,
    main: &Path,
    artifacts: &[Option<Digest>],
) -> Result<Vec<StageId>> {
    let root = store.root().join("out").join(pipeline_id(store, main));
    fs::create_dir_all(&root).map_err(at("make the folder", &root))?;
    let _lock = Lock::wait(&root.join(".lock"))?;
    let (index, fresh) = (root.join(".artifacts.json"), root.join(".new"));
    let mut known = linked(&index);
    let mut changed = false;
    let mut incomplete = Vec::new();
    for ((id, stage), artifact) in graph.ids().zip(&graph.stages).zip(artifacts) {
        let Some(artifact) = artifact.filter(|_| !stage.name.contains('/')) else { continue };
        let hex = artifact.hex();
        let target = root.join(&stage.name);
        if known.get(&stage.name) == Some(&hex) && target.exists() {
            continue;
        }
        // Left behind by a run that was killed here.
        let _ = fs::remove_dir_all(&fresh);
        match store.objects.manifest(&artifact).and_then(|manifest| store.objects.link(&manifest, &fresh)) {
            Ok(()) => {}
            Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => {
                let _ = fs::remove_dir_all(&fresh);
                incomplete.push(id);
                continue;
            }
            Err(error) => return Err(error),
        }
        swap(&fresh, &target).map_err(at("write", &target))?;
        let _ = fs::remove_dir_all(&fresh);
        known.insert(stage.name.clone(), hex);
        changed = true;
    }
    if changed {
        write_atomically(&index, serde_json::to_string_pretty(&known).unwrap_or_default().as_bytes())?;
    }
    Ok(incomplete)
}

/// Whether what lies in `out/PIPELINE/` under the names of bindings are these results; never where one of
/// them is missing.
#[must_use]
pub fn are_linked(store: &Store, graph: &Graph, main: &Path, artifacts: &[Option<Digest>]) -> bool {
    let named = graph.stages.iter().zip(artifacts).filter(|(stage, _)| !stage.name.contains('/'));
    lie_in_out(store, main, named.map(|(stage, artifact)| (stage.name.as_str(), *artifact)))
}

/// Whether these results lie in `out/PIPELINE/` under these names; never where there is none for a name.
#[must_use]
pub fn lie_in_out<'n>(
    store: &Store,
    main: &Path,
    mut results: impl Iterator<Item = (&'n str, Option<Digest>)>,
) -> bool {
    let folder = store.root().join("out").join(pipeline_id(store, main));
    let known = linked(&folder.join(".artifacts.json"));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let there: HashSet<_> = entries.map(|entry| entry.file_name()).collect();
    results.all(|(name, artifact)| {
        let Some(artifact) = artifact else { return false };
        known.get(name).is_some_and(|known| *known == artifact.hex()) && there.contains(OsStr::new(name))
    })
}

/// Which artifact each name was linked to.
fn linked(index: &Path) -> BTreeMap<String, String> {
    fs::read_to_string(index).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Puts `fresh` where `target` is; what was there is at `fresh` then.
fn swap(fresh: &Path, target: &Path) -> std::io::Result<()> {
    if !target.exists() {
        return fs::rename(fresh, target);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, fresh, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // A file system that can't exchange: for a moment there is nothing, never a part.
    let old = fresh.with_file_name(".old");
    let _ = fs::remove_dir_all(&old);
    fs::rename(target, &old)?;
    fs::rename(fresh, target)?;
    let _ = fs::remove_dir_all(&old);
    Ok(())
}
