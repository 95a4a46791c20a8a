//! The engine on small graphs of trivial stages: what is planned is what runs, nothing finished is lost.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::graph::{
    Amounts, DeviceKind, Devices, FileSet, Graph, Input, Needs, Output, Producer, Setting, Stage, StageId,
};
use llmp_compiler::plan::{Decision, plan};
use llmp_compiler::source::{Sources, Span};
use llmp_planning::Past;
use llmp_records::{LogEntry, RunStatus};
use llmp_stage::{Bar, Context, Error, Registry, Result, stage};
use llmp_store::{Ledger, Store};
use serde::Deserialize;
use serde_json::{Value, json};

mod inline;
mod planned;
mod remarks;

use super::{Counts, Observer, Program, RunOptions, Session, StageOutcome, Status, Unwatched, nothing_to_do};

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

/// Copies each shard's file, upper-cased, under the shard's name; fails where it reads "bad".
fn shout(ctx: &dyn Context, _: serde_json::Value) -> Result<()> {
    for file in &ctx.input("from")?.files {
        let text = std::fs::read_to_string(&file.path).map_err(Error::io("cannot read", &file.path))?;
        if text == "bad" {
            return Err(Error::new("asked to fail"));
        }
        let name = file.digest.get(..16).unwrap_or_default();
        let path = ctx.output().join(format!("{name}.txt"));
        std::fs::write(&path, text.to_uppercase()).map_err(Error::io("cannot write", &path))?;
        ctx.count("documents", 1);
    }
    Ok(())
}

/// Writes the kinds of its inputs.
fn tell_kinds(ctx: &dyn Context, _: Value) -> Result<()> {
    let kinds: Vec<&str> =
        ctx.inputs("from").iter().map(|input| input.kind.as_deref().unwrap_or("?")).collect();
    let path = ctx.output().join("out.txt");
    std::fs::write(&path, kinds.join(" ")).map_err(Error::io("cannot write", &path))
}

/// Goes on with work of which an earlier attempt did a part.
fn resume(ctx: &dyn Context, _: serde_json::Value) -> Result<()> {
    ctx.resumed(100.0);
    ctx.measure("loss", 2.5);
    ctx.measure("loss, nowhere", f64::NAN);
    let path = ctx.output().join("out.txt");
    std::fs::write(&path, "done").map_err(Error::io("cannot write", &path))
}

/// Writes the lines of all files of the shard to one, which is called after the shard; fails where one reads
/// "bad".
fn join(ctx: &dyn Context, _: serde_json::Value) -> Result<()> {
    let mut lines = Vec::new();
    for file in &ctx.input("from")?.files {
        let text = std::fs::read_to_string(&file.path).map_err(Error::io("cannot read", &file.path))?;
        if text == "bad" {
            return Err(Error::new(format!("{} is bad", file.name)));
        }
        lines.extend(text.lines().map(str::to_owned));
    }
    ctx.count("documents", lines.len() as u64);
    let path = ctx.output().join(format!("{}.txt", ctx.shard().expect("a shard")));
    std::fs::write(&path, lines.join("\n")).map_err(Error::io("cannot write", &path))
}

fn setting(name: &str, value: serde_json::Value) -> Setting {
    Setting { name: name.into(), value, runtime: name == "fail", path: false, span: None }
}

pub(crate) fn node(name: &str, from: &[u32], value: u64, constant: bool, fail: bool) -> Stage {
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
        output: Some(Output { kind: ArtifactKind::Docs, abilities: vec![], vocabulary: None }),
        per_shard: None,
        resumes: false,
        stem: vec![],
        needs: Needs::default(),
        amounts: Amounts::default(),
        command: None,
        command_span: None,
        jsonl: false,
        span: Span::default(),
    }
}

pub(crate) fn graph(stages: Vec<Stage>) -> Graph {
    Graph { stages, ..Graph::default() }
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) jobs: usize,
    pub(crate) keep_going: bool,
    pub(crate) retries: usize,
}

pub(crate) const HOW: How = How { jobs: 2, keep_going: true, retries: 0 };

fn run(root: &Path, graph: &Graph) -> (Vec<Decision>, Vec<StageOutcome>) {
    run_as(root, graph, HOW)
}

fn run_as(root: &Path, graph: &Graph, how: How) -> (Vec<Decision>, Vec<StageOutcome>) {
    let store = Arc::new(Store::open(&root.join(".llmp")).expect("open the store"));
    let past = Past::open(Arc::clone(&store), &root.join("main.llmp")).expect("open the past");
    let decisions = plan(graph, &past, &|_| false);
    let registry = registry();
    let main = root.join("main.llmp");
    let session =
        Session::open(program(graph, &main), &past, &registry, options(how)).expect("open the session");
    let outcome = session.run(Arc::new(Unwatched), &AtomicBool::new(false)).expect("run to the end");
    (decisions, outcome.stages)
}

pub(crate) fn registry() -> Registry {
    let stages: Vec<Box<dyn llmp_stage::Stage>> = vec![
        Box::new(stage("test.make", make)),
        Box::new(stage("test.shout", shout)),
        Box::new(stage("test.kinds", tell_kinds)),
        Box::new(stage("test.resume", resume)),
        Box::new(stage("test.join", join)),
    ];
    Registry::new(stages, vec![])
}

fn program<'a>(graph: &'a Graph, main: &'a Path) -> Program<'a> {
    let sources: &Sources = Box::leak(Box::new(Sources::default()));
    Program { graph, sources, main, profiles: &[], targets: &[] }
}

pub(crate) fn options(how: How) -> RunOptions {
    RunOptions {
        jobs: how.jobs,
        cores: 2,
        memory: None,
        keep_going: how.keep_going,
        retries: how.retries,
        strict: false,
        forced: vec![],
        kept: vec![],
        device: "cpu".into(),
        slurm: None,
        gpus: vec![],
        guard: None,
        asked: Instant::now(),
    }
}

fn ran(ended: &[StageOutcome]) -> Vec<usize> {
    let ran = |end: &StageOutcome| matches!(end.status, Status::Ran { .. });
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

/// A stage that takes documents, questions and a file of the user, and the text that it writes.
fn written(change: impl Fn(&mut Stage), gpus: &[&str]) -> String {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("words"), "some").unwrap();
    let mut questions = node("questions", &[], 2, false, false);
    questions.output = Some(Output { kind: ArtifactKind::Questions, abilities: vec![], vocabulary: None });
    let mut last = node("last", &[0, 1], 0, false, false);
    last.kind = "test.kinds".into();
    last.settings.clear();
    let from = Producer::Files(FileSet::of(["words"]));
    last.inputs.push(Input { role: "from".into(), from, span: Span::default() });
    change(&mut last);
    let graph = graph(vec![node("docs", &[], 1, false, false), questions, last]);
    let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
    let main = root.path().join("main.llmp");
    let past = Past::open(Arc::clone(&store), &main).unwrap();
    let options = RunOptions { gpus: gpus.iter().map(|gpu| (*gpu).to_owned()).collect(), ..options(HOW) };
    let registry = registry();
    let session = Session::open(program(&graph, &main), &past, &registry, options).unwrap();
    let ended = session.run(Arc::new(Unwatched), &AtomicBool::new(false)).unwrap().stages;
    let artifact = ended[2].artifact.unwrap_or_else(|| panic!("{:?}", ended[2].status));
    let manifest = store.objects.manifest(&artifact).unwrap();
    std::fs::read_to_string(store.objects.localize(&manifest.files["out.txt"].digest).unwrap()).unwrap()
}

#[test]
fn an_implementation_is_told_of_which_kind_its_inputs_are() {
    assert_eq!(written(|_| {}, &[]), "Docs Questions ?");
}

#[test]
fn a_command_is_told_kinds_and_the_gpus_it_has() {
    let command = |count: Option<u32>| {
        move |stage: &mut Stage| {
            let script = "printf '%s %s' \"$LLMP_KIND_FROM\" \"${CUDA_VISIBLE_DEVICES-none}\" > \"$LLMP_OUTPUT/out.txt\"";
            stage.kind = "my.tool".into();
            stage.command = Some(["sh", "-c", script].map(str::to_owned).to_vec());
            stage.needs.devices = count.map(|count| Devices { kind: DeviceKind::Gpu, count });
        }
    };
    assert_eq!(written(command(Some(2)), &["3", "5", "6"]), "Docs:Questions:Files 3,5");
    assert_eq!(written(command(Some(2)), &[]), "Docs:Questions:Files none", "nobody knows of any");
    assert_eq!(written(command(None), &["3"]), "Docs:Questions:Files none");
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
fn what_an_earlier_attempt_took_counts() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![Stage {
        kind: "test.resume".into(),
        settings: vec![],
        ..node("a", &[], 1, false, false)
    }]);
    let (_, ended) = run(root.path(), &graph);
    let ledger = Ledger::open(&root.path().join(".llmp/ledger")).unwrap();
    let record = ledger.record(&ended[0].key.unwrap()).unwrap().unwrap();
    assert!((100.0..130.0).contains(&record.seconds), "{}", record.seconds);
    assert_eq!(
        record.measures.into_iter().collect::<Vec<_>>(),
        [("loss".to_owned(), 2.5)],
        "what is no number is left out"
    );
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
        sharded(Producer::Files(FileSet::of(["in/*"])), "first"),
        sharded(Producer::Stage(StageId(0)), "second"),
    ]);
    let shards = |ended: &[StageOutcome]| -> Vec<_> {
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
fn many_small_files_go_together_and_one_more_costs_one_bundle() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let write =
        |number: usize| std::fs::write(folder.join(format!("{number}")), format!("text {number}")).unwrap();
    (0..300).for_each(write);
    let sharded = |from: Producer, name: &str| Stage {
        kind: "test.join".into(),
        settings: vec![],
        per_shard: Some("from".into()),
        inputs: vec![Input { role: "from".into(), from, span: Span::default() }],
        ..node(name, &[], 0, false, false)
    };
    let graph = graph(vec![
        sharded(Producer::Files(FileSet::of(["in/*"])), "first"),
        sharded(Producer::Stage(StageId(0)), "second"),
    ]);
    let shards = |ended: &[StageOutcome], stage: usize| match ended[stage].status {
        Status::Ran { shards: Some(shards), .. } => shards,
        ref status => panic!("{status:?}"),
    };
    let lines = |ended: &[StageOutcome]| {
        let store = Store::open(&root.path().join(".llmp")).unwrap();
        let list = store.objects.manifest(&ended[1].artifact.unwrap()).unwrap();
        let text =
            |file: &llmp_store::Entry| String::from_utf8(store.objects.read(&file.digest).unwrap()).unwrap();
        let mut lines: Vec<String> = list
            .files
            .values()
            .flat_map(|file| text(file).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.sort();
        lines
    };
    let expected = |count: usize| {
        let mut lines: Vec<_> = (0..count).map(|number| format!("text {number}")).collect();
        lines.sort();
        lines
    };
    let (_, ended) = run(root.path(), &graph);
    let (ran, all) = shards(&ended, 0);
    assert!(ran == all && (3..=10).contains(&all), "{ran} of {all}");
    assert_eq!(shards(&ended, 1), (ran, all), "a bundle stays a shard");
    assert_eq!(lines(&ended), expected(300));

    // One that is full falls in two.
    write(300);
    std::fs::rename(folder.join("7"), folder.join("renamed")).unwrap();
    let (_, ended) = run(root.path(), &graph);
    for stage in 0..2 {
        let (ran, all) = shards(&ended, stage);
        assert!((1..=2).contains(&ran) && all >= 3, "{ran} of {all}");
    }
    assert_eq!(lines(&ended), expected(301));

    // It is the stage that knows which of many files is bad.
    std::fs::write(folder.join("8"), "bad").unwrap();
    let (_, ended) = run(root.path(), &graph);
    assert!(
        matches!(&ended[0].status, Status::Failed { message, .. } if message == "in/8 is bad"),
        "{:?}",
        ended[0].status
    );
}

#[test]
fn a_failure_stops_what_has_not_begun_unless_told_to_keep_going() {
    for keep_going in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("in");
        std::fs::create_dir(&folder).unwrap();
        for shard in 0..20 {
            std::fs::write(folder.join(shard.to_string()), format!("text {shard}")).unwrap();
        }
        std::fs::write(folder.join("20"), "bad").unwrap();
        let mut stage = node("shards", &[], 0, false, false);
        stage.kind = "test.shout".into();
        stage.settings.clear();
        stage.per_shard = Some("from".into());
        let from = Producer::Files(FileSet::of(["in/*"]));
        stage.inputs = vec![Input { role: "from".into(), from, span: Span::default() }];
        let graph = graph(vec![stage]);
        let done = |how| {
            let (_, ended) = run_as(root.path(), &graph, how);
            assert!(matches!(ended[0].status, Status::Failed { .. }), "{:?}", ended[0].status);
            Ledger::open(&root.path().join(".llmp/ledger")).unwrap().all().len()
        };
        // Shards begin in the order of their content's digests, so that it is known what comes before the bad
        // one.
        let bad = llmp_compiler::key::Digest::of(b"bad");
        let of = |shard| llmp_compiler::key::Digest::of(format!("text {shard}").as_bytes());
        let before = (0..20).filter(|&shard| of(shard) < bad).count();
        let found = done(How { jobs: 1, keep_going, retries: 0 });
        if keep_going {
            assert_eq!(found, 20);
        } else {
            assert_eq!(found, before);
        }
    }
}

fn harm(path: &Path, how: u8) {
    let mut bytes = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    match how {
        0 => return,
        1 => bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1),
        _ => bytes.truncate(bytes.len() / 2),
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_object_is_made_again_in_the_run_that_meets_it() {
    for how in 0..3 {
        let root = tempfile::tempdir().unwrap();
        let stages = |value| {
            graph(vec![
                node("a", &[], 1, false, false),
                node("b", &[0], 2, false, false),
                node("c", &[1], value, false, false),
                node("d", &[0], 4, false, false),
            ])
        };
        let (_, first) = run(root.path(), &stages(3));
        let store = Store::open(&root.path().join(".llmp")).unwrap();
        for end in first.iter().take(2) {
            let list = store.objects.manifest(&end.artifact.unwrap()).unwrap();
            harm(&store.objects.localize(&list.files["out.txt"].digest).unwrap(), how);
        }
        let (decisions, ended) = run(root.path(), &stages(5));
        assert!(matches!(decisions[0], Decision::Cached { .. }), "nobody has looked yet");
        assert_eq!(ran(&ended), [0, 1, 2], "way {how}");
        assert_eq!(ended[1].artifact, first[1].artifact);
        assert!(store.objects.intact(&first[0].artifact.unwrap()));
    }
}

#[test]
fn a_removed_result_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![node("a", &[], 1, false, false), node("b", &[0], 2, false, false)]);
    let (_, ended) = run(root.path(), &graph);
    let store = Store::open(&root.path().join(".llmp")).unwrap();
    std::fs::remove_file(store.objects.localize(&ended[0].artifact.unwrap()).unwrap()).unwrap();
    assert_eq!(ran(&run(root.path(), &graph).1), [0]);
}

/// What a session says, as events and lines.
#[derive(Default)]
struct Heard {
    /// As the lines of `events.jsonl`.
    events: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
}

impl Observer for Heard {
    fn event(&self, told: &LogEntry) {
        self.events.lock().unwrap().push(serde_json::to_string(told).unwrap());
    }

    fn line(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn bar(&self, stage: &str, shard: Option<&str>, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        Unwatched.bar(stage, shard, total, unit)
    }
}

impl Heard {
    /// The events of this name, as one of their fields.
    fn all(&self, name: &str, field: &str) -> Vec<Value> {
        let events = self.events.lock().unwrap();
        let events = events.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["event"] == name).map(|event| event[field].clone()).collect()
    }
}

#[test]
fn a_session_leaves_a_record_events_and_results() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![
        node("a", &[], 1, false, false),
        node("b", &[0], 2, false, true),
        node("c", &[1], 3, false, false),
    ]);
    let (store, main) =
        (Arc::new(Store::open(&root.path().join(".llmp")).unwrap()), root.path().join("main.llmp"));
    let past = Past::open(Arc::clone(&store), &main).unwrap();
    let (registry, heard) = (registry(), Arc::new(Heard::default()));
    let session = Session::open(program(&graph, &main), &past, &registry, options(HOW)).unwrap();
    assert_eq!(store.read_run(1).unwrap().status, RunStatus::Started);
    let outcome = session.run(heard.clone(), &AtomicBool::new(false)).unwrap();
    assert_eq!(outcome.counts(), Counts { ran: 1, cached: 0, failed: 1, not_run: 1 });
    let record = store.read_run(1).unwrap();
    assert_eq!(record.status, RunStatus::Failed);
    let stages: Vec<_> = record.stages.iter().map(|stage| stage.status.to_string()).collect();
    assert_eq!(stages, ["ran", "failed", "blocked"]);
    assert_eq!(heard.all("run_finished", "status"), ["failed"]);
    assert_eq!(heard.lines.lock().unwrap().first().unwrap(), &format!("run 1: {} on cpu", main.display()));
    let kept = std::fs::read_to_string(store.run(1).join("events.jsonl")).unwrap();
    let events = heard.events.lock().unwrap();
    assert!(events.iter().all(|line| line.contains(r#","at":"#)));
    assert_eq!(kept, events.join("\n") + "\n", "who watches hears what is kept");
    let out = root.path().join(".llmp/out").join(llmp_store::pipeline_id(&store, &main));
    assert_eq!(std::fs::read_to_string(out.join("a/out.txt")).unwrap(), "1");
    assert!(!out.join("b").exists());
}

/// Nothing uses the result that is gone, so that no stage meets it: it is missed when results are linked.
#[test]
fn a_result_that_is_incomplete_when_it_is_linked_is_made_again_in_the_same_run() {
    for how in ["a file", "the list of files"] {
        let root = tempfile::tempdir().unwrap();
        let stages = |value| {
            graph(vec![
                node("a", &[], 1, false, false),
                node("b", &[0], 2, false, false),
                node("c", &[0], value, false, false),
            ])
        };
        let (_, first) = run(root.path(), &stages(3));
        let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
        let main = root.path().join("main.llmp");
        let out = store.root().join("out").join(llmp_store::pipeline_id(&store, &main));
        // What is linked already is not linked again.
        std::fs::remove_dir_all(&out).unwrap();
        let list = store.objects.manifest(&first[1].artifact.unwrap()).unwrap();
        match how {
            "a file" => {
                std::fs::remove_file(store.objects.localize(&list.files["out.txt"].digest).unwrap()).unwrap()
            }
            _ => harm(&store.objects.localize(&first[1].artifact.unwrap()).unwrap(), 1),
        }
        let past = Past::open(Arc::clone(&store), &main).unwrap();
        let (graph, registry, heard) = (stages(5), registry(), Arc::new(Heard::default()));
        let session = Session::open(program(&graph, &main), &past, &registry, options(HOW)).unwrap();
        let outcome = session.run(heard.clone(), &AtomicBool::new(false)).unwrap();
        assert_eq!(ran(&outcome.stages), [1, 2], "{how}");
        assert_eq!(outcome.record.status, RunStatus::Done);
        assert_eq!(outcome.stages[1].artifact, first[1].artifact);
        let mut started = heard.all("stage_started", "stage");
        started.sort_by_key(ToString::to_string);
        assert_eq!(started, ["b", "c"], "what ran in the first pass does not run in the second: {how}");
        assert!(out.join("b/out.txt").is_file());
    }
}

#[test]
fn a_session_that_is_told_to_stop_says_so() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![node("a", &[], 1, false, false)]);
    let main = root.path().join("main.llmp");
    let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
    let (past, registry) = (Past::open(store, &main).unwrap(), registry());
    let session = Session::open(program(&graph, &main), &past, &registry, options(HOW)).unwrap();
    let outcome = session.run(Arc::new(Unwatched), &AtomicBool::new(true)).unwrap();
    assert!(matches!(outcome.stages[0].status, Status::Stopped));
    assert_eq!(outcome.record.status, RunStatus::Stopped);
}

#[test]
fn what_is_done_has_nothing_to_do_until_its_results_are_gone() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![node("a", &[], 1, false, false)]);
    let main = root.path().join("main.llmp");
    let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
    let is_done = || {
        let past = Past::open(Arc::clone(&store), &main).unwrap();
        let decisions = plan(&graph, &past, &|_| false);
        nothing_to_do(program(&graph, &main), &past, &registry(), &decisions).is_some()
    };
    assert!(!is_done());
    let (_, ended) = run(root.path(), &graph);
    assert!(is_done());
    let out = store.root().join("out").join(llmp_store::pipeline_id(&store, &main));
    std::fs::remove_dir_all(&out).unwrap();
    assert!(is_done() && out.join("a/out.txt").is_file(), "it is linked again");
    std::fs::remove_dir_all(&out).unwrap();
    let list = store.objects.manifest(&ended[0].artifact.unwrap()).unwrap();
    std::fs::remove_file(store.objects.localize(&list.files["out.txt"].digest).unwrap()).unwrap();
    assert!(!is_done(), "a run makes it again");
}
