//! How a run ended, for its record.

use llmp_compiler::graph::{Graph, Producer, Stage};
use llmp_records::{Run, StageRun};

use super::outcome::{StageOutcome, Status};

/// Notes in `run` how it ended, after `seconds` of wall-clock time.
pub(super) fn end(run: &mut Run, graph: &Graph, ended: &[StageOutcome], stopped: bool, seconds: f64) {
    let failed = ended.iter().any(|end| matches!(end.status, Status::Failed { .. }));
    run.status = if failed {
        "failed"
    } else if stopped {
        "stopped"
    } else {
        "done"
    }
    .into();
    run.seconds = seconds;
    run.stages = graph.stages.iter().zip(ended).map(|(stage, end)| stage_run(graph, stage, end)).collect();
}

fn stage_run(graph: &Graph, stage: &Stage, end: &StageOutcome) -> StageRun {
    let (status, message, seconds) = match &end.status {
        Status::Cached => ("cached", None, None),
        Status::Skipped => ("skipped", None, None),
        Status::Ran { seconds, .. } => ("ran", None, Some(*seconds)),
        Status::Failed { message, .. } => ("failed", Some(message.clone()), None),
        Status::Blocked(message) => ("blocked", Some(message.clone()), None),
        Status::Stopped => ("stopped", None, None),
    };
    let inputs = stage.inputs.iter().map(|input| {
        let from = match &input.from {
            Producer::Stage(from) => graph.stage(*from).name.clone(),
            Producer::Files(files) => files.quoted(),
        };
        (input.role.clone(), from)
    });
    StageRun {
        name: stage.name.clone(),
        kind: stage.kind.clone(),
        output: graph.artifact_type(stage),
        status: status.into(),
        message,
        key: end.key,
        artifact: end.artifact,
        seconds,
        inputs: inputs.collect(),
    }
}
