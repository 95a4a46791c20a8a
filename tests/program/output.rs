//! What is printed where nobody reads, where the disk is full, and what a command line may hold.

use std::fs::File;
use std::process::Stdio;

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.write("data.jsonl", "{\"id\": \"a\", \"text\": \"a text of some words\"}\n");
    world.write("main.llmp", "param floor: Int = 1\ndocs = crawl.docs(\"data.jsonl\") |> filter.quality\n");
    world.write("wrong.llmp", "docs = crawl.dogs(\"data.jsonl\")\n");
    world.write("failing.llmp", "docs = crawl.docs(\"main.llmp\")\n");
    world
}

/// Commands that print, with their exit codes.
const PRINTING: &[(&[&str], i32)] = &[
    (&["completions", "bash"], 0),
    (&["completions", "zsh"], 0),
    (&["plan", "main.llmp"], 0),
    (&["plan", "main.llmp", "--detailed-exitcode"], 2),
    (&["plan", "main.llmp", "--json", "--detailed-exitcode"], 2),
    (&["plan", "main.llmp", "--lowered"], 0),
    (&["check", "wrong.llmp", "--format", "json"], 1),
    (&["check", "wrong.llmp", "--format", "sarif"], 1),
    (&["check", "main.llmp"], 0),
    (&["run", "failing.llmp", "--format", "json"], 1),
    (&["run", "failing.llmp"], 1),
    (&["log"], 0),
    (&["stages"], 0),
    (&["explain", "E0222"], 0),
    (&["graph", "main.llmp"], 0),
    (&["params", "main.llmp"], 0),
    (&["du"], 0),
];

#[test]
fn a_closed_pipe_changes_no_exit_code() {
    let world = world();
    for &(arguments, code) in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (other, errors) = std::io::pipe().unwrap();
        drop(other);
        let mut command = world.command(arguments);
        let ended = command.stdout(writer).stderr(errors).status().unwrap();
        assert_eq!(ended.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_called_one() {
    let world = world();
    // A run that fails says so on standard error.
    for &(arguments, _) in PRINTING.iter().filter(|(arguments, _)| *arguments != ["run", "failing.llmp"]) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let said = world.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
        assert_eq!(said.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("No space left on device") && err.contains("the disk is full"), "{err}");
    }
}

#[test]
fn params_that_cannot_be_meant_are_refused() {
    let world = world();
    for (params, told) in [
        ("floor: 1\nfloor: 2\n", "duplicate entry with key \"floor\""),
        ("docs:\n  min_words: 1\n  min_words: 2\n", "duplicate entry with key \"min_words\""),
        ("docs.min_words: 1\ndocs: {min_words: 2}\n", "`docs.min_words` stands twice"),
        ("{\"floor\": 1, \"floor\": 2}", "duplicate entry with key \"floor\""),
        ("floor: .inf\n", "`floor` is .inf"),
        ("floor: -.inf\n", "`floor` is -.inf"),
        ("docs:\n  - .nan\n", "`docs` is .nan"),
        ("floor: !odd 3\n", "`floor` has the tag `!odd`"),
        ("- floor\n", "no map of names to values"),
    ] {
        world.write("params.yaml", params);
        let said = world.llmp(&["check", "main.llmp", "--params", "params.yaml"]);
        assert!(said.code == 1 && said.err.contains(told), "{params:?}: {}", said.err);
    }
    for params in ["", "# nothing\n", "floor: 2\n", "docs.min_words: 3\n"] {
        world.write("params.yaml", params);
        world.ok(&["check", "main.llmp", "--params", "params.yaml"]);
    }
}

#[test]
fn words_that_name_nothing_are_refused() {
    let world = world();
    world.llmp(&["run", "main.llmp"]);
    for (arguments, code, told) in [
        (&["pin", ""][..], 1, "`` cannot be the name of a pin"),
        (&["run", "main.llmp", "--jobs", "0"], 2, "at least 1"),
        (&["sample", "--count", "0"], 2, "at least 1"),
        (&["trace", ""], 1, "which document?"),
    ] {
        let said = world.llmp(arguments);
        assert!(said.code == code && said.err.contains(told), "{arguments:?}: {} {}", said.code, said.err);
    }
}

#[test]
fn documents_are_found_whichever_pipeline_made_them() {
    let world = World::new();
    world.write(
        "data.jsonl",
        "{\"id\": \"urn:a\", \"url\": \"https://a.example/x\", \"text\": \"a text of words\"}\n",
    );
    world.write("one.llmp", "docs = crawl.docs(\"data.jsonl\") |> filter.pii\n");
    world.write("two.llmp", "texts = crawl.docs(\"data.jsonl\") |> filter.pii\n");
    world.ok(&["run", "one.llmp"]);
    assert!(world.ok(&["run", "two.llmp"]).out.contains("nothing to do"));
    let traced = world.ok(&["trace", "https://a.example/x", "two.llmp"]);
    assert!(traced.out.contains("texts") && traced.out.contains("kept"), "{}", traced.out);
    let traced = world.ok(&["trace", "https://a.example/x", "one.llmp", "--json"]);
    assert!(traced.out.contains("\"run\": 1"), "{}", traced.out);
    let unknown = world.llmp(&["trace", "https://b.example/", "two.llmp"]);
    assert!(unknown.code == 1 && unknown.err.contains("`two.llmp` saw no document"), "{}", unknown.err);
}
