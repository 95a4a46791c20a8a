//! A real Slurm on this machine: a controller and three nodes, each with a daemon of its own, as root and
//! without a service.
//!
//! Where Slurm is not installed (Debian: `slurm-wlm munge`) or this is not root, the tests say so and end.
//!
//!     cargo test --release -p llmp --test cluster
//!     ROUNDS=20 cargo test --release -p llmp --test cluster -- --ignored --nocapture faults

#![allow(clippy::unwrap_used)]

mod slurm;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::slurm::Cluster;

const SHARDS: usize = 5;

const PIPELINE: &str = r#"docs   = crawl.docs("in/*.jsonl")
clean  = docs |> filter.pii { mask = [email] }
vocab  = tokenize.train(clean) { size = 300 }
tokens = tokenize.encode(clean, vocab)
base   = pretrain(tokens) {
  model = { layers = 1, width = 32, heads = 2, context = 32 }, for = 40 steps, batch = 4
}
profile cluster { runtime on = slurm { time = 10min, cores = 1 } }
profile nowhere { runtime on = slurm { partition = "nowhere" } }
"#;

struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        fs::create_dir(world.path("in")).unwrap();
        for shard in 0..SHARDS {
            let mut text = String::new();
            for row in 0..400 {
                let words = ["harbour", "town", "market", "river"][(shard + row) % 4];
                writeln!(text, "{{\"text\": \"{row}: the {words} of number {shard}, to a{row}@b.example\"}}")
                    .unwrap();
            }
            fs::write(world.path(&format!("in/{shard}.jsonl")), text).unwrap();
        }
        fs::write(world.path("main.llmp"), PIPELINE).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, cluster: Option<&Cluster>, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmp"));
        command.args(arguments).current_dir(self.root.path()).env_remove("LLMP_STORE");
        if let Some(cluster) = cluster {
            command.env("SLURM_CONF", cluster.config());
        }
        command
    }

    fn run(&self, cluster: Option<&Cluster>, arguments: &[&str]) -> Output {
        self.command(cluster, arguments).output().unwrap()
    }

    /// Every file of every result and its content.
    fn results(&self) -> BTreeMap<String, blake3::Hash> {
        let mut found = BTreeMap::new();
        let folder = fs::read_dir(self.path(".llmp/out")).unwrap().next().unwrap().unwrap().path();
        gather(&folder, &folder, &mut found);
        found
    }
}

fn gather(root: &Path, folder: &Path, found: &mut BTreeMap<String, blake3::Hash>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => gather(root, &path, found),
            false => {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, blake3::hash(&fs::read(&path).unwrap()));
            }
        }
    }
}

fn good(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// What this machine makes by itself.
fn here() -> BTreeMap<String, blake3::Hash> {
    let world = World::new();
    good(&world.run(None, &["run", "--quiet"]));
    world.results()
}

#[test]
fn a_cluster_makes_the_same_bytes() {
    let Some(cluster) = Cluster::start(3) else { return };
    let right = here();

    let world = World::new();
    let refused = world.run(Some(&cluster), &["run", "--profile", "nowhere"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("Slurm does not take the job") && said.contains("sinfo"), "{said}");
    assert!(!world.path(".llmp/runs/1").exists(), "it is found out before anything begins");

    good(&world.run(Some(&cluster), &["run", "--quiet", "--profile", "cluster"]));
    assert_eq!(world.results(), right);
    assert_eq!(cluster.jobs(), 0);
    // Profiles that say where work is done enter no key.
    let again = world.run(None, &["run"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to do"), "{again:?}");
}

#[test]
fn killed_tasks_are_done_again_and_a_stopped_run_leaves_no_job() {
    let Some(cluster) = Cluster::start(3) else { return };
    let right = here();
    let world = World::new();
    let mut run = world
        .command(Some(&cluster), &["run", "--quiet", "--on", "slurm"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut killed = 0;
    let until = Instant::now() + Duration::from_secs(100);
    while run.try_wait().unwrap().is_none() && Instant::now() < until {
        if killed < 2 {
            killed += cluster.kill_a_worker(world.root.path());
        }
        sleep(Duration::from_millis(20));
    }
    assert!(run.wait().unwrap().success());
    assert_eq!(world.results(), right, "after {killed} kills");

    let world = World::new();
    let mut run = world
        .command(Some(&cluster), &["run", "--quiet", "--on", "slurm"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while cluster.jobs() == 0 && run.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(20));
    }
    let _ = Command::new("kill").args(["-INT", &run.id().to_string()]).status();
    assert!(!run.wait().unwrap().success());
    let until = Instant::now() + Duration::from_secs(30);
    while cluster.jobs() > 0 && Instant::now() < until {
        sleep(Duration::from_millis(100));
    }
    assert_eq!(cluster.jobs(), 0);
    good(&world.run(Some(&cluster), &["run", "--quiet", "--on", "slurm"]));
    assert_eq!(world.results(), right);
}

#[test]
#[ignore = "minutes a round"]
fn faults() {
    let Some(cluster) = Cluster::start(3) else { return };
    let right = here();
    let rounds: u64 = std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let mut state = 20_261_201_u64;
    println!("| round | fault | seconds | runs of the program | same bytes |\n|---:|---|---:|---:|---|");
    for round in 0..rounds {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis((state >> 33) % 8_000);
        let world = World::new();
        let begun = Instant::now();
        let mut runs = 1;
        let start = || {
            world
                .command(Some(&cluster), &["run", "--quiet", "--on", "slurm"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut run = start();
        sleep(moment);
        let fault = [
            "a task killed",
            "the planner killed",
            "the controller restarted",
            "a node's power cut",
            "two planners",
        ][round as usize % 5];
        match round % 5 {
            0 => {
                cluster.kill_a_worker(world.root.path());
            }
            1 => {
                run.kill().unwrap();
                run.wait().unwrap();
                run = start();
                runs += 1;
            }
            2 => cluster.restart_controller(),
            3 => {
                cluster.cut_node(1 + (state >> 40) as usize % 3);
                sleep(Duration::from_secs(2));
                cluster.start_nodes();
            }
            _ => {
                let mut other = start();
                other.wait().unwrap();
                runs += 1;
            }
        }
        if !run.wait().unwrap().success() {
            good(&world.run(Some(&cluster), &["run", "--quiet", "--on", "slurm"]));
            runs += 1;
        }
        let same = world.results() == right;
        println!("| {round} | {fault} | {:.0} | {runs} | {same} |", begun.elapsed().as_secs_f64());
        assert!(same);
        // What a killed planner had submitted ends by itself.
        let until = Instant::now() + Duration::from_secs(60);
        while cluster.jobs() > 0 && Instant::now() < until {
            sleep(Duration::from_millis(200));
        }
        assert_eq!(cluster.jobs(), 0, "{}", cluster.queue());
    }
}
