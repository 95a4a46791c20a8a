//! Checks across stages, on the lowered graph: one small function each.

use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::resolve::Program;

/// Runs all checks across stages.
pub(crate) fn check(graph: &Graph, program: &Program<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let _ = (graph, program, diagnostics);
}
