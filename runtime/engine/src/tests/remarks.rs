//! What a run says of results that are to be looked at, and what `--strict` makes of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use llmp_compiler::artifact::ArtifactKind;
use llmp_compiler::graph::{Amount, Graph};
use llmp_planning::Past;
use llmp_stage::{Concern, Context, Counts, Registry, Remark, Result, stage};
use llmp_store::Store;
use serde_json::json;

use super::super::{Outcome, RunOptions, Session, Status};
use super::{HOW, Heard, Settings, graph, make, node, options, program, setting};

/// Counts as many tokens as its setting says.
fn tokens(ctx: &dyn Context, settings: Settings) -> Result<()> {
    ctx.count("tokens", settings.value);
    make(ctx, settings)
}

fn few(_: &Settings, counts: &Counts) -> Vec<Remark> {
    let few = counts.get("tokens").is_some_and(|tokens| *tokens < 10);
    few.then(|| Remark::new(Concern::FewKept, "hardly any tokens").help("take more")).into_iter().collect()
}

/// `set` counts `count` tokens, `base` trains for 100.
fn pipeline(count: u64) -> Graph {
    let mut set = node("set", &[], count, false, false);
    set.kind = "test.tokens".into();
    if let Some(output) = &mut set.output {
        output.kind = ArtifactKind::Tokens;
    }
    let mut base = node("base", &[0], 1, false, false);
    base.kind = "test.train".into();
    base.settings.push(setting("for", json!(100)));
    base.amounts = [(Amount::Horizon, vec![vec!["for".to_owned()]])].into();
    graph(vec![set, base])
}

fn registry() -> Registry {
    #[derive(serde::Deserialize)]
    struct Any {}
    let train = |ctx: &dyn Context, _: Any| make(ctx, Settings { value: 1, constant: false, fail: false });
    Registry::new(
        vec![Box::new(stage("test.tokens", tokens).remarks(few)), Box::new(stage("test.train", train))],
        vec![],
    )
}

/// Runs the pipeline; gives how it ended, what was heard, and the record of `set`.
fn run(root: &Path, count: u64, strict: bool, look: impl Fn(&Outcome<'_>, &Heard)) {
    let (graph, registry, heard) = (pipeline(count), registry(), Arc::new(Heard::default()));
    let main = root.join("main.llmp");
    let store = Arc::new(Store::open(&root.join(".llmp")).unwrap());
    let past = Past::open(store, &main).unwrap();
    let options = RunOptions { strict, ..options(HOW) };
    let session = Session::open(program(&graph, &main), &past, &registry, options).unwrap();
    let outcome = session.run(heard.clone(), &AtomicBool::new(false)).unwrap();
    look(&outcome, &heard);
}

#[test]
fn what_is_to_be_looked_at_is_told_where_it_happens_and_kept() {
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 5, false, |outcome, heard| {
        assert_eq!(heard.all("remark", "stage"), ["set", "base"]);
        assert_eq!(heard.all("remark", "concern"), ["few_kept", "epochs"]);
        assert_eq!(outcome.record.remarks(), 2, "a warning stops nothing");
        let lines = heard.lines.lock().unwrap();
        let place = |part: &str| {
            lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {lines:?}"))
        };
        assert!(place("warning: hardly any tokens") < place("help: take more"));
        assert!(place("> base") < place("`base` goes over its data, 5 tokens, 20.0 times"));
        assert!(place("20.0 times") < place("+ base"), "said before it works");
    });
    // Cached results keep what was said of them.
    run(root.path(), 5, false, |outcome, heard| {
        assert!(heard.all("remark", "stage").is_empty());
        assert_eq!(outcome.record.remarks(), 2);
    });
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 50, false, |outcome, heard| {
        assert!(heard.all("remark", "stage").is_empty());
        assert_eq!(outcome.record.remarks(), 0);
    });
}

#[test]
fn strict_runs_stop_at_warnings_new_and_old() {
    let root = tempfile::tempdir().unwrap();
    let is_stopped = |outcome: &Outcome<'_>, stage: usize, words: &str| {
        let Status::Failed { message, help } = &outcome.stages[stage].status else {
            panic!("{:?}", outcome.stages[stage].status)
        };
        assert!(message.contains(words) && message.contains("`--strict`"), "{message}");
        assert!(help.as_ref().is_some_and(|help| help.contains("without `--strict`")));
        assert_eq!(outcome.counts().ran, stage as u64);
    };
    run(root.path(), 5, true, |outcome, _| is_stopped(outcome, 0, "hardly any tokens"));
    // The result is there now, and is looked at all the same.
    run(root.path(), 5, true, |outcome, _| is_stopped(outcome, 0, "hardly any tokens"));
    // Enough for the set, too few for the training, which does not begin.
    run(root.path(), 6, false, |outcome, _| assert_eq!(outcome.counts().ran, 2));
    let root = tempfile::tempdir().unwrap();
    run(root.path(), 50, true, |outcome, _| assert_eq!(outcome.counts().ran, 2));
}

#[test]
fn what_the_plan_could_not_know_stops_a_strict_run_before_it_trains() {
    let root = tempfile::tempdir().unwrap();
    let (mut graph, registry, heard) = (pipeline(50), registry(), Arc::new(Heard::default()));
    for setting in &mut graph.stages[1].settings {
        if setting.name == "for" {
            setting.value = json!(1_000);
        }
    }
    let main = root.path().join("main.llmp");
    let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
    let past = Past::open(store, &main).unwrap();
    let options = RunOptions { strict: true, ..options(HOW) };
    let session = Session::open(program(&graph, &main), &past, &registry, options).unwrap();
    let outcome = session.run(heard.clone(), &AtomicBool::new(false)).unwrap();
    assert_eq!(outcome.counts().ran, 1);
    let Status::Failed { message, .. } = &outcome.stages[1].status else { panic!() };
    assert!(
        message.contains("goes over its data, 50 tokens, 20.0 times") && message.contains("it has not begun"),
        "{message}"
    );
    assert_eq!(heard.all("stage_started", "stage"), ["set"]);
}
