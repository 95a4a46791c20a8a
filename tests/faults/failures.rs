//! Stages that fail: what is left, what goes on, what is tried again.

use std::fs;

use crate::pipeline::{Finished, check_whole, executed, finish, fresh, undisturbed};

const FAILING: &str = "echo \"reading $LLMP_INPUT_DOCS\"; echo 'no such luck' >&2; exit 3\n";

#[test]
fn a_failed_stage_leaves_its_log_its_reason_and_what_was_finished() {
    let world = fresh();
    let store = world.path().join(".llmp");
    world.write("mark.sh", FAILING);
    let failed = world.llmp(&["run", "main.llmp"]);
    assert_eq!(failed.code, 1);
    for part in
        ["`docs` failed", "`sh` ended with exit code 3", "no such luck", "main.llmp:", "llmp log docs"]
    {
        assert!(failed.err.contains(part), "{part}: {}", failed.err);
    }
    assert!(failed.err.contains("goes on from there"), "{}", failed.err);
    let log = world.ok(&["log", "docs"]).out;
    assert!(log.contains("reading ") && log.contains("no such luck") && log.contains("error: "), "{log}");
    assert!(world.ok(&["log"]).out.contains("3 ran, 0 cached, 1 failed"));
    let before = check_whole(&store, &Finished::new());
    world.write("mark.sh", fs::read_to_string(fresh().path().join("mark.sh")).expect("the script"));
    finish(&world, ".llmp", &before);
    assert!(executed(&store).values().all(|&count| count == 1));
}

#[test]
fn with_keep_going_all_that_can_be_done_is_done() {
    let world = fresh();
    // One shard fails; the others, and what does not depend on it, go on.
    let script = fs::read_to_string(world.path().join("mark.sh")).expect("the script");
    let picky = "case $(ls \"$LLMP_INPUT_DOCS\") in [0-7]*) ;; *) echo 'not this one' >&2; exit 1;; esac\n";
    world.write("mark.sh", format!("{picky}{script}"));
    let pipeline = fs::read_to_string(world.path().join("main.llmp")).expect("the pipeline");
    world.write("main.llmp", format!("{pipeline}other = crawl.warc(\"web/alpha.warc\") |> extract.text\n"));
    let said = world.llmp(&["run", "main.llmp", "--keep-going"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("not this one"), "{}", said.err);
    let store = world.path().join(".llmp");
    let counts = executed(&store);
    assert!(counts.contains_key("other") && !counts.contains_key("docs"), "{counts:?}");
    let marked = crate::pipeline::finished(&store).len();
    // 6 shards each of crawl, filter and extract with their stages, 1 of the other two, and the shards that
    // went well.
    assert!(marked > 3 * 7 + 2, "{marked} actions are finished");
    let passed = said.out.lines().find(|line| line.starts_with("run 1 failed")).unwrap_or_default();
    assert!(passed.contains("1 failed") && passed.contains("not run"), "{}", said.out);
}

#[test]
fn retries_have_a_limit() {
    let world = fresh();
    let script = fs::read_to_string(world.path().join("mark.sh")).expect("the script");
    let flaky = "n=$(cat tries 2>/dev/null || echo 0); echo $((n + 1)) > tries; \
                 [ \"$n\" -ge 2 ] || { echo 'not yet' >&2; exit 1; }\n";
    world.write("mark.sh", format!("{flaky}{script}"));
    let run = ["run", "main.llmp", "--jobs", "1", "--retries"];
    let one = world.llmp(&[&run[..], &["1"]].concat());
    assert_eq!(one.code, 1, "two tries are too few");
    assert!(one.err.contains("trying again (1 of 1)"), "{}", one.err);
    fs::remove_file(world.path().join("tries")).expect("remove");
    world.ok(&[&run[..], &["2"]].concat());
    // The script's text is part of the key, and its output is the same: the results are, too.
    assert_eq!(crate::pipeline::results(&world.path().join(".llmp")), undisturbed().files);
}
