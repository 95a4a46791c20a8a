//! Pipelines to start from, each with a little data where its readers rarely have some in the right form.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::files::{self, File};
use crate::commands::{Failure, Outcome};

/// A pipeline that is copied.
pub(super) struct Template {
    name: &'static str,
    summary: &'static str,
    /// What it reads, all beside it.
    needs: &'static str,
    text: &'static str,
    /// What of that comes with it.
    data: &'static [File],
}

macro_rules! template {
    ($name:literal, $summary:literal, $needs:literal $(, $file:literal)*) => {
        Template {
            name: $name,
            summary: $summary,
            needs: $needs,
            text: include_str!(concat!("../../../../../examples/templates/", $name, ".llmp")),
            data: &[$(($file, include_bytes!(concat!("../../../../../examples/templates/", $file)))),*],
        }
    };
}

const TEMPLATES: [Template; 3] = [
    template!("assistant", "from WARC files to an assistant (the default)", "data/*.warc.gz, conversations.jsonl, probe.jsonl and eval.jsonl"),
    template!("base", "from WARC files to a base model", "data/*.warc.gz"),
    template!("clean", "from WARC files to clean Parquet documents", "data/*.warc.gz"),
];

/// Names and summaries.
pub(super) fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATES.iter().map(|template| (template.name, template.summary))
}

pub(super) fn named(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

impl Template {
    /// Writes the pipeline to `out`, and its data beside it.
    pub(super) fn write(&self, out: Option<&Path>) -> Outcome {
        let Self { name, needs, text, data, .. } = self;
        let path = out.map_or_else(|| PathBuf::from(format!("{name}.llmp")), Path::to_owned);
        let folder = path.parent().unwrap_or(Path::new("."));
        files::write_one_new(&path, text.as_bytes())?;
        files::write_new(folder, data).inspect_err(|_: &Failure| {
            // All or nothing: it was written a moment ago, and by us.
            let _ = std::fs::remove_file(&path);
        })?;
        let mut out = crate::output::stdout();
        let path = path.display();
        match data {
            [] => writeln!(out, "wrote {path}, which reads {needs}: put yours there")?,
            _ => writeln!(out, "wrote {path} and what it reads, {needs}: put yours in its place")?,
        }
        writeln!(out, "next: `llmp plan {path}` and `llmp run {path}`")?;
        Ok(0)
    }
}
