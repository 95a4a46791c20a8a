//! Text that fits nowhere: what its author may have meant.

use super::Builder;
use crate::source::Span;
use crate::syntax::errors;
use crate::syntax::tree::{Kind, NodeId};

impl Builder<'_> {
    /// Reports the error node `id`, which stands in the brackets (or file) `container`, on one line with the entry
    /// `previous` where that is given.
    pub(super) fn junk(&mut self, id: NodeId, previous: Option<NodeId>, container: Kind) {
        let text = self.str(id).trim_end();
        let span = self.span(id);
        let span = Span { end: span.start + text.len() as u32, ..span };
        let diagnostic = match self.kind(id) {
            Kind::ErrorItem => errors::not_an_item(span, text),
            _ if previous.is_some() => errors::missing_comma(span, text),
            _ => errors::unexpected(span, text, expected(container)),
        };
        self.report(diagnostic);
    }
}

/// What the entries of a container are, for messages.
fn expected(container: Kind) -> &'static str {
    match container {
        Kind::Record => "a field, as in `name = value`",
        Kind::Args => "an argument",
        Kind::Body => "a binding or the result",
        Kind::Clauses | Kind::RecordType => "a setting, as in `name: Type = default`",
        Kind::Parameters => "a parameter, as in `name: Type`",
        Kind::ListType | Kind::TypeArgs => "a type",
        Kind::File => "the end of the line",
        _ => "a value",
    }
}
