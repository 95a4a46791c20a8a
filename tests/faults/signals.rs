//! Ctrl-C and SIGTERM: the first asks, the second insists.

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::pipeline::{Finished, check_whole, events, executed, finish, fresh, wait_for_silence};
use crate::world::World;

/// Starts `llmp run`, with what it says kept.
fn run(world: &World) -> Child {
    let mut command = world.command(&["run", "main.llmp"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start llmp")
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id() as i32).expect("a process"), signal).expect("send a signal");
}

/// Waits for an event of a run, or for its end.
fn wait_for(world: &World, child: &mut Child, wanted: &dyn Fn(&World) -> bool) {
    let start = Instant::now();
    while !wanted(world) && child.try_wait().expect("a process").is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never came to that");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ended(mut child: Child) -> (Option<i32>, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    (child.wait().expect("a process").code(), out, err)
}

fn training(world: &World) -> bool {
    let work = std::fs::read_dir(world.path().join(".llmp/work")).into_iter().flatten().flatten();
    work.flat_map(|entry| std::fs::read_dir(entry.path().join("state")).into_iter().flatten().flatten())
        .any(|entry| entry.file_name().to_string_lossy().ends_with(".checkpoint"))
}

#[test]
fn the_first_signal_stops_cleanly_and_says_how_to_go_on() {
    for stop in [Signal::INT, Signal::TERM] {
        let world = fresh();
        let store = world.path().join(".llmp");
        let mut child = run(&world);
        wait_for(&world, &mut child, &training);
        signal(&child, stop);
        let (code, out, err) = ended(child);
        assert_eq!(code, Some(130), "{out}\n{err}");
        for part in ["stopping", "what is finished is kept", "`llmp run main.llmp` goes on from there"] {
            assert!(err.contains(part), "{stop:?}: {err}");
        }
        assert!(out.contains("stopped") && out.contains("1 not run"), "{out}");
        let before = check_whole(&store, &Finished::new());
        let last = events(&store).into_iter().find(|event| event["event"] == "run_finished").expect("an end");
        assert_eq!(last["status"], "stopped");
        let again = world.llmp(&["run", "main.llmp"]);
        assert!(again.err.contains("going on from its state"), "{}", again.err);
        finish(&world, ".llmp", &before);
        assert!(executed(&store).values().all(|&count| count == 1));
    }
}

/// A command that does not listen to SIGTERM, and says that it has begun.
const DEAF: &str = "trap '' TERM INT; sleep 300 & touch begun; while :; do sleep 0.05; done\n";

#[test]
fn a_stop_ends_commands_and_all_they_started() {
    let world = fresh();
    world.write("mark.sh", DEAF);
    let mut child = run(&world);
    wait_for(&world, &mut child, &|world| world.path().join("begun").exists());
    signal(&child, Signal::INT);
    let (code, out, err) = ended(child);
    assert_eq!(code, Some(130), "{out}\n{err}");
    wait_for_silence(world.path());
}

#[test]
fn the_second_signal_ends_it_at_once_and_a_killed_run_takes_its_commands_along() {
    for hard in [false, true] {
        let world = fresh();
        world.write("mark.sh", DEAF);
        let mut child = run(&world);
        wait_for(&world, &mut child, &|world| world.path().join("begun").exists());
        if hard {
            child.kill().expect("kill");
        } else {
            signal(&child, Signal::INT);
            std::thread::sleep(Duration::from_millis(20));
            signal(&child, Signal::INT);
        }
        child.wait().expect("a process");
        wait_for_silence(world.path());
        check_whole(&world.path().join(".llmp"), &Finished::new());
    }
}
