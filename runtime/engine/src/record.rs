//! How a run ended, for its record.

use llmp_compiler::graph::{Graph, Producer, Stage};
use llmp_records::{Run, RunStatus, StageRun, StageStatus};

use super::outcome::{StageOutcome, Status};

/// Notes in `run` how it ended, after `seconds` of wall-clock time.
pub(super) fn end(run: &mut Run, graph: &Graph, ended: &[StageOutcome], stopped: bool, seconds: f64) {
    let failed = ended.iter().any(|end| matches!(end.status, Status::Failed { .. }));
    run.status = if failed {
        RunStatus::Failed
    } else if stopped {
        RunStatus::Stopped
    } else {
        RunStatus::Done
    };
    run.seconds = seconds;
    run.stages = graph.stages.iter().zip(ended).map(|(stage, end)| stage_run(graph, stage, end)).collect();
}

fn stage_run(graph: &Graph, stage: &Stage, end: &StageOutcome) -> StageRun {
    let (status, message, seconds) = match &end.status {
        Status::Cached => (StageStatus::Cached, None, None),
        Status::Skipped => (StageStatus::Skipped, None, None),
        Status::Ran { seconds, .. } => (StageStatus::Ran, None, Some(*seconds)),
        Status::Failed { message, .. } => (StageStatus::Failed, Some(message.clone()), None),
        Status::Blocked(message) => (StageStatus::Blocked, Some(message.clone()), None),
        Status::Stopped => (StageStatus::Stopped, None, None),
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
        status,
        message,
        key: end.key,
        artifact: end.artifact,
        seconds,
        remarks: 0,
        inputs: inputs.collect(),
        kept: None,
    }
}
