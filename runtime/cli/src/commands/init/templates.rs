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

/// A pipeline of `examples/templates`, with files of that folder beside it.
macro_rules! template {
    ($name:literal, $summary:literal, $needs:literal, $data:expr) => {
        Template {
            name: $name,
            summary: $summary,
            needs: $needs,
            text: include_str!(concat!("../../../../../examples/templates/", $name, ".llmp")),
            data: $data,
        }
    };
}

macro_rules! carried {
    ($from:literal: $($file:literal)*) => {
        &[$(($file, include_bytes!(concat!("../../../../../", $from, $file)))),*]
    };
}

#[rustfmt::skip]
const TEMPLATES: [Template; 8] = [
    template!("assistant", "from WARC files to an assistant (the default)", "data/*.warc.gz, conversations.jsonl, probe.jsonl and eval.jsonl", &[]),
    template!("base", "from WARC files to a base model", "data/*.warc.gz", &[]),
    template!("clean", "from WARC files to clean Parquet documents", "data/*.warc.gz", &[]),
    template!("text", "from text files to a small base model", "texts/*.md", SPECIFICATION),
    template!("html", "from HTML files to clean Parquet documents", "pages/*.html", PAGES),
    template!("jsonl", "from documents in JSON lines to a small base model", "documents.jsonl", DOCUMENTS),
    template!("chat", "from documents and conversations to a small chat model", "documents.jsonl and conversations.jsonl", TALKS),
    template!("stage", "stages of your own in Python", "documents.jsonl, and runs clean.py and talks.py", STAGE),
];

/// Text of our own, and enough of it.
const SPECIFICATION: &[File] = &[
    ("texts/lexical.md", include_bytes!("../../../../../spec/1-lexical.md")),
    ("texts/grammar.md", include_bytes!("../../../../../spec/2-grammar.md")),
    ("texts/types-and-units.md", include_bytes!("../../../../../spec/3-types-and-units.md")),
    ("texts/evaluation.md", include_bytes!("../../../../../spec/4-evaluation.md")),
    ("texts/keys.md", include_bytes!("../../../../../spec/5-keys.md")),
    ("texts/signatures.md", include_bytes!("../../../../../spec/6-signatures.md")),
    ("texts/formats.md", include_bytes!("../../../../../spec/8-formats.md")),
];

const DOCUMENTS: &[File] = carried!("examples/templates/": "documents.jsonl");

const TALKS: &[File] = carried!("examples/templates/": "documents.jsonl" "conversations.jsonl");

const STAGE: &[File] = carried!("examples/templates/stage/": "documents.jsonl" "clean.py" "talks.py");

/// Pages of the main example.
#[rustfmt::skip]
const PAGES: &[File] = carried!("examples/templates/":
    "pages/page-00.html" "pages/page-01.html" "pages/page-02.html" "pages/page-03.html"
    "pages/page-04.html" "pages/page-05.html" "pages/page-06.html" "pages/page-07.html"
    "pages/page-08.html" "pages/page-09.html" "pages/page-10.html" "pages/page-11.html"
    "pages/page-12.html" "pages/page-13.html" "pages/page-14.html" "pages/page-15.html"
    "pages/page-16.html" "pages/page-17.html" "pages/page-18.html" "pages/page-19.html"
    "pages/page-20.html" "pages/page-21.html" "pages/page-22.html" "pages/page-23.html"
);

/// Names and summaries.
pub(super) fn list() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
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
            [] => writeln!(out, "wrote {path}, which reads {needs}")?,
            _ => writeln!(out, "wrote {path} and what it reads, {needs}: put yours in its place")?,
        }
        let missing: Vec<&str> = reads(self.text).filter(|pattern| !is_there(folder, pattern)).collect();
        if missing.is_empty() {
            writeln!(out, "next: `llmp plan {path}` and `llmp run {path}`")?;
            return Ok(0);
        }
        writeln!(out, "put these beside it first, or change the names in it to those of files you have:")?;
        for pattern in missing {
            writeln!(out, "  {pattern}  {}", what_it_is(pattern))?;
        }
        writeln!(out, "then: `llmp plan {path}` and `llmp run {path}`")?;
        Ok(0)
    }
}

/// The files that a template reads: its texts that look like paths.
fn reads(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let texts = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    texts.filter(|text| {
        [".gz", ".jsonl", ".json", ".parquet", ".html", ".md", ".txt"].iter().any(|end| text.ends_with(end))
    })
}

/// Whether a file that a pattern names lies below the folder; of a pattern with `*`, whether its folder holds
/// any file.
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
