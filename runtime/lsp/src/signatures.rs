//! The standard library's signatures as documents, for clients that ask the server for the text of some URIs:
//! so the definition of a stage can be looked at, though no file of the user's holds it.

use gen_lsp_types::{
    Location, TextDocumentContentOptions, TextDocumentContentParams, TextDocumentContentResult, Uri,
};
use llmp_compiler::signature::Library;
use llmp_compiler::source::{Source, Span};

use super::client::Client;
use super::error::{Answer, Refusal};
use super::lines::Lines;
use super::server::Server;

/// The scheme of their URIs: `llmp-library:///filter/pii.llmp`.
pub(crate) const SCHEME: &str = "llmp-library";

/// What the server says about them, to a client that asks.
pub(crate) fn options(client: &Client) -> Option<TextDocumentContentOptions> {
    is_asked(client).then(|| TextDocumentContentOptions { schemes: vec![SCHEME.to_owned()] })
}

fn is_asked(client: &Client) -> bool {
    client.has("/workspace/textDocumentContent")
}

/// Where a span of a signature stands; `None` for other spans and for clients that could not show it.
pub(crate) fn location(library: &Library, client: &Client, span: Span) -> Option<Location> {
    let source = library.sources().get(span.file).filter(|_| is_asked(client))?;
    let range = Lines::new(&source.text).range(span.start, span.end, client.encoding);
    Some(Location { uri: uri(source)?, range })
}

fn uri(source: &Source) -> Option<Uri> {
    Uri::parse(&format!("{SCHEME}:///{}", source.path)).ok()
}

/// `workspace/textDocumentContent`
pub(crate) fn content(
    server: &mut Server,
    params: TextDocumentContentParams,
) -> Answer<TextDocumentContentResult> {
    let found =
        server.toolkit.library.sources().iter().find(|(_, source)| uri(source).as_ref() == Some(&params.uri));
    match found {
        Some((_, source)) => Ok(TextDocumentContentResult { text: source.text.to_string() }),
        None => Err(Refusal::params(format!("`{}` is no signature of the standard library", params.uri))),
    }
}
