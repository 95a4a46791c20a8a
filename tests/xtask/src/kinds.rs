//! Where the kinds of artifact are listed outside of the compiler: the reference, and the queries by which
//! editors colour.

use llmp_compiler::artifact::ArtifactKind;

use crate::pages::{between, within};

/// The page of the reference that describes them.
pub const TYPES: &str = "spec/3-types-and-units.md";

/// The queries that colour the names of types that the language knows.
pub const QUERIES: [&str; 2] = [
    "compiler/editors/tree-sitter-llmp/queries/highlights.scm",
    "compiler/editors/helix/queries/llmp/highlights.scm",
];

/// The page of types with its table of kinds made anew.
///
/// # Errors
///
/// If a marker is missing.
pub fn table(page: &str) -> Result<String, String> {
    let row = |kind: &ArtifactKind| format!("| `{}` | {} |\n", kind.name(), kind.about());
    let rows: String = ArtifactKind::ALL.iter().map(row).collect();
    between(page, "kinds", &format!("| kind | is |\n|---|---|\n{rows}"))
}

/// A query with its list of kinds made anew, a line each.
///
/// # Errors
///
/// If a marker is missing.
pub fn query(text: &str) -> Result<String, String> {
    let lines: String = ArtifactKind::ALL.iter().map(|kind| format!("    \"{}\"\n", kind.name())).collect();
    within(text, "    ; kinds", "    ; end", &lines)
}
