//! Programs beyond the open documents: main files of the workspace that import a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::source::World;
use llmp_compiler::syntax::MAX_BYTES;
use llmp_planning::{Folder, folder_of};

use super::analysis::Analysis;
use super::server::Server;

/// Entries of folders that are looked at; a workspace with more is searched in part.
const MOST_ENTRIES: usize = 20_000;

/// Programs that are looked at.
const MOST_FILES: usize = 1_000;

/// How deep folders are searched.
const DEEPEST: usize = 16;

impl Server {
    /// The programs whose main files are closed and that read the file at `path`.
    pub(super) fn closed_programs(&self, path: &Path) -> Vec<Arc<Analysis>> {
        let mut found = Vec::new();
        for main in self.workspace_files() {
            if self.documents.get(&main).is_some() || main == path {
                continue;
            }
            // A program without imports has one file.
            let folder = folder_of(&main);
            let name = main.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let text = Folder::new(&folder).read(name);
            if text.is_ok_and(|text| text.len() <= MAX_BYTES && text.contains("import")) {
                let analysis = self.analyses.closed(&self.documents, &self.settings, &main);
                if analysis.file(path).is_some() {
                    found.push(analysis);
                }
            }
        }
        found
    }

    /// All `.llmp` files below the workspace's folders, sorted; hidden folders and links are left out.
    pub(super) fn workspace_files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut open: Vec<(PathBuf, usize)> =
            self.client.folders.iter().map(|folder| (folder.clone(), 0)).collect();
        let mut left = MOST_ENTRIES;
        while let Some((folder, depth)) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                left = left.saturating_sub(1);
                let name = entry.file_name();
                let hidden = name.to_string_lossy().starts_with('.');
                let built = name == "target" || name == "node_modules";
                let (Ok(kind), false, false) = (entry.file_type(), hidden, built || left == 0) else {
                    continue;
                };
                let path = entry.path();
                if kind.is_dir() && depth < DEEPEST {
                    open.push((path, depth + 1));
                } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "llmp") {
                    files.insert(path);
                    if files.len() >= MOST_FILES {
                        return files;
                    }
                }
            }
        }
        files
    }
}
