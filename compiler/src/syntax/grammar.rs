//! The one place that knows pest: it drives the grammar and turns its rules into kinds of nodes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use pest::{Parser, Token};
use rules::{Grammar, Rule};

use super::kind::NodeKind;
use super::lexer::{self, Lexed, NEWLINE};
use super::scan::Scan;
use super::tree::{Tree, TreeBuilder};

/// What pest generates, which is public and without documentation.
#[allow(missing_docs, unreachable_pub)]
mod rules {
    #[derive(pest_derive::Parser)]
    #[grammar = "syntax/llmp.pest"]
    pub struct Grammar;
}

/// Parses the stretches between the cuts of `scan`, piece by piece. Pieces with the same letters are parsed
/// once: the items of a long program look alike.
pub(super) fn tree(text: &str, lexed: &Lexed, scan: &Scan) -> Tree {
    let mut tree = TreeBuilder::new(lexed);
    let mut known: BTreeMap<&str, Vec<Event>> = BTreeMap::new();
    let mut start = 0;
    for end in scan.cuts.iter().copied().chain([lexed.letters.len()]) {
        for piece in pieces(&lexed.letters[start..end]) {
            let events = match known.entry(piece) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => match events(piece) {
                    Some(events) => new.insert(events),
                    None => return Tree::unread(text),
                },
            };
            for event in events {
                match *event {
                    Event::Begin(kind, at) => tree.begin(kind, start + at),
                    Event::End(at) => tree.end(start + at),
                }
            }
            start += piece.len();
        }
    }
    tree.finish(scan.unclosed || lexed.unquoted)
}

/// A node begins or ends before a letter of its piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Begin(NodeKind, usize),
    End(usize),
}

/// What pest finds. The grammar accepts every text; pest's stack guard alone can refuse one.
fn events(letters: &str) -> Option<Vec<Event>> {
    let pairs = Grammar::parse(Rule::file, letters).ok()?;
    let event = |token| match token {
        Token::Start { rule, pos } => kind(rule).map(|kind| Event::Begin(kind, pos.pos())),
        Token::End { rule, pos } => kind(rule).map(|_| Event::End(pos.pos())),
    };
    Some(pairs.tokens().filter_map(event).collect())
}

/// Letters cut where the grammar is between two items whatever comes before: behind the ends of lines outside
/// of brackets, unless the next line can go on with the item. Behind brackets that do not match, nothing is
/// cut.
fn pieces(letters: &str) -> Vec<&str> {
    let bytes = letters.as_bytes();
    let (mut pieces, mut start) = (Vec::new(), 0);
    let mut open: Vec<u8> = Vec::new();
    for (at, &letter) in bytes.iter().enumerate() {
        match letter {
            b'(' => open.push(b')'),
            b'[' | b'{' => open.push(letter + 2),
            b')' | b']' | b'}' if open.pop() != Some(letter) => break,
            NEWLINE if open.is_empty() => match bytes.get(at + 1) {
                // `|>`, `->`, `|`, and newlines before them.
                None | Some(&(b'7' | b'8' | b'|' | NEWLINE | lexer::THEN | lexer::ELSE)) => {}
                Some(_) => {
                    pieces.push(&letters[start..=at]);
                    start = at + 1;
                }
            },
            _ => {}
        }
    }
    pieces.push(&letters[start..]);
    pieces
}

/// The node a rule makes. A new rule of the grammar does not compile until it has a place here.
fn kind(rule: Rule) -> Option<NodeKind> {
    Some(match rule {
        Rule::import => NodeKind::Import,
        Rule::param => NodeKind::Param,
        Rule::profile => NodeKind::Profile,
        Rule::def => NodeKind::Def,
        Rule::stage => NodeKind::Stage,
        Rule::binding => NodeKind::Binding,
        Rule::edition => NodeKind::Edition,
        Rule::expect => NodeKind::Expect,
        Rule::range => NodeKind::Range,
        Rule::parameters => NodeKind::Parameters,
        Rule::parameter => NodeKind::Parameter,
        Rule::body => NodeKind::Body,
        Rule::clauses => NodeKind::Clauses,
        Rule::per_shard => NodeKind::PerShard,
        Rule::property => NodeKind::Property,
        Rule::require => NodeKind::Require,
        Rule::measured => NodeKind::Measured,
        Rule::phrase => NodeKind::Phrase,
        Rule::setting => NodeKind::Setting,
        Rule::type_expr => NodeKind::Type,
        Rule::list_type => NodeKind::ListType,
        Rule::record_type => NodeKind::RecordType,
        Rule::named => NodeKind::NamedType,
        Rule::type_args => NodeKind::TypeArgs,
        Rule::type_arg => NodeKind::TypeArg,
        Rule::expr | Rule::bound | Rule::condition => NodeKind::Expr,
        Rule::interval => NodeKind::Interval,
        Rule::measure => NodeKind::Measure,
        Rule::call => NodeKind::Call,
        Rule::args => NodeKind::Args,
        Rule::arg => NodeKind::Arg,
        Rule::record => NodeKind::Record,
        Rule::field => NodeKind::Field,
        Rule::list => NodeKind::List,
        Rule::group => NodeKind::Group,
        Rule::each => NodeKind::Each,
        Rule::choice => NodeKind::If,
        Rule::then_branch => NodeKind::Then,
        Rule::else_branch => NodeKind::Else,
        Rule::path => NodeKind::Path,
        Rule::number => NodeKind::Number,
        Rule::name => NodeKind::Name,
        Rule::assign | Rule::arg_sign => NodeKind::Assign,
        Rule::prefix => NodeKind::Prefix,
        Rule::plus => NodeKind::Plus,
        Rule::negation => NodeKind::Not,
        Rule::operator => NodeKind::Operator,
        Rule::pipe => NodeKind::Pipe,
        Rule::digits => NodeKind::Digits,
        Rule::unit => NodeKind::Unit,
        Rule::text => NodeKind::Text,
        Rule::junk | Rule::line_junk => NodeKind::Junk,
        Rule::error_item => NodeKind::ErrorItem,
        // The root is there from the start, and the others are silent.
        Rule::file | Rule::EOI => return None,
        Rule::IMPORT | Rule::PARAM | Rule::PROFILE | Rule::DEF | Rule::STAGE | Rule::PER | Rule::SHARD => {
            return None;
        }
        Rule::RUNTIME | Rule::LET | Rule::IF | Rule::THEN | Rule::ELSE | Rule::EACH | Rule::IN => {
            return None;
        }
        Rule::EDITION | Rule::EXPECT | Rule::REQUIRE | Rule::MEASURE => return None,
        Rule::NOT | Rule::AND | Rule::OR | Rule::PIPE | Rule::ARROW | Rule::DOTS | Rule::ALMOST => {
            return None;
        }
        Rule::item | Rule::declared | Rule::signature | Rule::clause | Rule::operand | Rule::terms => {
            return None;
        }
        Rule::plain | Rule::reading | Rule::skipped | Rule::inside => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// What the pieces say, as if it were said of the whole.
    fn of_pieces(letters: &str) -> Option<Vec<Event>> {
        let mut all = Vec::new();
        let mut start = 0;
        for piece in pieces(letters) {
            all.extend(events(piece)?.into_iter().map(|event| match event {
                Event::Begin(kind, at) => Event::Begin(kind, start + at),
                Event::End(at) => Event::End(start + at),
            }));
            start += piece.len();
        }
        Some(all)
    }

    /// Short stretches of letters, most of which are right somewhere.
    fn letters() -> impl Strategy<Value = String> {
        let stretch = prop::sample::select(vec![
            "a",
            "A",
            "a=",
            "a=a(a)",
            "a=a{a=0}",
            "Pa:a=0",
            "Da(a:a)8a{",
            "Sa.a()8a{",
            "Ra{",
            "I\"",
            "ia",
            "ta",
            "ea",
            "c[0,a]",
            "7a",
            "8a",
            "|",
            "|a",
            ":",
            "=",
            "a:[",
            "a:{",
            "<",
            ">",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "\n",
            "\n",
            "\n\n",
            ",",
            "0",
            "0a",
            "\"",
            ".",
            "+",
            "-",
            "n",
            "!",
            "?",
            "1",
            "@",
            "L",
            "E",
            "H",
            "U",
            "r",
            "9",
            "d",
            "*",
            "%",
            "~",
            "Y0",
            "Xa.a[\"]30",
            "Qa30e\"",
            "Ma[a]:a",
            "a a",
            "9",
        ]);
        prop::collection::vec(stretch, 0..24).prop_map(|stretches| stretches.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

        #[test]
        fn pieces_say_what_the_whole_says(letters in letters()) {
            prop_assert_eq!(of_pieces(&letters), events(&letters));
        }
    }

    /// The right texts of the tests use the whole language, so that every rule is held by a snapshot.
    #[test]
    fn every_rule_occurs_in_a_right_text() {
        let texts = [
            include_str!("../../tests/syntax/ok/expressions.llmp"),
            include_str!("../../tests/syntax/ok/items.llmp"),
            include_str!("../../tests/syntax/ok/stages.llmp"),
        ];
        let trees: Vec<Tree> = texts.iter().filter_map(|text| crate::syntax::tree(text)).collect();
        let seen: BTreeSet<NodeKind> =
            trees.iter().flat_map(|tree| tree.ids().map(|id| tree.kind(id))).collect();
        for &rule in Rule::all_rules() {
            let Some(kind) = kind(rule) else { continue };
            assert_eq!(seen.contains(&kind), !kind.is_error() && kind != NodeKind::Prefix, "{rule:?}");
        }
    }
}
