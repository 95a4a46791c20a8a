//! The pipeline that suffers, what it gives undisturbed, and what must hold at every moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use llmp_compiler::key::Digest;
use llmp_store::Ledger;
use serde_json::Value;

use crate::world::{World, warc};

const PIPELINE: &str = r#"
stage my.mark(docs: Docs) -> Docs {
  run        = ["sh", "mark.sh"]
  cores      = 1
  timeout    = 5min
  per shard docs
}
docs = crawl.warc("web/*.warc") |> filter.urls { block = [adult] } |> extract.text |> my.mark
vocab = tokenize.train(docs) { size = 400 }
tokens = tokenize.encode(docs, vocab)
base = pretrain(tokens) {
  model = { layers = 1, width = 32, heads = 2, context = 32 }
  for = 40k tokens
  checkpoint_every = 4
}
"#;

/// Copies its shard in two halves, so that there is something to see half done.
const MARK: &str = r#"
for file in "$LLMP_INPUT_DOCS"/*; do
  name=$(basename "$file"); half=$(($(wc -c < "$file") / 2))
  head -c "$half" "$file" > "$LLMP_OUTPUT/$name"
  sleep 0.02
  tail -c "+$((half + 1))" "$file" >> "$LLMP_OUTPUT/$name"
done
"#;

/// How many of each fault: few, or what `LLMP_FAULTS` says.
pub(crate) fn times(few: usize) -> usize {
    std::env::var("LLMP_FAULTS").ok().and_then(|times| times.parse().ok()).unwrap_or(few)
}

/// A sequence of random numbers (splitmix64) that the environment can choose.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(salt: u64) -> Self {
        let seed = std::env::var("LLMP_FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
        println!("seed {seed}");
        Self(seed.wrapping_mul(0x9e37_79b9).wrapping_add(salt << 32))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

/// A folder with the pipeline that nothing has been run in.
pub(crate) fn fresh() -> World {
    let world = World::new();
    world.write("main.llmp", PIPELINE);
    world.write("mark.sh", MARK);
    for site in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"] {
        world.write(&format!("web/{site}.warc"), warc(site, 5));
    }
    world
}

/// What an undisturbed run gives: the digest of every file of every result, and how long it took.
pub(crate) struct Undisturbed {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) time: Duration,
}

pub(crate) fn undisturbed() -> &'static Undisturbed {
    static ONCE: OnceLock<Undisturbed> = OnceLock::new();
    ONCE.get_or_init(|| {
        let world = fresh();
        let clock = Instant::now();
        world.ok(&["run", "main.llmp"]);
        let time = clock.elapsed();
        Undisturbed { files: results(&world.path().join(".llmp")), time }
    })
}

/// The digest of every visible result below `out/`.
pub(crate) fn results(store: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&store.join("out"), "", &mut found);
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            // The pipeline's own folder has a name made from its path.
            let below = if prefix.is_empty() { "/".to_owned() } else { format!("{prefix}{name}/") };
            collect(&path, &below, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.insert(format!("{prefix}{name}"), blake3::hash(&bytes).to_hex().to_string());
        }
    }
}

/// The objects of a store: their names and paths.
pub(crate) fn objects(store: &Path) -> Vec<(String, std::path::PathBuf)> {
    let mut found = Vec::new();
    for head in fs::read_dir(store.join("objects")).into_iter().flatten().flatten() {
        for tail in fs::read_dir(head.path()).into_iter().flatten().flatten() {
            let name =
                format!("{}{}", head.file_name().to_string_lossy(), tail.file_name().to_string_lossy());
            if name.len() == 64 {
                found.push((name, tail.path()));
            }
        }
    }
    found.sort();
    found
}

/// What is finished: the run and the moment in which each action was done.
pub(crate) type Finished = BTreeMap<Digest, (Digest, u64, u64)>;

pub(crate) fn finished(store: &Path) -> Finished {
    let ledger = Ledger::open(&store.join("ledger")).expect("a ledger that can be read");
    let entry = |(key, _, artifact): (Digest, _, Digest)| {
        let record = ledger.record(&key).expect("a readable record").expect("a record");
        (key, (artifact, record.run, record.started.to_bits()))
    };
    ledger.all().into_iter().map(entry).collect()
}

/// What must hold at any moment, whatever has happened: every object is whole, every visible file is one of
/// an undisturbed run, and everything that was finished `before` still is, and was not done again.
pub(crate) fn check_whole(store: &Path, before: &Finished) -> Finished {
    for (name, path) in objects(store) {
        let bytes = fs::read(&path).expect("an object");
        assert_eq!(blake3::hash(&bytes).to_hex().as_str(), name, "an object is not whole");
    }
    let expected = &undisturbed().files;
    for (name, digest) in results(store) {
        assert_eq!(Some(&digest), expected.get(&name), "`{name}` is not as it should be");
    }
    let now = finished(store);
    for (key, entry) in before {
        assert_eq!(now.get(key), Some(entry), "a finished action was lost, or done again");
    }
    now
}

/// Runs to the end, and compares everything with an undisturbed run.
pub(crate) fn finish(world: &World, store: &str, before: &Finished) {
    let said = world.llmp(&["run", "main.llmp", "--store", store]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let store = world.path().join(store);
    check_whole(&store, before);
    assert_eq!(results(&store), undisturbed().files);
}

/// No action left anything behind, but for what was about to be removed, which the next run that does
/// something removes, and the lock of a run that was killed before it saw that another had finished the key
/// meanwhile.
pub(crate) fn nothing_left(store: &Path) {
    let entries = fs::read_dir(store.join("work")).expect("work/").flatten().map(|entry| entry.path());
    let only_locked = |path: &PathBuf| {
        fs::read_dir(path).into_iter().flatten().flatten().all(|entry| entry.file_name() == "lock")
    };
    let left: Vec<_> =
        entries.filter(|path| !path.to_string_lossy().contains(".gone-") && !only_locked(path)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Starts `llmp` with its output thrown away.
pub(crate) fn start(world: &World, arguments: &[&str]) -> Child {
    world.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start llmp")
}

/// Waits until no process works in a folder: what a killed run had started is gone.
pub(crate) fn wait_for_silence(folder: &Path) {
    let folder = fs::canonicalize(folder).expect("the folder");
    let busy = || {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let inside = |entry: &fs::DirEntry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        };
        processes
            .filter(inside)
            .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
            .filter(|command| !command.is_empty())
            .collect::<Vec<_>>()
    };
    for _ in 0..400 {
        if busy().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("still running: {:?}", busy());
}

/// The events of all runs of a store.
pub(crate) fn events(store: &Path) -> Vec<Value> {
    let mut events = Vec::new();
    for run in fs::read_dir(store.join("runs")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(run.path().join("events.jsonl")).unwrap_or_default();
        events.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
    }
    events
}

/// How often each stage was finished.
pub(crate) fn executed(store: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events(store) {
        if event["event"] == "stage_finished" {
            *counts.entry(event["stage"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Whether a command ends well; false also where it is not there.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
