//! Our tokenizer folders in Hugging Face's Python libraries: same ids, same chat template, same merges
//! learned.
//!
//! Needs `bench/requirements.txt` in the Python that the variable `PYTHON` names (or `python3`); skipped
//! without.

use std::fs;
use std::path::Path;
use std::process::Command;

use llmp_artifacts::docs::{Doc, Writer};
use llmp_artifacts::tokenizer::{Tokenizer, special};
use llmp_data::stages;
use llmp_stage::Context as _;
use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/check_tokenizer.py");

/// Sources of this crate: code, English, and what little else they hold.
const CORPUS: &str = concat!(
    include_str!("../../artifacts/src/tokenizer/bpe.rs"),
    include_str!("../../artifacts/src/tokens.rs"),
    include_str!("../src/tokenize/train.rs"),
    include_str!("../src/tokenize/merges.rs"),
);

const TEXTS: [&str; 9] = [
    "hello",
    "It's 12345 o'clock, they'LL say — naïve café\r\n\r\n  \t indented   ",
    "你好，世界。韬光养晦 2024年",
    "日本語と한국어 и русский",
    "🦀👩‍👩‍👧 e\u{301} \u{a0}\u{3000}x",
    "fn main() {\n    println!(\"{}\", 1_000);\n}\n",
    "not special: <|endoftext|><|im_start|>user<|im_sep|> <SEARCH_START>q<SEARCH_END>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa                                         ",
    "\u{0}\u{1}\u{7f}\u{85}\u{feff}",
];

fn python() -> Option<String> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import transformers, tokenizers"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!(
        "skipped: `{python}` has no `transformers`; install bench/requirements.txt and name it in PYTHON"
    );
    None
}

/// Ids of a chat given as special tokens and texts.
fn chat(tokenizer: &Tokenizer, parts: &[&str]) -> Vec<u32> {
    parts
        .iter()
        .flat_map(|part| match tokenizer.special(part) {
            Some(id) => vec![id],
            None => tokenizer.encode(part),
        })
        .collect()
}

fn cases(tokenizer: &Tokenizer) -> Vec<Value> {
    use special::{IM_END, IM_SEP, IM_START, RESULT_END, RESULT_START, SEARCH_END, SEARCH_START};
    let mut cases: Vec<Value> =
        TEXTS.iter().map(|text| json!({"text": text, "ids": tokenizer.encode(text)})).collect();
    let question = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who wrote 静夜思?"},
    ]);
    let asked = [
        IM_START,
        "system",
        IM_SEP,
        "Be brief.",
        IM_END,
        IM_START,
        "user",
        IM_SEP,
        "Who wrote 静夜思?",
        IM_END,
    ];
    cases.push(json!({
        "messages": question,
        "add_generation_prompt": true,
        "ids": chat(tokenizer, &[&asked[..], &[IM_START, "assistant", IM_SEP]].concat()),
    }));
    let searched = json!([
        {"role": "user", "content": "Who wrote 静夜思?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"type": "function", "function": {"name": "search", "arguments": {"query": "静夜思 author"}}},
        ]},
        {"role": "tool", "content": "静夜思, by Li Bai"},
        {"role": "assistant", "content": "Li Bai."},
        {"role": "user", "content": "Thanks"},
    ]);
    let turn = [
        IM_START,
        "assistant",
        IM_SEP,
        SEARCH_START,
        "静夜思 author",
        SEARCH_END,
        RESULT_START,
        "静夜思, by Li Bai",
        RESULT_END,
        "Li Bai.",
        IM_END,
        IM_START,
        "user",
        IM_SEP,
        "Thanks",
        IM_END,
    ];
    cases.push(json!({
        "messages": searched,
        "add_generation_prompt": false,
        "ids": chat(tokenizer, &[&asked[5..], &turn].concat()),
    }));
    // The result has come and the model goes on in the same turn.
    cases.push(json!({
        "messages": searched.as_array().unwrap()[..3],
        "add_generation_prompt": true,
        "ids": chat(tokenizer, &[&asked[5..], &turn[..9]].concat()),
    }));
    cases
}

fn check(python: &str, folder: &Path, corpus: Option<&Path>) {
    let tokenizer = Tokenizer::load(folder).unwrap();
    let lines: String = cases(&tokenizer).iter().map(|case| format!("{case}\n")).collect();
    let path = folder.join("cases.jsonl");
    fs::write(&path, lines).unwrap();
    let output = Command::new(python).arg(SCRIPT).arg(folder).arg(&path).args(corpus).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn transformers_reads_cl100k() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    Tokenizer::cl100k().save(folder.path()).unwrap();
    check(&python, folder.path(), None);
}

#[test]
fn transformers_reads_trained_tokenizers_and_learns_the_same_merges() {
    let Some(python) = python() else { return };
    let train = stages().into_iter().find(|stage| stage.name() == "tokenize.train").unwrap();
    for pattern in ["cl100k", "gpt2", "o200k", "qwen2"] {
        let folder = tempfile::tempdir().unwrap();
        let (docs, corpus) = (folder.path().join("docs"), folder.path().join("corpus.txt"));
        fs::create_dir(&docs).unwrap();
        fs::write(&corpus, CORPUS).unwrap();
        let mut writer = Writer::create(&docs.join("0.parquet")).unwrap();
        for line in CORPUS.lines() {
            writer.write(Doc { text: line.into(), ..Doc::default() }).unwrap();
        }
        writer.finish().unwrap();
        let ctx = TestContext::new(folder.path()).with_folder("docs", &docs);
        let settings = json!({"size": 1_500, "pattern": pattern, "min_frequency": 2, "documents": 1_000_000});
        train.run(&ctx, &settings).unwrap();
        check(&python, ctx.output(), Some(&corpus));
    }
}
