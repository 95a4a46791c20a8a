//! Where results are kept, and stores that an earlier version made.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::World;

/// A pipeline of nine stages, its files and its store, as the program made them in November 2026, before its
/// crates were cut by subject. Since then the epochs of reading, extraction, deduplication and masking have
/// risen, those of questions, languages and quality have not; and `crawl.docs` has got a setting more, so
/// that its old result cannot be kept.
fn november() -> World {
    let world = World::new();
    let archive =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/program/stores/november-2026.tar.gz");
    let status = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(world.path()).status();
    assert!(status.expect("start tar").success());
    world
}

fn json(world: &World, arguments: &[&str]) -> Value {
    let said = world.llmp(arguments);
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{arguments:?}: {}\n{}", said.out, said.err))
}

fn stage<'a>(plan: &'a Value, name: &str) -> &'a Value {
    let stages = plan["stages"].as_array().expect("stages");
    stages.iter().find(|stage| stage["name"] == name).unwrap_or_else(|| panic!("no stage `{name}`"))
}

#[test]
fn a_store_of_an_earlier_version_is_planned_with() {
    let world = november();
    let plan = json(&world, &["plan", "main.llmp", "--json"]);
    assert_eq!(stage(&plan, "questions")["action"], "cached", "its epoch has not changed");
    for name in ["docs/crawl.docs", "pages/crawl.warc"] {
        let stage = stage(&plan, name);
        let reasons = stage["reasons"].as_array().expect("reasons");
        assert_eq!(stage["action"], "re-run", "{name}");
        assert!(reasons.iter().any(|reason| reason["name"] == "epoch"), "{stage}");
    }
    let said = world.llmp(&["plan", "main.llmp"]);
    for part in [
        "re-run: crawl.warc epoch 1 → 2 (llmp 0.1.0 → ",
        "re-run: extract.text epoch 2 → ",
        "`--keep-old` goes on with the old results",
    ] {
        assert!(said.out.contains(part), "`{part}` is missing in:\n{}", said.out);
    }
}

#[test]
fn every_command_works_on_a_store_of_an_earlier_version() {
    let world = november();
    assert!(world.ok(&["log"]).out.contains("main.llmp"));
    world.ok(&["log", "docs", "main.llmp"]);
    let report = json(&world, &["report", "1", "--json"]);
    assert_eq!((&report["run"], &report["status"]), (&1.into(), &"done".into()));
    assert_eq!(stage(&report, "pages")["counts"]["documents"], 2);
    world.ok(&["report", "1"]);
    let why = world.ok(&["why", "pages/crawl.warc", "main.llmp"]);
    assert!(why.out.contains("epoch") && why.out.contains("run 1"), "{}", why.out);
    world.ok(&["verify", "main.llmp"]);
    world.ok(&["du"]);
    world.ok(&["gc", "--dry-run"]);
    let ran = world.ok(&["run", "main.llmp", "--format", "json"]);
    assert!(!world.ran(&ran).contains(&"questions".to_owned()), "{}", ran.out);
    assert!(world.ran(&ran).contains(&"docs/crawl.docs".to_owned()), "{}", ran.out);
    let diff = json(&world, &["diff", "1", "2", "--json"]);
    let raised = |change: &Value| change["name"] == "implementation" && change["stage"] == "docs/crawl.docs";
    assert!(diff["settings"].as_array().expect("settings").iter().any(raised), "{diff}");
    world.ok(&["gc", "--keep-runs", "1"]);
    world.ok(&["verify", "main.llmp"]);
    assert!(world.planned("main.llmp").is_empty());
}

#[test]
fn old_results_are_kept_on_purpose_and_marked() {
    let world = november();
    let plan = json(&world, &["plan", "main.llmp", "--keep-old", "--json"]);
    let kept = &stage(&plan, "pages/crawl.warc")["kept"];
    assert_eq!((&kept["epoch"], &kept["newer"], &kept["version"]), (&1.into(), &2.into(), &"0.1.0".into()));
    assert!(stage(&plan, "questions")["kept"].is_null());
    let why = json(&world, &["why", "pages/crawl.warc", "main.llmp", "--keep-old", "--json"]);
    assert_eq!(why["stage"]["kept"]["epoch"], 1);
    // What has changed in more than its implementation is new work; new settings that nobody has written are
    // no change.
    let main = world.path().join("main.llmp");
    let text = std::fs::read_to_string(&main).expect("the pipeline");
    let source = "crawl.docs(\"a/*.jsonl\")";
    std::fs::write(&main, text.replace(source, &format!("{source} {{ max_bad = 2% }}"))).expect("writable");
    let ran = world.ok(&["run", "main.llmp", "--keep-old", "--format", "json"]);
    let ran = world.ran(&ran);
    assert!(ran.contains(&"docs/crawl.docs".to_owned()), "{ran:?}");
    // `dedup.minhash` runs in steps since, which no older result stands for.
    assert!(ran.iter().all(|name| name.starts_with("docs") || name.starts_with("clean")), "{ran:?}");
    let report = json(&world, &["report", "last", "--json"]);
    assert_eq!(stage(&report, "pages/crawl.warc")["kept"]["epoch"], 1);
    let folder = world.path().join(".llmp/runs/2");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the run");
    for name in ["report.md", "report.html"] {
        assert!(read(name).contains("result of epoch 1 (llmp 0.1.0), kept"), "{name}");
    }
    assert!(read("run.json").contains("\"kept\""));
    // What is forced is made by this program, and goes by its epoch.
    let forced = world.ok(&[
        "run",
        "main.llmp",
        "--keep-old",
        "--force",
        "pages/crawl.warc",
        "--to",
        "pages/crawl.warc",
        "--format",
        "json",
    ]);
    assert_eq!(world.ran(&forced), ["pages/crawl.warc"]);
    let report = json(&world, &["report", "last", "--json"]);
    assert!(stage(&report, "pages/crawl.warc")["kept"].is_null());
}

const PLACED: &str = "docs = crawl.docs(\"docs/*.jsonl\") |> filter.quality { min_words = 1, rules = [] }
profile here { runtime store = \"results\", runtime on = local { cores = 1, memory = 8GiB } }
";

fn placed() -> World {
    let world = World::new();
    world.write("project/docs/a.jsonl", "{\"id\": \"a\", \"text\": \"a short text\"}\n");
    world.write("project/main.llmp", PLACED);
    world
}

#[test]
fn a_profile_names_the_store_of_every_command() {
    let world = placed();
    let file = "project/main.llmp";
    world.ok(&["run", file, "--profile", "here"]);
    assert!(world.path().join("project/results/ledger").is_file());
    assert!(!world.path().join(".llmp").exists() && !world.path().join("project/.llmp").exists());
    for arguments in [
        &["plan", file, "--profile", "here"][..],
        &["why", "docs", file, "--profile", "here"],
        &["log", "docs", file, "--profile", "here"],
        &["verify", file, "--profile", "here"],
        &["graph", file, "--profile", "here"],
    ] {
        world.ok(arguments);
    }
    let mut command = world.command(&["report", "--profile", "here"]);
    let status = command.current_dir(world.path().join("project")).status().expect("start llmp");
    assert!(status.success());
    // `--store` goes before it.
    world.ok(&["run", file, "--profile", "here", "--store", "mine"]);
    assert!(world.path().join("mine/ledger").is_file());
}

#[test]
fn where_a_run_takes_place_is_no_part_of_a_key() {
    let world = placed();
    let keys = |arguments: &[&str]| {
        let plan = json(&world, arguments);
        let stages = plan["stages"].as_array().expect("stages").iter();
        stages.map(|stage| stage["key"].clone()).collect::<Vec<_>>()
    };
    world.ok(&["run", "project/main.llmp", "--store", "mine"]);
    let without = keys(&["plan", "project/main.llmp", "--store", "mine", "--json"]);
    let with = keys(&["plan", "project/main.llmp", "--store", "mine", "--profile", "here", "--json"]);
    assert!(without.iter().all(Value::is_string), "{without:?}");
    assert_eq!(without, with);
}

#[test]
fn an_address_is_no_store() {
    let world = placed();
    let said = world.llmp(&["run", "project/main.llmp", "--store", "s3://team/llmp"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the store `s3://team/llmp` is an address"), "{}", said.err);
    world.write("project/main.llmp", PLACED.replace("\"results\"", "\"s3://team/llmp\""));
    let said = world.llmp(&["check", "project/main.llmp"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("E0248") && said.err.contains("main.llmp:2:32"), "{}", said.err);
}
