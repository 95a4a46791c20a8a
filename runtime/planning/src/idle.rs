//! What a pipeline was when it had nothing to do: where all of that is as it was, it has nothing to do again, and need not be
//! compiled and planned to find that out.
//!
//! Whether there is something to do follows from the question (the program, options, folder), the texts, the user's files, the
//! ledger, the objects that are there and the links below `out/`. Each of these is compared: texts and files by content, the
//! ledger by its stamp, results one by one. Where anything is otherwise, or this file is missing, damaged or of another
//! version, the answer is only that it is not known, and the long way is gone. So it decides nothing and may be deleted.

use std::path::{Path, PathBuf};

use llmp_compiler::graph::{FileSet, Graph};
use llmp_compiler::key::Digest;
use llmp_compiler::plan::Decision;
use llmp_store::{Stamp, Stat, Store, lie_in_out, pipeline_id, write_cache};
use serde::{Deserialize, Serialize};

use super::Past;
use super::files::{Files, Surroundings};

/// Raised when the form of [`Idle`], or what has to be compared, changes.
const FORMAT: u32 = 1;

/// What was asked for, and how the ledger was before it was looked at.
pub struct Asked {
    question: Digest,
    ledger: Stamp,
}

/// Everything that an answer hangs on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Idle {
    format: u32,
    question: Digest,
    /// The program's texts: paths and contents; `None` for one that is not there.
    texts: Vec<(PathBuf, Option<Digest>)>,
    /// The user's files: patterns, whether names count, and contents.
    sets: Vec<(Vec<String>, bool, Digest)>,
    /// Words of commands that name no file.
    words: Vec<String>,
    ledger: Digest,
    /// What `last/` says of the pipeline.
    last: Digest,
    /// The stages' names and results.
    results: Vec<(String, Digest)>,
}

impl Asked {
    /// What is asked of the store, before the ledger is read. `None` where an answer could not be kept: a ledger that was just
    /// written to may be written to again without being seen.
    #[must_use]
    pub fn of(store: &Store, question: Digest) -> Option<Self> {
        let ledger = Stamp::at(&store.ledger_path()).filter(Stamp::rested)?;
        Some(Self { question, ledger })
    }
}

/// How many stages the pipeline has, where it is as it was when it had nothing to do.
#[must_use]
pub fn was_idle(store: &Store, main: &Path, asked: &Asked) -> Option<usize> {
    let path = path_of(store, main);
    let written = Stamp::at(&path)?;
    let idle = read(&path)?;
    let same = idle.format == FORMAT
        && idle.question == asked.question
        && idle.ledger == asked.ledger.digest()
        && asked.ledger.rested_before(&written);
    (same && idle.holds(store, main)).then_some(idle.results.len())
}

/// Keeps that there is nothing to do: `decisions` are all [`Decision::Cached`], and their results lie in `out/`. `texts` are
/// the program's, as they were compiled. Where something of it could not be compared later, nothing is kept.
pub fn keep_idle(
    past: &Past,
    main: &Path,
    asked: &Asked,
    texts: &[(PathBuf, Option<Digest>)],
    graph: &Graph,
    decisions: &[Decision],
) {
    // What can't be kept is found out again.
    let _ = kept(past, asked, texts, graph, decisions).map(|idle| write(&path_of(past.store(), main), &idle));
}

fn kept(
    past: &Past,
    asked: &Asked,
    texts: &[(PathBuf, Option<Digest>)],
    graph: &Graph,
    decisions: &[Decision],
) -> Option<Idle> {
    let result = |decision: &Decision| match decision {
        Decision::Cached { artifact, .. } => Some(*artifact),
        Decision::Run { .. } | Decision::Blocked(_) => None,
    };
    let results = graph.stages.iter().zip(decisions);
    let results = results.map(|(stage, decision)| Some((stage.name.clone(), result(decision)?)));
    let sets = past.looked_up()?.into_iter().map(|(set, digest)| {
        let (patterns, names) = (set.patterns().to_vec(), set.names);
        (set_of(&patterns, names) == set).then_some((patterns, names, digest))
    });
    Some(Idle {
        format: FORMAT,
        question: asked.question,
        texts: texts.to_vec(),
        sets: sets.collect::<Option<_>>()?,
        words: past.no_files(),
        ledger: asked.ledger.digest(),
        last: Digest::of(past.last_text().as_bytes()),
        results: results.collect::<Option<_>>()?,
    })
}

impl Idle {
    /// Whether all that lies on disk is as it was.
    fn holds(&self, store: &Store, main: &Path) -> bool {
        let at = Surroundings::of(main);
        let folder = &at.folder;
        let of_file = |path: &Path| std::fs::read(path).ok().map(|bytes| Digest::of(&bytes));
        let last = store.root().join("last").join(pipeline_id(store, main));
        let mut stat = Stat::open(&store.root().join("stat"));
        let mut unchanged = |(patterns, names, digest): &(Vec<String>, bool, Digest)| {
            let found = Files::find(&at, &set_of(patterns, *names), &mut stat);
            found.is_ok_and(|files| files.digest() == *digest)
        };
        let named = self.results.iter().filter(|(name, _)| !name.contains('/'));
        self.texts.iter().all(|(path, digest)| of_file(path) == *digest)
            && self.sets.iter().all(&mut unchanged)
            && !self.words.iter().any(|word| folder.join(word).is_file())
            && of_file(&last).is_some_and(|found| found == self.last)
            && self.results.iter().all(|(_, artifact)| store.objects.contains(artifact))
            && lie_in_out(store, main, named.map(|(name, artifact)| (name.as_str(), Some(*artifact))))
    }
}

fn set_of(patterns: &[String], names: bool) -> FileSet {
    FileSet { names, ..FileSet::of(patterns.iter().cloned()) }
}

fn path_of(store: &Store, main: &Path) -> PathBuf {
    store.root().join("idle").join(pipeline_id(store, main))
}

/// The file: the digest of what follows it, a line's end, JSON.
fn write(path: &Path, idle: &Idle) -> Option<()> {
    let json = serde_json::to_string(idle).ok()?;
    std::fs::create_dir_all(path.parent()?).ok()?;
    write_cache(path, format!("{}\n{json}", Digest::of(json.as_bytes())).as_bytes()).ok()
}

fn read(path: &Path) -> Option<Idle> {
    let text = std::fs::read_to_string(path).ok()?;
    let (digest, json) = text.split_once('\n')?;
    let whole = Digest::from_hex(digest) == Some(Digest::of(json.as_bytes()));
    serde_json::from_str(json).ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use llmp_compiler::graph::{Input, Needs, Producer, Stage};
    use llmp_compiler::plan::plan;
    use llmp_compiler::source::Span;
    use llmp_records::Record;
    use llmp_store::{Kind, Manifest, link_results};

    use super::*;

    const QUESTION: Digest = Digest([1; 32]);

    /// A pipeline of one command stage over two files, which is done.
    struct Fixture {
        root: tempfile::TempDir,
        store: Arc<Store>,
    }

    impl Fixture {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            for (name, text) in [("main.llmp", "text"), ("a.txt", "a"), ("b.txt", "b"), ("tool.sh", "true")] {
                fs::write(root.path().join(name), text).unwrap();
            }
            let store = Arc::new(Store::open(&root.path().join(".llmp")).unwrap());
            let fixture = Self { root, store };
            let past = fixture.past();
            let decisions = plan(&graph(), &past, &|_| false);
            let [Decision::Run { key: Some(key), .. }] = decisions.as_slice() else { panic!("it is new") };
            let objects = &fixture.store.objects;
            let mut list = Manifest::default();
            let entry = llmp_store::Entry { digest: objects.put(b"made").unwrap(), size: 4 };
            list.files.insert("out.txt".into(), entry);
            let artifact = objects.put(list.text().as_bytes()).unwrap();
            past.ledger().append(Kind::Stage, &key.digest, &artifact, &Record::default()).unwrap();
            past.settle("only", key.digest, 1);
            past.save().unwrap();
            link_results(&fixture.store, &graph(), &fixture.main(), &[Some(artifact)]).unwrap();
            drop(past);
            // Nothing is trusted that was just written.
            let early = SystemTime::now() - Duration::from_secs(1_000);
            let ledger = File::options().write(true).open(fixture.store.ledger_path()).unwrap();
            ledger.set_modified(early).unwrap();
            fixture
        }

        fn main(&self) -> PathBuf {
            self.root.path().join("main.llmp")
        }

        fn past(&self) -> Past {
            Past::open(Arc::clone(&self.store), &self.main()).unwrap()
        }

        /// As [`Asked::of`], as if the ledger had rested.
        fn asked(&self, question: Digest) -> Asked {
            Asked { question, ledger: Stamp::at(&self.store.ledger_path()).unwrap() }
        }

        fn keep(&self) {
            let past = self.past();
            let decisions = plan(&graph(), &past, &|_| false);
            assert!(matches!(decisions[..], [Decision::Cached { .. }]), "{decisions:?}");
            let texts = ["main.llmp", "absent.llmp"].map(|name| {
                let path = self.root.path().join(name);
                let digest = fs::read(&path).ok().map(|bytes| Digest::of(&bytes));
                (path, digest)
            });
            keep_idle(&past, &self.main(), &self.asked(QUESTION), &texts, &graph(), &decisions);
            let path = path_of(&self.store, &self.main());
            let late = SystemTime::now() + Duration::from_secs(1_000);
            File::options().write(true).open(path).unwrap().set_modified(late).unwrap();
        }

        fn is_idle(&self) -> bool {
            self.is_idle_for(QUESTION)
        }

        fn is_idle_for(&self, question: Digest) -> bool {
            was_idle(&self.store, &self.main(), &self.asked(question)) == Some(1)
        }
    }

    fn graph() -> Graph {
        let from = Producer::Files(FileSet::of(["*.txt"]));
        let stage = Stage {
            name: "only".into(),
            kind: "my.only".into(),
            epoch: 1,
            settings: vec![],
            inputs: vec![Input { role: "from".into(), from, span: Span::default() }],
            output: None,
            per_shard: None,
            resumes: false,
            needs: Needs::default(),
            amounts: Default::default(),
            command: Some(vec!["sh".into(), "tool.sh".into()]),
            jsonl: false,
            span: Span::default(),
        };
        Graph { stages: vec![stage], ..Graph::default() }
    }

    #[test]
    fn what_had_nothing_to_do_has_nothing_to_do() {
        let fixture = Fixture::new();
        assert!(!fixture.is_idle(), "nothing is kept");
        fixture.keep();
        assert!(fixture.is_idle());
        assert!(!fixture.is_idle_for(Digest([2; 32])));
        assert!(Asked::of(&fixture.store, QUESTION).is_none(), "the ledger is young");
    }

    #[test]
    fn whatever_changes_is_seen() {
        type Change = (&'static str, fn(&Fixture));
        let changes: [Change; 11] = [
            ("a text", |at| fs::write(at.main(), "other").unwrap()),
            ("a text that was not there", |at| fs::write(at.root.path().join("absent.llmp"), "").unwrap()),
            ("a file", |at| fs::write(at.root.path().join("a.txt"), "other").unwrap()),
            ("a file more", |at| fs::write(at.root.path().join("c.txt"), "c").unwrap()),
            ("a file less", |at| fs::remove_file(at.root.path().join("b.txt")).unwrap()),
            ("a command's file", |at| fs::write(at.root.path().join("tool.sh"), "false").unwrap()),
            ("a word that names a file now", |at| fs::write(at.root.path().join("sh"), "x").unwrap()),
            ("the ledger", |at| {
                let past = at.past();
                past.ledger().append(Kind::Forgotten, &QUESTION, &QUESTION, &Record::default()).unwrap();
            }),
            ("what was settled", |at| {
                let past = at.past();
                past.settle("only", QUESTION, 2);
                past.save().unwrap();
            }),
            ("a result", |at| {
                let decisions = plan(&graph(), &at.past(), &|_| false);
                let [Decision::Cached { artifact, .. }] = decisions.as_slice() else { panic!("it is done") };
                fs::remove_file(at.store.objects.localize(artifact).unwrap()).unwrap();
            }),
            ("a link", |at| {
                let out = at.store.root().join("out").join(pipeline_id(&at.store, &at.main()));
                fs::remove_dir_all(out.join("only")).unwrap();
            }),
        ];
        for (what, change) in changes {
            let fixture = Fixture::new();
            fixture.keep();
            assert!(fixture.is_idle());
            change(&fixture);
            assert!(!fixture.is_idle(), "{what}");
        }
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let fixture = Fixture::new();
        fixture.keep();
        let path = path_of(&fixture.store, &fixture.main());
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert!(read(&path).is_none(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(read(&path).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_ledger_as_young_as_the_answer_is_not_trusted() {
        let fixture = Fixture::new();
        fixture.keep();
        let path = path_of(&fixture.store, &fixture.main());
        let early = SystemTime::now() - Duration::from_secs(100);
        File::options().write(true).open(path).unwrap().set_modified(early).unwrap();
        assert!(!fixture.is_idle(), "its time of change is now, whatever its time of modification");
    }
}
