//! Stages of the user's own, and files that sources refuse before they run.

use std::process::{Command, Stdio};

use crate::world::World;

fn has_python() -> bool {
    let started =
        Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let has = started.is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: there is no `python3`");
    }
    has
}

#[test]
fn the_scripts_of_the_reference_are_those_of_the_template() {
    let spec = include_str!("../../spec/6-signatures.md");
    for script in [
        include_str!("../../examples/templates/stage/clean.py"),
        include_str!("../../examples/templates/stage/talks.py"),
    ] {
        assert!(spec.contains(&format!("```python\n{script}```\n")), "{script}");
    }
}

#[test]
fn a_template_with_stages_of_ones_own_runs() {
    let world = World::new();
    world.ok(&["init", "stage"]);
    assert_eq!(world.llmp(&["init", "stage", "-o", "other.llmp"]).code, 1, "nothing is written over");
    if !has_python() {
        return;
    }
    let said = world.ok(&["run", "stage.llmp"]);
    assert!(said.err.contains("3 documents") && said.err.contains("1 dropped"), "{}", said.err);
    assert!(said.err.contains("3 conversations"), "{}", said.err);
    let said = world.ok(&["trace", "note", "stage.llmp"]);
    assert!(said.out.contains("my.too_short") && said.out.contains("2 words"), "{}", said.out);
}

#[test]
fn a_traceback_is_shown_once_and_bad_lines_are_an_accident() {
    let world = World::new();
    world.write("docs.jsonl", "{\"id\": \"a\", \"text\": \"one\"}\n{\"id\": \"b\", \"text\": \"two\"}\n");
    world.write("fail.sh", "echo the reason of it >&2\nexit 3\n");
    let stage = "stage own(docs: Docs) -> Docs { run = [\"sh\", \"SCRIPT\"], reads = jsonl }\n";
    let program =
        |script: &str| format!("{}kept = own(crawl.docs(\"docs.jsonl\"))\n", stage.replace("SCRIPT", script));
    world.write("main.llmp", program("fail.sh"));
    let said = world.llmp(&["run", "main.llmp"]);
    assert_eq!((said.code, said.err.matches("the reason of it").count()), (1, 1), "{}", said.err);
    // One line is no document, and one document is gone without a word.
    world.write("loose.sh", "cd \"$LLMP_INPUT_DOCS\"\nfor f in *.jsonl; do (head -n 1 \"$f\"; echo nothing) > \"$LLMP_OUTPUT/$f\"; done\n");
    world.write("main.llmp", program("loose.sh"));
    let said = world.ok(&["run", "main.llmp"]);
    assert!(said.err.contains("1 document ·"), "{}", said.err);
    let report = world.ok(&["report", "--json"]);
    assert!(report.out.contains("dropped.docs.bad_row"), "{}", report.out);
}

#[test]
fn what_cannot_be_read_is_refused_by_the_plan() {
    let world = World::new();
    world.write("a.txt", "A farmer had a goose that laid a golden egg.\n");
    world.write("b.jsonl", "{\"text\": \"one\"}\n");
    for (program, said_of_it) in [
        ("docs = crawl.docs(\"a.txt\")\n", "`a.txt` is plain text; read it with `crawl.text`"),
        ("docs = crawl.text(\"b.jsonl\")\n", "`b.jsonl` is JSON; read it with `crawl.docs`"),
        ("docs = crawl.html(\"b.jsonl\") |> extract.text\n", "`b.jsonl` is JSON; read it with `crawl.docs`"),
        ("docs = crawl.warc(\"b.jsonl\") |> extract.text\n", "`b.jsonl` is JSON; read it with `crawl.docs`"),
    ] {
        world.write("main.llmp", program);
        let said = world.llmp(&["plan", "main.llmp"]);
        assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
        assert!(format!("{}{}", said.out, said.err).contains(said_of_it), "{}\n{}", said.out, said.err);
    }
    world.write("main.llmp", "docs = docs.mix([crawl.text(\"a.txt\"), crawl.docs(\"b.jsonl\")])\n");
    let said = world.ok(&["run", "main.llmp"]);
    assert!(said.err.contains("2 documents"), "{}", said.err);
}
