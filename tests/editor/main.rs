//! The language server, spoken to in process as an editor speaks to it.

mod client;
mod clients;
mod conformance;
mod diagnostics;
mod dry_run;
mod fixture;
mod lifecycle;
mod pytest_lsp;
mod random;
mod requests;
mod sync;
mod tokens;
