//! What the language says of files and reports, through the whole program.

use crate::world::World;

/// A report of one number, as a user's own stage makes it.
fn scored(world: &World, wrong: f64) {
    let table = serde_json::json!({
        "columns": [{"name": "model", "unit": "text"}, {"name": "wrong", "unit": "share", "better": "lower"}],
        "rows": [{"cells": ["mine", wrong]}],
    });
    let report = serde_json::json!({"title": "scores", "tables": [table]});
    world.write("report.json", report.to_string());
    world.write("score.sh", "cp report.json \"$LLMP_OUTPUT\"/; echo scores > \"$LLMP_OUTPUT\"/report.md\n");
}

fn expecting(bound: &str) -> String {
    format!(
        "stage my.score(docs: Docs, table: Files) -> Report {{
  run = [\"sh\", \"score.sh\"]
  measure wrong[model]: Ratio
}}
score = my.score(crawl.docs(\"docs/*.jsonl\"), \"report.json\")
/// Mistakes are dear.
expect score.wrong[\"mine\"] <= {bound}
"
    )
}

fn documents(world: &World, names: &[&str]) {
    for name in names {
        let row = serde_json::json!({"id": name, "url": name, "text": format!("a text called {name}")});
        world.write(&format!("docs/{name}.jsonl"), format!("{row}\n"));
    }
}

#[test]
fn a_report_that_is_not_as_expected_fails_the_run() {
    let world = World::new();
    documents(&world, &["a"]);
    scored(&world, 0.12);
    world.write("main.llmp", expecting("8%"));
    let said = world.llmp(&["run", "main.llmp"]);
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    assert!(said.err.contains("`score.wrong[\"mine\"]` is 12%, expected <= 8%"), "{}", said.err);
    assert!(said.err.contains("main.llmp:7:8") && said.err.contains("Mistakes are dear."), "{}", said.err);
    assert!(world.result("score").join("report.json").exists(), "the report is kept");
    // It is told again though nothing runs.
    let again = world.llmp(&["run", "main.llmp"]);
    assert_eq!(again.code, 1, "{}\n{}", again.out, again.err);
    assert!(again.out.contains("nothing to do") && again.err.contains("expected <= 8%"), "{}", again.err);
    // What is expected is no part of a key.
    world.write("main.llmp", expecting("20%"));
    assert!(world.planned("main.llmp").is_empty());
    world.ok(&["run", "main.llmp"]);
}

#[test]
fn gates_are_planned_recorded_reported_and_compared() {
    let world = World::new();
    documents(&world, &["a"]);
    scored(&world, 0.12);
    world.write("main.llmp", expecting("20%"));
    let json = |arguments: &[&str]| -> serde_json::Value {
        let said = world.llmp(arguments);
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{arguments:?}: {}", said.err))
    };
    let planned = |key: &str| json(&["plan", "main.llmp", "--json"])["gates"][0][key].clone();
    assert_eq!((planned("holds"), planned("place")), (serde_json::Value::Null, "main.llmp:7:8".into()));
    let said = world.llmp(&["plan", "main.llmp"]).out;
    assert!(said.contains("score.wrong[\"mine\"] <= 20%  main.llmp:7:8  not measured yet"), "{said}");
    let ran = world.ok(&["run", "main.llmp", "--format", "json"]).out;
    let told = ran.lines().find(|line| line.contains("\"expectation\"")).expect("an event");
    let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
    assert_eq!((&told["holds"], &told["value"], &told["bound"]), (&true.into(), &0.12.into(), &0.2.into()));
    // The bound falls, and nothing runs; then a worse report, which does.
    world.write("main.llmp", expecting("8%"));
    assert_eq!((planned("holds"), planned("current")), (false.into(), true.into()));
    scored(&world, 0.5);
    assert_eq!((planned("found"), planned("current")), ("12%".into(), false.into()));
    assert_eq!(world.llmp(&["run", "main.llmp"]).code, 1);
    let report = json(&["report", "last", "--json"]);
    let one = &report["expectations"][0];
    assert_eq!((&one["found"], &one["expected"]), (&"50%".into(), &"<= 8%".into()));
    for name in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(world.path().join(".llmp/runs/2").join(name)).unwrap();
        assert!(text.contains("50%") && text.contains("main.llmp:7:8"), "{name}");
    }
    let diff = world.ok(&["diff"]).out;
    let gate = "score.wrong[\"mine\"]  passed: 12%, expected <= 20% → failed: 50%, expected <= 8%";
    assert!(diff.contains("Gates") && diff.contains(gate), "{diff}");
    assert!(diff.contains("score.mine wrong  12.0 % → 50.0 %"), "{diff}");
}

#[test]
fn a_number_that_a_report_lacks_is_not_as_expected() {
    let world = World::new();
    documents(&world, &["a"]);
    scored(&world, 0.01);
    world.write("main.llmp", expecting("8%").replace("\"mine\"", "\"yours\""));
    let said = world.llmp(&["run", "main.llmp"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("the report `score` has no `wrong[\"yours\"]`"), "{}", said.err);
}

#[test]
fn names_of_files_count_where_the_stage_uses_them() {
    let names = ["a", "b", "c", "d", "e"];
    let world = World::new();
    documents(&world, &names);
    for name in names {
        world.write(
            &format!("site/{name}.html"),
            format!("<html><body><p>{name} is a page.</p></body></html>"),
        );
    }
    world.write("docs.llmp", "docs = crawl.docs(\"docs/*.jsonl\")\n");
    world.write("site.llmp", "pages = crawl.html(\"site/*.html\")\n");
    world.ok(&["run", "docs.llmp"]);
    world.ok(&["run", "site.llmp"]);
    let rename = |folder: &str, name: &str, end: &str| {
        let path = |name: &str| world.path().join(folder).join(format!("{name}.{end}"));
        std::fs::rename(path(name), path(&format!("other-{name}"))).unwrap();
    };
    for name in names {
        rename("docs", name, "jsonl");
    }
    assert!(world.planned("docs.llmp").is_empty(), "five renamed files re-run nothing");
    rename("site", "c", "html");
    let said = world.ok(&["run", "site.llmp", "--format", "json"]);
    assert_eq!(world.ran(&said), ["pages 1/5"], "one renamed file runs again");
}

#[test]
fn several_sources_are_one_input() {
    let world = World::new();
    documents(&world, &["a", "b"]);
    world.write("more/c.jsonl", "{\"id\": \"c\", \"url\": \"c\", \"text\": \"another\"}\n");
    world.write("main.llmp", "docs = crawl.docs([\"docs/*.jsonl\", \"more/c.jsonl\"])\n");
    world.ok(&["run", "main.llmp"]);
    assert_eq!(std::fs::read_dir(world.result("docs")).unwrap().count(), 3);
    world.write("main.llmp", "docs = crawl.docs([\"more/*\", \"docs\"])\n");
    assert!(world.planned("main.llmp").is_empty(), "neither order nor patterns count");
}
