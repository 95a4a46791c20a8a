//! `llmp init [TEMPLATE]`: a commented pipeline to start from.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, Outcome};

struct Template {
    name: &'static str,
    summary: &'static str,
    /// What it reads, all beside it.
    needs: &'static str,
    text: &'static str,
    /// What is written beside it: names and contents.
    files: &'static [(&'static str, &'static str)],
}

const TEMPLATES: [Template; 4] = [
    Template {
        name: "assistant",
        summary: "from WARC files to an assistant (the default)",
        needs: "data/*.warc.gz, conversations.jsonl, probe.jsonl and eval.jsonl",
        text: include_str!("../../../../examples/templates/assistant.llmp"),
        files: &[],
    },
    Template {
        name: "base",
        summary: "from WARC files to a base model",
        needs: "data/*.warc.gz",
        text: include_str!("../../../../examples/templates/base.llmp"),
        files: &[],
    },
    Template {
        name: "clean",
        summary: "from WARC files to clean Parquet documents",
        needs: "data/*.warc.gz",
        text: include_str!("../../../../examples/templates/clean.llmp"),
        files: &[],
    },
    Template {
        name: "stage",
        summary: "stages of your own in Python, with a little data",
        needs: "documents.jsonl and runs clean.py and talks.py, written beside it",
        text: include_str!("../../../../examples/templates/stage.llmp"),
        files: &[
            ("clean.py", include_str!("../../../../examples/templates/stage/clean.py")),
            ("talks.py", include_str!("../../../../examples/templates/stage/talks.py")),
            ("documents.jsonl", include_str!("../../../../examples/templates/stage/documents.jsonl")),
        ],
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
    let Some(Template { name, needs, text, files, .. }) = template else {
        return Err(Failure::new(format!("there is no template `{}`", arguments.template))
            .help("`llmp init --list` lists them"));
    };
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.llmp")));
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut all = vec![(path.clone(), *text)];
    all.extend(files.iter().map(|(name, text)| (folder.join(name), *text)));
    // All or none: nobody's files are mixed with those of a template.
    if let Some((taken, _)) = all.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(Failure::new(format!("`{}` exists already", taken.display())).help(
            match taken == &path {
                true => "choose another name with `--out FILE`",
                false => "choose another folder with `--out FOLDER/FILE`",
            },
        ));
    }
    for (path, text) in &all {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            Failure::new(format!("cannot write `{}`: {error}", path.display()))
                .help("choose another name with `--out FILE`")
        })?;
    }
    let path = path.display();
    writeln!(out, "wrote {path}, which reads {needs}")?;
    writeln!(out, "next: `llmp plan {path}` and `llmp run {path}`")?;
    Ok(0)
}
