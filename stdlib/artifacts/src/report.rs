//! The Report artifact: what an evaluation found, for programs and for people.

use std::fs;
use std::path::Path;

use llmp_stage::{Error, Form, Input, Result, View, Views};
use serde::Serialize;

/// Writes a Report: `report.json` for programs, and `report.md`, a page in Markdown for people.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path, report: &impl Serialize, page: &str) -> Result<()> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| Error::new("cannot write the report").because(error))?;
    for (name, text) in [("report.json", json + "\n"), ("report.md", page.to_owned())] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io("cannot write", &path))?;
    }
    Ok(())
}

/// What Report artifacts are on disk.
pub struct Report;

impl Form for Report {
    fn kind(&self) -> &'static str {
        "Report"
    }

    fn expected(&self) -> &'static str {
        "`report.json` and `report.md`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        let path = written.folder().join("report.json");
        let text = fs::read(&path).map_err(Error::io("cannot read", &path))?;
        serde_json::from_slice::<serde_json::Value>(&text)
            .map_err(|error| Error::new("`report.json` is not JSON").because(error))?;
        let path = written.folder().join("report.md");
        fs::read_to_string(&path).map(drop).map_err(Error::io("cannot read", &path))
    }

    /// One row: the page.
    fn views(&self, artifact: &Input) -> Result<Views> {
        let (json, page) = (&artifact.file("report.json")?.path, &artifact.file("report.md")?.path);
        let text = fs::read_to_string(page).map_err(Error::io("cannot read", page))?;
        let json = fs::read(json).map_err(Error::io("cannot read", json))?;
        let json = serde_json::from_slice(&json)
            .map_err(|error| Error::new("`report.json` is not JSON").because(error))?;
        Ok(Box::new(std::iter::once(Ok(View::new("report.md", json).text(text)))))
    }
}
