//! What an editor asks about a program, as functions of a compilation and an offset: no protocol, no files.
//!
//! `runtime/src/lsp` translates questions and answers to the language server protocol.

mod definition;
mod format;
mod structure;

pub use definition::{Definition, definition};
pub use format::{TextEdit, format};
pub use structure::{Fold, Folded, folds, selections};

use crate::compile::{Compilation, File};
use crate::signature::Library;
use crate::source::FileId;

/// A program as seen from one of its files.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What the program means.
    pub compilation: &'a Compilation,
    /// The stages it can use.
    pub library: &'a Library,
    /// The file that is asked about.
    pub file: &'a File,
}

impl<'a> View<'a> {
    /// The program as seen from `file`; `None` where that takes no part.
    #[must_use]
    pub fn new(compilation: &'a Compilation, library: &'a Library, file: FileId) -> Option<Self> {
        let file = compilation.files.iter().find(|one| one.id == file)?;
        Some(Self { compilation, library, file })
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.compilation.sources.get(self.file.id).map_or("", |source| &source.text)
    }
}
