//! The whole road at toy scale: pretraining, conversations, probe, refusal, search, evaluation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use llmp_artifacts::conversations::{Message, Role};
use llmp_artifacts::docs::{self, Doc};
use llmp_artifacts::model::{Abilities, Ability, Config};
use llmp_artifacts::probe::{Knowledge, PROBE_FILE, Probed};
use llmp_artifacts::testing::tiny;
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_artifacts::tokens::TokenSet;
use llmp_assistant::assistant::{Assistant, Event, Options};
use llmp_assistant::grade::{Grade, Match, grade};
use llmp_eval::Factuality;
use llmp_model::{Batches, Optimizer, Recipe, Row, Schedule, Start};
use llmp_stage::testing::TestContext;
use llmp_stage::{Context, Result, Stage};
use llmp_stdlib::registry;
use serde_json::{Value, json};

/// The settings of `stage` with their defaults, read from its signature.
fn defaults(stage: &str) -> Value {
    let head = format!("stage {stage}(");
    let signature = registry().signatures().find_map(|signature| signature.text.split(&head).nth(1)).unwrap();
    let fields = signature.split_once("{\n").unwrap().1.split("\n}").next().unwrap();
    let mut settings = serde_json::Map::new();
    for line in fields.lines().map(str::trim).filter(|line| !line.starts_with("///")) {
        let Some((name, rest)) = line.trim_start_matches("runtime ").split_once(": ") else { continue };
        // An optional setting has no default.
        let Some((_, default)) = rest.split_once(" = ") else {
            if rest.split(' ').next().is_some_and(|kind| kind.ends_with('?')) {
                settings.insert(name.to_owned(), Value::Null);
            }
            continue;
        };
        let default = default.split(" in ").next().unwrap();
        let value = match default.strip_suffix('%') {
            Some(percent) => json!(percent.parse::<f64>().unwrap() / 100.0),
            None => serde_json::from_str(default).unwrap_or_else(|_| json!(default)),
        };
        settings.insert(name.to_owned(), value);
    }
    Value::Object(settings)
}

/// Runs a stage; what is not set has its default.
fn run(ctx: &TestContext, stage: &str, set: Value) -> Result<()> {
    let mut settings = defaults(stage);
    for (name, value) in set.as_object().unwrap() {
        assert!(settings.get(name).is_some(), "`{stage}` has no setting `{name}`");
        settings[name] = value.clone();
    }
    self::stage(stage).run(ctx, &settings)
}

/// Places whose facts are on pages, and places that only search knows.
const SEEN: [(&str, &str); 4] = [("Lae", "Papua"), ("Sifra", "Oman"), ("Cusco", "Peru"), ("Ziyang", "China")];
const UNSEEN: [(&str, &str); 2] = [("Vaduz", "Peru"), ("Trang", "Oman")];

fn fact(&(place, country): &(&str, &str)) -> String {
    format!("{country} is the country of {place}. {place} lies in {country}.")
}

fn question(&(place, country): &(&str, &str), entity: &str) -> Value {
    json!({
        "id": place, "question": format!("Which country is {place} in?"),
        "answer": format!("{country} is the country of {place}."), "values": [country],
        "entity": place, "attribute": "country", "tags": {"entity": entity},
    })
}

fn jsonl(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

struct World {
    root: tempfile::TempDir,
    artifacts: BTreeMap<&'static str, PathBuf>,
}

impl World {
    fn step(&self, name: &str) -> TestContext {
        TestContext::new(&self.root.path().join(name))
    }

    /// A context for the stage that makes `name`, given artifacts by role.
    fn ctx(&self, name: &str, inputs: &[(&str, &str)]) -> TestContext {
        inputs
            .iter()
            .fold(self.step(name), |ctx, (role, artifact)| ctx.with_folder(role, &self.artifacts[artifact]))
    }

    fn keep(&mut self, name: &'static str, ctx: &TestContext) {
        self.artifacts.insert(name, ctx.output().to_owned());
    }

    /// Pages, a vocabulary of 300, tokens, a base model of one layer, conversations, questions, and an index.
    fn new() -> Self {
        let mut world = Self { root: tempfile::tempdir().unwrap(), artifacts: BTreeMap::new() };
        let pages = world.root.path().join("pages");
        fs::create_dir_all(&pages).unwrap();
        let mut writer = docs::Writer::create(&pages.join("a.parquet")).unwrap();
        for text in SEEN.iter().map(fact).chain(["Which country is it in? Hello!".to_owned()]) {
            writer.write(Doc { text, ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
        world.artifacts.insert("pages", pages);

        let ctx = world.ctx("vocab", &[("docs", "pages")]);
        let settings = json!({"size": 300, "pattern": "cl100k", "min_frequency": 2, "documents": 100});
        stage("tokenize.train").run(&ctx, &settings).unwrap();
        world.keep("vocab", &ctx);
        let ctx = world.ctx("tokens", &[("docs", "pages"), ("tokenizer", "vocab")]);
        stage("tokenize.encode").run(&ctx, &json!({})).unwrap();
        world.keep("tokens", &ctx);
        let ctx = world.ctx("base", &[("tokens", "tokens")]);
        pretrain(&ctx, &world.artifacts["vocab"]);
        world.keep("base", &ctx);

        let conversations = SEEN.iter().map(|place| {
            let row = question(place, "seen");
            json!({"messages": [
                {"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]})
        });
        let ctx =
            world.step("conversations").with_files("files", &[("c.jsonl", jsonl(conversations).as_bytes())]);
        run(&ctx, "chat.load", json!({})).unwrap();
        world.keep("conversations", &ctx);
        let questions = SEEN.iter().map(|place| question(place, "seen"));
        let questions = questions.chain(UNSEEN.iter().map(|place| question(place, "unseen")));
        let ctx = world.step("questions").with_files("files", &[("q.jsonl", jsonl(questions).as_bytes())]);
        run(&ctx, "knowledge.load", json!({})).unwrap();
        world.keep("questions", &ctx);

        let texts: Vec<String> = SEEN.iter().chain(&UNSEEN).map(fact).collect();
        let docs = world.root.path().join("facts");
        fs::create_dir_all(&docs).unwrap();
        let mut writer = docs::Writer::create(&docs.join("0.parquet")).unwrap();
        for text in texts {
            writer.write(Doc { text, ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
        let ctx = world.step("index").with_folder("docs", &docs);
        run(&ctx, "tools.search", json!({"passage": 12})).unwrap();
        world.keep("index", &ctx);
        world
    }
}

fn stage(name: &str) -> &'static dyn Stage {
    registry().stage(name).unwrap().as_ref()
}

struct Windows(TokenSet);

impl Batches for Windows {
    fn steps(&self) -> u64 {
        60
    }

    fn batch(&self, step: u64) -> Result<Vec<Row>> {
        let length = self.0.tokens().min(49) as usize;
        let starts = self.0.tokens() - length as u64 + 1;
        (0..4)
            .map(|row| {
                let mut tokens = vec![0; length];
                self.0.read((step * 29 + row * 13) % starts, &mut tokens)?;
                Ok(Row { learn: vec![true; length], tokens })
            })
            .collect()
    }
}

fn recipe(learning_rate: f64) -> Recipe {
    Recipe {
        optimizer: Optimizer::Muon,
        learning_rate,
        embedding_learning_rate: 6e-3,
        warmup: llmp_model::Stretch::Share(0.05),
        schedule: Schedule::Linear,
        decay: llmp_model::Stretch::Share(0.2),
        final_fraction: 0.1,
        weight_decay: 0.0,
        clip: Some(1.0),
        seed: 1,
        checkpoint_every: 0,
        on_spike: llmp_model::OnSpike::Note,
        stop_tokens: None,
    }
}

fn pretrain(ctx: &TestContext, vocab: &Path) {
    let vocabulary = Tokenizer::load(vocab).unwrap().vocab_size() as usize;
    let (width, heads) = (32, 2);
    let config = Config {
        vocabulary,
        width,
        layers: 1,
        heads,
        kv_heads: heads,
        head_width: width / heads,
        mlp_width: Config::default_mlp_width(width),
        context: 96,
        eos: Vec::new(),
        pad: None,
        ..tiny()
    };
    let windows = Windows(TokenSet::open(ctx.input("tokens").unwrap()).unwrap());
    llmp_model::train(ctx, Start::Fresh(config), vocab, &windows, &recipe(0.05)).unwrap();
}

#[test]
fn from_a_base_model_to_one_that_searches() {
    let mut world = World::new();
    let tuned = json!({"steps": 80, "batch": 8, "lr": 1e-2, "message": "I don't know."});

    let ctx =
        world.ctx("chat", &[("model", "base"), ("conversations", "conversations"), ("replay", "tokens")]);
    run(&ctx, "sft", json!({"epochs": 60, "batch": 4, "lr": 1e-2})).unwrap();
    world.keep("chat", &ctx);
    assert_eq!(ctx.counted("conversations"), 4);

    let ctx = world.ctx("probe", &[("model", "chat"), ("questions", "questions")]);
    run(&ctx, "knowledge.probe", json!({"samples": 2, "temperature": 0.0})).unwrap();
    let read = |ctx: &TestContext, name: &str| fs::read_to_string(ctx.output().join(name)).unwrap();
    let probed: Vec<Probed> =
        read(&ctx, PROBE_FILE).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known = |row: &Probed| row.verdict == Knowledge::Known;
    assert!(probed[..4].iter().all(known), "what sft taught is known: {probed:#?}");
    assert!(probed.iter().all(|row| row.samples[0] == row.samples[1]), "temperature 0 is certain");
    world.keep("probe", &ctx);
    // At temperature 1 the samples must not depend on how many are drawn at once.
    let ctx = |name| world.ctx(name, &[("model", "chat"), ("questions", "questions")]);
    let (one, many) = (ctx("probe-one"), ctx("probe-many"));
    run(&one, "knowledge.probe", json!({"batch": 1})).unwrap();
    run(&many, "knowledge.probe", json!({"batch": 64})).unwrap();
    assert_eq!(read(&one, PROBE_FILE), read(&many, PROBE_FILE));

    // A toy model may guess an unseen place right, so the verdicts are set here.
    let verdicts = probed.into_iter().enumerate().map(|(number, mut row)| {
        row.verdict = if number < 4 { Knowledge::Known } else { Knowledge::Unknown };
        serde_json::to_value(row).unwrap()
    });
    fs::write(world.artifacts["probe"].join(PROBE_FILE), jsonl(verdicts)).unwrap();

    let ctx = world.ctx("honest", &[("model", "chat"), ("probe", "probe"), ("replay", "tokens")]);
    run(&ctx, "refusal", tuned.clone()).unwrap();
    world.keep("honest", &ctx);
    let inputs =
        [("model", "honest"), ("index", "index"), ("probe", "probe"), ("conversations", "conversations")];
    let ctx = world.ctx("assistant", &inputs);
    run(&ctx, "tool_use", json!({"steps": 60, "batch": 8, "lr": 1e-2, "empty": 0.0})).unwrap();
    assert_eq!(ctx.counted("unknown.found"), 2);
    world.keep("assistant", &ctx);
    let abilities = Abilities::load(ctx.output()).unwrap();
    assert!(
        [Ability::Chat, Ability::Refuses, Ability::Searches]
            .into_iter()
            .all(|ability| abilities.has(ability))
    );

    let models = ["base", "chat", "honest", "assistant"].map(|model| ("models", model));
    let mut inputs = models.to_vec();
    inputs.extend([("questions", "questions"), ("index", "index")]);
    let ctx = world.ctx("report", &inputs);
    run(&ctx, "eval.factuality", json!({"by": ["entity"]})).unwrap();
    let report: Factuality = serde_json::from_str(&read(&ctx, "report.json")).unwrap();
    assert_eq!((report.rows.len(), report.answers.len()), (12, 24));
    let shown = ctx.lines.lock().unwrap().join("\n");
    assert!(read(&ctx, "report.md").contains("| model") && shown.contains("don't know"), "{shown}");
    let row = |model: usize, group: usize| &report.rows[model * 3 + group];
    assert_eq!(row(1, 0).correct, 4, "chat knows what it was taught\n{shown}");
    assert_eq!(row(2, 1).not_attempted, 2, "honest refuses the rest\n{shown}");
    assert_eq!(row(3, 1).searched, 2, "the assistant looks it up\n{shown}");

    replies(&world);
}

/// The assistant tells about each step as it happens, and its text is what was streamed.
fn replies(world: &World) {
    let index = &world.artifacts["index"];
    let assistant = Assistant::load(&world.artifacts["assistant"], Some(index), "cpu").unwrap();
    let asked = [Message::new(Role::User, "Which country is Vaduz in?")];
    let (mut text, mut searches, mut hits) = (String::new(), Vec::new(), 0);
    let reply = assistant
        .reply(&asked, &Options::default(), &mut |event| match event {
            Event::Text(piece) => text.push_str(piece),
            Event::Search(query) => searches.push(query.to_owned()),
            Event::Results(results) => hits += results.len(),
            Event::Forgot(_) => panic!("the conversation is short"),
        })
        .unwrap();
    assert_eq!(text, reply.text);
    assert_eq!(searches, reply.calls.iter().map(|call| call.query.clone()).collect::<Vec<_>>());
    assert_eq!(hits, reply.calls.iter().map(|call| call.results.len()).sum::<usize>());
    assert!(!searches.is_empty());
    let many = assistant
        .answers(&["Which country is Vaduz in?"], &Options::default(), 0, 8, &mut |_| Ok(()))
        .unwrap();
    assert_eq!(many[0].text, reply.text);
    let graded = grade(&reply.text, &["Peru".into()], None, Match::Begins);
    assert!([Grade::Correct, Grade::Wrong, Grade::NotAttempted].contains(&graded));

    let base = Assistant::load(&world.artifacts["base"], None, "cpu").unwrap();
    let error = base.reply(&asked, &Options::default(), &mut |_| ()).unwrap_err();
    assert_eq!(error.to_string(), "this is a base model, which holds no conversations");
}

#[test]
fn a_probe_without_unknown_questions_teaches_no_refusal() {
    let mut world = World::new();
    let ctx = world.ctx("chat", &[("model", "base"), ("conversations", "conversations")]);
    run(&ctx, "sft", json!({"epochs": 1, "batch": 4})).unwrap();
    world.keep("chat", &ctx);
    let mut row = question(&SEEN[0], "seen");
    for (name, value) in [("samples", json!(["Papua"])), ("correct", json!(1)), ("of", json!(1))] {
        row[name] = value;
    }
    row["verdict"] = json!("known");
    let ctx = world
        .ctx("honest", &[("model", "chat")])
        .with_files("probe", &[(PROBE_FILE, jsonl([row]).as_bytes())]);
    let error = run(&ctx, "refusal", json!({"steps": 1})).unwrap_err();
    assert_eq!(error.to_string(), "the probe found no question that the model does not know");
}

#[test]
fn how_much_of_a_tuning_is_kept_is_chosen_or_set() {
    let mut world = World::new();
    let ctx = world.ctx("chat", &[("model", "base"), ("conversations", "conversations")]);
    run(&ctx, "sft", json!({"epochs": 60, "batch": 4, "lr": 1e-2})).unwrap();
    world.keep("chat", &ctx);
    // Half of the places of either kind are ten questions, which is enough to choose by.
    let asked = |places: &'static [(&str, &str)], times: usize, verdict: &'static str| {
        places.iter().cycle().take(places.len() * times).enumerate().map(move |(number, place)| {
            let mut row = question(place, "seen");
            row["id"] = json!(format!("{verdict}-{number}"));
            for (name, value) in [("samples", json!(["?"])), ("correct", json!(0)), ("of", json!(1))] {
                row[name] = value;
            }
            row["verdict"] = json!(verdict);
            row
        })
    };
    let rows = jsonl(asked(&SEEN, 5, "known").chain(asked(&UNSEEN, 10, "unknown")));
    let refusal = |name: &str, set: Value| {
        let ctx = world.ctx(name, &[("model", "chat")]).with_files("probe", &[(PROBE_FILE, rows.as_bytes())]);
        let mut settings = json!({"steps": 10, "batch": 8, "lr": 1e-2, "held_out": 0.5});
        settings.as_object_mut().unwrap().extend(set.as_object().unwrap().clone());
        run(&ctx, "refusal", settings).unwrap();
        let kept = ctx.measures.lock().unwrap()["kept"];
        (kept, ctx.counted("held_out.known"), fs::read(ctx.output().join("model.safetensors")).unwrap())
    };
    let (kept, held_out, chosen) = refusal("chosen", json!({"keep": null}));
    assert!((0.3..=1.0).contains(&kept), "{kept}");
    assert_eq!(held_out, 10);
    assert_eq!(refusal("again", json!({"keep": null})), (kept, held_out, chosen));
    let before = fs::read(world.artifacts["chat"].join("model.safetensors")).unwrap();
    let (kept, held_out, none) = refusal("none", json!({"keep": 0.0}));
    assert_eq!((kept, held_out), (0.0, 0), "a share that is set needs nothing held out");
    assert!(none == before, "nothing kept is the model before");
    let half = refusal("half", json!({"keep": 0.5})).2;
    assert!(half != before && half != refusal("all", json!({"keep": 1.0})).2);
    let nothing = refusal("nothing", json!({"held_out": 0.0}));
    assert_eq!((nothing.0, nothing.1), (1.0, 0), "nothing held out: all is kept");
}
