//! `--to STAGE`: plans and runs that go as far as a stage, and what is told of them.

use serde_json::Value;

use crate::world::{World, warc};

const PIPELINE: &str = r#"
docs = crawl.warc("web/*.warc")
  |> filter.urls { block = [adult] }
  |> extract.text
vocab  = tokenize.train(docs) { size = each [300, 400] }
masked = docs |> filter.pii { mask = [email] }
"#;

const DOCS: [&str; 3] = ["docs/crawl.warc", "docs/filter.urls", "docs"];

fn world() -> World {
    let world = World::new();
    world.write("main.llmp", PIPELINE);
    for site in ["alpha", "beta"] {
        world.write(&format!("web/{site}.warc"), warc(site, 4));
    }
    world
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The names of the stages in a plan, a run's record or a report.
fn names(whole: &Value) -> Vec<&str> {
    let stages = whole["stages"].as_array().expect("stages");
    stages.iter().map(|stage| stage["name"].as_str().expect("a name")).collect()
}

#[test]
fn a_run_goes_as_far_as_was_planned() {
    let world = world();
    let all = world.planned("main.llmp");
    assert_eq!(all.len(), 6, "{all:?}");
    // A stage, by its name or its kind; a family, by its binding; several.
    let families: Vec<&str> =
        all.iter().map(String::as_str).filter(|name| name.starts_with("vocab")).collect();
    assert_eq!(families.len(), 2, "{all:?}");
    let to: [(&[&str], Vec<&str>); 4] = [
        (&["--to", "filter.urls"], DOCS[..2].to_vec()),
        (&["--to", "docs"], DOCS.to_vec()),
        (&["--to", "masked", "--to", "docs"], [&DOCS[..], &["masked"]].concat()),
        (&["--to", "vocab"], [&DOCS[..], &families].concat()),
    ];
    let mut before: Vec<String> = vec![];
    for (number, (to, wanted)) in to.iter().enumerate() {
        let said = world.llmp(&[&["plan", "main.llmp", "--json", "--detailed-exitcode"], *to].concat());
        assert_eq!(said.code, 2, "{}", said.err);
        let plan = json(&said.out);
        assert_eq!(names(&plan), *wanted);
        let run = world.ok(&[&["run", "main.llmp", "--format", "json"], *to].concat());
        let mut ran = world.ran(&run);
        ran.sort();
        let mut planned: Vec<&str> = wanted.clone();
        planned.retain(|name| !before.iter().any(|ran| ran == name));
        planned.sort_unstable();
        assert_eq!(ran, planned);
        before.extend(ran);
        let record =
            std::fs::read_to_string(world.path().join(format!(".llmp/runs/{}/run.json", number + 1)));
        let record = json(&record.expect("a record"));
        assert_eq!(names(&record), *wanted, "no stage is listed that was not asked for");
        assert_eq!(record["targets"].as_array(), plan["targets"].as_array());
        assert_eq!(world.llmp(&[&["plan", "main.llmp", "--detailed-exitcode"], *to].concat()).code, 0);
        let again = world.ok(&[&["run", "main.llmp"], *to].concat());
        assert!(again.out.contains("nothing to do"), "{}", again.out);
    }
    assert_eq!(
        world.llmp(&["plan", "main.llmp", "--detailed-exitcode"]).code,
        0,
        "between them they went everywhere"
    );
}

#[test]
fn a_plan_in_a_file_remembers_how_far_it_goes() {
    let world = world();
    let run =
        |arguments: &[&str]| world.llmp(&[&["run", "main.llmp", "--plan", "plan.json"], arguments].concat());
    world.llmp(&["plan", "main.llmp", "--to", "filter.urls", "--out", "plan.json"]);
    for (to, named) in [("masked", "is for docs/filter.urls"), ("nothing", "there is no stage `nothing`")] {
        let other = run(&["--to", to]);
        assert!(other.code == 1 && other.err.contains(named), "{}", other.err);
    }
    let said = run(&["--format", "json"]);
    assert_eq!(world.ran(&said), DOCS[..2]);
    let stale = run(&[]);
    assert!(stale.code == 1 && stale.err.contains("is stale"), "{}", stale.err);

    world.llmp(&["plan", "main.llmp", "--to", "masked", "--out", "plan.json"]);
    // What the plan does not need may change.
    world.write("main.llmp", PIPELINE.replace("[300, 400]", "[310]"));
    assert_eq!(world.ran(&run(&["--format", "json", "--to", "masked"])), ["docs", "masked"]);
    world.llmp(&["plan", "main.llmp", "--to", "masked", "--out", "plan.json"]);
    world.write("main.llmp", PIPELINE.replace("masked", "hidden"));
    let gone = run(&[]);
    assert!(gone.code == 1 && gone.err.contains("is stale"), "{}", gone.err);

    world.llmp(&["plan", "main.llmp", "--out", "plan.json"]);
    let whole = run(&["--to", "docs"]);
    assert!(whole.code == 1 && whole.err.contains("is for all of the pipeline"), "{}", whole.err);
}

#[test]
fn what_is_told_of_a_run_to_a_stage_is_about_that_part() {
    let world = world();
    let run = world.ok(&["run", "main.llmp", "--to", "docs"]);
    assert!(run.err.contains("run 1: main.llmp to docs on cpu"), "{}", run.err);
    let log = world.ok(&["log", "--run", "1"]).out;
    assert!(log.contains("main.llmp to docs  done") && log.contains("3 ran, 0 cached"), "{log}");
    assert!(!log.contains("masked"), "{log}");
    let report = json(&world.ok(&["report", "--json"]).out);
    assert_eq!((names(&report), &report["targets"][0]), (DOCS.to_vec(), &Value::from("docs")));
    let page = std::fs::read_to_string(world.path().join(".llmp/runs/1/report.html")).unwrap();
    assert!(page.contains("Run 1 of main.llmp to docs") && !page.contains("masked"));

    let why = world.ok(&["why", "masked", "main.llmp"]).out;
    assert!(why.contains("masked has not run yet"), "{why}");
    world.ok(&["run", "main.llmp"]);
    world.write("main.llmp", PIPELINE.replace("[adult]", "[adult, gambling]"));
    world.ok(&["run", "main.llmp", "--to", "filter.urls"]);
    // What it did is told by the run before, which had it.
    let why = json(&world.ok(&["why", "masked", "main.llmp", "--json"]).out);
    assert_eq!(
        (&why["stage"]["last_run"]["run"], &why["stage"]["last_run"]["status"]),
        (&2.into(), &"ran".into())
    );
    let why = json(&world.ok(&["why", "filter.urls", "main.llmp", "--json"]).out);
    assert_eq!(why["stage"]["last_run"]["run"], 3);
    let diff = world.ok(&["diff", "2", "3"]).out;
    assert!(diff.contains("to  none → docs/filter.urls"), "{diff}");
}

#[test]
fn a_run_to_a_stage_takes_nothing_from_the_others() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    for words in ["casino", "poker", "bingo"] {
        world.write("main.llmp", PIPELINE.replace("block = [adult]", &format!("words = [\"{words}\"]")));
        world.ok(&["run", "main.llmp", "--to", "filter.urls"]);
    }
    world.write("main.llmp", PIPELINE);
    world.ok(&["gc", "--keep-runs", "1"]);
    assert_eq!(
        world.llmp(&["plan", "main.llmp", "--detailed-exitcode"]).code,
        0,
        "the run of everything is kept"
    );
    assert!(world.result("masked").is_dir());

    world.ok(&["pin", "part", "2"]);
    world.ok(&["gc", "--keep-runs", "0"]);
    world.write("main.llmp", PIPELINE.replace("block = [adult]", "words = [\"casino\"]"));
    assert_eq!(world.llmp(&["plan", "main.llmp", "--detailed-exitcode", "--to", "filter.urls"]).code, 0);
    assert_eq!(world.planned("main.llmp").len(), 4, "the pin keeps what its run had");
    world.ok(&["verify"]);
}

#[test]
fn an_unknown_target_is_told_as_any_unknown_stage() {
    let world = world();
    for command in ["plan", "run"] {
        let said = world.llmp(&[command, "main.llmp", "--to", "maskd"]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("there is no stage `maskd`"), "{}", said.err);
        assert!(said.err.contains("did you mean `masked`?"), "{}", said.err);
    }
    let outside = world.llmp(&["run", "main.llmp", "--to", "docs", "--force", "masked"]);
    assert_eq!(outside.code, 1);
    assert!(outside.err.contains("`masked` is not needed for docs"), "{}", outside.err);
    assert!(!world.path().join(".llmp/runs/1").exists(), "nothing ran");
}

#[test]
fn warnings_are_those_of_the_whole_program() {
    let world = world();
    let warnings = |arguments: &[&str]| {
        let said = world.llmp(arguments);
        (said.out + &said.err).matches("nobody uses `vocab`").count()
    };
    assert_eq!(warnings(&["check", "main.llmp"]), 1);
    for to in ["vocab", "masked", "filter.urls"] {
        assert_eq!(warnings(&["plan", "main.llmp", "--to", to]), 1, "{to}");
    }
}
