//! Command stages: what they get, what they may write, and when they are stopped.

use crate::pipeline::wait_for_silence;
use crate::world::{Said, World, warc};

/// Runs a script as a stage from documents to `output`.
fn run_script(output: &str, properties: &str, script: &str) -> (World, Said) {
    let world = World::new();
    world.write("web/alpha.warc", warc("alpha", 3));
    world.write("words.txt", "one\ntwo\n");
    world.write("other.txt", "not given\n");
    world.write("make.sh", script);
    world.write(
        "main.llmp",
        format!(
            "stage my.make(docs: Docs, words: Files) -> {output} {{\n  run = [\"sh\", \"make.sh\"]\n  {properties}\n  \
             least: Int = 50\n}}\nmade = my.make(crawl.warc(\"web/*.warc\") |> extract.text, \"words.txt\") {{ least = 7 }}\n"
        ),
    );
    let said = world
        .command(&["run", "main.llmp"])
        .env("SECRET", "s3cret")
        .env("LANG", "de_DE.UTF-8")
        .output()
        .expect("start llmp");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said =
        Said { code: said.status.code().unwrap_or(-1), out: text(&said.stdout), err: text(&said.stderr) };
    (world, said)
}

#[test]
fn the_environment_is_clean_and_inputs_are_copies() {
    let script = "env | sort > \"$LLMP_OUTPUT/env.txt\"\n\
                  find \"$LLMP_INPUT_DOCS\" \"$LLMP_INPUT_WORDS\" -type f > \"$LLMP_OUTPUT/files.txt\"\n\
                  cp \"$LLMP_SETTINGS\" \"$LLMP_OUTPUT/report.json\"; echo '# made' > \"$LLMP_OUTPUT/report.md\"\n\
                  for f in $(cat \"$LLMP_OUTPUT/files.txt\"); do echo damaged > \"$f\"; done\n\
                  touch \"$TMPDIR/scratch\"\n";
    let (world, said) = run_script("Report", "", script);
    assert_eq!(said.code, 0, "{}", said.err);
    let read = |name: &str| std::fs::read_to_string(world.result("made").join(name)).expect("an output");
    let env = read("env.txt");
    let names: Vec<&str> =
        env.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in &names {
        let known = ["HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TMPDIR", "TZ", "_"];
        assert!(known.contains(name) || name.starts_with("LLMP_"), "{name} came through");
    }
    assert!(env.contains("LANG=C.UTF-8") && env.contains("TZ=UTC"), "{env}");
    let files = read("files.txt");
    assert!(files.lines().count() == 2 && files.contains("words.txt"), "{files}");
    let settings: serde_json::Value = serde_json::from_str(&read("report.json")).expect("JSON");
    assert_eq!(settings["least"], 7);
    assert_eq!(std::fs::read_to_string(world.path().join("words.txt")).expect("a file"), "one\ntwo\n");
    assert_eq!(world.llmp(&["verify"]).code, 0, "the program reached into the store");
}

#[test]
fn a_time_limit_ends_the_whole_group_and_is_no_part_of_the_key() {
    let script = "echo 'still at it' >&2; sleep 300 & sleep 300\n";
    let (world, said) = run_script("Report", "timeout = 1s", script);
    assert_eq!(said.code, 1);
    for part in ["stopped after its time limit of", "still at it", "raise `timeout`"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    wait_for_silence(world.path());
    // More time alone changes no key; less of it, neither.
    world.write("make.sh", "echo '{}' > $LLMP_OUTPUT/report.json; echo x > $LLMP_OUTPUT/report.md\n");
    world.ok(&["run", "main.llmp", "--quiet"]);
    let pipeline = std::fs::read_to_string(world.path().join("main.llmp")).expect("the pipeline");
    world.write("main.llmp", pipeline.replace("timeout = 1s", "timeout = 3h"));
    assert!(world.ok(&["run", "main.llmp"]).out.contains("nothing to do"));
}

#[test]
fn what_it_leaves_running_cannot_touch_the_result() {
    let script = "echo '{}' > $LLMP_OUTPUT/report.json; echo x > $LLMP_OUTPUT/report.md\n\
                  (exec 3>> $LLMP_OUTPUT/report.md; sleep 0.3; echo late >&3) & exit 0\n";
    let (world, said) = run_script("Report", "", script);
    assert_eq!(said.code, 0, "{}", said.err);
    wait_for_silence(world.path());
    assert_eq!(std::fs::read_to_string(world.result("made").join("report.md")).expect("a file"), "x\n");
    assert_eq!(world.llmp(&["verify"]).code, 0);
}

#[test]
fn outputs_of_another_type_are_refused_with_what_was_found() {
    for (output, script, parts) in [
        (
            "Docs",
            "echo '{\"txt\": 1}' > $LLMP_OUTPUT/a.jsonl",
            &["no `Docs`", "1 of 1 rows of `a.jsonl`", "line 1: ", "`text`"][..],
        ),
        ("Docs", "echo hello > $LLMP_OUTPUT/notes.txt", &["`notes.txt` is neither Parquet nor JSONL"]),
        ("Docs", "true", &["wrote nothing to `LLMP_OUTPUT`", "SHARD.parquet"]),
        (
            "Questions",
            "echo '{\"id\": \"1\"}' > $LLMP_OUTPUT/questions.jsonl",
            &["no `Questions`", "questions.jsonl"],
        ),
        ("Report", "ln -s /etc/passwd $LLMP_OUTPUT/report.md", &["neither a file nor a folder"]),
    ] {
        let (_, said) = run_script(output, "", &format!("{script}\n"));
        assert_eq!(said.code, 1, "{output}: {script}");
        for part in parts {
            assert!(said.err.contains(part), "{part}: {}", said.err);
        }
        assert!(!said.err.contains("attempt-"), "{}", said.err);
    }
}

#[test]
fn documents_may_be_written_as_jsonl() {
    let script = "printf '{\"text\": \"one\"}\\n{\"text\": \"two\"}\\n' > $LLMP_OUTPUT/mine.jsonl\n";
    let (world, said) = run_script("Docs", "", script);
    assert_eq!(said.code, 0, "{}", said.err);
    let docs =
        llmp_artifacts::docs::Reader::open(&world.result("made").join("mine.parquet")).expect("Parquet");
    let texts: Vec<_> = docs.map(|doc| doc.expect("a document").text).collect();
    assert_eq!(texts, ["one", "two"]);
}
