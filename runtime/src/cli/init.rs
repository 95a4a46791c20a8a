//! `llmp init [TEMPLATE]`: a commented pipeline to start from.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome};

/// Name, summary, text.
const TEMPLATES: [(&str, &str, &str); 3] = [
    (
        "assistant",
        "from WARC files to an assistant (the default)",
        include_str!("../../../examples/templates/assistant.llmp"),
    ),
    ("base", "from WARC files to a base model", include_str!("../../../examples/templates/base.llmp")),
    (
        "clean",
        "from WARC files to clean Parquet documents",
        include_str!("../../../examples/templates/clean.llmp"),
    ),
];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which template
    #[arg(default_value = "assistant")]
    template: String,
    /// The file to write [default: the template's name]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// List the templates
    #[arg(long)]
    list: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let mut out = std::io::stdout().lock();
    if arguments.list {
        for (name, summary, _) in TEMPLATES {
            writeln!(out, "{name:<10} {summary}")?;
        }
        return Ok(0);
    }
    let template = TEMPLATES.iter().find(|(name, ..)| *name == arguments.template);
    let Some((name, _, text)) = template else {
        return Err(Failure::new(format!("there is no template `{}`", arguments.template))
            .help("`llmp init --list` lists them"));
    };
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.llmp")));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = file.map_err(|error| {
        Failure::new(format!("cannot write `{}`: {error}", path.display()))
            .help("choose another name with `--out FILE`")
    })?;
    file.write_all(text.as_bytes())?;
    writeln!(out, "wrote {}", path.display())?;
    writeln!(
        out,
        "next: put WARC files into data/, then `llmp plan {0}` and `llmp run {0}`",
        path.display()
    )?;
    Ok(0)
}
