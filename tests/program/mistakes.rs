//! Mistakes in a pipeline, as the terminal shows them.

use crate::world::World;

/// Checks a program and gives what was said.
fn check(text: &str) -> String {
    let world = World::new();
    world.write("main.llmp", text);
    let said = world.llmp(&["check", "main.llmp"]);
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    said.err
}

#[test]
fn several_mistakes_at_once_each_with_place_and_help() {
    let said = check(
        "docs = crawl.warc(\"web/*.warc\")\n  |> filter.urlz\n  |> extract.text\n\
         kept = docs |> filter.language { keep = [en], min_scor = 65% }\n\
         more = docs |> filter.language { keep = [en], min_score = 650% }\n",
    );
    for part in [
        "filter.urlz",
        "filter.urls",
        "min_scor",
        "min_score",
        "main.llmp:2:",
        "main.llmp:4:",
        "main.llmp:5:",
        "help:",
    ] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    assert!(said.matches("E0").count() >= 3, "{said}");
}

#[test]
fn a_base_model_is_no_chat_model() {
    let said = check(
        "docs = crawl.warc(\"w.warc\") |> extract.text |> filter.pii { mask = [email] }\n\
         vocab = tokenize.train(docs) { size = 512 }\n\
         tokens = tokenize.encode(docs, vocab)\n\
         base = pretrain(tokens) { for = 10k tokens }\n\
         known = knowledge.probe(base, knowledge.load(\"q.jsonl\"))\n",
    );
    assert!(said.contains("chat") && said.contains("sft"), "{said}");
}

#[test]
fn cycles_and_missing_braces() {
    let said = check("a = b |> filter.pii { mask = [email] }\nb = a |> filter.pii { mask = [email] }\n");
    assert!(said.contains('a') && said.contains("E0"), "{said}");
    let said = check(
        "docs = crawl.warc(\"w.warc\") |> extract.text {\n  favour = precision\nmore = docs |> filter.pii { mask = [email] }\n",
    );
    assert!(said.contains('{') || said.contains('}'), "{said}");
}

#[test]
fn a_missing_input_blocks_the_plan_and_says_where() {
    let world = World::new();
    world.write("main.llmp", "docs = crawl.warc(\"web/*.warc.gz\") |> extract.text\n");
    let said = world.llmp(&["plan", "main.llmp"]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("no file matches `web/*.warc.gz`") && said.out.contains("main.llmp:1:"),
        "{}",
        said.out
    );
}

#[test]
fn hostile_files_end_quickly_in_an_error() {
    let world = World::new();
    world.write("brackets.llmp", format!("x = {}", "[".repeat(100_000)));
    world.write("large.llmp", vec![b'a'; 50 << 20]);
    world.write("bytes.llmp", [b'x', b' ', b'=', b' ', 0xff, 0xfe]);
    for file in ["brackets.llmp", "large.llmp", "bytes.llmp"] {
        let said = world.llmp(&["check", file]);
        assert_eq!(said.code, 1, "{file}: {}", said.err);
        assert!(said.err.contains("E0"), "{file}: {}", said.err);
        assert!(said.err.len() < 4000, "{file}: {} bytes of message", said.err.len());
    }
}

#[test]
fn json_and_sarif_say_the_same() {
    let world = World::new();
    world.write("main.llmp", "docs = crawl.wark(\"x\")\n");
    let json: serde_json::Value =
        serde_json::from_str(&world.llmp(&["check", "main.llmp", "--format", "json"]).out).unwrap();
    let sarif: serde_json::Value =
        serde_json::from_str(&world.llmp(&["check", "main.llmp", "--format", "sarif"]).out).unwrap();
    assert_eq!(json["diagnostics"][0]["code"], sarif["runs"][0]["results"][0]["ruleId"]);
    assert_eq!(json["diagnostics"][0]["place"]["start"]["line"], 1);
}

#[test]
fn certain_fixes_are_applied() {
    let world = World::new();
    world.write("main.llmp", "docs = crawl.wark(\"x.warc\") |> extract.text\n");
    world.ok(&["check", "main.llmp", "--fix"]);
    let fixed = std::fs::read_to_string(world.path().join("main.llmp")).unwrap();
    assert!(fixed.contains("crawl.warc("), "{fixed}");
}

#[test]
fn what_does_not_fit_the_machine_is_not_started() {
    let world = World::new();
    world.write("a.jsonl", "{\"text\": \"one and two\"}\n");
    world.write("fail.sh", "exit 7\n");
    world.write(
        "main.llmp",
        "stage my.fail(docs: Docs) -> Docs { run = [\"sh\", \"fail.sh\"] }
docs = crawl.docs(\"a.jsonl\") |> my.fail
vocab = tokenize.train(docs) { size = 1_000 }
base = pretrain(tokenize.encode(docs, vocab)) {
  model = { layers = 128, width = 16_384, heads = 128, context = 8_192 }
  for = 1M tokens
}
",
    );
    let plan = world.llmp(&["plan", "main.llmp"]);
    let told = |text: &str| text.contains("E0401") && text.contains("`base` needs");
    assert!(plan.code == 1 && told(&plan.err), "{}", plan.err);
    let run = world.llmp(&["run", "main.llmp"]);
    assert!(run.code == 1 && told(&run.err) && run.err.contains("`llmp run --ignore-limits`"), "{}", run.err);
    assert!(!world.path().join(".llmp/runs/1").exists(), "nothing ran");
    // What does not run needs nothing, and who insists may try.
    for (number, arguments) in [(1, ["--to", "vocab"]), (2, ["--ignore-limits", "--quiet"])] {
        let run = world.llmp(&[&["run", "main.llmp"], &arguments[..]].concat());
        assert!(run.code == 1 && run.err.contains("`docs` failed") && !told(&run.err), "{}", run.err);
        assert!(world.path().join(format!(".llmp/runs/{number}")).exists(), "it ran");
    }
}

/// The pages of rules that stages' implementations have: the compiler's own tests know no implementation.
#[test]
fn the_pages_of_stages_rules_are_true() {
    for code in ["E0249", "E0301", "E0305", "E0308", "E0309", "W0104"] {
        let world = World::new();
        let page = world.ok(&["explain", code]).out;
        let mut wrong = 0;
        for block in page.split("```llmp ").skip(1) {
            let (kind, text) = block.split_once('\n').expect("a line");
            let text = text.split("```").next().expect("an end");
            world.write("main.llmp", text);
            let said = world.llmp(&["check", "main.llmp", "--format", "json"]);
            let raised = said.out.contains(&format!("\"{code}\""));
            match kind.split(' ').next() {
                Some("wrong") => {
                    wrong += 1;
                    assert!(raised, "{code}:\n{text}\n{}\n{}", said.out, said.err);
                }
                _ => assert!(!raised && said.code == 0, "{code}:\n{text}\n{}\n{}", said.out, said.err),
            }
        }
        assert!(wrong > 0, "{code} has no wrong example:\n{page}");
    }
}
