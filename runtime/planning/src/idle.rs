//! What a pipeline was when it had nothing to do: where all of that is as it was, it has nothing to do again,
//! and need not be compiled and planned to find that out. A run that did all its work keeps it, too.
//!
//! Whether there is something to do follows from the question (the program, options, folder), the texts, the
//! user's files, the ledger, the objects that are there and the links below `out/`. Each of these is
//! compared: texts and files by content, results one by one, the ledger by its stamp where that can be
//! trusted (git's "racily clean" rule, see [`Stamp`]) and else by content. Where anything is otherwise, or
//! this file is missing, damaged or of another version, the answer is only that it is not known, and the long
//! way is gone. So it decides nothing and may be deleted.

use std::path::{Path, PathBuf};

use llmp_compiler::graph::{FileSet, Graph};
use llmp_compiler::key::Digest;
use llmp_store::{Ledger, Stamp, Stat, Store, hash_file, lie_in_out, pipeline_id, write_cache};
use serde::{Deserialize, Serialize};

use super::Past;
use super::files::{Files, Surroundings};

/// Raised when the form of [`Idle`], or what has to be compared, changes.
const FORMAT: u32 = 2;

/// Bytes up to which a ledger is compared by content: to read more costs more than the long way.
const MAX_READ: u64 = 16 << 20;

/// Everything that an answer hangs on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Idle {
    format: u32,
    /// The program, its options and its folder.
    question: Digest,
    /// The program's texts: paths and contents; `None` for one that is not there.
    texts: Vec<(PathBuf, Option<Digest>)>,
    /// The user's files: patterns, whether names count, and contents.
    sets: Vec<(Vec<String>, bool, Digest)>,
    /// Words of commands that name no file.
    words: Vec<String>,
    ledger: Seen,
    /// What `last/` says of the pipeline.
    last: Digest,
    /// The stages' names and results.
    results: Vec<(String, Digest)>,
}

/// A ledger as it was.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    stamp: Digest,
    /// `None` for one of more than [`MAX_READ`].
    content: Option<Digest>,
}

impl Seen {
    /// The ledger as `now`, a stamp of it.
    fn of(path: &Path, now: &Stamp) -> Self {
        let content = (now.size() <= MAX_READ).then(|| hash_file(path).ok()).flatten();
        Self { stamp: now.digest(), content }
    }

    /// By what it is known to be the same now, where it is; this was written down at `written`.
    fn holds(&self, path: &Path, written: &Stamp) -> Option<KnownBy> {
        let now = Stamp::at(path)?;
        if now.digest() == self.stamp && now.rested() && now.rested_before(written) {
            return Some(KnownBy::Stamp);
        }
        // Within the grain of time it may have been written to without another stamp.
        let same = self.content.is_some() && self.content == Self::of(path, &now).content;
        same.then_some(KnownBy::Content(now))
    }
}

/// What tells that a ledger is as it was.
enum KnownBy {
    Stamp,
    /// Its stamp from before it was read.
    Content(Stamp),
}

/// How many stages the pipeline has, where it is as it was when it had nothing to do.
#[must_use]
pub fn was_idle(store: &Store, main: &Path, question: Digest) -> Option<usize> {
    let path = path_of(store, main);
    let written = Stamp::at(&path)?;
    let mut idle = read(&path)?;
    if idle.format != FORMAT || idle.question != question {
        return None;
    }
    let ledger = store.ledger_path();
    let known_by = idle.ledger.holds(&ledger, &written)?;
    if !idle.holds(store, main) {
        return None;
    }
    let stages = idle.results.len();
    if let KnownBy::Content(before) = known_by
        && before.rested()
        && Stamp::at(&ledger) == Some(before)
    {
        // Nobody has written to it while it was read, nor just before: from now on its stamp will do.
        idle.ledger.stamp = before.digest();
        let _ = write(&path, &idle);
    }
    Some(stages)
}

/// Keeps that there is nothing to do: `results` are the keys and results of all stages, and lie in `out/`.
/// `texts` are the program's, as they were compiled. Where something of it could not be compared later,
/// nothing is kept.
pub fn keep_idle(
    past: &Past,
    main: &Path,
    question: Digest,
    texts: &[(PathBuf, Option<Digest>)],
    graph: &Graph,
    results: &[(Digest, Digest)],
) {
    // What can't be kept is found out again.
    let _ =
        kept(past, question, texts, graph, results).map(|idle| write(&path_of(past.store(), main), &idle));
}

fn kept(
    past: &Past,
    question: Digest,
    texts: &[(PathBuf, Option<Digest>)],
    graph: &Graph,
    results: &[(Digest, Digest)],
) -> Option<Idle> {
    let ledger = seen(&mut past.ledger(), &past.store().ledger_path(), results)?;
    let named = graph.stages.iter().zip(results);
    let sets = past.looked_up()?.into_iter().map(|(set, digest)| {
        let (patterns, names) = (set.patterns().to_vec(), set.names);
        (set_of(&patterns, names) == set).then_some((patterns, names, digest))
    });
    Some(Idle {
        format: FORMAT,
        question,
        texts: texts.to_vec(),
        sets: sets.collect::<Option<_>>()?,
        words: past.no_files(),
        ledger,
        last: Digest::of(past.last_text().as_bytes()),
        results: named.map(|(stage, (_, artifact))| (stage.name.clone(), *artifact)).collect(),
    })
}

/// The ledger as it is, where it says all of `results`: others may have written to it since it was read.
fn seen(ledger: &mut Ledger, path: &Path, results: &[(Digest, Digest)]) -> Option<Seen> {
    let before = Stamp::at(path)?;
    let seen = Seen::of(path, &before);
    ledger.refresh().ok()?;
    // It only grows: what was read lies between two looks that are alike.
    let quiet = Stamp::at(path)? == before && (seen.content.is_some() || before.rested());
    let says = |(key, artifact): &(Digest, Digest)| ledger.artifact(key) == Some(*artifact);
    (quiet && results.iter().all(says)).then_some(seen)
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
    use std::io::Write;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use llmp_compiler::graph::{Input, Needs, Producer, Stage};
    use llmp_compiler::plan::{Decision, plan};
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
            fixture
        }

        fn main(&self) -> PathBuf {
            self.root.path().join("main.llmp")
        }

        fn past(&self) -> Past {
            Past::open(Arc::clone(&self.store), &self.main()).unwrap()
        }

        fn keep(&self) {
            let past = self.past();
            let decisions = plan(&graph(), &past, &|_| false);
            let [Decision::Cached { key, artifact }] = decisions.as_slice() else { panic!("{decisions:?}") };
            let texts = ["main.llmp", "absent.llmp"].map(|name| {
                let path = self.root.path().join(name);
                let digest = fs::read(&path).ok().map(|bytes| Digest::of(&bytes));
                (path, digest)
            });
            let results = [(key.digest, *artifact)];
            keep_idle(&past, &self.main(), QUESTION, &texts, &graph(), &results);
        }

        fn path(&self) -> PathBuf {
            path_of(&self.store, &self.main())
        }

        /// Lets the ledger be known by its stamp alone: as if both had rested, the answer after the ledger.
        fn rest(&self) {
            let mut idle = read(&self.path()).unwrap();
            idle.ledger.content = None;
            write(&self.path(), &idle).unwrap();
            let late = SystemTime::now() + Duration::from_secs(1_000);
            File::options().write(true).open(self.path()).unwrap().set_modified(late).unwrap();
        }

        fn is_idle(&self) -> bool {
            self.is_idle_for(QUESTION)
        }

        fn is_idle_for(&self, question: Digest) -> bool {
            was_idle(&self.store, &self.main(), question) == Some(1)
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
            stem: vec![],
            needs: Needs::default(),
            amounts: Default::default(),
            command: Some(vec!["sh".into(), "tool.sh".into()]),
            command_span: None,
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
        let path = fixture.path();
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
    fn a_young_ledger_is_known_by_its_content() {
        let fixture = Fixture::new();
        let path = fixture.store.ledger_path();
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(11) {
            fixture.keep();
            // In place and of the same size, mostly within the grain of time: the stamp may be what it was.
            let mut other = whole.clone();
            other[at] ^= 1;
            File::options().write(true).open(&path).unwrap().write_all(&other).unwrap();
            assert!(!fixture.is_idle(), "byte {at}");
            File::options().write(true).open(&path).unwrap().write_all(&whole).unwrap();
            assert!(fixture.is_idle(), "it says what it said");
        }
    }

    #[test]
    fn a_stamp_is_trusted_of_what_has_rested() {
        let fixture = Fixture::new();
        fixture.keep();
        fixture.rest();
        assert!(!fixture.is_idle(), "its time of change is now, whatever that of the answer");
    }

    #[test]
    fn what_the_ledger_does_not_say_is_not_kept() {
        let fixture = Fixture::new();
        let past = fixture.past();
        let decisions = plan(&graph(), &past, &|_| false);
        let [Decision::Cached { key, artifact }] = decisions.as_slice() else { panic!("it is done") };
        let results = [(key.digest, *artifact)];
        // Another process says so after it was read.
        let other = fixture.past();
        other.ledger().append(Kind::Forgotten, &key.digest, artifact, &Record::default()).unwrap();
        keep_idle(&past, &fixture.main(), QUESTION, &[], &graph(), &results);
        assert!(!fixture.path().exists());
    }
}
