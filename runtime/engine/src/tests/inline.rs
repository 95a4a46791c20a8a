//! The seams: the engine on an executor without threads, over a store without a disk.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use llmp_compiler::graph::{FileSet, Graph, Input, Producer, StageId};
use llmp_compiler::key::Digest;
use llmp_compiler::source::Span;
use llmp_planning::{Files, Found, Past};
use llmp_store::testing::Memory;
use llmp_store::{Objects, Store};

use super::super::action::{Action, ActionInput, Place};
use super::super::executor::{Done, Executor, Failed, Submission, Ticket};
use super::super::job::{Harness, Job};
use super::super::perform::{ATTEMPT, Checked, Performer};
use super::super::scheduler::run_on;
use super::super::{Guard, StageOutcome, Status, Unwatched, read_order};
use super::{HOW, How, graph, node, options, ran, registry, run};

/// An executor without threads: it does an action when it is asked what ended. Each goes through the text of
/// its file, and is bound to a place that the one who decides does not know.
struct Inline<'a> {
    performer: Performer<'a>,
    waiting: RefCell<VecDeque<(Ticket, String)>>,
}

impl Executor for Inline<'_> {
    fn submit(&self, Submission { ticket, action, .. }: Submission) {
        self.waiting.borrow_mut().push_back((ticket, serde_json::to_string(&action).unwrap()));
    }

    fn next(&self, _: Duration) -> Option<Done> {
        let (ticket, text) = self.waiting.borrow_mut().pop_front()?;
        let action: Action = serde_json::from_str(&text).unwrap();
        let outcome = self.performer.perform(&action);
        let outcome = outcome.map_err(|trouble| Failed { trouble, action: Box::new(action) });
        Some(Done { ticket, outcome })
    }

    fn cancel(&self) -> Vec<(StageId, usize)> {
        let mut taken = BTreeMap::new();
        for (ticket, _) in self.waiting.borrow_mut().drain(..) {
            *taken.entry(ticket.stage).or_default() += 1;
        }
        taken.into_iter().collect()
    }
}

/// Runs `graph` with the objects in memory and [`Inline`], which sees the folders of the run below
/// `elsewhere`. Gives how the stages ended and the first shard's text of each.
fn run_inline(
    (root, elsewhere): (&Path, &Path),
    memory: &Memory,
    graph: &Graph,
    how: How,
) -> Vec<(StageOutcome, Option<String>)> {
    let open = |root: &Path| {
        let mut store = Store::open(&root.join(".llmp")).unwrap();
        store.objects = Objects::new(memory.clone());
        store
    };
    let (store, theirs) = (Arc::new(open(root)), open(elsewhere));
    let past = Past::open(Arc::clone(&store), &root.join("main.llmp")).unwrap();
    let (run, run_folder) = store.new_run().unwrap();
    let (registry, stop, guard, options) =
        (registry(), AtomicBool::new(false), Guard::new(None), options(how));
    let harness = Harness { registry: &registry, observer: &Unwatched, stop: &stop, guard: &guard };
    let job =
        Job { graph, past: &past, harness, options: &options, run, run_folder, folder: root.to_owned() };
    let place = Place::new(theirs.root(), elsewhere, &elsewhere.join("logs"), "cpu");
    let checked = Checked::default();
    let performer =
        Performer { store: &theirs, place: &place, harness, checked: &checked, attempts: ATTEMPT };
    let executor = Inline { performer, waiting: RefCell::default() };
    let ended = run_on(&executor, &job, &checked, vec![]);
    past.save().unwrap();
    let text = |end: &StageOutcome| {
        let manifest = store.objects.manifest(&end.artifact?).unwrap();
        let first = manifest.files.values().next()?;
        Some(String::from_utf8(store.objects.read(&first.digest).unwrap()).unwrap())
    };
    ended.into_iter().map(|end| (end.clone(), text(&end))).collect()
}

#[test]
fn actions_mean_the_same_on_another_executor_with_another_store_at_another_place() {
    let root = tempfile::tempdir().unwrap();
    // Another machine has the same folders under another name.
    let elsewhere = root.path().join("mounted");
    let here = root.path().join("here");
    std::fs::create_dir_all(here.join("in")).unwrap();
    std::os::unix::fs::symlink(&here, &elsewhere).unwrap();
    std::fs::write(here.join("in/a"), "one").unwrap();
    std::fs::write(here.join("in/b"), "two").unwrap();
    let stages = |value| {
        let mut first = node("first", &[], 0, false, false);
        first.kind = "test.shout".into();
        first.settings.clear();
        first.per_shard = Some("from".into());
        let from = Producer::Files(FileSet::of(["in/*"]));
        first.inputs = vec![Input { role: "from".into(), from, span: Span::default() }];
        graph(vec![first, node("b", &[0], 2, false, false), node("c", &[1], value, false, false)])
    };
    let memory = Memory::new(root.path().join("fetched"));
    let inline = |graph: &Graph| run_inline((&here, &elsewhere), &memory, graph, HOW);
    let ended: Vec<_> = inline(&stages(3)).into_iter().map(|(end, _)| end).collect();
    assert_eq!(ran(&ended), [0, 1, 2]);

    // Threads and the disk make the same.
    let plain = tempfile::tempdir().unwrap();
    std::fs::create_dir(plain.path().join("in")).unwrap();
    for (name, text) in [("a", "one"), ("b", "two")] {
        std::fs::write(plain.path().join("in").join(name), text).unwrap();
    }
    let artifacts = |ended: &[StageOutcome]| ended.iter().map(|end| end.artifact).collect::<Vec<_>>();
    assert_eq!(artifacts(&ended), artifacts(&run(plain.path(), &stages(3)).1));

    // An edit runs what depends on it, a damaged object is made again.
    assert_eq!(ran(&inline(&stages(4)).into_iter().map(|(end, _)| end).collect::<Vec<_>>()), [2]);
    let objects = Objects::new(memory.clone());
    let list = objects.manifest(&ended[1].artifact.unwrap()).unwrap();
    memory.damage(&list.files["out.txt"].digest, b"nonsense");
    let again = inline(&stages(5));
    assert_eq!(ran(&again.iter().map(|(end, _)| end.clone()).collect::<Vec<_>>()), [1, 2]);
    assert_eq!(again[1].0.artifact, ended[1].artifact);
    assert!(again[2].1.as_deref().is_some_and(|text| text.starts_with("5 ")));
}

#[test]
fn what_has_not_begun_is_taken_back_from_any_executor() {
    let root = tempfile::tempdir().unwrap();
    let graph = graph(vec![node("a", &[], 1, false, true), node("b", &[], 2, false, false)]);
    let memory = Memory::new(root.path().join("fetched"));
    let inline = |how| run_inline((root.path(), root.path()), &memory, &graph, how);
    let ended = inline(How { keep_going: false, ..HOW });
    assert!(matches!(ended[0].0.status, Status::Failed { .. }));
    assert!(matches!(ended[1].0.status, Status::Stopped));
    let ended = inline(HOW);
    assert_eq!(ended[1].1.as_deref(), Some("2"));
    // What failed is kept as a file that says where it was done.
    let kept = read_order(&root.path().join(".llmp/runs/2/actions/a.json")).unwrap();
    assert_eq!((kept.place.folder.as_path(), kept.action.stage.name.as_str()), (root.path(), "a"));
}

#[test]
fn an_action_names_no_place() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("f"), "text").unwrap();
    let found = |path: &Path| Found {
        label: "f".into(),
        path: path.to_owned(),
        digest: Digest::of(b"text"),
        size: 4,
    };
    let files =
        Files { found: vec![found(&root.path().join("f")), found(Path::new("/elsewhere/f"))], names: true };
    let given = ActionInput::of_files("from", "f", &files, root.path());
    let paths: Vec<_> = given.files.iter().map(|file| file.path.clone().unwrap()).collect();
    assert_eq!(paths, [Path::new("f"), Path::new("/elsewhere/f")]);
    let place = Place::new(&root.path().join(".llmp"), root.path(), root.path(), "cpu");
    let bound: Vec<_> = given.files.iter().filter_map(|file| place.file(file)).collect();
    assert_eq!(bound, [root.path().join("f"), "/elsewhere/f".into()]);
}
