//! The one place that knows pest: it drives the grammar and turns its rules into kinds of nodes.

use pest::{Parser, Token};
use rules::{Grammar, Rule};

use super::lexer::Lexed;
use super::scan::Scan;
use super::tree::{Kind, Tree, TreeBuilder};

/// What pest generates, which is public and without documentation.
#[allow(missing_docs, unreachable_pub)]
mod rules {
    #[derive(pest_derive::Parser)]
    #[grammar = "syntax/llmp.pest"]
    pub struct Grammar;
}

/// Parses the stretches between the cuts of `scan` one by one.
pub(super) fn tree(text: &str, lexed: &Lexed, scan: &Scan) -> Tree {
    let mut tree = TreeBuilder::new(lexed);
    let mut start = 0;
    for end in scan.cuts.iter().copied().chain([lexed.letters.len()]) {
        // The grammar accepts every text; pest's stack guard alone can refuse one.
        let Ok(pairs) = Grammar::parse(Rule::file, &lexed.letters[start..end]) else {
            return Tree::unread(text);
        };
        for token in pairs.tokens() {
            match token {
                Token::Start { rule, pos } => {
                    if let Some(kind) = kind(rule) {
                        tree.begin(kind, start + pos.pos());
                    }
                }
                Token::End { rule, pos } => {
                    if kind(rule).is_some() {
                        tree.end(start + pos.pos());
                    }
                }
            }
        }
        start = end;
    }
    tree.finish(scan.unclosed)
}

/// The node a rule makes. A new rule of the grammar does not compile until it has a place here.
fn kind(rule: Rule) -> Option<Kind> {
    Some(match rule {
        Rule::import => Kind::Import,
        Rule::param => Kind::Param,
        Rule::profile => Kind::Profile,
        Rule::def => Kind::Def,
        Rule::stage => Kind::Stage,
        Rule::binding => Kind::Binding,
        Rule::range => Kind::Range,
        Rule::parameters => Kind::Parameters,
        Rule::parameter => Kind::Parameter,
        Rule::body => Kind::Body,
        Rule::clauses => Kind::Clauses,
        Rule::per_shard => Kind::PerShard,
        Rule::property => Kind::Property,
        Rule::setting => Kind::Setting,
        Rule::type_expr => Kind::Type,
        Rule::list_type => Kind::ListType,
        Rule::record_type => Kind::RecordType,
        Rule::named => Kind::NamedType,
        Rule::type_args => Kind::TypeArgs,
        Rule::type_arg => Kind::TypeArg,
        Rule::expr => Kind::Expr,
        Rule::call => Kind::Call,
        Rule::args => Kind::Args,
        Rule::arg => Kind::Arg,
        Rule::record => Kind::Record,
        Rule::field => Kind::Field,
        Rule::list => Kind::List,
        Rule::group => Kind::Group,
        Rule::each => Kind::Each,
        Rule::choice => Kind::If,
        Rule::then_branch => Kind::Then,
        Rule::else_branch => Kind::Else,
        Rule::path => Kind::Path,
        Rule::number => Kind::Number,
        Rule::name => Kind::Name,
        Rule::assign | Rule::arg_sign => Kind::Assign,
        Rule::prefix => Kind::Prefix,
        Rule::plus => Kind::Plus,
        Rule::negation => Kind::Not,
        Rule::operator => Kind::Operator,
        Rule::pipe => Kind::Pipe,
        Rule::digits => Kind::Digits,
        Rule::unit => Kind::Unit,
        Rule::text => Kind::Text,
        Rule::junk | Rule::line_junk => Kind::Junk,
        Rule::error_item => Kind::ErrorItem,
        // The root is there from the start, and the others are silent.
        Rule::file | Rule::EOI => return None,
        Rule::IMPORT | Rule::PARAM | Rule::PROFILE | Rule::DEF | Rule::STAGE | Rule::PER | Rule::SHARD => {
            return None;
        }
        Rule::RUNTIME | Rule::LET | Rule::IF | Rule::THEN | Rule::ELSE | Rule::EACH | Rule::IN => {
            return None;
        }
        Rule::NOT | Rule::AND | Rule::OR | Rule::PIPE | Rule::ARROW | Rule::DOTS | Rule::ALMOST => {
            return None;
        }
        Rule::item | Rule::declared | Rule::signature | Rule::operand | Rule::skipped | Rule::inside => {
            return None;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The right texts of the tests use the whole language, so that every rule is held by a snapshot.
    #[test]
    fn every_rule_occurs_in_a_right_text() {
        let texts = [
            include_str!("../../tests/syntax/ok/expressions.llmp"),
            include_str!("../../tests/syntax/ok/items.llmp"),
            include_str!("../../tests/syntax/ok/stages.llmp"),
        ];
        let trees: Vec<Tree> = texts.iter().filter_map(|text| crate::syntax::tree(text)).collect();
        let seen: BTreeSet<Kind> = trees.iter().flat_map(|tree| tree.ids().map(|id| tree.kind(id))).collect();
        for &rule in Rule::all_rules() {
            let Some(kind) = kind(rule) else { continue };
            assert_eq!(seen.contains(&kind), !kind.is_error() && kind != Kind::Prefix, "{rule:?}");
        }
    }
}
