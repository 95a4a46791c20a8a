//! The dry run in the editor: hints, lenses, diagnostics and the drawing say what `llmp plan` says, and only
//! look.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;

/// How long to wait for something to happen; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipeline of cheap commands: `b` and `c` come after `a`.
const PIPELINE: &str = "\
stage my.make() -> Docs {
  run = [\"sh\", \"make.sh\"]
  rows: Int = 1
}
stage my.copy(docs: Docs) -> Docs { run = [\"sh\", \"copy.sh\"] }
a = my.make() { rows = 1 }
b = my.copy(a)
c = b |> my.copy |> my.copy
profile many { a.rows = 7 }
";

/// What `my.make` runs: its document says how many rows were asked for.
const MAKE: &str = "\
touch ran
rows=$(tr -dc 0-9 < \"$LLMP_SETTINGS\")
printf '{\"text\": \"%s\"}\\n' \"$rows\" > \"$LLMP_OUTPUT\"/a.jsonl
";

/// Instead of `my.copy(a)`: files that are not there.
const MISSING: &str = "crawl.docs(\"none/*.jsonl\")";

/// The lines of the bindings in [`PIPELINE`].
const A: usize = 5;
const B: usize = 6;
const C: usize = 7;

/// A folder with a pipeline, and an editor that has it open.
struct World {
    folder: tempfile::TempDir,
    client: Client,
    version: i32,
}

impl World {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let client = Client::new(json!({
            "workspace": {"inlayHint": {"refreshSupport": true}, "codeLens": {"refreshSupport": true}},
            "window": {"workDoneProgress": true},
        }));
        let mut world = Self { folder, client, version: 1 };
        world.write("make.sh", MAKE);
        world.write("copy.sh", "cp \"$LLMP_INPUT_DOCS\"/* \"$LLMP_OUTPUT\"/\n");
        world.write("main.llmp", text);
        world.open("main.llmp", text);
        world
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("write the file");
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    fn document(&self) -> Value {
        json!({"textDocument": {"uri": self.uri("main.llmp")}})
    }

    fn open(&mut self, name: &str, text: &str) {
        let document = json!({"uri": self.uri(name), "languageId": "llmp", "version": 1, "text": text});
        self.client.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn change(&mut self, text: &str) {
        self.version += 1;
        let document = json!({"uri": self.uri("main.llmp"), "version": self.version});
        self.client.notify(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": [{"text": text}]}),
        );
    }

    fn llmp(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmp"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("LLMP_STORE");
        command
    }

    fn run(&self) {
        let output = self.llmp(&["run", "main.llmp"]).output().expect("start llmp");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The hints of a line, joined.
    fn hints(&mut self, line: usize) -> String {
        let range = json!({"start": {"line": line, "character": 0}, "end": {"line": line, "character": 0}});
        let mut params = self.document();
        params["range"] = range;
        let hints = self.client.ask("textDocument/inlayHint", params).expect("hints");
        let labels =
            hints.as_array().expect("a list").iter().map(|hint| hint["label"].as_str().expect("text"));
        labels.collect::<Vec<_>>().join(" | ")
    }

    /// Waits until the hints of a line are as wanted.
    fn wait(&mut self, line: usize, wanted: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let hints = self.hints(line);
            if wanted(&hints) {
                return hints;
            }
            assert!(started.elapsed() < PATIENCE, "line {line} says `{hints}`");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the plan says is wrong, in the next diagnostics that are as wanted.
    fn planned_diagnostics(&mut self, wanted: impl Fn(&Vec<Value>) -> bool) -> Vec<Value> {
        loop {
            let mut params = self.client.told("textDocument/publishDiagnostics");
            let mut found: Vec<Value> = serde_json::from_value(params["diagnostics"].take()).expect("a list");
            found.retain(|one| one["source"] == "llmp plan");
            if wanted(&found) {
                return found;
            }
        }
    }

    fn command(&mut self, command: &str, arguments: Value) -> Value {
        let params = json!({"command": command, "arguments": arguments});
        self.client.ask("workspace/executeCommand", params).expect("an answer")
    }
}

/// A child process that is killed at the end of a test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_that_comes_changes_or_goes_is_seen_at_rest() {
    let text = PIPELINE.replace("my.copy(a)", MISSING);
    let mut world = World::new(&text);
    world.wait(B, |hints| hints.starts_with("blocked: "));
    fs::create_dir(world.path("none")).expect("make the folder");
    world.write("none/1.jsonl", "{\"text\": \"one\"}\n");
    world.wait(B, |hints| hints.starts_with("new"));
    world.run();
    world.wait(B, |hints| hints == "cached");
    world.write("none/1.jsonl", "{\"text\": \"another one\"}\n");
    world.wait(B, |hints| hints.starts_with("re-run: "));
    fs::remove_file(world.path("none/1.jsonl")).expect("remove the file");
    world.wait(B, |hints| hints.starts_with("blocked: "));
}

#[test]
fn gates_say_what_was_measured_last() {
    const EXPECT: usize = 5;
    let text = "stage my.score(table: Files) -> Report {
  run = [\"sh\", \"score.sh\"]
  measure wrong[model]: Ratio
}
score = my.score(\"report.json\")
expect score.wrong[\"mine\"] <= 8%
";
    let mut world = World::new(text);
    let score = |world: &World, wrong: f64| {
        let columns = json!([{"name": "model", "unit": "text"}, {"name": "wrong", "unit": "share"}]);
        let tables = json!([{"columns": columns, "rows": [{"cells": ["mine", wrong]}]}]);
        world.write("report.json", &json!({"title": "scores", "tables": tables}).to_string());
    };
    world.write("score.sh", "cp report.json \"$LLMP_OUTPUT\"/; echo scores > \"$LLMP_OUTPUT\"/report.md\n");
    score(&world, 0.05);
    world.wait(EXPECT, |hints| hints == "not measured yet");
    world.run();
    world.wait(EXPECT, |hints| hints == "5%: passed");
    score(&world, 0.12);
    world.wait(EXPECT, |hints| hints == "5% in the last run: passed");
    let output = world.llmp(&["run", "main.llmp"]).output().expect("start llmp");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    world.wait(EXPECT, |hints| hints == "12%: failed");
    loop {
        let params = world.client.told("textDocument/publishDiagnostics");
        let all = params["diagnostics"].as_array().expect("a list");
        if let Some(one) = all.iter().find(|one| one["code"] == "E0501") {
            assert_eq!((&one["severity"], &one["range"]["start"]["line"]), (&json!(1), &json!(EXPECT)));
            assert!(one["message"].as_str().expect("text").contains("is 12%, expected <= 8%"), "{one}");
            break;
        }
    }
}

#[test]
fn looking_makes_and_runs_nothing() {
    let mut world = World::new(PIPELINE);
    world.wait(A, |hints| hints == "new");
    assert_eq!(world.hints(B), "new");
    assert_eq!(world.hints(C), "new", "what is said of both stages is said once");
    world.client.told("workspace/inlayHint/refresh");
    world.client.told("workspace/codeLens/refresh");
    assert!(!world.path(".llmp").exists(), "no store is made");
    assert!(!world.path("ran").exists(), "no command is run");
}

#[test]
fn hints_say_what_has_changed() {
    let mut world = World::new(PIPELINE);
    world.run();
    let before = files(&world.path(".llmp"));
    for line in [A, B, C] {
        world.wait(line, |hints| hints == "cached");
    }
    world.change(&PIPELINE.replace("{ rows = 1 }", "{ rows = 2 }"));
    let hint = world.wait(A, |hints| hints.starts_with("re-run"));
    assert!(hint.starts_with("re-run: rows 1 → 2"), "{hint}");
    let hint = world.hints(B);
    assert!(hint.starts_with("may re-run: waits for a"), "{hint}");
    // Between two plans, hints move with their stages.
    world.change(&format!("// 😀\n{PIPELINE}"));
    world.wait(A + 1, |hints| hints == "cached");
    assert_eq!(world.hints(A), "");
    assert_eq!(files(&world.path(".llmp")), before, "the store is as it was");
}

#[test]
fn a_hover_shows_what_was_made() {
    let mut world = World::new(PIPELINE);
    world.write(
        "make.sh",
        "printf '{\"text\": \"a first row\"}\\n{\"text\": \"another\"}\\n' > \"$LLMP_OUTPUT\"/a.jsonl\n",
    );
    // As a stage of one's own says what it left out.
    let copy = "cp \"$LLMP_INPUT_DOCS\"/* \"$LLMP_OUTPUT\"/\n\
                printf '{\"id\": \"x\", \"rule\": \"my.rule\", \"value\": \"1\"}\\n' > \"$LLMP_OUTPUT\"/dropped.jsonl\n";
    world.write("copy.sh", copy);
    world.run();
    world.wait(B, |hints| hints == "cached");
    let hover = |world: &mut World, line: usize| {
        let mut params = world.document();
        params["position"] = json!({"line": line, "character": 0});
        world.client.ask("textDocument/hover", params).expect("a hover").to_string()
    };
    let a = hover(&mut world, A);
    assert!(a.contains("run 1: 2 documents") && a.contains("a first row") && a.contains("another"), "{a}");
    let b = hover(&mut world, B);
    assert!(b.contains("1 dropped: `my.rule` 1") && b.contains("a first row"), "{b}");
}

#[test]
fn a_script_that_is_missing_is_told_where_it_is_named() {
    let mut world = World::new(PIPELINE);
    fs::remove_file(world.path("copy.sh")).expect("remove the file");
    let hints = world.wait(B, |hints| hints.starts_with("blocked"));
    assert!(hints.contains("there is no script `copy.sh`"), "{hints}");
    let found = world.planned_diagnostics(|all| !all.is_empty());
    assert_eq!(found[0]["range"]["start"]["line"], 4, "{found:?}");
    world.write("copy.sh", "cp \"$LLMP_INPUT_DOCS\"/* \"$LLMP_OUTPUT\"/\n");
    world.wait(B, |hints| hints.starts_with("new"));
}

/// Paths and times of all files in a folder.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            let modified = entry.metadata().expect("a file").modified().expect("a time");
            found.push((entry, modified));
        }
    }
    found.sort();
    found
}

#[test]
fn a_model_that_does_not_fit_the_machine_is_told_where_it_is_written() {
    let mut world = World::new("");
    world.write("a.jsonl", "{\"text\": \"one and two\"}\n");
    world.change(
        "docs = crawl.docs(\"a.jsonl\")
vocab = tokenize.train(docs) { size = 1_000 }
base = pretrain(tokenize.encode(docs, vocab)) {
  model = { layers = 128, width = 16_384, heads = 128, context = 8_192 }
  for = 1M tokens
}
",
    );
    let about_memory = |one: &Value| one["code"] == "E0401" && one["range"]["start"]["line"] == 3;
    let published = "textDocument/publishDiagnostics";
    while !world.client.told(published)["diagnostics"].as_array().expect("a list").iter().any(about_memory) {}
}

#[test]
fn the_editor_says_what_plan_says() {
    let mut world = World::new(PIPELINE);
    world.run();
    let changed = PIPELINE.replace("{ rows = 1 }", "{ rows = 2 }").replace("my.copy(a)", MISSING);
    world.write("main.llmp", &changed);
    world.change(&changed);
    world.wait(A, |hints| hints.starts_with("re-run"));
    let plan = world.llmp(&["plan", "main.llmp", "--json"]).output().expect("start llmp").stdout;
    let plan: Value = serde_json::from_slice(&plan).expect("JSON");
    let drawing = world.client.ask("llmp/graph", world.document()).expect("a drawing");
    let states = |list: &Value, state: &str| -> Vec<(String, String)> {
        let list = list.as_array().expect("a list").iter();
        let text = |one: &Value, name: &str| one[name].as_str().expect("text").to_owned();
        list.map(|one| (text(one, "name"), text(one, state))).collect()
    };
    assert_eq!(states(&drawing["nodes"], "state"), states(&plan["stages"], "action"));
    for node in drawing["nodes"].as_array().expect("a list") {
        let element =
            format!("<g id=\"{}\"><title>{}: ", node["id"].as_str().unwrap(), node["name"].as_str().unwrap());
        assert!(drawing["svg"].as_str().expect("an SVG").contains(&element), "{element}");
        assert_eq!(node["uri"], world.uri("main.llmp"));
    }
}

#[test]
fn what_blocks_a_stage_is_an_error_on_its_cause() {
    let text = PIPELINE.replace("my.copy(a)", MISSING);
    let mut world = World::new(&text);
    world.wait(B, |hints| hints == "blocked: no file matches `none/*.jsonl`");
    let hint = world.hints(C);
    assert!(hint.contains("blocked: waits for b"), "{hint}");
    let blocked = world.planned_diagnostics(|found| !found.is_empty()).remove(0);
    assert_eq!(blocked["message"], "`b` cannot run: no file matches `none/*.jsonl`");
    assert_eq!(blocked["range"]["start"], json!({"line": B, "character": 15}));
    // It is said where the cause is now, also before the new plan is there.
    world.change(&format!("\n{text}"));
    let moved = world.planned_diagnostics(|_| true).remove(0);
    assert_eq!(moved["range"]["start"], json!({"line": B + 1, "character": 15}));
    world.change(PIPELINE);
    world.planned_diagnostics(Vec::is_empty);
}

#[test]
fn lenses_run_explain_and_log() {
    let mut world = World::new(PIPELINE);
    world.run();
    world.wait(A, |hints| hints == "cached");
    let lenses = world.client.ask("textDocument/codeLens", world.document()).expect("lenses");
    let lenses: Vec<(u64, &str, &Value)> = lenses
        .as_array()
        .expect("a list")
        .iter()
        .map(|lens| {
            let command = &lens["command"];
            (
                lens["range"]["start"]["line"].as_u64().unwrap(),
                command["title"].as_str().unwrap(),
                &command["arguments"],
            )
        })
        .collect();
    let main = world.uri("main.llmp");
    let of = |stage: &str| json!([main, stage]);
    assert_eq!(lenses[0], (A as u64, "Run: nothing to do", &json!([main])));
    assert_eq!(lenses[1], (A as u64, "Run to Here", &of("a")));
    assert_eq!(lenses[2], (A as u64, "Why", &of("a")));
    assert_eq!(lenses[3], (A as u64, "Log", &of("a")));
    assert_eq!(lenses.len(), 10);
    let arguments = of("c");
    let why = world.command("llmp.why", arguments.clone());
    let same = world.llmp(&["why", "c", "main.llmp"]).output().expect("start llmp").stdout;
    assert_eq!(why.as_str().expect("text").as_bytes(), same);
    assert!(world.client.told("window/showMessage")["message"].as_str().unwrap().starts_with("c is cached"));
    let log = world.command("llmp.log", arguments);
    assert_eq!(log["command"][1], "log");
    assert_eq!(log["command"][2], "c");
    let words = |line: &Value| -> Vec<String> {
        let words = line["command"].as_array().expect("a command line").iter();
        words.map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let run = words(&world.command("llmp.run", of("b")));
    assert_eq!(run[..4], ["llmp", "run", "--to", "b"]);
    assert!(run[4].ends_with("main.llmp") && run.len() == 5, "{run:?}");
    assert_eq!(words(&world.command("llmp.run", json!([main]))).len(), 3);
}

#[test]
fn commands_that_the_client_performs_are_not_offered() {
    let offered = |options: Value| {
        let params = json!({"capabilities": {}, "initializationOptions": options});
        Client::start(params).greeting["capabilities"]["executeCommandProvider"]["commands"].clone()
    };
    let apply = "llmp.applyEdit";
    assert_eq!(offered(json!({})), json!(["llmp.run", "llmp.why", "llmp.log", "llmp.profile", apply]));
    let own = json!({"commands": ["llmp.run", "llmp.why", "llmp.log"]});
    assert_eq!(offered(own), json!(["llmp.profile", apply]));
}

#[test]
fn another_profile_is_another_plan() {
    let mut world = World::new(PIPELINE);
    world.run();
    world.wait(A, |hints| hints == "cached");
    let profiles = world.client.ask("llmp/profiles", world.document()).expect("profiles");
    assert_eq!(profiles, json!({"profiles": [{"name": "many", "docs": ""}], "chosen": []}));
    world.command("llmp.profile", json!(["many"]));
    let hint = world.wait(A, |hints| hints.starts_with("re-run"));
    assert!(hint.starts_with("re-run: rows 1 → 7"), "{hint}");
    let profiles = world.client.ask("llmp/profiles", world.document()).expect("profiles");
    assert_eq!(profiles["chosen"], json!(["many"]));
    world.client.notify("workspace/didChangeConfiguration", json!({"settings": {"llmp": {"profiles": []}}}));
    world.wait(A, |hints| hints == "cached");
}

#[test]
fn a_run_in_a_terminal_is_followed() {
    let mut world = World::new(PIPELINE);
    world.write(
        "copy.sh",
        "until [ -e go ]; do sleep 0.02; done; cp \"$LLMP_INPUT_DOCS\"/* \"$LLMP_OUTPUT\"/\n",
    );
    world.wait(A, |hints| hints == "new");
    let run = world.llmp(&["run", "main.llmp"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut run = Running(run.expect("start llmp"));
    world.wait(A, |hints| hints == "cached");
    world.wait(B, |hints| hints == "running");
    let begun = world.client.told("$/progress");
    assert_eq!(begun["value"]["kind"], "begin");
    assert_eq!(begun["value"]["title"], "llmp run main.llmp");
    let drawing = world.client.ask("llmp/graph", world.document()).expect("a drawing");
    assert_eq!(drawing["nodes"][1]["state"], "running");
    world.write("go", "");
    for line in [B, C] {
        world.wait(line, |hints| hints == "cached");
    }
    assert!(run.0.wait().expect("it ends").success());
    while world.client.told("$/progress")["value"]["kind"] != "end" {}
}

#[test]
fn a_killed_run_is_over() {
    let mut world = World::new(PIPELINE);
    world.write("copy.sh", "sleep 60\n");
    let run = world.llmp(&["run", "main.llmp"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let run = Running(run.expect("start llmp"));
    world.wait(B, |hints| hints == "running");
    drop(run);
    world.wait(B, |hints| hints.starts_with("new"));
}
