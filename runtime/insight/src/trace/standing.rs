//! A pipeline as its results stand, whichever pipeline's run made them.

use std::path::Path;

use llmp_compiler::graph::{Graph, Producer, Stage};
use llmp_compiler::plan::Decision;
use llmp_planning::Row;
use llmp_records::{Run, StageRun};

/// What a run would find there already; its number is 0, for it is none.
#[must_use]
pub fn standing(main: &Path, graph: &Graph, rows: &[Row]) -> Run {
    let stages = rows.iter().map(|row| {
        let stage = graph.stage(row.id);
        let (key, artifact) = match &row.decision {
            Decision::Cached { key, artifact } => (Some(key.digest), Some(*artifact)),
            Decision::Run { .. } | Decision::Blocked(_) => (None, None),
        };
        StageRun {
            name: stage.name.clone(),
            kind: stage.kind.clone(),
            output: graph.artifact_type(stage),
            key,
            artifact,
            inputs: inputs(graph, stage),
            ..StageRun::default()
        }
    });
    Run { pipeline: main.to_owned(), stages: stages.collect(), ..Run::default() }
}

fn inputs(graph: &Graph, stage: &Stage) -> Vec<(String, String)> {
    let from = |from: &Producer| match from {
        Producer::Stage(from) => graph.stage(*from).name.clone(),
        Producer::Files(pattern) => format!("\"{pattern}\""),
    };
    stage.inputs.iter().map(|input| (input.role.clone(), from(&input.from))).collect()
}
