//! `llmp init [TEMPLATE]`: a commented pipeline to start from.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

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
    if missing.is_empty() {
        writeln!(out, "next: `llmp plan {path}` and `llmp run {path}`")?;
    } else {
        writeln!(out, "put these beside it first, or change the names in it to those of files you have:")?;
        for pattern in missing {
            writeln!(out, "  {pattern}  {}", what_it_is(pattern))?;
        }
        writeln!(out, "then: `llmp plan {path}` and `llmp run {path}`")?;
    }
    Ok(0)
}

/// The files that a template reads: its texts that look like paths.
fn reads(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let texts = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    texts.filter(|text| {
        [".gz", ".jsonl", ".json", ".parquet", ".html", ".txt"].iter().any(|end| text.ends_with(end))
    })
}

/// Whether a file that a pattern names lies below the folder; of a pattern with `*`, whether its folder holds any file.
fn is_there(folder: &Path, pattern: &str) -> bool {
    let path = folder.join(pattern);
    match pattern.contains('*') {
        false => path.exists(),
        true => path.parent().is_some_and(|parent| {
            std::fs::read_dir(parent).is_ok_and(|mut entries| entries.next().is_some())
        }),
    }
}

/// What should stand in a file, in a few words.
fn what_it_is(pattern: &str) -> &'static str {
    match pattern {
        _ if pattern.contains(".warc") => {
            "crawled pages; `crawl.html(\"pages\")` reads plain HTML files instead"
        }
        _ if pattern.contains("conversation") => {
            "a conversation a line: {\"messages\": [{\"role\": \"user\", \"content\": …}, …]}"
        }
        _ if pattern.contains("probe") || pattern.contains("eval") => {
            "a question a line: {\"id\", \"question\", \"answer\", \"values\"}"
        }
        _ => "your own files",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_reads_is_found_in_its_text() {
        let files: Vec<&str> = TEMPLATES.iter().flat_map(|template| reads(template.text)).collect();
        assert!(files.contains(&"data/*.warc.gz"), "{files:?}");
        for Template { needs, text, .. } in TEMPLATES {
            for file in reads(text) {
                assert!(needs.contains(file), "{file} is not among {needs}");
            }
        }
    }
}
