//! A clock that is wrong.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::pipeline::{Finished, check_whole, finished, fresh, objects, results, undisturbed};
use crate::world::World;

/// Gives a file a time of modification.
fn date(path: &std::path::Path, time: SystemTime) {
    let file = fs::File::open(path).expect("a file");
    file.set_modified(time).expect("set the time");
}

fn years(years: u64) -> Duration {
    Duration::from_secs(years * 365 * 86_400)
}

/// A library that moves the clock of the programs that load it by `LLMP_CLOCK` seconds.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int done = real(id, at);
  const char *shift = getenv("LLMP_CLOCK");
  if (!done && id == CLOCK_REALTIME && shift) at->tv_sec += atol(shift);
  return done;
}
"#;

/// Runs with the clock moved by `seconds`; `None` where there is no C compiler to make that possible.
fn run_at(world: &World, seconds: i64, arguments: &[&str]) -> Option<(i32, String)> {
    let library = world.path().join("clock.so");
    if !library.exists() {
        world.write("clock.c", SHIM);
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"])
            .current_dir(world.path())
            .output();
        if !built.is_ok_and(|built| built.status.success()) {
            eprintln!("skipped: no C compiler (`cc`) to move the clock with");
            return None;
        }
    }
    let mut command = world.command(arguments);
    let output = command.env("LD_PRELOAD", &library).env("LLMP_CLOCK", seconds.to_string()).output();
    let output = output.expect("start llmp");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.code().unwrap_or(-1), said))
}

#[test]
fn a_clock_set_back_and_forth_changes_nothing() {
    let world = fresh();
    let store = world.path().join(".llmp");
    let year = 365 * 86_400;
    let Some((code, said)) = run_at(&world, 20 * year, &["run", "main.llmp", "--set", "base.for=8k tokens"])
    else {
        return;
    };
    assert_eq!(code, 0, "{said}");
    let before = finished(&store);
    let started = |store: &std::path::Path| {
        let runs = fs::read_to_string(store.join("runs/1/run.json")).expect("a run");
        serde_json::from_str::<serde_json::Value>(&runs).expect("JSON")["started"].as_f64().expect("a time")
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs_f64();
    assert!(started(&store) > now + 19.0 * year as f64, "the clock was not moved");
    // Twenty years back, the rest is made; what was made in the future stays.
    let (code, said) = run_at(&world, 0, &["run", "main.llmp"]).expect("as before");
    assert_eq!(code, 0, "{said}");
    let after = check_whole(&store, &before);
    assert_eq!(after.len(), before.len() + 1, "only the model is another");
    for shift in [-30 * year, 30 * year, -60 * year] {
        let (code, said) = run_at(&world, shift, &["run", "main.llmp"]).expect("as before");
        assert!(code == 0 && said.contains("nothing to do"), "{shift}: {said}");
    }
    // The newest run is the one with the highest number, whatever its date.
    let log = world.ok(&["log"]).out;
    assert!(log.starts_with("run 2"), "{log}");
    assert_eq!(results(&store), undisturbed().files);
}

#[test]
fn dates_of_files_decide_nothing() {
    let world = fresh();
    let store = world.path().join(".llmp");
    let now = SystemTime::now();
    date(&world.path().join("web/alpha.warc"), now + years(50));
    date(&world.path().join("web/beta.warc"), SystemTime::UNIX_EPOCH);
    world.ok(&["run", "main.llmp"]);
    let before = check_whole(&store, &Finished::new());
    for (_, path) in objects(&store) {
        date(&path, now + years(10));
    }
    for name in ["ledger", "runs/1/run.json", "version"] {
        date(&store.join(name), SystemTime::UNIX_EPOCH);
    }
    for entry in fs::read_dir(world.path().join("web")).expect("web/").flatten() {
        date(&entry.path(), now - years(20));
    }
    assert!(world.ok(&["run", "main.llmp"]).out.contains("nothing to do"));

    // Other content of the same size, with the date that it had: a change all the same.
    let path = world.path().join("web/gamma.warc");
    let old = fs::metadata(&path).expect("a file").modified().expect("a date");
    let text = fs::read_to_string(&path).expect("a text").replace("quiet village", "quaint hamlet");
    fs::write(&path, text).expect("write");
    date(&path, old);
    let planned = world.planned("main.llmp");
    assert!(planned.iter().any(|name| name == "docs/crawl.warc"), "{planned:?}");
    assert_eq!(finished(&store), before);
}
