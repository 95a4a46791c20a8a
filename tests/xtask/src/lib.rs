//! What people who change llmp need and its users do not: skeletons, generated pages, the crates, cases from
//! elsewhere.

pub mod cases;
pub mod codes;
pub mod crates;
pub mod generate;
pub mod kinds;
pub mod metadata;
pub mod new;
pub mod pages;
pub mod stages;
pub mod width;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).map_or(own.clone(), ToOwned::to_owned)
}

/// The files below a folder whose names end so, sorted; what is hidden or built is left out.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = |error| format!("cannot read `{}`: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or(".");
            if name.starts_with('.') || matches!(name, "target" | "node_modules") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
