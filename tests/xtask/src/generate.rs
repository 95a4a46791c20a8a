//! Pages and passages that are made from the code, so that nobody keeps two places in step.

use std::path::Path;

use crate::metadata::Crates;
use crate::pages::{between, read};
use crate::{codes, crates, kinds, stages};

/// A generated file: its path below the root, and what it should hold.
pub struct Made {
    /// Below the root.
    pub path: &'static str,
    /// The whole text.
    pub text: String,
}

/// All of them, as they should be.
///
/// # Errors
///
/// If something that they are made from cannot be read, or a page lacks its markers.
pub fn all(root: &Path) -> Result<Vec<Made>, String> {
    let (spec, map) = ("spec/7-diagnostics.md", "ARCHITECTURE.md");
    let mut made = vec![
        Made { path: "spec/stages.md", text: stages::page(root)? },
        Made { path: spec, text: codes::tables(&read(root, spec)?)? },
        Made {
            path: map,
            text: between(&read(root, map)?, "crates", &crates::drawing(&Crates::read(root)?)?)?,
        },
        Made { path: kinds::TYPES, text: kinds::table(&read(root, kinds::TYPES)?)? },
    ];
    for path in kinds::QUERIES {
        made.push(Made { path, text: kinds::query(&read(root, path)?)? });
    }
    Ok(made)
}
