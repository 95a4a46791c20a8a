//! The Report artifact: what an evaluation found, for programs and for people.

use std::fs;

use llmp_stage::{Error, Form, Input, Result};

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
}
