//! What every diagnostic means: one page each, with an example that is wrong and one that is right.

use crate::code::{Code, PAGES};

/// The page of a diagnostic, in Markdown.
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    Code::named(code).map(Code::page)
}

/// All pages, by code.
pub fn pages() -> impl Iterator<Item = (Code, &'static str)> {
    PAGES.iter().copied()
}
