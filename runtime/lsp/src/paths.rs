//! Files that a program names: nothing outside of the main file's folder is looked at.

use std::path::{Component, Path, PathBuf};

use gen_lsp_types::Uri;
use llmp_compiler::source::Span;

use super::snapshot::Snapshot;

/// The file of the pipeline whose path is written at `span`, where it is there.
pub(crate) fn file(snapshot: &Snapshot, span: Span) -> Option<Uri> {
    let root = snapshot.analysis.main.parent()?;
    let path = below(root, root, snapshot.analysis.compilation.sources.text(span))?;
    Uri::from_file_path(&path).ok().filter(|_| path.is_file())
}

/// What `path` names as seen from `base`, where that is `root` or below it.
pub(crate) fn below(root: &Path, base: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = base.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
        if !whole.starts_with(root) {
            return None;
        }
    }
    root.is_absolute().then_some(whole)
}
