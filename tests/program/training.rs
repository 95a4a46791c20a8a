//! Training that goes on: after a kill, from a model, beside what is held out; and runs that are compared.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::{World, warc};

const PIPELINE: &str = r#"
param rate: Float = 0.05

docs   = crawl.warc("web/*.warc") |> extract.text |> filter.pii { mask = [email] }
other  = crawl.warc("other/*.warc") |> extract.text |> filter.pii { mask = [email] }
vocab  = tokenize.train(docs) { size = 400 }
tokens = tokenize.encode(docs, vocab)
valid  = tokenize.encode(other, vocab)
base   = pretrain(tokens, held_out = valid) {
  model = { layers = 1, width = 16, heads = 2, context = 32 }
  for = 40k tokens, batch = 2, checkpoint_every = 50, lr = rate
}
"#;

fn world() -> World {
    let world = World::of_sites(PIPELINE);
    world.write("other/gamma.warc", warc("gamma", 4));
    world
}

fn json(world: &World, arguments: &[&str]) -> Value {
    let said = world.llmp(arguments);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err))
}

fn stage(report: &Value, name: &str) -> Value {
    let stages = report["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
}

/// The progress of a training beside its checkpoint.
fn saved(world: &World) -> Option<Value> {
    let works = std::fs::read_dir(world.path().join(".llmp/work")).ok()?.flatten();
    let texts = works.filter_map(|work| std::fs::read(work.path().join("state/progress.json")).ok());
    texts.filter_map(|text| serde_json::from_slice(&text).ok()).next()
}

#[test]
fn a_killed_training_has_the_counts_and_curves_of_one_that_was_not() {
    let undisturbed = world();
    undisturbed.ok(&["run", "main.llmp"]);
    let expected = stage(&json(&undisturbed, &["report", "--json"]), "base");
    assert_eq!(expected["counts"]["steps"], 625);

    let killed = world();
    let mut child = killed
        .command(&["run", "main.llmp", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while saved(&killed).is_none() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let step = saved(&killed).expect("killed in the middle")["step"].as_u64().unwrap();
    assert!((50..625).contains(&step), "{step}");
    let plan = killed.llmp(&["plan", "main.llmp"]);
    assert!(plan.out.contains(&format!("goes on from step {step} of 625")), "{}", plan.out);
    let plan = json(&killed, &["plan", "main.llmp", "--json"]);
    assert_eq!(stage(&plan, "base")["goes_on_from"]["step"], step);

    let run = killed.ok(&["run", "main.llmp"]);
    assert!(run.err.contains("+ base") || run.out.contains("+ base"), "{}{}", run.out, run.err);
    let report = json(&killed, &["report", "--json"]);
    let resumed = stage(&report, "base");
    for what in ["counts", "measures", "artifact"] {
        assert_eq!(resumed[what], expected[what], "{what}");
    }
    for curve in ["loss", "held-out loss", "held-out bits per byte"] {
        assert_eq!(resumed["curves"][curve], expected["curves"][curve], "{curve}");
    }
    assert_eq!(resumed["curves"]["loss"][0][0], 2.0, "the curve begins at the beginning");
    // Seconds of both attempts, the first of which took more than nothing.
    let span = resumed["span"].as_array().unwrap();
    let now = span[1].as_f64().unwrap() - span[0].as_f64().unwrap();
    assert!(resumed["seconds"].as_f64().unwrap() > 0.0 && now > 0.0);

    // The number on the screen, in the report and in the log is one.
    let loss = format!("{:.3}", resumed["measures"]["loss"].as_f64().unwrap());
    let held_out = format!("{:.3}", resumed["measures"]["held-out loss"].as_f64().unwrap());
    let told = format!("loss {loss} (mean of the last 50 steps), held-out loss {held_out}, 625 steps");
    let log = killed.ok(&["log", "base"]).out;
    assert!(log.contains(&told) && log.contains(&format!("going on after step {step}")), "{log}");
    let page = std::fs::read_to_string(killed.path().join(".llmp/runs/2/report.html")).unwrap();
    for part in [&loss, &held_out, &"loss, last 50 steps".to_owned(), &"bits per byte".to_owned()] {
        assert!(page.contains(part.as_str()), "{part} is missing");
    }
}

/// A pipeline that trains under a stable schedule for so many tokens, 64 of which are a step.
fn stable(horizon: &str, more: &str) -> String {
    let pipeline = PIPELINE.replace("for = 40k tokens", &format!("for = {horizon}"));
    pipeline.replace("lr = rate", &format!("lr = rate, schedule = wsd, warmup = 10 steps{more}"))
}

#[test]
fn a_longer_training_goes_on_where_a_shorter_one_began_to_decay() {
    let base = |world: &World| stage(&json(world, &["report", "--json"]), "base");
    let plain = world();
    plain.write("main.llmp", stable("40k tokens", ""));
    plain.ok(&["run", "main.llmp"]);
    let expected = base(&plain);
    assert_eq!(expected["counts"]["steps"], 625);

    let world = world();
    world.write("main.llmp", stable("20k tokens", ""));
    world.ok(&["run", "main.llmp"]);
    world.write("main.llmp", stable("40k tokens", ""));
    // 313 steps, of which the last 63 decay.
    let plan = world.llmp(&["plan", "main.llmp"]);
    assert!(plan.out.contains("goes on from step 250 of run 1"), "{}", plan.out);
    let planned = stage(&json(&world, &["plan", "main.llmp", "--json"]), "base");
    assert_eq!(planned["goes_on_from"], serde_json::json!({"step": 250, "steps": 625, "run": 1}));
    let work = planned["estimate"]["work"].as_str().unwrap();
    assert!(work.contains("24.0k of 40.0k tokens"), "{work}");
    assert_eq!(planned["key"], expected["key"], "it is the same training");

    // Killed on its way, it goes on from its own checkpoint.
    let mut child = world
        .command(&["run", "main.llmp", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while saved(&world).is_none() && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let step = saved(&world).expect("killed in the middle")["step"].as_u64().unwrap();
    assert!((300..625).contains(&step), "{step}");
    let plan = world.llmp(&["plan", "main.llmp"]).out;
    assert!(plan.contains(&format!("goes on from step {step} of 625")), "{plan}");
    world.ok(&["run", "main.llmp"]);
    let prolonged = base(&world);
    for what in ["key", "counts", "measures", "artifact"] {
        assert_eq!(prolonged[what], expected[what], "{what}");
    }
    assert_eq!(prolonged["curves"]["loss"], expected["curves"]["loss"]);
    let log = world.ok(&["log", "base", "--run", "2"]);
    assert!(log.out.contains("going on after step 250"), "{}", log.out);

    // Another decay begins where that of 40k did; a training that is shorter goes on from the shorter stem.
    let goes_on = |world: &World, pipeline: String| {
        world.write("main.llmp", pipeline);
        stage(&json(world, &["plan", "main.llmp", "--json"]), "base")["goes_on_from"].clone()
    };
    assert_eq!(goes_on(&world, stable("40k tokens", ", decay = 50 steps"))["step"], 500);
    assert_eq!(goes_on(&world, stable("30k tokens", ""))["step"], 250);
    assert_eq!(goes_on(&world, stable("10x parameters", ""))["run"], 3, "whatever it is counted in");
    for other in [", seed = 2", ", clip = 0.5"] {
        assert_eq!(goes_on(&world, stable("40k tokens", other)), Value::Null, "{other}");
    }
    assert_eq!(goes_on(&world, stable("10k tokens", "")), Value::Null, "none is short enough");
    assert_eq!(
        goes_on(&world, stable("50k tokens", ", warmup = 5%").replace("warmup = 10 steps, ", "")),
        Value::Null
    );

    // What another run needs stays; what only removed runs left goes.
    assert_eq!(goes_on(&world, stable("50k tokens", ""))["step"], 500);
    world.ok(&["gc", "--keep-runs", "1"]);
    assert_eq!(goes_on(&world, stable("50k tokens", ""))["step"], 500);
    assert_eq!(goes_on(&world, stable("30k tokens", "")), Value::Null);
    assert_eq!(world.llmp(&["verify"]).code, 0);
    let ran = world.ok(&["run", "main.llmp"]);
    assert!(ran.err.contains("+ base") || ran.out.contains("+ base"));
}

#[test]
fn a_log_is_followed_to_the_end_of_its_run_and_curves_go_to_tensorboard() {
    let world = world();
    let mut run = world
        .command(&["run", "main.llmp", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while saved(&world).is_none() && run.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(2));
    }
    let log = world.ok(&["log", "base", "main.llmp", "-f"]).out;
    run.wait().unwrap();
    assert!(log.contains("625 steps of 2 rows"), "{log}");
    assert_eq!(
        world.ok(&["log", "base", "main.llmp", "-f"]).out.lines().count(),
        log.lines().count(),
        "a run that ended"
    );

    let said = world.ok(&["report", "--tensorboard", "board"]);
    let files: Vec<&str> = said.out.lines().collect();
    assert!(files.iter().any(|file| file.contains("board/run-1/base/events.out.tfevents.")), "{files:?}");
    let base = files.iter().find(|file| file.contains("/base/")).unwrap();
    let bytes = std::fs::read(world.path().join(base)).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("brain.Event:2") && has("held-out bits per byte") && has("gradient norm"));
    // Records follow each other without a gap.
    let (mut at, mut records) = (0, 0);
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        at += 16 + length as usize;
        records += 1;
    }
    assert!(at == bytes.len() && records > 400, "{records}");
    let again = world.ok(&["report", "--tensorboard", "board"]);
    assert_eq!((again.out, std::fs::read(world.path().join(base)).unwrap()), (said.out, bytes));
}

#[test]
fn examples_run_their_smoke_profiles() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (name, folders) in [("shakespeare", &["train", "valid"][..]), ("speedrun", &["sample"])] {
        let world = World::new();
        let main = format!("{name}.llmp");
        let copy = |file: &std::path::Path, to: &str| world.write(to, std::fs::read(file).unwrap());
        copy(&examples.join(name).join(&main), &main);
        for folder in folders {
            for file in std::fs::read_dir(examples.join(name).join(folder)).unwrap().flatten() {
                copy(&file.path(), &format!("{folder}/{}", file.file_name().to_str().unwrap()));
            }
        }
        world.ok(&["check", &main]);
        world.ok(&["run", &main, "--profile", "smoke"]);
        let base = stage(&json(&world, &["report", "--json"]), "base");
        assert!(base["measures"]["held-out bits per byte"].as_f64().is_some(), "{name}: {base}");
    }
}

#[test]
fn one_dial_sets_the_size_of_a_training() {
    let dial = |model: &str| {
        let pipeline = PIPELINE.replace("layers = 1, width = 16, heads = 2, context = 32", model);
        pipeline
            .replace("for = 40k tokens, batch = 2, checkpoint_every = 50, lr = rate", "checkpoint_every = 50")
    };
    let world = world();
    world.write("main.llmp", dial("depth = 2"));
    let plan = json(&world, &["plan", "main.llmp", "--json"]);
    let follows = stage(&plan, "base")["estimate"]["follows"].as_str().unwrap().to_owned();
    let expected = "depth 2: 2 layers, width 128, heads = 2, context 256; batch = 20, 5120 tokens a step for 7864320 tokens; lr 0.02, \
                    embedding_lr 0.01";
    assert_eq!(follows, expected);
    assert!(world.llmp(&["plan", "main.llmp"]).out.contains("depth 2: 2 layers"));
    let explained = world.ok(&["check", "main.llmp"]);
    assert!(!explained.out.contains("error"), "{}", explained.out);
    // Whoever writes what follows has the same training, but for the dial itself.
    world.write(
        "main.llmp",
        dial("depth = 2, context = 32")
            .replace("checkpoint_every", "for = 1k tokens, batch = 2, checkpoint_every"),
    );
    world.ok(&["run", "main.llmp"]);
    let log = world.ok(&["log", "base"]).out;
    assert!(
        log.contains(
            "depth 2: 2 layers, width 128, heads = 2, context 32; batch = 2, 64 tokens a step for 1000 tokens"
        ),
        "{log}"
    );
    world.write("main.llmp", dial("layers = 2"));
    let said = world.llmp(&["check", "main.llmp"]);
    assert!(said.code == 1 && said.err.contains("E0209"), "{}{}", said.out, said.err);
}

#[test]
fn training_goes_on_from_a_model() {
    let world = world();
    let more = "more = pretrain(valid, from = base) { for = 2 epochs, batch = 2, lr = 0.01 }\n";
    let talk = "chat = sft(sft(more, chat.load(\"talk.jsonl\")) { epochs = 1 }, chat.load(\"talk.jsonl\")) { epochs = 1, held_out = 20% }\n";
    let short = PIPELINE.replace("40k", "4k").replace(", held_out = valid", "");
    world.write("main.llmp", format!("{short}{more}{talk}"));
    let rows: String = (0..20)
        .map(|i| format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{i}?\"}},{{\"role\":\"assistant\",\"content\":\"{i}.\"}}]}}\n"))
        .collect();
    world.write("talk.jsonl", rows);
    world.ok(&["run", "main.llmp"]);
    let report = json(&world, &["report", "--json"]);
    let more = stage(&report, "more");
    assert!(more["counts"]["steps"].as_u64() > Some(3), "{more}");
    assert_eq!(more["counts"]["parameters"], stage(&report, "base")["counts"]["parameters"]);
    let chat = stage(&report, "chat");
    assert!(chat["counts"]["held_out.conversations"].as_u64() > Some(0), "{chat}");
    assert!(chat["measures"]["held-out loss"].as_f64().is_some());

    let program = |line: &str| format!("{PIPELINE}{line}\n");
    let wrong = [
        ("more = pretrain(tokens, from = base) { model = { width = 32 }, for = 1k tokens }", "E0309"),
        ("more = pretrain(tokens, held_out = tokens) { for = 1k tokens }", "E0302"),
        ("more = pretrain(tokens, from = base) { for = 20x layers }", "E0213"),
        ("chat = sft(base, chat.load(\"talk.jsonl\")) { held_out_stop = 3 }", "E0309"),
    ];
    for (line, code) in wrong {
        world.write("wrong.llmp", program(line));
        let said = world.llmp(&["check", "wrong.llmp"]);
        assert!(
            said.code == 1 && format!("{}{}", said.out, said.err).contains(code),
            "{line}: {}{}",
            said.out,
            said.err
        );
    }
    world.write(
        "right.llmp",
        program("more = pretrain(tokens, from = base) { for = 20x parameters, schedule = wsd }"),
    );
    world.ok(&["check", "right.llmp"]);
    let plan = json(&world, &["plan", "right.llmp", "--json"]);
    let work = stage(&plan, "more")["estimate"]["work"].as_str().unwrap().to_owned();
    assert!(work.contains("parameters") && work.contains("tokens"), "{work}");
}

#[test]
fn runs_are_compared_tagged_and_drawn_over_each_other() {
    let world = world();
    let pipeline = PIPELINE.replace("40k", "6k");
    world.write("main.llmp", &pipeline);
    for rate in ["0.05", "0.001"] {
        world.ok(&["run", "main.llmp", "--set", &format!("rate={rate}")]);
    }
    world.write("main.llmp", pipeline.replace("lr = rate", "lr = each [0.05, 0.02]"));
    world.ok(&["run", "main.llmp"]);
    world.ok(&["runs", "tag", "2", "slow", "低学习率"]);
    world.ok(&["runs", "note", "last", "two rates at once"]);

    let wide = |width: &str| {
        let output = world.command(&["runs"]).env("COLUMNS", width).output().expect("start llmp");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let table = wide("200");
    let narrow = wide("110");
    assert!(narrow.lines().take(5).all(|line| line.chars().count() <= 110), "{narrow}");
    assert!(narrow.contains("more: `--json` has all"), "{narrow}");
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[0].starts_with("run") && rows[0].contains("base.lr") && rows[0].contains("base.held-out"),
        "{table}"
    );
    assert!(rows[1].starts_with('3') && rows[1].contains("two rates at once"), "{table}");
    assert!(rows[3].starts_with('2') && rows[3].contains("0.001") && rows[3].contains("slow"), "{table}");
    assert!(table.contains("the mean of the last 50 steps"), "{table}");

    // Members of a family are rows like runs.
    assert!(table.contains("3[lr=0.05]") && table.contains("3[lr=0.02]"), "{table}");
    let all = json(&world, &["runs", "main.llmp", "--json"]);
    assert_eq!(all["settings"], serde_json::json!(["base.lr"]));
    let rows = all["runs"].as_array().unwrap();
    assert_eq!(
        (rows.len(), &rows[2]["tags"][0], &rows[0]["member"]),
        (4, &Value::from("slow"), &Value::from("[lr=0.02]"))
    );
    let report = json(&world, &["report", "2", "--json"]);
    assert_eq!(rows[2]["measures"]["base.loss"], stage(&report, "base")["measures"]["loss"]);
    // What was made before is the same here.
    assert_eq!(rows[1]["measures"], rows[3]["measures"]);
    let numbers = |arguments: &[&str]| -> Vec<u64> {
        let all = json(&world, &[&["runs", "--json"], arguments].concat());
        all["runs"].as_array().unwrap().iter().map(|run| run["run"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&["--tag", "slow"]), [2]);
    assert_eq!(numbers(&["--where", "base.lr<0.01"]), [2]);
    assert_eq!(numbers(&["--where", "lr=0.05", "--sort", "run"]), [1, 3]);
    let mut losses: Vec<(f64, u64)> = rows
        .iter()
        .map(|row| (row["measures"]["base.loss"].as_f64().unwrap(), row["run"].as_u64().unwrap()))
        .collect();
    losses.sort_by(|one, other| one.0.total_cmp(&other.0));
    let order: Vec<u64> = losses.into_iter().map(|(_, run)| run).collect();
    assert_eq!(numbers(&["--sort", "base.loss"]), order);
    assert_eq!(
        numbers(&["--sort", "base.loss", "--reverse"]),
        order.iter().rev().copied().collect::<Vec<_>>()
    );
    // At 3,600 an hour a second costs 1; members share what their run cost.
    let priced = json(&world, &["runs", "--json", "--price", "cuda=9", "--price", "3600", "--sort", "cost"]);
    for row in priced["runs"].as_array().unwrap() {
        let (cost, seconds) = (row["cost"].as_f64().unwrap(), row["seconds"].as_f64().unwrap());
        // One member of run 3 was there already, and cost nothing.
        let share = if row["member"] == "[lr=0.05]" { 0.0 } else { 1.0 };
        assert!((cost - share * seconds).abs() < 1e-6, "{row}");
    }
    world.ok(&["runs", "tag", "2", "slow", "--remove"]);
    assert!(numbers(&["--tag", "slow"]).is_empty());
    for bad in [
        &["runs", "--sort", "rate"][..],
        &["runs", "--sort", "cost"],
        &["runs", "tag", "2", "two words"],
        &["runs", "nowhere.llmp"],
    ] {
        let said = world.llmp(bad);
        assert!(said.code == 1 && said.err.contains("help:"), "{bad:?}: {}", said.err);
    }

    assert_eq!(world.ok(&["runs", "--html", "runs.html"]).out.trim(), "runs.html");
    let page = std::fs::read_to_string(world.path().join("runs.html")).unwrap();
    assert!(page.contains("default-src 'none'") && !page.contains("<script") && !page.contains("href="));
    assert!(page.contains("run 2 (") && page.contains("run 3 [lr=0.02] ("), "the key names the runs");
    assert_eq!(page.matches("<svg").count(), 2, "of the loss and of the held-out loss");

    // Members of the sweep stand in one chart and one table, with their axis as a column.
    let report = std::fs::read_to_string(world.path().join(".llmp/runs/3/report.html")).unwrap();
    assert!(report.contains("base: 2 members") && report.contains("<th class=\"number\">lr</th>"));
}
