//! Where the data to measure with lies; it is no part of the repository.

use std::path::{Path, PathBuf};

/// The file or folder `name` below the shared data, or `None`, said aloud, where there is none. `LLMP_SHARED`
/// names the folder that holds `data`.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LLMP_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: there is no `{}`; set LLMP_SHARED to run this test", path.display());
    None
}
