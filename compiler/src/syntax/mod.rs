//! Text to syntax tree. Parsing never fails: what is broken becomes an error node and a diagnostic.
//!
//! ```text
//! text ──scan──▶ depth, cuts ──pest──▶ begins and ends ──tree──▶ Tree ──build──▶ ast::File + diagnostics
//! ```
//!
//! pest is known in `grammar` alone. The grammar, `llmp.pest`, accepts every text; `build` finds what is missing or
//! superfluous in the tree, and `errors` has the words for it.

mod build;
mod errors;
mod grammar;
mod scan;
mod tree;

pub use tree::{Kind, NodeId, Tree};

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::source::FileId;

/// How large a file may be, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// What a text says.
#[derive(Clone, Debug)]
pub struct Parse {
    /// Every byte of the text.
    pub tree: Tree,
    /// What it means, as far as it can be read.
    pub file: ast::File,
    /// What is wrong with it, in order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a file.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parse {
    let scan = if text.len() > MAX_BYTES {
        Err(errors::too_large(file, text))
    } else {
        let scan = scan::scan(text);
        scan.too_deep.map_or(Ok(scan.cuts), |at| Err(errors::too_deep(file, at)))
    };
    match scan {
        Ok(cuts) => {
            let tree = grammar::tree(text, &cuts);
            let (ast, diagnostics) = build::build(file, text, &tree);
            Parse { tree, file: ast, diagnostics }
        }
        Err(diagnostic) => {
            let tree = Tree::unread(text);
            Parse { tree, file: ast::File::default(), diagnostics: vec![diagnostic] }
        }
    }
}
