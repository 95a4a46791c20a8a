//! Several runs in one store.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::pipeline::{
    Finished, Random, check_whole, executed, finish, fresh, nothing_left, results, start, times, undisturbed,
};

fn together(runs: usize) {
    let world = fresh();
    let start = || {
        let mut command = world.command(&["run", "main.llmp"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start llmp")
    };
    let children: Vec<_> = (0..runs).map(|_| start()).collect();
    for child in children {
        let output = child.wait_with_output().expect("a process");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let store = world.path().join(".llmp");
    assert_eq!(results(&store), undisturbed().files);
    let counts = executed(&store);
    assert_eq!(counts.len(), 7, "{counts:?}");
    assert!(counts.values().all(|&count| count == 1), "{runs} runs: {counts:?}");
    finish(&world, ".llmp", &Finished::new());
}

#[test]
fn two_runs_do_everything_once() {
    for _ in 0..times(1).min(50) {
        together(2);
    }
}

#[test]
fn eight_runs_do_everything_once() {
    for _ in 0..times(1).min(50) {
        together(8);
    }
}

/// Runs of different pipelines train one after the other: there is one device.
#[test]
fn one_training_at_a_time() {
    let world = fresh();
    world.ok(&["run", "main.llmp", "--to", "tokens"]);
    let seeds: Vec<String> = (1..4).map(|seed| format!("base.seed={seed}")).collect();
    let children: Vec<_> =
        seeds.iter().map(|seed| start(&world, &["run", "main.llmp", "--set", seed])).collect();
    for mut child in children {
        assert!(child.wait().expect("a process").success());
    }
    let store = world.path().join(".llmp");
    let mut trainings: Vec<(f64, f64)> = Vec::new();
    for run in 2..5 {
        let events = std::fs::read_to_string(store.join(format!("runs/{run}/events.jsonl"))).expect("events");
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
        let of_base: Vec<Value> = events.filter(|event| event["stage"] == "base").collect();
        let at = |what: &str| {
            let event = of_base.iter().find(|event| event["event"] == what);
            event.and_then(|event| event["at"].as_f64()).unwrap_or_else(|| panic!("{what} in run {run}"))
        };
        trainings.push((at("stage_started"), at("stage_finished")));
    }
    trainings.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(trainings.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{trainings:?}");
}

/// The work of a run that is killed is taken over by the others.
#[test]
fn eight_runs_of_which_most_are_killed() {
    let mut random = Random::new(7);
    for _ in 0..times(1).min(50) {
        let world = fresh();
        let store = world.path().join(".llmp");
        let mut children: Vec<_> = (0..8).map(|_| start(&world, &["run", "main.llmp"])).collect();
        let mut before = Finished::new();
        for mut child in children.drain(..6) {
            std::thread::sleep(Duration::from_millis(random.below(150)));
            child.kill().expect("kill");
            child.wait().expect("a process");
            if store.join("ledger").exists() {
                before = check_whole(&store, &before);
            }
        }
        for mut child in children {
            assert!(child.wait().expect("a process").success());
        }
        finish(&world, ".llmp", &before);
        nothing_left(&store);
        let counts = executed(&store);
        assert!(counts.values().all(|&count| count == 1), "{counts:?}");
    }
}
