//! How tantivy sees words here: [`words::spans`](llmp_artifacts::words::spans) in lower case, accents folded.

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, TextAnalyzer, Token, TokenStream, Tokenizer,
};

use llmp_artifacts::words;

/// The name under which an index refers to it.
pub(super) const ANALYZER: &str = "llmp_words";

/// Bytes of the longest word that is indexed.
const MAX_WORD: usize = 64;

pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(Words)
        .filter(RemoveLongFilter::limit(MAX_WORD))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

#[derive(Clone)]
struct Words;

impl Tokenizer for Words {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream { text, spans: Box::new(words::spans(text)), token: Token::default() }
    }
}

struct Stream<'a> {
    text: &'a str,
    spans: Box<dyn Iterator<Item = std::ops::Range<usize>> + 'a>,
    token: Token,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let Some(span) = self.spans.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text.clear();
        self.token.text.push_str(&self.text[span.clone()]);
        (self.token.offset_from, self.token.offset_to) = (span.start, span.end);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
