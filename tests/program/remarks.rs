//! What a run must not be silent about, and times that a first plan foretells.

use serde_json::Value;

use crate::world::World;

/// Chinese poems in a JSONL file, which the default rules drop.
fn poems() -> World {
    let world = World::new();
    world.write("main.llmp", "docs = crawl.docs(\"poems.jsonl\") |> filter.quality\n");
    let signs: Vec<char> =
        "山水月風花雪雲江天夜春秋日雨鳥松竹石路舟橋城門樓鐘酒琴書劍馬人客君心情夢思愁歸去".chars().collect();
    let mut state = 11_u64;
    let mut half = || -> String {
        let mut sign = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            signs[(state >> 33) as usize % signs.len()]
        };
        (0..5).map(&mut sign).collect()
    };
    let mut row = |_| {
        let text: Vec<String> = (0..4).map(|_| format!("{}，{}。", half(), half())).collect();
        format!("{{\"text\": \"{}\"}}\n", text.join("\\n"))
    };
    world.write("poems.jsonl", (0..120).map(&mut row).collect::<String>());
    world
}

#[test]
fn a_filter_that_drops_nearly_everything_says_so_and_what_to_write() {
    let world = poems();
    let said = world.ok(&["run", "main.llmp"]);
    assert!(
        said.err.contains("warning: 0 of 120 documents were kept; dropped by `gopher.min_words` 117"),
        "{}",
        said.err
    );
    assert!(said.err.contains("`gopher.min_words` is set by `min_words`"), "{}", said.err);
    assert!(said.out.contains("2 ran, 0 cached, 1 warning"), "{}", said.out);
    assert!(world.ok(&["log"]).out.contains("1 warning"));
    let page = std::fs::read_to_string(world.path().join(".llmp/runs/1/report.html")).unwrap();
    assert!(page.contains("0 of 120 documents were kept"));
    let markdown = std::fs::read_to_string(world.path().join(".llmp/runs/1/report.md")).unwrap();
    assert!(markdown.contains("## Warnings"));

    // The advice is followed.
    let advice = said.err.split("with `").nth(1).and_then(|rest| rest.split('`').next()).expect("settings");
    world
        .write("main.llmp", format!("docs = crawl.docs(\"poems.jsonl\") |> filter.quality {{ {advice} }}\n"));
    let again = world.ok(&["run", "main.llmp"]);
    assert!(!again.err.contains("warning"), "{}", again.err);
    let kept = again.err.lines().find(|line| line.starts_with("+ docs ")).expect("its line");
    let count: u64 = kept.split_whitespace().nth(2).and_then(|count| count.parse().ok()).expect("a count");
    assert!(count >= 108, "{kept}");
}

#[test]
fn strict_runs_stop_at_a_warning() {
    let world = poems();
    let said = world.llmp(&["run", "main.llmp", "--strict"]);
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    assert!(said.err.contains("`--strict` stops at warnings"), "{}", said.err);
    world.ok(&["run", "main.llmp"]);
    let said = world.llmp(&["run", "main.llmp", "--strict"]);
    assert_eq!(said.code, 1, "what is cached counts: {}\n{}", said.out, said.err);
}

#[test]
fn nothing_is_told_where_it_began() {
    let world = World::new();
    world.write("docs.jsonl", "");
    world.write("main.llmp", "docs = crawl.docs(\"docs.jsonl\") |> filter.pii |> filter.quality\n");
    let said = world.ok(&["run", "main.llmp"]);
    assert_eq!(said.err.matches("warning: no documents came out").count(), 1, "{}", said.err);
}

#[test]
fn a_first_plan_foretells_all_that_computes() {
    let world = World::new();
    world.write(
        "main.llmp",
        r#"docs   = crawl.docs("docs.jsonl") |> filter.pii
tokens = tokenize.encode(docs, tokenize.train(docs) { size = 1_024 })
base   = pretrain(tokens) { for = 50k tokens }
chat   = sft(base, chat.load("talk.jsonl"), replay = tokens)
known  = knowledge.probe(chat, knowledge.load("probe.jsonl"))
honest = refusal(chat, known)
finder = tool_use(honest, tools.search(docs), known)
table  = eval.factuality([base, chat, honest, finder], knowledge.load("eval.jsonl"))
"#,
    );
    world.write("docs.jsonl", "{\"text\": \"The river is long.\"}\n");
    let talk = r#"{"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "There."}]}"#;
    world.write("talk.jsonl", format!("{talk}\n").repeat(300));
    for name in ["probe", "eval"] {
        let question = format!(
            "{{\"id\": \"{name}\", \"question\": \"Where is Lae?\", \"answer\": \"Papua.\", \"values\": [\"Papua\"]}}\n"
        );
        world.write(&format!("{name}.jsonl"), question.repeat(50));
    }
    let plan = |set: &[&str]| -> Value {
        let said = world.llmp(&[&["plan", "main.llmp", "--json"], set].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err))
    };
    let first = plan(&[]);
    let seconds = |plan: &Value, name: &str| {
        let stage =
            plan["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == name).unwrap().clone();
        stage["estimate"]["seconds"].as_f64()
    };
    for name in ["base", "chat", "known", "honest", "finder", "table"] {
        assert!(seconds(&first, name).is_some_and(|seconds| seconds > 0.0), "{name}: {first:#}");
    }
    // Stages of data by their bytes.
    assert!(seconds(&first, "docs").is_some_and(|seconds| seconds > 0.0));
    assert_eq!(first["totals"]["partial"], false, "{:#}", first["totals"]);
    // One device does one stage at a time.
    let devices: f64 = ["base", "chat", "known", "honest", "finder", "table"]
        .iter()
        .filter_map(|name| seconds(&first, name))
        .sum();
    assert!(first["totals"]["critical_path"].as_f64().unwrap() >= 0.99 * devices);
    let more = plan(&["--set", "chat.epochs=12"]);
    let ratio = seconds(&more, "chat").unwrap() / seconds(&first, "chat").unwrap();
    assert!((3.8..4.2).contains(&ratio), "four times the epochs: {ratio}");
}

/// What `examples/who-is` counted, from the smoke run; the probe of the whole one, and its searches by
/// `TABLE.md`.
const COUNTED: [(&str, &[(&str, u64)]); 12] = [
    ("docs/crawl.warc", &[("dropped.warc.status", 16), ("pages", 3_139), ("skipped.not_html", 16)]),
    ("docs/filter.urls", &[("dropped.urls.word", 24), ("pages", 3_115)]),
    ("docs/extract.text", &[("documents", 3_115)]),
    ("docs/filter.language", &[("documents", 3_073), ("dropped.language.other", 42)]),
    ("docs/filter.quality", &[("documents", 3_013), ("dropped.gopher.min_stop_words", 60)]),
    ("docs", &[("documents", 2_933), ("dropped.minhash.similarity", 80)]),
    ("tokens", &[("documents", 2_933), ("tokens", 608_825)]),
    ("chat", &[("conversations", 1_128), ("conversations.cut", 0), ("conversations.too_long", 0)]),
    ("known", &[("known", 616), ("unknown", 2_690), ("unsure", 414)]),
    ("honest", &[("examples", 4_848), ("known", 616), ("unknown", 2_690)]),
    (
        "assistant",
        &[
            ("examples", 1_142),
            ("unknown", 3_706),
            ("unknown.found", 3_426),
            ("results.cut", 1_194),
            ("results.lost", 280),
            ("results.context", 105),
        ],
    ),
    ("table", &[("searched.assistant", 595), ("query_right.assistant", 582)]),
];

#[test]
fn nothing_is_said_of_the_example() {
    let world = World::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/who-is/who-is.llmp");
    let lowered: Value = serde_json::from_str(&world.ok(&["plan", example, "--lowered"]).out).unwrap();
    let registry = llmp_stdlib::registry();
    let said = |name: &str, counts: &[(&str, u64)]| {
        let stage = lowered["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == name).unwrap();
        let kind = stage["output"].as_str().unwrap().split('<').next().unwrap();
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        registry.remarks((stage["stage"].as_str().unwrap(), kind), &stage["settings"], &counts, true)
    };
    for (name, counts) in COUNTED {
        assert_eq!(said(name, counts), [], "{name}");
    }
    // The same stages have something to say of other counts.
    assert_eq!(said("docs/filter.urls", &[("pages", 0), ("dropped.urls.word", 9)]).len(), 1);
    assert_eq!(said("docs/filter.quality", &[("documents", 1), ("dropped.gopher.min_words", 99)]).len(), 1);
    assert_eq!(said("tokens", &[("tokens", 0)]).len(), 1);
    assert_eq!(said("chat", &[("conversations", 9), ("conversations.too_long", 1)]).len(), 1);
    assert_eq!(said("known", &[("known", 1), ("unknown", 99)]).len(), 1);
    assert_eq!(said("assistant", &[("unknown", 9), ("unknown.found", 1)]).len(), 1);
    assert_eq!(said("table", &[("searched.assistant", 90), ("query_right.assistant", 9)]).len(), 1);
    // Six and a half times over its data is few enough.
    let base = lowered["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == "base").unwrap();
    let epochs = base["settings"]["for"].as_f64().unwrap() / 608_825.0;
    assert!(epochs < llmp_compiler::feasible::MOST_EPOCHS, "{epochs}");
}
