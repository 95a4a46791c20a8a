//! Pipelines to start from.

use std::fmt::Write as _;

use crate::world::World;

#[test]
fn templates_with_data_run() {
    for (template, kept) in [("text", "base"), ("html", "docs"), ("jsonl", "base"), ("chat", "chat")] {
        let world = World::new();
        let said = world.ok(&["init", template]);
        assert!(said.out.contains(&format!("wrote {template}.llmp and what it reads")), "{}", said.out);
        let profile: &[&str] = if kept == "docs" { &[] } else { &["--profile", "smoke"] };
        // The folder holds one pipeline, so that it need not be named.
        let ran = world.ok(&[&["run"], profile].concat());
        assert!(world.result(kept).exists(), "{template}: {}{}", ran.out, ran.err);
        assert!(!ran.err.contains("warning"), "{template} warns of itself: {}", ran.err);
    }
}

#[test]
fn nothing_is_written_over() {
    let world = World::new();
    world.write("documents.jsonl", "mine");
    let said = world.llmp(&["init", "jsonl"]);
    assert_eq!((said.code, said.err.lines().next()), (1, Some("error: `documents.jsonl` exists already")));
    assert!(!world.path().join("jsonl.llmp").exists(), "all or nothing");
    assert_eq!(std::fs::read(world.path().join("documents.jsonl")).expect("kept"), b"mine");
}

#[test]
fn the_demo_is_the_main_example() {
    let world = World::new();
    world.ok(&["init", "demo"]);
    for name in ["who-is.llmp", "eval.jsonl", "web/web-07.warc.gz"] {
        let example =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/who-is").join(name);
        assert_eq!(
            std::fs::read(world.path().join(name)).expect(name),
            std::fs::read(example).expect(name),
            "{name}"
        );
    }
    world.ok(&["check"]);
    assert_eq!(world.llmp(&["init", "demo"]).code, 1, "it is there already");
}

fn table(rows: usize) -> String {
    let mut table = "town,mayor,river\n".to_owned();
    for row in 0..rows {
        let part = |number: usize| ["ba", "dor", "el", "fim", "gru", "ha", "jo", "kin", "lu"][number % 9];
        let (one, two, three) = (part(row), part(row / 9 + 3), part(row / 4 + row));
        let _ = writeln!(table, "{one}{two}{three}stad,{three}{one} {two}man|M. {two}man,{two}{one}");
    }
    table
}

#[test]
fn a_table_of_facts_becomes_an_assistant() {
    let world = World::new();
    world.write("towns.csv", table(200));
    let said = world.ok(&["init", "facts", "towns.csv", "--columns", "mayor,river"]);
    assert!(
        said.out.contains("rows, mayor, river: ") && said.out.contains("wrote wordings.yaml"),
        "{}",
        said.out
    );
    let files = ["pages", "reference", "practice", "conversations", "probe", "eval"]
        .map(|name| format!("{name}.jsonl"));
    let read = |name: &String| std::fs::read(world.path().join(name)).expect("written");
    let first = files.each_ref().map(read);
    // The same each time, and what people edit is kept.
    let wordings = world.path().join("wordings.yaml");
    let edited = std::fs::read_to_string(&wordings)
        .expect("written")
        .replace("Tell me the {attribute}", "Tell me of the {attribute}");
    std::fs::write(&wordings, &edited).expect("writable");
    let again = world.ok(&["init", "facts", "towns.csv"]);
    assert!(
        again.out.contains("kept wordings.yaml") && again.out.contains("kept facts.llmp"),
        "{}",
        again.out
    );
    assert_eq!(std::fs::read_to_string(&wordings).expect("kept"), edited);
    assert_eq!(read(&files[1]), first[1], "the reference asks nothing");
    assert_ne!(read(&files[3]), first[3]);
    world.ok(&["run", "--profile", "smoke"]);
    assert!(world.result("table").join("report.json").exists());
}

#[test]
fn tables_and_wordings_that_cannot_be_used_are_named() {
    let world = World::new();
    world.write("few.csv", "a,b\n1,2\n");
    let said = world.llmp(&["init", "facts", "few.csv"]);
    assert!(
        said.code == 1 && said.err.contains("`few.csv` has 1 rows that can be used, fewer than 40"),
        "{}",
        said.err
    );
    world.write("towns.csv", table(60));
    world.write("wordings.yaml", "statements: []\n");
    let said = world.llmp(&["init", "facts", "towns.csv"]);
    assert!(said.code == 1 && said.err.contains("wordings.yaml"), "{}", said.err);
    world.write("latin.csv", b"town,mayor\nK\xf6ln,x\n");
    let said = world.llmp(&["init", "facts", "latin.csv"]);
    assert!(said.err.contains("`latin.csv`, line 2 is not UTF-8"), "{}", said.err);
}
