//! Text to syntax tree. Parsing never fails: what is broken becomes an error node and a diagnostic.
//!
//! ```text
//! text ──lexer──▶ tokens ──scan──▶ depth, cuts ──grammar──▶ nodes ──tree──▶ Tree ──build──▶ ast::File + diagnostics
//! ```
//!
//! pest is known in `grammar` alone. The grammar, `llmp.pest`, accepts every text; `build` finds what is
//! missing or superfluous in the tree, and `errors` has the words for it.

mod build;
mod errors;
mod grammar;
mod kind;
mod lexer;
mod quotes;
mod scan;
mod signs;
mod tree;

pub(crate) use build::is_reserved;
pub(crate) use errors::too_large;
pub use kind::NodeKind;
pub use tree::{NodeId, Tree};

use crate::ast;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// How deep brackets and `if`s may nest.
const MAX_DEPTH: usize = 64;

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
    match read(file, text) {
        Ok(tree) => {
            let (ast, diagnostics) = build::build(file, text, &tree);
            Parse { tree, file: ast, diagnostics }
        }
        Err(diagnostic) => {
            Parse { tree: Tree::unread(text), file: ast::File::default(), diagnostics: vec![*diagnostic] }
        }
    }
}

/// The tree of a text alone; `None` where it is too large or nests too deep.
#[must_use]
pub fn tree(text: &str) -> Option<Tree> {
    read(FileId::default(), text).ok()
}

/// The tree of a text that is neither too large nor too deep.
fn read(file: FileId, text: &str) -> Result<Tree, Box<Diagnostic>> {
    if text.len() > MAX_BYTES {
        return Err(Box::new(too_large(Span::new(file, 0, 0))));
    }
    let mut lexed = lexer::lex(text);
    match scan::scan(text, &lexed) {
        Ok(scan) => {
            lexed.strike(&scan.strays);
            Ok(grammar::tree(text, &lexed, &scan))
        }
        Err(letter) => {
            let at = lexed.places.get(letter).and_then(|&place| lexed.tokens.get(place as usize));
            Err(Box::new(errors::too_deep(file, at.map_or(0, |token| token.start as usize))))
        }
    }
}

/// Whether two tokens read differently where no space stands between them.
#[must_use]
pub fn would_join(left: &str, right: &str) -> bool {
    let joined = format!("{left}{right}");
    let tokens = lexer::lex(&joined).tokens;
    !matches!(&tokens[..], [first, _] if first.end as usize == left.len())
}

/// How many bytes at the start of a number are its digits, point and exponent; its suffix follows.
fn digits_length(bytes: &[u8]) -> usize {
    let run =
        |from: usize, of: fn(&u8) -> bool| from + bytes[from..].iter().take_while(|&byte| of(byte)).count();
    let digits = |from| run(from, |byte| byte.is_ascii_digit() || *byte == b'_');
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let exponent = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            at = run(exponent, u8::is_ascii_digit);
        }
    }
    at
}

/// The number that a text is, e.g. `20M tokens`; `None` for anything else.
pub(crate) fn number(text: &str) -> Option<ast::Number> {
    let parse = parse(FileId::default(), &format!("x = {text}"));
    match parse.file.items.as_slice() {
        [
            ast::Item::Binding(ast::Binding {
                value: Some(ast::Expr { kind: ast::ExprKind::Number(number), .. }),
                ..
            }),
        ] if parse.diagnostics.is_empty() => Some(number.clone()),
        _ => None,
    }
}
