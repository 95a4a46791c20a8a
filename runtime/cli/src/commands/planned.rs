//! A plan that was kept in a file: what it says will happen, and whether that is still so.

use std::path::{Path, PathBuf};

use llmp_compiler::key::{Hasher, recipe};
use llmp_compiler::plan::Decision;
use llmp_planning::Row;
use serde::Deserialize;

use super::Failure;
use super::pipeline::Pipeline;

/// What is read of a file that `llmp plan --out` wrote.
pub(super) struct Planned {
    file: PathBuf,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    fingerprint: String,
    #[serde(default)]
    targets: Vec<String>,
}

impl Planned {
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", file.display())))?;
        let content = serde_json::from_str(&text)
            .map_err(|_| Failure::new(format!("`{}` is no plan", file.display())))?;
        Ok(Self { file: file.to_owned(), content })
    }

    /// The part of the pipeline that was planned. `asked` are the targets on the command line, which a plan
    /// needs none of: it remembers its own.
    pub(super) fn part_of(&self, pipeline: Pipeline, asked: &[String]) -> Result<Pipeline, Failure> {
        let targets = &self.content.targets;
        let part = match asked {
            // What was planned may be gone from the program.
            [] => pipeline.up_to(targets).map_err(|_| self.stale())?,
            asked => pipeline.up_to(asked)?,
        };
        if part.targets == *targets {
            return Ok(part);
        }
        let planned = if targets.is_empty() { "all of the pipeline".to_owned() } else { targets.join(", ") };
        Err(Failure::new(format!("the plan `{}` is for {planned}", self.file.display()))
            .help("leave out `--to`: a plan remembers how far it goes"))
    }

    /// Fails where something else would happen now.
    pub(super) fn refuse_stale(&self, pipeline: &Pipeline, rows: &[Row]) -> Result<(), Failure> {
        if fingerprint(pipeline, rows) == self.content.fingerprint { Ok(()) } else { Err(self.stale()) }
    }

    fn stale(&self) -> Failure {
        let file = self.file.display();
        Failure::new(format!("the plan `{file}` is stale: something changed since it was made"))
            .help("look at the new one: `llmp plan --out FILE`")
    }
}

/// A digest of everything a plan says will happen: a stale plan has another.
pub(super) fn fingerprint(pipeline: &Pipeline, rows: &[Row]) -> String {
    let mut hasher = Hasher::new("llmp plan 1");
    for row in rows {
        let stage = pipeline.compilation.graph.stage(row.id);
        hasher.text(&stage.name);
        for component in recipe(stage) {
            hasher.text(&component.name.text()).digest(&component.digest);
        }
        match &row.decision {
            Decision::Cached { key, .. } => hasher.text("cached").digest(&key.digest),
            Decision::Run { key: Some(key), .. } => hasher.text("run").digest(&key.digest),
            Decision::Run { key: None, .. } => hasher.text("waits"),
            Decision::Blocked(_) => hasher.text("blocked"),
        };
    }
    hasher.finish().hex()
}
