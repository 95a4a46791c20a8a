//! `llmp lsp`: the language server, for editors.

use clap::Args;
use llmp_lsp::Ended;

use super::{Failure, Outcome};
use crate::library::toolkit;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Talk over standard input and output, which is the only way; editors pass it
    #[arg(long)]
    stdio: bool,
}

pub(super) fn run(_: &Arguments) -> Outcome {
    let ended = llmp_lsp::serve_stdio(toolkit())
        .map_err(|error| Failure::new(format!("the language server stopped: {error}")))?;
    match ended {
        Ended::InOrder => Ok(0),
        Ended::OutOfOrder => Ok(1),
        // A thread may hold standard output and wait for a reader that never comes.
        Ended::Orphaned => std::process::exit(1),
    }
}
