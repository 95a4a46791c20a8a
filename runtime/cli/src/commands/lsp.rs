//! `llmp lsp`: the language server, for editors.

use clap::Args;

use super::{Failure, Outcome};
use crate::library::toolkit;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Talk over standard input and output, which is the only way; editors pass it
    #[arg(long)]
    stdio: bool,
}

pub(super) fn run(_: &Arguments) -> Outcome {
    let in_order = llmp_lsp::serve_stdio(toolkit())
        .map_err(|error| Failure::new(format!("the language server stopped: {error}")))?;
    Ok(u8::from(!in_order))
}
