//! `llmp forget`: what holds a source, the list that keeps it out of later runs, and the proof.

use serde_json::Value;

use crate::world::World;

const PIPELINE: &str = r#"
docs   = crawl.docs(["a.jsonl", "b.jsonl"])
good   = filter.length(docs) { min = 10 }
vocab  = tokenize.train(good) { size = 400 }
tokens = tokenize.encode(good, vocab)
index  = tools.search(good) { passage = 16 }
"#;

fn world() -> World {
    let world = World::new();
    world.write("main.llmp", PIPELINE);
    for name in ["a", "b"] {
        let row = |n: usize| {
            let words: String = (0..60).map(|i| format!("{name}{} ", n * 7 + i)).collect();
            format!("{{\"text\": \"Page {n} of {name} {words}\", \"url\": \"https://{name}.example/{n}\"}}\n")
        };
        world.write(&format!("{name}.jsonl"), (0..20).map(row).collect::<String>());
    }
    world.ok(&["run", "main.llmp"]);
    world
}

#[test]
fn an_export_carries_its_card() {
    let world = world();
    world.ok(&["export", "good", "out"]);
    let card = std::fs::read_to_string(world.path().join("out/CARD.md")).unwrap();
    for told in [
        "# good",
        "documents: 40",
        "## Sources",
        "a.jsonl",
        "not stated",
        "llmp run main.llmp",
        "key of the stage",
    ] {
        assert!(card.contains(told), "{told}: {card}");
    }
    world.ok(&["export", "vocab", "vocab"]);
    assert!(!world.path().join("vocab/CARD.md").exists());
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_holds_a_page_is_told_and_the_next_run_is_without_it() {
    let world = world();
    let told = json(&world.ok(&["forget", "http://www.a.example/7/", "--dry-run", "--json"]).out);
    let stages = told["stages"].as_array().unwrap();
    let held: Vec<(&str, u64)> = stages
        .iter()
        .map(|held| (held["stage"].as_str().unwrap(), held["documents"].as_u64().unwrap()))
        .collect();
    assert_eq!(held, [("docs", 1), ("good", 1), ("vocab", 0), ("tokens", 0), ("index", 0)]);
    assert!(stages[3]["tokens"].as_u64().unwrap() > 20, "{told}");
    assert!(!world.path().join("main.forget").exists(), "a dry run writes nothing");

    world.ok(&["forget", "http://www.a.example/7/"]);
    let list = std::fs::read_to_string(world.path().join("main.forget")).unwrap();
    assert_eq!(
        list.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
        ["http://www.a.example/7/"]
    );
    let early = world.llmp(&["forget", "--prove"]);
    assert!(early.code == 1 && early.err.contains("no result that is up to date"), "{}", early.err);

    let ran = world.ok(&["run", "main.llmp"]);
    assert!(ran.err.contains("39 documents"), "{}", ran.err);
    let proof = json(&world.ok(&["forget", "--prove", "--json"]).out);
    assert_eq!((&proof["clean"], &proof["other_runs"]), (&true.into(), &Value::from(vec![1])));
    assert!(proof["texts"].as_u64() > Some(0) && proof["searched"]["rows"].as_u64() > Some(100), "{proof}");

    world.ok(&["gc", "--keep-runs", "1"]);
    let after = world.ok(&["forget", "--prove"]).out;
    assert!(
        after.contains("nothing made from it is left") && after.contains("no run has its texts"),
        "{after}"
    );
}

#[test]
fn a_file_goes_as_a_whole_and_comes_back_with_its_line() {
    let world = world();
    let told = world.ok(&["forget", "b.jsonl"]).out;
    assert!(told.contains("20 documents of `b.jsonl`"), "{told}");
    assert!(world.ok(&["run", "main.llmp"]).err.contains("20 dropped"), "all of the file");
    assert!(world.ok(&["forget", "--prove"]).out.contains("nothing made from it is left"));
    let idle = world.ok(&["run", "main.llmp"]);
    assert!(format!("{}{}", idle.out, idle.err).contains("nothing to do"), "{idle:?}");
    world.write("main.forget", "# nothing\n");
    assert!(world.ok(&["run", "main.llmp"]).err.contains("40 documents"));
}

#[test]
fn copies_elsewhere_are_found() {
    let world = world();
    let text = std::fs::read_to_string(world.path().join("a.jsonl")).unwrap();
    let copy = text.lines().nth(7).unwrap().replace("a.example/7", "copy.example/");
    world.write("b.jsonl", format!("{copy}\n"));
    world.ok(&["run", "main.llmp"]);
    world.ok(&["forget", "https://a.example/7"]);
    world.ok(&["run", "main.llmp"]);
    let proof = world.llmp(&["forget", "--prove"]);
    assert!(proof.code == 1 && proof.out.contains("found in `docs`"), "{}{}", proof.out, proof.err);
    world.ok(&["forget", "https://copy.example/*"]);
    world.ok(&["run", "main.llmp"]);
    assert!(world.ok(&["forget", "--prove"]).out.contains("nothing made from it is left"));
}
