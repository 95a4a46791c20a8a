//! What people who change llmp need and its users do not: skeletons, generated pages, the crates, cases from elsewhere.

pub mod cases;
pub mod codes;
pub mod crates;
pub mod generate;
pub mod metadata;
pub mod new;
pub mod stages;

use std::path::PathBuf;

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).map_or(own.clone(), ToOwned::to_owned)
}
