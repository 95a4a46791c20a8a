//! What an editor asks about a program, as functions of a compilation and an offset: no protocol, no files.
//!
//! `runtime/lsp` translates questions and answers to the language server protocol.

mod actions;
mod callable;
mod clauses;
mod completion;
mod context;
mod definition;
mod format;
mod hover;
mod names;
mod references;
mod signature;
mod structure;
mod symbols;
mod tokens;

pub use actions::{CodeAction, CodeActionKind, actions};
pub use completion::{Completion, CompletionKind, Completions, Files, completions};
pub use definition::{Definition, Link, definition, links, paths};
pub use format::{TextEdit, format};
pub use hover::{Hover, hover};
pub use names::{NameKind, Target, target};
pub use references::{Use, renamable, rename, uses};
pub use signature::{SignatureHelp, signature};
pub use structure::{Fold, Folded, folds, selections};
pub use symbols::{Symbol, symbols};
pub use tokens::{Token, TokenKind, tokens};

use std::collections::BTreeSet;

use crate::compile::{Compilation, File};
use crate::signature::Library;
use crate::source::{FileId, Span};
use crate::types::Type;

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

    /// The file and all that it imports, directly or not: the files whose names it sees.
    fn seen(&self) -> BTreeSet<FileId> {
        let files = &self.compilation.files;
        let mut seen = BTreeSet::new();
        let mut open = vec![self.file];
        while let Some(file) = open.pop() {
            if seen.insert(file.id) {
                open.extend(file.imports.iter().filter_map(|&(at, _)| files.get(at)));
            }
        }
        seen
    }

    /// The type of what stands at exactly this span.
    fn type_at(&self, span: Span) -> Option<&'a Type> {
        self.compilation.types.find(|at| at == span)
    }

    /// The same as people read it.
    fn type_text_at(&self, span: Span) -> Option<String> {
        self.type_at(span).map(|ty| self.compilation.types.text(ty))
    }
}
