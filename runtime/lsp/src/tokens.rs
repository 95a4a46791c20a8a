//! Semantic tokens: all of a document, those of a range, or how they differ from the last answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{
    Position, Range, SemanticToken, SemanticTokens, SemanticTokensDelta, SemanticTokensDeltaParams,
    SemanticTokensDeltaResponse, SemanticTokensEdit, SemanticTokensLegend, SemanticTokensParams,
    SemanticTokensRangeParams,
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

/// The last answer about each open document, which the next one may be told as a difference from.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    last: BTreeMap<PathBuf, (String, Vec<SemanticToken>)>,
    /// Answers so far, which are their names.
    number: u64,
}

impl Answered {
    /// Keeps an answer; its name.
    fn keep(&mut self, snapshot: &Snapshot, tokens: Vec<SemanticToken>) -> Option<String> {
        let path = snapshot.analysis.path(snapshot.file)?;
        self.number += 1;
        let id = self.number.to_string();
        self.last.insert(path.to_owned(), (id.clone(), tokens));
        Some(id)
    }

    /// The document is closed.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.last.remove(path);
    }
}

/// `textDocument/semanticTokens/full`
pub(crate) fn full(
    answered: &mut Answered,
    snapshot: &Snapshot,
    _: SemanticTokensParams,
) -> Answer<Option<SemanticTokens>> {
    let data = tokens(snapshot, 0, u32::MAX);
    Ok(Some(SemanticTokens { result_id: answered.keep(snapshot, data.clone()), data }))
}

/// `textDocument/semanticTokens/full/delta`: all of them where the answer that the client has is not known
/// any more.
pub(crate) fn delta(
    answered: &mut Answered,
    snapshot: &Snapshot,
    params: SemanticTokensDeltaParams,
) -> Answer<Option<SemanticTokensDeltaResponse>> {
    let data = tokens(snapshot, 0, u32::MAX);
    let known = snapshot.analysis.path(snapshot.file).and_then(|path| answered.last.remove(path));
    let known = known.filter(|(id, _)| *id == params.previous_result_id);
    let edits = known.map(|(_, old)| edits(&old, &data));
    let result_id = answered.keep(snapshot, data.clone());
    Ok(Some(match edits {
        Some(edits) => SemanticTokensDelta { result_id, edits }.into(),
        None => SemanticTokens { result_id, data }.into(),
    }))
}

/// `textDocument/semanticTokens/range`
pub(crate) fn range(
    snapshot: &Snapshot,
    params: SemanticTokensRangeParams,
) -> Answer<Option<SemanticTokens>> {
    let (start, end) = (snapshot.offset(params.range.start), snapshot.offset(params.range.end));
    Ok(Some(SemanticTokens { result_id: None, data: tokens(snapshot, start, end) }))
}

/// Integers of a token in the protocol.
const INTEGERS: usize = 5;

/// What makes `new` of `old`, in order. What both begin and end with stays; of what lies between, where it
/// has as many tokens in both, those that are the same do, too: so is a name that has become known in many
/// places.
fn edits(old: &[SemanticToken], new: &[SemanticToken]) -> Vec<SemanticTokensEdit> {
    let same = |(old, new): &(&SemanticToken, &SemanticToken)| old == new;
    let before = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[before..], &new[before..]);
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - behind], &new[..new.len() - behind]);
    if old.len() != new.len() {
        return vec![edit(before, old.len(), new)];
    }
    let differs: Vec<bool> = old.iter().zip(new).map(|(old, new)| old != new).collect();
    let mut edits = Vec::new();
    let mut at = before;
    for run in differs.chunk_by(|one, next| one == next) {
        if run[0] {
            edits.push(edit(at, run.len(), &new[at - before..][..run.len()]));
        }
        at += run.len();
    }
    edits
}

/// The edit that puts `new` in place of `deleted` tokens from the token `at` on.
fn edit(at: usize, deleted: usize, new: &[SemanticToken]) -> SemanticTokensEdit {
    let integers = new.iter().flat_map(|token| {
        [token.delta_line, token.delta_start, token.length, token.token_type, token.token_modifiers_bitset]
    });
    let data: Vec<u32> = integers.collect();
    SemanticTokensEdit {
        start: (at * INTEGERS) as u32,
        delete_count: (deleted * INTEGERS) as u32,
        data: Some(data).filter(|data| !data.is_empty()),
    }
}

/// What the words are that touch the bytes `start..end`.
fn tokens(snapshot: &Snapshot, start: u32, end: u32) -> Vec<SemanticToken> {
    let found = snapshot.view().map(|view| ide::tokens(&view, start, end)).unwrap_or_default();
    let (mut line, mut column) = (0, 0);
    let mut tokens = Vec::with_capacity(found.len());
    for token in found {
        let bits = [token.defines, token.library, token.docs];
        let token_modifiers_bitset = bits.iter().rev().fold(0, |set, &bit| set << 1 | u32::from(bit));
        for range in on_lines(snapshot, snapshot.range(token.start, token.end)) {
            let delta_line = range.start.line - line;
            tokens.push(SemanticToken {
                delta_line,
                delta_start: range.start.character - if delta_line == 0 { column } else { 0 },
                length: range.end.character - range.start.character,
                token_type: number(token.kind),
                token_modifiers_bitset,
            });
            (line, column) = (range.start.line, range.start.character);
        }
    }
    tokens
}

/// The parts of a range that lie on one line each. A carriage return ends a line for editors, and is space in
/// the language.
fn on_lines(snapshot: &Snapshot, range: Range) -> impl Iterator<Item = Range> {
    let Range { start, end } = range;
    let part = move |line: u32| {
        let last = || snapshot.offset(Position { line, character: u32::MAX });
        let part = Range {
            start: if line == start.line { start } else { Position { line, character: 0 } },
            end: if line == end.line { end } else { snapshot.range(last(), last()).start },
        };
        Some(part).filter(|part| part.start < part.end)
    };
    (start.line..=end.line).filter_map(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(kind: u32) -> SemanticToken {
        SemanticToken {
            delta_line: 1,
            delta_start: 0,
            length: 2,
            token_type: kind,
            token_modifiers_bitset: 0,
        }
    }

    fn integers(tokens: &[SemanticToken]) -> Vec<u32> {
        edit(0, 0, tokens).data.unwrap_or_default()
    }

    /// What a client makes of edits: all refer to the old integers.
    fn applied(old: &[SemanticToken], edits: &[SemanticTokensEdit]) -> Vec<u32> {
        let mut integers = integers(old);
        for edit in edits.iter().rev() {
            let start = edit.start as usize;
            let data = edit.data.clone().unwrap_or_default();
            integers.splice(start..start + edit.delete_count as usize, data);
        }
        integers
    }

    #[test]
    fn edits_are_small() {
        let old: Vec<SemanticToken> = (0..9).map(token).collect();
        assert!(edits(&old, &old).is_empty());
        let mut new = old.clone();
        new[2] = token(10);
        new[6] = token(10);
        let changed = edits(&old, &new);
        assert_eq!(
            changed.iter().map(|one| (one.start, one.delete_count)).collect::<Vec<_>>(),
            [(10, 5), (30, 5)]
        );
        let removed = edits(&old, &[&old[..4], &old[5..]].concat());
        assert_eq!(removed, [SemanticTokensEdit { start: 20, delete_count: 5, data: None }]);
    }

    proptest! {
        #[test]
        fn edits_make_the_new_of_the_old(
            old in prop::collection::vec(0..3_u32, 0..20),
            new in prop::collection::vec(0..3_u32, 0..20),
        ) {
            let tokens = |kinds: Vec<u32>| kinds.into_iter().map(token).collect::<Vec<_>>();
            let (old, new) = (tokens(old), tokens(new));
            prop_assert_eq!(applied(&old, &edits(&old, &new)), integers(&new));
        }
    }
}
