//! Semantic tokens.

use gen_lsp_types::{
    SemanticToken, SemanticTokens, SemanticTokensLegend, SemanticTokensParams, SemanticTokensRangeParams,
};
use llmp_compiler::ide::{self, TokenKind};

use super::error::Answer;
use super::snapshot::Snapshot;

/// The standard's types, in the order of [`number`].
const TYPES: [&str; 12] = [
    "keyword",
    "comment",
    "string",
    "number",
    "operator",
    "function",
    "variable",
    "parameter",
    "property",
    "enumMember",
    "type",
    "namespace",
];

/// The standard's modifiers; bit by bit.
const MODIFIERS: [&str; 3] = ["declaration", "defaultLibrary", "documentation"];

/// What the numbers in the answers mean.
pub(crate) fn legend() -> SemanticTokensLegend {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    SemanticTokensLegend { token_types: owned(&TYPES), token_modifiers: owned(&MODIFIERS) }
}

fn number(kind: TokenKind) -> u32 {
    match kind {
        TokenKind::Keyword => 0,
        TokenKind::Comment => 1,
        TokenKind::Text => 2,
        TokenKind::Number => 3,
        TokenKind::Operator => 4,
        TokenKind::Function => 5,
        TokenKind::Variable => 6,
        TokenKind::Parameter => 7,
        TokenKind::Property => 8,
        TokenKind::Word => 9,
        TokenKind::Type => 10,
        TokenKind::Profile => 11,
    }
}

/// `textDocument/semanticTokens/full`
pub(crate) fn full(snapshot: &Snapshot, _: SemanticTokensParams) -> Answer<Option<SemanticTokens>> {
    Ok(Some(tokens(snapshot, 0, u32::MAX)))
}

/// `textDocument/semanticTokens/range`
pub(crate) fn range(
    snapshot: &Snapshot,
    params: SemanticTokensRangeParams,
) -> Answer<Option<SemanticTokens>> {
    let (start, end) = (snapshot.offset(params.range.start), snapshot.offset(params.range.end));
    Ok(Some(tokens(snapshot, start, end)))
}

fn tokens(snapshot: &Snapshot, start: u32, end: u32) -> SemanticTokens {
    let found = snapshot.view().map(|view| ide::tokens(&view, start, end)).unwrap_or_default();
    let (mut line, mut column) = (0, 0);
    let tokens = found.into_iter().map(|token| {
        let range = snapshot.range(token.start, token.end);
        let delta_line = range.start.line - line;
        let delta_start = range.start.character - if delta_line == 0 { column } else { 0 };
        (line, column) = (range.start.line, range.start.character);
        let bits = [token.defines, token.library, token.docs];
        SemanticToken {
            delta_line,
            delta_start,
            length: range.end.character.saturating_sub(range.start.character),
            token_type: number(token.kind),
            token_modifiers_bitset: bits.iter().rev().fold(0, |set, &bit| set << 1 | u32::from(bit)),
        }
    });
    SemanticTokens { result_id: None, data: tokens.collect() }
}
