//! `llmp init demo`: the main example, carried in the program, so that an installed program does the main job
//! without the repository.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::files::{self, File};
use crate::commands::Outcome;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

/// Files of `examples/who-is`. The pages are compressed already.
macro_rules! carried {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("../../../../../examples/who-is/", $name)))),*]
    };
}

#[rustfmt::skip]
const FILES: &[File] = &carried! {
    "who-is.llmp" "README.md" "conversations.jsonl" "probe.jsonl" "eval.jsonl"
    "reference/reference-00.warc.gz" "reference/reference-01.warc.gz"
    "web/web-00.warc.gz" "web/web-01.warc.gz" "web/web-02.warc.gz" "web/web-03.warc.gz"
    "web/web-04.warc.gz" "web/web-05.warc.gz" "web/web-06.warc.gz" "web/web-07.warc.gz"
};

pub(super) fn run(arguments: &Arguments) -> Outcome {
    files::write_new(&arguments.out, FILES)?;
    let file = arguments.out.join("who-is.llmp");
    let file = file.strip_prefix(".").unwrap_or(&file).display();
    let mut out = crate::output::stdout();
    writeln!(out, "wrote {file} and what it reads: {} files", FILES.len() - 1)?;
    writeln!(
        out,
        "next: `llmp run {file}` (some minutes), or `llmp run {file} --profile smoke` to see it go"
    )?;
    Ok(0)
}
