//! `llmp explain CODE`.

use std::io::Write;

use clap::Args;

use super::{Failure, Outcome};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A diagnostic's code, e.g. E0201; without it, all codes are listed
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut out = crate::output::stdout();
    match &arguments.code {
        Some(code) => {
            let code = code.to_uppercase();
            let page = llmp_compiler::explain::explain(&code).ok_or_else(|| {
                Failure::new(format!("there is no diagnostic `{code}`"))
                    .help("`llmp explain` lists all codes")
            })?;
            writeln!(out, "{}", page.trim_end())?;
        }
        None => {
            for (_, page) in llmp_compiler::explain::pages() {
                writeln!(out, "{}", page.lines().next().unwrap_or_default().trim_start_matches("# "))?;
            }
        }
    }
    Ok(0)
}
