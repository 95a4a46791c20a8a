//! `llmp worker`: an action from its file, on its own.

use std::fs;

use crate::pipeline::{Finished, executed, finish, fresh, nothing_left};
use crate::world::World;

/// A world in which the command failed for want of a file that is no input, and the file of one of its
/// actions.
fn failed() -> (World, String) {
    let world = fresh();
    let script = fs::read_to_string(world.path().join("mark.sh")).expect("the script");
    let picky = "[ -e go ] || { echo 'no go' >&2; exit 1; }\necho x >> count\n";
    world.write("mark.sh", format!("{picky}{script}"));
    let said = world.llmp(&["run", "main.llmp"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let file = world.path().join(".llmp/runs/1/actions/docs.json");
    (world, file.to_string_lossy().into_owned())
}

#[test]
fn a_failed_action_can_be_done_again_by_itself() {
    let (_world, file) = failed();
    let elsewhere = World::new();
    let said = elsewhere.llmp(&["worker", &file]);
    assert_eq!(said.code, 1);
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("a report");
    assert_eq!(report["status"], "failed");
    assert!(report["message"].as_str().is_some_and(|message| message.contains("no go")), "{}", said.out);
}

#[test]
fn what_workers_make_is_taken_in_by_the_next_run_and_the_first_result_stays() {
    let (world, file) = failed();
    world.write("go", "");
    let elsewhere = World::new();
    let start = || {
        let mut command = elsewhere.command(&["worker", &file, "--quiet"]);
        command.stdout(std::process::Stdio::piped()).spawn().expect("start a worker")
    };
    let workers = [start(), start()];
    let mut first = 0;
    for worker in workers {
        let output = worker.wait_with_output().expect("a worker");
        assert!(output.status.success());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!((&report["status"], &report["differs"]), (&"done".into(), &false.into()));
        first += usize::from(report["before"] == false);
    }
    assert_eq!(first, 1, "one of them was first");
    let late = elsewhere.ok(&["worker", &file]);
    assert!(late.out.contains("\"before\":true"), "{}", late.out);

    // The run finds that shard done, and does the other five.
    let lines = || fs::read_to_string(world.path().join("count")).expect("a count").lines().count();
    let before = lines();
    finish(&world, ".llmp", &Finished::new());
    assert_eq!(lines(), before + 5);
    assert_eq!(executed(&world.path().join(".llmp"))["docs"], 1);
    nothing_left(&world.path().join(".llmp"));
}

#[test]
fn files_that_are_no_action_are_refused() {
    let world = World::new();
    let refused = |text: &str, because: &str| {
        world.write("a.json", text);
        let said = world.llmp(&["worker", "a.json"]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(because), "{}", said.err);
    };
    refused("{\"format_version\": 2}", "`a.json` is no action of this program");
    refused("{\"format_version\": 1, \"place\": {}}", "`a.json` has format 1; this program reads format 2");
    assert!(world.llmp(&["worker", "b.json"]).err.contains("cannot read `b.json`"));
}
