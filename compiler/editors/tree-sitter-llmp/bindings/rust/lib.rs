//! The llmp grammar for [tree-sitter](https://tree-sitter.github.io), and the queries that editors read.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_llmp() -> *const ();
}

/// The grammar.
// SAFETY: the generated parser exports this function, which returns a static `TSLanguage`.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_llmp) };

/// What to highlight.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// What to fold.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
/// Where to indent.
pub const INDENTS_QUERY: &str = include_str!("../../queries/indents.scm");
/// Which names are defined where.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");
/// Which parts are in other languages.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
