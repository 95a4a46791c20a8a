//! `llmp init [TEMPLATE]`: a commented pipeline to start from.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome};

struct Template {
    name: &'static str,
    summary: &'static str,
    /// What it reads, all beside it.
    needs: &'static str,
    text: &'static str,
}

const TEMPLATES: [Template; 3] = [
    Template {
        name: "assistant",
        summary: "from WARC files to an assistant (the default)",
        needs: "data/*.warc.gz, conversations.jsonl, probe.jsonl and eval.jsonl",
        text: include_str!("../../../../examples/templates/assistant.llmp"),
    },
    Template {
        name: "base",
        summary: "from WARC files to a base model",
        needs: "data/*.warc.gz",
        text: include_str!("../../../../examples/templates/base.llmp"),
    },
    Template {
        name: "clean",
        summary: "from WARC files to clean Parquet documents",
        needs: "data/*.warc.gz",
        text: include_str!("../../../../examples/templates/clean.llmp"),
    },
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
    let mut out = crate::output::stdout();
    if arguments.list {
        for Template { name, summary, .. } in TEMPLATES {
            writeln!(out, "{name:<10} {summary}")?;
        }
        return Ok(0);
    }
    let template = TEMPLATES.iter().find(|template| template.name == arguments.template);
    let Some(Template { name, needs, text, .. }) = template else {
        return Err(Failure::new(format!("there is no template `{}`", arguments.template))
            .help("`llmp init --list` lists them"));
    };
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.llmp")));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = file.map_err(|error| {
        let message = match error.kind() {
            ErrorKind::AlreadyExists => format!("`{}` exists already", path.display()),
            _ => format!("cannot write `{}`: {error}", path.display()),
        };
        Failure::new(message).help("choose another name with `--out FILE`")
    })?;
    file.write_all(text.as_bytes())?;
    let path = path.display();
    writeln!(out, "wrote {path}, which reads {needs}")?;
    writeln!(out, "next: `llmp plan {path}` and `llmp run {path}`")?;
    Ok(0)
}
