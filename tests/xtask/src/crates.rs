//! The drawing of the crates in ARCHITECTURE.md: what each knows, and what it brings from registries.

use std::fmt::Write as _;

use crate::metadata::{Crates, Edges};

/// Rows and columns are the crates, each below all that it knows: `■` is known directly, `·` through another.
///
/// # Errors
///
/// If cargo cannot tell what a crate needs.
pub fn drawing(crates: &Crates) -> Result<String, String> {
    let own: Vec<_> = crates.in_order().into_iter().filter(|one| is_drawn(&one.name)).collect();
    let width = own.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::from("```text\n");
    for (row, one) in own.iter().enumerate() {
        let reached = crates.reaches(one);
        let mark = |name: &str| match () {
            () if one.knows.contains(name) => '■',
            () if reached.contains(name) => '·',
            () => ' ',
        };
        let mut line = format!("{:<width$}  ", one.name);
        for other in &own[..row] {
            line.push(mark(&other.name));
            line.push(' ');
        }
        let brought = crates.tree(&one.name, Edges::Links)?.len() - 1 - reached.len();
        let rest = 2 * (own.len() - row);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}{:<rest$}{brought:>4}", '\\');
    }
    Ok(text + "```\n")
}

/// Grammars and tools stand beside the program.
fn is_drawn(name: &str) -> bool {
    !matches!(name, "xtask" | "tree-sitter-llmp")
}
