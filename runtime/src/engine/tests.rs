//! The engine on small graphs of trivial stages: what is planned is what runs, nothing finished is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use llmp_compiler::graph::{Graph, Input, Producer, Setting, Stage, StageId};
use llmp_compiler::plan::{Decision, plan};
use llmp_compiler::source::Span;
use llmp_stage::{Context, Error, Result, stage};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::{Ended, Engine, Past, RunOptions, Status};
use crate::library::Implementations;
use crate::progress::Screen;
use crate::store::Store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Goes into the output.
    value: u64,
    /// Makes the output the same whatever the inputs are.
    constant: bool,
    /// Makes the stage fail; no part of the key.
    fail: bool,
}

fn make(ctx: &dyn Context, settings: Settings) -> Result<()> {
    if settings.fail {
        return Err(Error::new("asked to fail"));
    }
    let mut text = format!("{}", settings.value);
    if settings.constant {
        text = "constant".into();
    } else {
        for input in ctx.inputs("from") {
            for file in &input.files {
                text += &format!(" {}", file.digest);
            }
        }
    }
    let path = ctx.output().join("out.txt");
    std::fs::write(&path, text).map_err(Error::io("cannot write", &path))
}

/// Copies each shard's file, upper-cased, under the shard's name.
fn shout(ctx: &dyn Context, _: serde_json::Value) -> Result<()> {
    for file in &ctx.input("from")?.files {
        let text = std::fs::read_to_string(&file.path).map_err(Error::io("cannot read", &file.path))?;
        let name = file.digest.get(..16).unwrap_or_default();
        let path = ctx.output().join(format!("{name}.txt"));
        std::fs::write(&path, text.to_uppercase()).map_err(Error::io("cannot write", &path))?;
        ctx.count("documents", 1);
    }
    Ok(())
}

fn setting(name: &str, value: serde_json::Value) -> Setting {
    Setting { name: name.into(), value, runtime: name == "fail", path: false, span: None }
}

fn node(name: &str, from: &[u32], value: u64, constant: bool, fail: bool) -> Stage {
    let input =
        |&id: &u32| Input { role: "from".into(), from: Producer::Stage(StageId(id)), span: Span::default() };
    Stage {
        name: name.into(),
        kind: "test.make".into(),
        epoch: 1,
        settings: vec![
            setting("constant", json!(constant)),
            setting("fail", json!(fail)),
            setting("value", json!(value)),
        ],
        inputs: from.iter().map(input).collect(),
        output: "Docs".into(),
        per_shard: None,
        resumes: false,
        command: None,
        span: Span::default(),
    }
}

fn graph(stages: Vec<Stage>) -> Graph {
    Graph { stages, ..Graph::default() }
}

fn run(root: &Path, graph: &Graph) -> (Vec<Decision>, Vec<Ended>) {
    let store = Arc::new(Store::open(&root.join(".llmp")).expect("open the store"));
    let past = Past::open(Arc::clone(&store), &root.join("main.llmp")).expect("open the past");
    let decisions = plan(graph, &past, &|_| false);
    let (number, run_folder) = store.new_run().expect("make the run's folder");
    std::fs::create_dir_all(run_folder.join("logs")).expect("make the logs' folder");
    let options = RunOptions {
        jobs: 2,
        threads: 1,
        keep_going: true,
        retries: 0,
        forced: vec![],
        device: "cpu".into(),
        run: number,
        run_folder,
        folder: root.to_owned(),
    };
    let implementations = Implementations::of(vec![stage("test.make", make), stage("test.shout", shout)]);
    let (screen, stop) = (Screen::new(false, true), AtomicBool::new(false));
    let engine = Engine {
        graph,
        past: &past,
        implementations: &implementations,
        screen: &screen,
        stop: &stop,
        options: &options,
    };
    let ended = engine.run();
    past.save().expect("save the past");
    (decisions, ended)
}

fn ran(ended: &[Ended]) -> Vec<usize> {
    let ran = |end: &Ended| matches!(end.status, Status::Ran { .. });
    ended.iter().enumerate().filter(|(_, end)| ran(end)).map(|(index, _)| index).collect()
}

#[test]
fn an_edit_runs_what_depends_on_it_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let stages = |value| {
        graph(vec![
            node("a", &[], 1, false, false),
            node("b", &[0], value, false, false),
            node("c", &[0], 3, false, false),
            node("d", &[1, 2], 4, false, false),
        ])
    };
    assert_eq!(ran(&run(root.path(), &stages(2)).1), [0, 1, 2, 3]);
    assert_eq!(ran(&run(root.path(), &stages(2)).1), [0_usize; 0]);
    assert_eq!(ran(&run(root.path(), &stages(5)).1), [1, 3]);
    assert_eq!(ran(&run(root.path(), &stages(2)).1), [0_usize; 0], "going back is free");
}

#[test]
fn equal_output_stops_the_run_there() {
    let root = tempfile::tempdir().unwrap();
    let stages = |value| graph(vec![node("a", &[], value, true, false), node("b", &[0], 1, false, false)]);
    run(root.path(), &stages(1));
    let (decisions, ended) = run(root.path(), &stages(2));
    assert!(matches!(decisions[1], Decision::Run { may_skip: true, .. }));
    assert_eq!(ran(&ended), [0]);
    assert!(matches!(ended[1].status, Status::Skipped));
}

#[test]
fn a_failure_keeps_what_was_finished() {
    let root = tempfile::tempdir().unwrap();
    let stages = |fail| {
        graph(vec![
            node("a", &[], 1, false, false),
            node("b", &[0], 2, false, fail),
            node("c", &[1], 3, false, false),
            node("d", &[0], 4, false, false),
        ])
    };
    let (_, ended) = run(root.path(), &stages(true));
    assert_eq!(ran(&ended), [0, 3]);
    assert!(matches!(&ended[1].status, Status::Failed { message, .. } if message == "asked to fail"));
    assert!(matches!(ended[2].status, Status::Blocked(_)));
    assert_eq!(ran(&run(root.path(), &stages(false)).1), [1, 2]);
}

#[test]
fn only_new_shards_run() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    let sharded = |from: Producer, name: &str| {
        let mut stage = node(name, &[], 0, false, false);
        stage.kind = "test.shout".into();
        stage.settings.clear();
        stage.per_shard = Some("from".into());
        stage.inputs = vec![Input { role: "from".into(), from, span: Span::default() }];
        stage
    };
    let graph = graph(vec![
        sharded(Producer::Files("in/*".into()), "first"),
        sharded(Producer::Stage(StageId(0)), "second"),
    ]);
    let shards = |ended: &[Ended]| -> Vec<_> {
        ended
            .iter()
            .map(|end| match end.status {
                Status::Ran { shards, .. } => shards,
                _ => None,
            })
            .collect()
    };
    assert_eq!(shards(&run(root.path(), &graph).1), [Some((3, 3)), Some((3, 3))]);
    std::fs::write(folder.join("0 new"), "d").unwrap();
    std::fs::rename(folder.join("a"), folder.join("renamed")).unwrap();
    let (decisions, ended) = run(root.path(), &graph);
    assert!(matches!(decisions[0], Decision::Run { shards: Some((1, 4)), .. }), "{:?}", decisions[0]);
    assert_eq!(shards(&ended), [Some((1, 4)), Some((1, 4))]);
    std::fs::remove_file(folder.join("b")).unwrap();
    assert_eq!(shards(&run(root.path(), &graph).1), [Some((0, 3)), Some((0, 3))]);
}

#[test]
fn a_removed_result_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![node("a", &[], 1, false, false), node("b", &[0], 2, false, false)]);
    let (_, ended) = run(root.path(), &graph);
    let store = Store::open(&root.path().join(".llmp")).unwrap();
    std::fs::remove_file(store.objects.path(&ended[0].artifact.unwrap())).unwrap();
    assert_eq!(ran(&run(root.path(), &graph).1), [0]);
}

#[derive(Clone, Debug)]
struct Plan {
    edges: Vec<Vec<u32>>,
    edits: Vec<(usize, u64, bool, bool)>,
}

fn plans() -> impl Strategy<Value = Plan> {
    (2_usize..9).prop_flat_map(|count| {
        let edges = (0..count as u32).map(|id| {
            proptest::collection::btree_set(0..id.max(1), 0..3).prop_map(move |set: BTreeSet<u32>| {
                set.into_iter().filter(|&from| from < id).collect::<Vec<_>>()
            })
        });
        let edit = (0..count, 0_u64..3, any::<bool>(), prop::bool::weighted(0.2));
        (edges.collect::<Vec<_>>(), proptest::collection::vec(edit, 1..6))
            .prop_map(|(edges, edits)| Plan { edges, edits })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What runs was planned; what was planned and did not run was announced as such, or lies behind a failure.
    #[test]
    fn planned_is_executed(case in plans()) {
        let root = tempfile::tempdir().unwrap();
        let mut stages: Vec<_> =
            case.edges.iter().enumerate().map(|(id, from)| node(&format!("s{id}"), from, 10 * id as u64, false, false)).collect();
        for &(id, value, constant, fail) in &case.edits {
            let from = case.edges[id].clone();
            // Equal stages are one node after lowering; here each has values of its own.
            stages[id] = node(&format!("s{id}"), &from, 10 * id as u64 + value, constant, fail);
            let graph = graph(stages.clone());
            let (decisions, ended) = run(root.path(), &graph);
            for (decision, end) in decisions.iter().zip(&ended) {
                let agrees = match &end.status {
                    Status::Ran { .. } | Status::Failed { .. } => matches!(decision, Decision::Run { .. }),
                    Status::Cached | Status::Skipped => {
                        matches!(decision, Decision::Cached { .. } | Decision::Run { key: None, .. })
                    }
                    Status::Blocked(_) | Status::Stopped => {
                        matches!(decision, Decision::Run { .. } | Decision::Blocked(_))
                    }
                };
                prop_assert!(agrees, "planned {decision:?}, got {end:?}");
            }
            if ended.iter().all(|end| end.artifact.is_some()) {
                let (again, _) = run(root.path(), &graph);
                let done = again.iter().all(|decision| matches!(decision, Decision::Cached { .. }));
                prop_assert!(done, "{again:?}");
            }
        }
    }
}
