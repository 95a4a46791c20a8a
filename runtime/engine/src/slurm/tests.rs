//! The executor on a Slurm that does its tasks at once, or not at all, as it is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use llmp_compiler::graph::{FileSet, Graph, Input, Producer};
use llmp_compiler::source::Span;
use llmp_planning::Past;
use llmp_stage::{Error, Result};
use llmp_store::Store;

use super::client::{Client, SlurmOptions, TaskState};
use super::tasks::At;
use super::{Pace, Slurm, Surroundings, batch_file};
use crate::job::{Harness, Job};
use crate::perform::{Checked, Performer};
use crate::scheduler::run_on;
use crate::tests::{HOW, How, graph, node, options, registry};
use crate::{Guard, StageOutcome, Status, Unwatched, read_order, work};

const PACE: Pace = Pace {
    look: [Duration::from_millis(1), Duration::from_millis(2)],
    ask: Duration::from_millis(3),
    parting: Duration::from_millis(50),
};

/// What becomes of a task.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Done,
    /// It ends in this state and leaves nothing.
    Ends(&'static str),
    /// It does its work, and its report comes after it was given up.
    Late,
    /// It runs until it is cancelled.
    Runs,
    /// It waits until it is cancelled.
    Waits,
    /// The array is refused.
    Refused,
}

/// What the test sees afterwards.
#[derive(Default)]
struct Seen {
    /// The arguments of every array.
    arrays: Vec<Vec<String>>,
    cancelled: Vec<String>,
}

struct Fake<'a> {
    performer: Performer<'a>,
    /// Of the tasks in the order in which they are submitted; the rest are done.
    fates: RefCell<VecDeque<Fate>>,
    states: RefCell<BTreeMap<At, TaskState>>,
    seen: &'a RefCell<Seen>,
    stop: &'a AtomicBool,
}

impl Client for Fake<'_> {
    fn submit(&self, arguments: &[OsString]) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|it| it.to_str().unwrap().to_owned()).collect();
        let script = PathBuf::from(arguments.last().unwrap());
        self.seen.borrow_mut().arrays.push(arguments);
        let job = self.seen.borrow().arrays.len().to_string();
        let folder = script.parent().unwrap();
        for index in 0.. {
            let order = batch_file(folder, index, "json");
            if !order.exists() {
                break;
            }
            let fate = self.fates.borrow_mut().pop_front().unwrap_or(Fate::Done);
            let name = match fate {
                Fate::Refused => return Err(Error::new("Slurm does not take the job")),
                Fate::Ends(name) => name,
                Fate::Late => "NODE_FAIL",
                Fate::Runs => "RUNNING",
                Fate::Waits => "PENDING",
                Fate::Done => "COMPLETED",
            };
            self.states
                .borrow_mut()
                .insert((job.clone(), index), TaskState { name: name.to_owned(), held: false });
            if matches!(fate, Fate::Done | Fate::Late) {
                let report = work(&read_order(&order).unwrap().action, &self.performer).unwrap();
                if fate == Fate::Done {
                    report.write(&batch_file(folder, index, "report")).unwrap();
                }
            }
            if fate == Fate::Runs {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        Ok(job)
    }

    fn states(&self, jobs: &[String]) -> Result<BTreeMap<At, TaskState>> {
        let states = self.states.borrow();
        Ok(states
            .iter()
            .filter(|((job, _), _)| jobs.contains(job))
            .map(|(at, it)| (at.clone(), it.clone()))
            .collect())
    }

    fn cancel(&self, jobs: &[String], only_pending: bool) {
        self.seen.borrow_mut().cancelled.extend_from_slice(jobs);
        for ((job, _), state) in self.states.borrow_mut().iter_mut() {
            if jobs.contains(job) && !state.is_over() && (!only_pending || state.is_pending()) {
                state.name = "CANCELLED".to_owned();
            }
        }
    }

    fn release(&self, _: &str, _: usize) {}
}

/// Runs `graph` on a Slurm whose tasks have these fates.
fn run(root: &Path, graph: &Graph, how: How, fates: &[Fate]) -> (Vec<StageOutcome>, Seen) {
    let store = Arc::new(Store::open(&root.join(".llmp")).unwrap());
    let past = Past::open(Arc::clone(&store), &root.join("main.llmp")).unwrap();
    let (number, run_folder) = store.new_run().unwrap();
    let (registry, stop, guard, options) =
        (registry(), AtomicBool::new(false), Guard::new(None), options(how));
    let harness = Harness { registry: &registry, observer: &Unwatched, stop: &stop, guard: &guard };
    let job = Job {
        graph,
        past: &past,
        harness,
        options: &options,
        run: number,
        run_folder: run_folder.clone(),
        folder: root.to_owned(),
    };
    let (place, checked, seen) = (job.place(), Checked::default(), RefCell::default());
    let performer =
        Performer { store: &store, place: &place, harness, checked: &checked, attempts: "worker" };
    let around = Surroundings {
        place: &place,
        run: &run_folder,
        observer: &Unwatched,
        stop: &stop,
        retries: how.retries,
    };
    let client = Fake {
        performer,
        fates: RefCell::new(fates.iter().copied().collect()),
        states: RefCell::default(),
        seen: &seen,
        stop: &stop,
    };
    let wanted =
        SlurmOptions { memory: Some(3 << 20), partition: Some("main".into()), ..SlurmOptions::default() };
    let ended = {
        let executor = Slurm::with(Box::new(client), wanted, around, PACE);
        run_on(&executor, &job, &checked, vec![])
    };
    past.save().unwrap();
    (ended, seen.into_inner())
}

/// Two shards, and a stage behind them.
fn shards(root: &Path) -> Graph {
    std::fs::create_dir_all(root.join("in")).unwrap();
    for (name, text) in [("a", "one"), ("b", "two")] {
        std::fs::write(root.join("in").join(name), text).unwrap();
    }
    let mut first = node("first", &[], 0, false, false);
    first.kind = "test.shout".into();
    first.settings.clear();
    first.per_shard = Some("from".into());
    let from = Producer::Files(FileSet::of(["in/*"]));
    first.inputs = vec![Input { role: "from".into(), from, span: Span::default() }];
    graph(vec![first, node("b", &[0], 2, false, false)])
}

fn artifacts(ended: &[StageOutcome]) -> Vec<String> {
    ended.iter().map(|end| end.artifact.map_or_else(|| format!("{:?}", end.status), |it| it.hex())).collect()
}

#[test]
fn what_is_lost_is_done_again_to_the_same_bytes() {
    let (plain, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (right, seen) = run(plain.path(), &shards(plain.path()), HOW, &[]);
    assert!(right.iter().all(|end| matches!(end.status, Status::Ran { .. })), "{:?}", artifacts(&right));
    let names = |seen: &Seen| -> Vec<String> { seen.arrays.iter().map(|it| it[1].clone()).collect() };
    assert_eq!(names(&seen), ["--job-name=llmp:first", "--job-name=llmp:b"]);
    assert!(seen.arrays[0].contains(&"--partition=main".to_owned()) && seen.cancelled.is_empty());
    // Nothing of a run that went well is left.
    assert!(std::fs::read_dir(plain.path().join(".llmp/runs/1/slurm")).unwrap().next().is_none());

    let fates = [Fate::Ends("NODE_FAIL"), Fate::Ends("OUT_OF_MEMORY"), Fate::Late, Fate::Ends("FAILED")];
    let (ended, seen) = run(root.path(), &shards(root.path()), HOW, &fates);
    assert_eq!(artifacts(&ended), artifacts(&right));
    let memory = |array: &[String]| array.iter().find(|it| it.starts_with("--mem=")).cloned();
    let memory: Vec<_> = seen.arrays.iter().map(|array| memory(array).unwrap()).collect();
    assert!(memory.contains(&"--mem=3".to_owned()) && memory.contains(&"--mem=6".to_owned()), "{memory:?}");
}

#[test]
fn what_is_lost_again_and_again_is_given_up() {
    let root = tempfile::tempdir().unwrap();
    let fates =
        [Fate::Done, Fate::Ends("FAILED"), Fate::Ends("FAILED"), Fate::Ends("FAILED"), Fate::Ends("FAILED")];
    let (ended, seen) = run(root.path(), &shards(root.path()), HOW, &fates);
    let Status::Failed { message, help } = &ended[0].status else { panic!("{:?}", ended[0].status) };
    assert!(
        message.contains("ended without a result (FAILED), for the 4th time") && help.is_some(),
        "{message}"
    );
    assert_eq!(seen.arrays.len(), 4);
    // The other shard is kept.
    let (ended, seen) = run(root.path(), &shards(root.path()), HOW, &[]);
    assert!(matches!(ended[1].status, Status::Ran { .. }), "{:?}", ended[1].status);
    assert!(seen.arrays[0].contains(&"--array=0-0".to_owned()), "{:?}", seen.arrays[0]);
}

#[test]
fn what_somebody_cancelled_stays_so_and_what_is_refused_is_said() {
    let root = tempfile::tempdir().unwrap();
    for (fate, said) in [(Fate::Ends("CANCELLED"), "(CANCELLED)"), (Fate::Refused, "does not take the job")] {
        let graph = graph(vec![node("a", &[], 1, false, false)]);
        let (ended, seen) = run(root.path(), &graph, HOW, &[fate]);
        let Status::Failed { message, .. } = &ended[0].status else { panic!("{:?}", ended[0].status) };
        assert!(message.contains(said), "{message}");
        assert_eq!(seen.arrays.len(), 1);
    }
}

#[test]
fn a_run_that_stops_leaves_no_job() {
    let root = tempfile::tempdir().unwrap();
    let (ended, seen) = run(root.path(), &shards(root.path()), HOW, &[Fate::Runs, Fate::Waits]);
    assert!(ended.iter().all(|end| end.artifact.is_none()), "{:?}", artifacts(&ended));
    assert!(seen.cancelled.contains(&"1".to_owned()) && seen.arrays.len() == 1);
}

#[test]
fn after_a_failure_nothing_begins() {
    let root = tempfile::tempdir().unwrap();
    let stages = vec![node("a", &[], 1, false, true), node("b", &[], 2, false, false)];
    let how = How { keep_going: false, ..HOW };
    let (ended, seen) = run(root.path(), &graph(stages), how, &[Fate::Done, Fate::Waits]);
    assert!(matches!(ended[0].status, Status::Failed { .. }), "{:?}", ended[0].status);
    assert!(matches!(ended[1].status, Status::Stopped), "{:?}", ended[1].status);
    assert!(!seen.cancelled.is_empty());
}

#[test]
fn a_failed_action_is_tried_as_often_as_asked() {
    let root = tempfile::tempdir().unwrap();
    let how = How { retries: 2, ..HOW };
    let (ended, seen) = run(root.path(), &graph(vec![node("a", &[], 1, false, true)]), how, &[]);
    assert!(matches!(ended[0].status, Status::Failed { .. }));
    assert_eq!(seen.arrays.len(), 3);
}
