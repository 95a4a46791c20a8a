use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

use super::*;
use crate::testing::{CONTEXT, bigrams, id, nats};

const PAIRS: [(u32, u32, f64); 4] = [
    (' ' as u32, 'x' as u32, 60.0),
    ('y' as u32, 'y' as u32, 4_000.0),
    (':' as u32, ' ' as u32, 9.0),
    ('q' as u32, 'r' as u32, 3.0),
];

fn settings() -> Settings {
    Settings { few_shot: 0, limit: None, seed: 1, start: false }
}

fn context(root: &Path, files: &[(&str, &str)]) -> TestContext {
    let model = root.join("model");
    bigrams(&model, &PAIRS);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    TestContext::new(root).with_folder("models", &model).with_files("tasks", &files)
}

fn report(ctx: &TestContext) -> (Value, Shown) {
    let text = std::fs::read_to_string(ctx.output().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let shown = Shown::of(&report).unwrap();
    (report, shown)
}

fn jsonl(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Of which the first is right by either measure, the second by its length only, the third by none.
fn rows() -> [Value; 3] {
    [
        json!({"query": "Q:", "choices": ["x", "z"], "gold": 0}),
        json!({"query": "Q:", "choices": ["x", "yyyyyyyyyyyy"], "gold": 1}),
        json!({"query": "Q:", "choices": ["z", "x", "zz"], "gold": 2}),
    ]
}

#[test]
fn likelihoods_are_those_worked_out_by_hand() {
    let root = tempfile::tempdir().unwrap();
    let ctx = context(root.path(), &[("plain.jsonl", &jsonl(&rows()))]);
    run(&ctx, settings()).unwrap();
    let (report, shown) = report(&ctx);
    let close = |found: f64, expected: f64| (found - expected).abs() < 1e-4 * expected.abs();
    let mut right = 0.0;
    for (row, answer) in rows().iter().zip(report["answers"].as_array().unwrap()) {
        let choices = row["choices"].as_array().unwrap();
        for (choice, found) in choices.iter().zip(answer["nats"].as_array().unwrap()) {
            let expected = nats(&PAIRS, id(':'), &format!(" {}", choice.as_str().unwrap()));
            assert!(close(found.as_f64().unwrap(), expected), "{found} {expected}");
        }
        let gold = row["gold"].as_u64().unwrap() as usize;
        right += answer["nats"][gold].as_f64().unwrap();
    }
    let value = |measure: &str, task: &str| shown.value(measure, &["models", task]).unwrap();
    assert!(close(value("acc", "plain"), 1.0 / 3.0) && close(value("acc_norm", "plain"), 2.0 / 3.0));
    let chance = (0.5 + 0.5 + 1.0 / 3.0) / 3.0;
    assert!(close(value("chance", "plain"), chance));
    assert!(close(value("centred", "plain"), (1.0 / 3.0 - chance) / (1.0 - chance)));
    assert!(close(value("centred_norm", "plain"), (2.0 / 3.0 - chance) / (1.0 - chance)));
    assert!(close(value("stderr", "plain"), (1.0f64 / 3.0 * 2.0 / 3.0 / 2.0).sqrt()));
    assert!(close(value("bits_per_byte", "plain"), -right / std::f64::consts::LN_2 / 15.0));
    assert_eq!(value("questions", "mean"), 3.0);
    let page = std::fs::read_to_string(ctx.output().join("report.md")).unwrap();
    assert!(page.contains("wrong choices of models") && page.contains("- right: yyyyyyyyyyyy"), "{page}");
}

#[test]
fn the_mean_counts_every_task_the_same() {
    let root = tempfile::tempdir().unwrap();
    let [good, norm, bad] = rows();
    let files = [("a/one.jsonl", jsonl(&[good])), ("a/two.jsonl", jsonl(&[norm, bad.clone(), bad]))];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let ctx = context(root.path(), &files);
    run(&ctx, settings()).unwrap();
    let shown = report(&ctx).1;
    let value = |measure: &str, task: &str| shown.value(measure, &["models", task]).unwrap();
    assert_eq!((value("acc", "one"), value("acc", "two"), value("acc", "mean")), (1.0, 0.0, 0.5));
    let centred = (value("centred", "one") + value("centred", "two")) / 2.0;
    assert!((value("centred", "mean") - centred).abs() < 1e-12);
    assert_eq!((value("questions", "mean"), shown.value("acc", &["models"])), (4.0, Some(0.5)));
}

#[test]
fn a_question_alone_is_as_it_is_among_others() {
    let root = tempfile::tempdir().unwrap();
    let sentence = json!({"sentence": "a q did as _ r", "option1": "q", "option2": "o", "answer": "1"});
    let rows: Vec<Value> = rows().into_iter().chain([sentence]).collect();
    let ctx = context(root.path(), &[("t.jsonl", &jsonl(&rows))]);
    let task = read(&ctx).unwrap().remove(0);
    let subject = Subject::load(&ctx, ctx.inputs("models"), 0).unwrap();
    let together = judge(&ctx, &subject, &task, &[0, 1, 2, 3], &settings()).unwrap();
    let alone = |question: usize| judge(&ctx, &subject, &task, &[question], &settings()).unwrap().remove(0);
    assert_eq!(together, (0..4).map(alone).collect::<Vec<_>>());
    let expected = [nats(&PAIRS, id('q'), " r"), nats(&PAIRS, id('o'), " r")];
    assert!(together[3].nats.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{together:?}");
}

#[test]
fn examples_are_other_questions_and_follow_from_the_seed() {
    let root = tempfile::tempdir().unwrap();
    let rows: Vec<Value> =
        (0..6).map(|n| json!({"query": format!("q{n}"), "choices": ["a", "b"], "gold": n % 2})).collect();
    let ctx = context(root.path(), &[("t.jsonl", &jsonl(&rows))]);
    let task = read(&ctx).unwrap().remove(0);
    let with = |few_shot, seed| Settings { few_shot, seed, ..settings() };
    for question in 0..6 {
        let text = shots(&task, question, &with(3, 1)).unwrap();
        assert_eq!(text, shots(&task, question, &with(3, 1)).unwrap());
        assert!(text.starts_with(&shots(&task, question, &with(2, 1)).unwrap()), "one more is one more");
        let lines: std::collections::BTreeSet<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines.iter().all(|line| !line.starts_with(&format!("q{question}"))), "{text}");
        assert!(lines.iter().all(|line| {
            let odd = line[1..2].parse::<usize>().unwrap() % 2;
            line.ends_with([" a", " b"][odd])
        }));
    }
    assert!(
        (0..6).any(|it| shots(&task, it, &with(3, 1)).unwrap() != shots(&task, it, &with(3, 2)).unwrap())
    );
    let error = run(&ctx, with(6, 1)).unwrap_err();
    assert_eq!(error.to_string(), "`t` has 5 questions beside `t.jsonl:1`");
    assert_eq!(draw(&task, &Settings { limit: Some(4), ..settings() }).len(), 4);
    assert_eq!(draw(&task, &Settings { limit: Some(9), ..settings() }), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn prompts_are_cut_at_their_beginning_and_choices_never() {
    let root = tempfile::tempdir().unwrap();
    let ctx = context(
        root.path(),
        &[("t.jsonl", "{\"query\": \"q\", \"choices\": [\"a\", \"b\"], \"gold\": 0}\n")],
    );
    let subject = Subject::load(&ctx, ctx.inputs("models"), 0).unwrap();
    let pair = |context: &str, choice: &str| Pair::new(&subject, None, context, choice).unwrap();
    let bytes = |text: &str| text.bytes().map(u32::from).collect::<Vec<_>>();
    let plain = pair("q: ", " x").unwrap();
    assert_eq!((plain.prompt, plain.tokens, plain.cut), (bytes("q:"), bytes("  x"), false));
    let long = pair(&"ab".repeat(40), &"c".repeat(10)).unwrap();
    assert_eq!((long.prompt.len(), long.tokens.len(), long.cut), (CONTEXT + 1 - 10, 10, true));
    let full = pair(&"ab".repeat(40), &"c".repeat(CONTEXT)).unwrap();
    assert_eq!((full.prompt, full.cut), (bytes("b"), true));
    assert_eq!(pair("q", &"c".repeat(CONTEXT + 1)), None);
    assert_eq!(pair("", "x").unwrap().prompt, [crate::testing::END], "without a prompt, a text starts");
    let started = Pair::new(&subject, Some(7), "q", " x").unwrap().unwrap();
    assert_eq!(started.prompt, [7, id('q')]);
}

#[test]
fn rows_without_answers_are_counted_and_unknown_forms_are_named() {
    let root = tempfile::tempdir().unwrap();
    let [good, ..] = rows();
    let hidden = json!({"query": "Q:", "choices": ["x", "z"], "gold": -1});
    let long = json!({"query": "Q:", "choices": ["x", "z".repeat(99)], "gold": 0});
    let ctx = context(root.path(), &[("t.jsonl", &jsonl(&[hidden.clone(), good.clone(), long]))]);
    run(&ctx, settings()).unwrap();
    assert_eq!((ctx.counted("dropped.choice.no_answer"), ctx.counted("dropped.choice.too_long")), (1, 1));
    assert_eq!(ctx.drops.lock().unwrap()[0].id, "t.jsonl:1");
    let shown = report(&ctx).1;
    let value = |measure: &str| shown.value(measure, &["models", "t"]);
    assert_eq!((value("left_out"), value("questions")), (Some(2.0), Some(1.0)));

    let failed = |text: &str| {
        let root = tempfile::tempdir().unwrap();
        let error = run(&context(root.path(), &[("t.jsonl", text)]), settings()).unwrap_err();
        (error.to_string(), error.help_text().unwrap_or_default().to_owned())
    };
    let (message, help) = failed(&jsonl(&[good, json!({"text": "a", "right": 3})]));
    assert_eq!(message, "t.jsonl:2: no task has rows with the fields `right`, `text`");
    assert!(help.contains("HellaSwag (`ctx`, `endings`, `label`)"), "{help}");
    assert_eq!(
        failed(&jsonl(&[hidden.clone(), hidden])).0,
        "`t.jsonl` holds no question that can be judged: all of its 2 rows are left out"
    );
    assert_eq!(failed("").0, "`t.jsonl` holds no questions");
    assert!(failed("{\n").0.starts_with("`t.jsonl` is not JSON"));
}

#[test]
fn tasks_are_called_as_their_files_are() {
    assert_eq!(stem("tasks/arc_easy.jsonl.zst"), "arc_easy");
    let root = tempfile::tempdir().unwrap();
    let row = jsonl(&rows()[..1]);
    let csv = "goal,sol1,sol2,label\nQ,x,z,0\n";
    let ctx = context(root.path(), &[("b/test.jsonl", &row), ("a/test.jsonl", &row), ("piqa.csv", csv)]);
    let names: Vec<String> = read(&ctx).unwrap().into_iter().map(|task| task.name).collect();
    assert_eq!(names, ["a/test", "b/test", "piqa"]);
}

#[test]
fn measures_are_those_of_the_signature() {
    let signature = include_str!("../choice.llmp");
    for column in &columns()[2..] {
        let measure = column.measure.as_deref().unwrap_or(&column.name);
        assert!(signature.contains(&format!("  measure {measure}[model, task]: ")), "{measure}");
    }
    assert_eq!(signature.matches("  measure ").count(), columns().len() - 2);
}
