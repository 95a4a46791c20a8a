//! Plans for programs; the forms are described in `spec/`.

use llmp_compiler::graph::{FileSet, Graph, Input, Producer, Setting, Source};
use llmp_compiler::plan::{Decision, Reason};
use llmp_planning::{Action, Latest, Row, Upgrade, reasons};
use llmp_records::text;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::super::pipeline::Pipeline;
use super::super::planned::fingerprint;
use super::{outcomes, why};

/// The plan as JSON; the form is described in `spec/`.
pub(in crate::commands) fn as_json(
    pipeline: &Pipeline,
    rows: &[Row],
    kept: &[Upgrade],
    gates: &[Latest<'_>],
) -> Value {
    let compilation = &pipeline.compilation;
    let stages: Vec<_> = rows
        .iter()
        .map(|row| {
            let stage = compilation.graph.stage(row.id);
            let word = row.action().word();
            let mut value = json!({"name": stage.name, "stage": stage.kind, "action": word,
                "place": compilation.sources.place(stage.span)});
            let Some(fields) = value.as_object_mut() else { return value };
            if let Some(upgrade) = kept.iter().find(|upgrade| upgrade.stage == row.id) {
                fields.insert("kept".into(), json!(upgrade.kept()));
            }
            match &row.decision {
                Decision::Cached { key, artifact } => {
                    fields.insert("key".into(), json!(key.digest));
                    fields.insert("artifact".into(), json!(artifact));
                }
                Decision::Run { key, reasons, may_skip, shards } => {
                    fields.insert("key".into(), json!(key.as_ref().map(|key| key.digest)));
                    fields.insert("may_skip".into(), json!(may_skip));
                    fields.insert(
                        "shards".into(),
                        json!(shards.map(|(run, all)| json!({"run": run, "all": all}))),
                    );
                    let reasons: Vec<_> =
                        reasons.iter().map(|reason| reason_json(reason, pipeline)).collect();
                    fields.insert("reasons".into(), json!(reasons));
                    let estimate = &row.estimate;
                    fields.insert(
                        "estimate".into(),
                        json!({"seconds": estimate.seconds, "band": estimate.band, "basis": estimate.basis,
                            "work": estimate.work, "memory": estimate.memory, "disk": estimate.disk,
                            "data_tokens": estimate.data, "epochs": estimate.epochs, "follows": estimate.follows}),
                    );
                    if let Some(fetch) = &row.fetch {
                        fields.insert(
                            "fetch".into(),
                            json!({"files": fetch.files, "bytes": fetch.bytes, "usual": fetch.usual,
                                "seconds": fetch.seconds()}),
                        );
                    }
                    if let Some(stem) = &row.goes_on {
                        fields.insert(
                            "goes_on_from".into(),
                            json!({"step": stem.from.step, "steps": stem.steps, "run": stem.from.run}),
                        );
                    }
                    if let Some(saved) = &row.saved {
                        fields
                            .insert("goes_on_from".into(), json!({"step": saved.step, "steps": saved.steps}));
                    }
                }
                Decision::Blocked(_) => {
                    fields.insert("blocked".into(), json!(why(row, pipeline, true).first()));
                }
            }
            value
        })
        .collect();
    let count = |action: Action| rows.iter().filter(|row| row.action() == action).count();
    let gates: Vec<Value> = outcomes(pipeline, gates)
        .into_iter()
        .map(|(one, current)| {
            let mut value = json!(one);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("current".into(), json!(current));
            }
            value
        })
        .collect();
    json!({
        "format_version": 1,
        "pipeline": text::path(&pipeline.main),
        "profiles": pipeline.profiles,
        "targets": pipeline.targets,
        "fingerprint": fingerprint(pipeline, rows),
        "cached": count(Action::Cached), "rerun": count(Action::Rerun), "new": count(Action::New),
        "blocked": count(Action::Blocked),
        "gates": gates,
        "stages": stages,
    })
}

fn reason_json(reason: &Reason, pipeline: &Pipeline) -> Value {
    let compilation = &pipeline.compilation;
    let text = reasons::text(reason);
    let place = reasons::place(reason, &compilation.sources);
    match reason {
        Reason::Changed { name, old, new, .. } => {
            json!({"kind": "changed", "name": name, "old": old, "new": new, "place": place, "text": text,
                   "root": reason.is_root()})
        }
        Reason::Waits { stage } => {
            json!({"kind": "waits", "stage": stage, "text": text, "root": false})
        }
        Reason::Fetches => json!({"kind": "fetches", "text": text, "root": false}),
        Reason::New => json!({"kind": "new", "text": text, "root": true}),
        Reason::Lost => json!({"kind": "lost", "text": text, "root": true}),
        Reason::Forced => json!({"kind": "forced", "text": text, "root": true}),
    }
}

/// The lowered pipeline as it stands in JSON; the form is described in `spec/`.
#[derive(Serialize)]
pub(in crate::commands) struct Lowered<'p> {
    format_version: u32,
    stages: Vec<LoweredStage<'p>>,
}

#[derive(Serialize)]
struct LoweredStage<'p> {
    name: &'p str,
    stage: &'p str,
    epoch: u32,
    inputs: Vec<LoweredInput<'p>>,
    #[serde(serialize_with = "by_name")]
    settings: &'p [Setting],
    output: String,
}

#[derive(Serialize)]
struct LoweredInput<'p> {
    role: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Value>,
}

fn by_name<S: Serializer>(settings: &[Setting], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|setting| (&setting.name, &setting.value)))
}

/// The lowered pipeline, for JSON.
pub(in crate::commands) fn lowered(pipeline: &Pipeline) -> Lowered<'_> {
    let graph = &pipeline.compilation.graph;
    let stages = graph.stages.iter().map(|stage| LoweredStage {
        name: &stage.name,
        stage: &stage.kind,
        epoch: stage.epoch,
        inputs: stage.inputs.iter().map(|input| lowered_input(graph, input)).collect(),
        settings: &stage.settings,
        output: graph.type_of(stage),
    });
    Lowered { format_version: 1, stages: stages.collect() }
}

fn lowered_input<'p>(graph: &'p Graph, input: &'p Input) -> LoweredInput<'p> {
    let (stage, files) = match &input.from {
        Producer::Stage(from) => (Some(graph.stage(*from).name.as_str()), None),
        Producer::Files(files) => (None, Some(files_json(files))),
    };
    LoweredInput { role: &input.role, stage, files }
}

/// A pattern as a text, several as a list; what the lock file holds as what is asked of it.
fn files_json(files: &FileSet) -> Value {
    match &files.source {
        Source::Patterns(patterns) => match patterns.as_slice() {
            [one] => json!(one),
            many => json!(many),
        },
        Source::Lock(request) => json!({"lock": request}),
    }
}
