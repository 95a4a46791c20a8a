//! The drawing of the crates in ARCHITECTURE.md: what each knows, and what it brings from registries.

use std::fmt::Write as _;

use crate::metadata::{Crate, Crates};

/// Rows and columns are the crates, each below all that it knows: `■` is known directly, `·` through another.
#[must_use]
pub fn drawing(crates: &Crates) -> String {
    let own: Vec<_> = crates.own().into_iter().filter(|(_, one)| is_drawn(one)).collect();
    let width = own.iter().map(|(_, one)| one.name.len()).max().unwrap_or(0);
    let mut text = String::from("```text\n");
    // Writing to a string cannot fail.
    for (row, (id, one)) in own.iter().enumerate() {
        let linked = crates.linked(id);
        let cell = |(other, _): &(&str, &Crate)| match () {
            () if one.links.iter().any(|it| it == other) => '■',
            () if linked.contains(other) => '·',
            () => ' ',
        };
        let cells: Vec<String> = own[..row].iter().map(|other| cell(other).to_string()).collect();
        let outside = linked.iter().filter(|id| !crates.get(id).own).count();
        let mut known = cells.join(" ");
        if row > 0 {
            known.push(' ');
        }
        let _ = writeln!(
            text,
            "{:>3} {:<width$}  {known}{:<pad$} {outside:>4}",
            row + 1,
            one.name,
            "\\",
            pad = 2 * (own.len() - row) - 1
        );
    }
    let _ = writeln!(text, "```");
    text
}

/// Grammars and tools stand beside the program.
fn is_drawn(one: &Crate) -> bool {
    !matches!(one.name.as_str(), "xtask" | "tree-sitter-llmp")
}
