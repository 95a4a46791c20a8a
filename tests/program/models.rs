//! The whole road in small, crashes in the middle of it, and what other programs make of the results.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::world::World;

const PIPELINE: &str = r#"
param steps: Count<tokens> = 24k tokens

docs   = crawl.warc("web/*.warc") |> extract.text |> filter.pii { mask = [email] }
vocab  = tokenize.train(docs) { size = 400 }
tokens = tokenize.encode(docs, vocab)
base   = pretrain(tokens) {
  model = { layers = 2, width = 32, heads = 2, context = 64 }
  for = steps, batch = 4, checkpoint_every = 20
}
chat   = sft(base, chat.load("talk.jsonl"), replay = tokens) { epochs = 2 }
"#;

fn world() -> World {
    let world = World::of_sites(PIPELINE);
    world.write_talks(40);
    world
}

fn digests(folder: &Path) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        digests.insert(name, blake3::hash(&std::fs::read(&path).unwrap()).to_hex().to_string());
    }
    digests
}

#[test]
fn killed_runs_go_on_to_the_same_bytes() {
    let undisturbed = world();
    undisturbed.ok(&["run", "main.llmp"]);
    let expected = digests(&undisturbed.result("chat"));
    assert!(expected.contains_key("model.safetensors") && expected.contains_key("tokenizer.json"));

    let killed = world();
    let mut kills = 0;
    for attempt in 0..60_u64 {
        let mut child = killed
            .command(&["run", "main.llmp", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere else each time, and late enough for each attempt to get further.
        std::thread::sleep(Duration::from_millis(60 + attempt * 45));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    killed.ok(&["run", "main.llmp"]);
    assert!(kills > 0, "nothing was killed");
    assert_eq!(digests(&killed.result("chat")), expected, "after {kills} kills");
    assert_eq!(killed.llmp(&["verify"]).code, 0);
}

#[test]
fn models_sample_and_answer() {
    let world = world();
    world.ok(&["run", "main.llmp"]);
    let sample = |seed: &str| world.ok(&["sample", "The river", "--seed", seed, "-n", "12"]).out;
    assert!(sample("1").starts_with("The river"));
    assert_eq!(sample("1"), sample("1"));
    let table = world.ok(&["sample", "The river", "--probs", "3", "-n", "4"]).out;
    assert!(table.lines().count() >= 4 && table.contains('%'), "{table}");
    world.ok(&["chat", "--once", "What is 3?"]);
    chat_finds_a_users_own_model(&world);
    let missing = world.llmp(&["chat", "--model", "nobody", "--once", "Hello"]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("nobody"), "{}", missing.err);
    let device = world.llmp(&["run", "main.llmp", "--device", "cuda:7"]);
    assert_eq!(device.code, 1);
    assert!(device.err.contains("devices found"), "{}", device.err);
}

/// The type of such a model names no vocabulary: `Model<chat>`.
fn chat_finds_a_users_own_model(world: &World) {
    for entry in std::fs::read_dir(world.result("chat")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("model/{}", path.file_name().unwrap().to_string_lossy());
        world.write(&name, std::fs::read(&path).unwrap());
    }
    world.write("tune.sh", "find \"$LLMP_INPUT_FILES\" -type f -exec cp {} \"$LLMP_OUTPUT\" \\;\n");
    let tune = "stage tune(files: Files) -> Model<chat> { run = [\"sh\", \"tune.sh\"] }\n";
    world.write("tune.llmp", format!("{tune}mine = tune(\"model/*\")\n"));
    world.ok(&["run", "tune.llmp"]);
    let said = world.ok(&["chat", "tune.llmp", "--once", "What is 3?"]);
    assert!(!said.out.is_empty(), "{}", said.err);
}

#[test]
fn python_reads_the_model() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import torch, transformers"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("skipped: `{python}` has no torch and transformers (set PYTHON to one that has)");
        return;
    }
    let world = world();
    world.ok(&["run", "main.llmp"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let base = world.result("base");
    let tokens: Vec<u32> = (1..40).map(|id| id * 9 % 400).collect();
    let logits = llmp_model::Sampler::load(&base, "cpu").unwrap().logits(&tokens).unwrap();
    world.write("logits.json", serde_json::json!({"tokens": tokens, "logits": logits}).to_string());
    let checked = Command::new(&python)
        .arg(root.join("stdlib/model/bench/check_logits.py"))
        .args([&base, &world.path().join("logits.json")])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let script = root.join("tests/check_model.py");
    let output = Command::new(python)
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_llmp"))
        .arg(world.result("base"))
        .current_dir(world.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn memory_is_estimated_before_anything_has_run() {
    let world = World::new();
    world.write("docs.jsonl", "{\"text\": \"The river lies in the valley.\"}\n");
    world.write("chat.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}\n");
    for name in ["questions.jsonl", "eval.jsonl"] {
        world.write(name, format!("{{\"id\": \"{name}\"}}\n"));
    }
    let program = |vocab: &str| {
        format!(
            "docs = crawl.docs(\"docs.jsonl\")
vocab = {vocab}
tokens = tokenize.encode(docs, vocab)
base = pretrain(tokens) {{ model = {{ layers = 4, width = 256, heads = 4, context = 128 }}, for = 1M tokens }}
chat = sft(base, chat.load(\"chat.jsonl\"), replay = tokens)
questions = knowledge.load(\"questions.jsonl\")
probe = knowledge.probe(chat, questions)
honest = refusal(chat, probe)
table = eval.factuality([base, honest], knowledge.load(\"eval.jsonl\"))
"
        )
    };
    let memory = |arguments: &[&str]| {
        let said = world.llmp(&[&["plan", "main.llmp", "--json"], arguments].concat());
        let plan: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
        let stages = plan["stages"].as_array().expect("stages").iter();
        let memory =
            |stage: &Value| Some((stage["name"].as_str()?.to_owned(), stage["estimate"]["memory"].as_u64()?));
        stages.filter_map(memory).collect::<BTreeMap<String, u64>>()
    };
    world.write("main.llmp", program("tokenize.train(docs) { size = 1_000 }"));
    let small = memory(&[]);
    for stage in ["vocab", "tokens", "base", "chat", "probe", "honest", "table"] {
        assert!(small.get(stage).is_some_and(|&bytes| bytes > 64 << 20), "{stage}: {small:?}");
    }
    let wide = memory(&["--set", "chat.batch=256"]);
    assert!(wide["chat"] > 3 * small["chat"] / 2 && wide["base"] == small["base"], "{wide:?}");
    world.write("main.llmp", program("tokenize.cl100k()"));
    let large = memory(&[]);
    // Weights, gradients and moments of a table of 100,000 rows.
    let table = 16 * 99_000 * 256;
    for stage in ["base", "chat", "honest"] {
        assert!(large[stage] > small[stage] + table, "{stage}: {large:?}");
    }
    assert!(large["table"] > small["table"] + table / 4, "{large:?}");
}
