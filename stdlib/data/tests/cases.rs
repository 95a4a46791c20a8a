//! The cases of other people's files that `shared/cases` keeps, where this checkout has them: `cargo test -p
//! llmp-data --test cases -- --nocapture` prints which come out right. Those of models are tested as far as
//! they need no tensors.

use std::path::{Path, PathBuf};

use llmp_artifacts::conversations::CONVERSATIONS_FILE;
use llmp_artifacts::docs::Reader;
use llmp_artifacts::model::{Config, Folder, RopeScaling, weights};
use llmp_artifacts::tokenizer::Tokenizer;
use llmp_stage::Context;
use llmp_stage::testing::TestContext;
use serde_json::{Value, json};

mod shared;

/// Runs a stage on one file of a case; its output lies below a folder that is left.
fn run(name: &str, file: &Path, settings: &Value) -> Result<TestContext, String> {
    let stages = llmp_data::stages();
    let stage = stages.iter().find(|stage| stage.name() == name).expect("a stage of this crate");
    let folder = tempfile::tempdir().expect("a folder").keep();
    let content = std::fs::read(file).expect("a file of the case");
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    let ctx = TestContext::new(&folder).with_files("files", &[(name, content.as_slice())]);
    stage.run(&ctx, settings).map_err(|error| error.to_string())?;
    Ok(ctx)
}

fn texts(file: &Path) -> Result<Vec<String>, String> {
    let ctx = run(
        "crawl.docs",
        file,
        &json!({"text": "text", "id": null, "url": null, "date": null, "language": null, "limit": null, "max_bad": 0.01, "license": null}),
    )?;
    let shards = std::fs::read_dir(ctx.output()).expect("an output");
    let mut texts = Vec::new();
    for shard in shards {
        for doc in Reader::open(&shard.expect("a shard").path()).expect("opens") {
            texts.push(doc.expect("a document").text);
        }
    }
    Ok(texts)
}

fn documents(file: &Path, expected: usize) -> Result<(), String> {
    let texts = texts(file)?;
    if texts.len() == expected { Ok(()) } else { Err(format!("{} documents", texts.len())) }
}

fn tokenizer(file: &Path, specials: &[(&str, u32)]) -> Result<(), String> {
    let ctx = run("tokenize.load", file, &json!({"pattern": "cl100k"}))?;
    let ours = Tokenizer::load(ctx.output()).map_err(|error| error.to_string())?;
    let mut library = tokenizers_release::Tokenizer::from_file(file).map_err(|error| error.to_string())?;
    library.set_encode_special_tokens(true);
    for text in ["It's 12345 AR  \n\n x|> <think>a</think> 你好", ".... 12 123 1234", ""] {
        let expected = library.encode_fast(text, false).map_err(|error| error.to_string())?;
        if ours.encode(text) != expected.get_ids() {
            return Err(format!("other ids of {text:?}"));
        }
    }
    match specials.iter().find(|(name, id)| {
        library.token_to_id(name) != Some(*id) || ours.special(name).is_some_and(|own| own != *id)
    }) {
        None => Ok(()),
        Some((name, _)) => Err(format!("`{name}` has another id")),
    }
}

fn talks(file: &Path) -> Result<Vec<String>, String> {
    let ctx = run("chat.load", file, &json!({"max_bad": 0.0, "license": null}))?;
    let text = std::fs::read_to_string(ctx.output().join(CONVERSATIONS_FILE)).expect("written");
    Ok(text.lines().map(str::to_owned).collect())
}

fn model(folder: &Path) -> Result<(Config, Vec<Vec<f32>>, u32), String> {
    let out = tempfile::tempdir().expect("a folder");
    let ctx = TestContext::new(out.path()).with_folder("files", folder);
    let input = ctx.input("files").expect("given");
    let said = |error: llmp_stage::Error| error.to_string();
    let found = Folder::among(input).map_err(said)?;
    let config = Config::load_file(&found.file("config.json").map_err(said)?).map_err(said)?;
    let loaded = weights::load(&found, &config).map_err(said)?;
    let tokenizer = Tokenizer::load_file(&found.file("tokenizer.json").map_err(said)?).map_err(said)?;
    Ok((config, loaded, tokenizer.vocab_size()))
}

fn check(right: bool, what: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(what.to_owned()) }
}

fn results(cases: &Path) -> Vec<(&'static str, Result<(), String>)> {
    let at = |path: &str| -> PathBuf { cases.join(path) };
    let lae = r#"{"messages":[{"role":"user","content":"Where is Lae?"},{"role":"assistant","content":"Papua New Guinea."}]}"#;
    let one = |path: &str| talks(&at(path)).and_then(|rows| check(rows == [lae], "another conversation"));
    vec![
        (
            "01 model folder",
            model(&at("01-hf-folder")).and_then(|(_, _, ids)| check(ids == 280, "other ids")),
        ),
        ("02 snappy", documents(&at("02-parquet-codecs/data/snappy.parquet"), 2)),
        ("02 gzip", documents(&at("02-parquet-codecs/data/gzip.parquet"), 2)),
        ("03 int-id", documents(&at("03-parquet-column-types/data/int-id.parquet"), 2)),
        ("03 dictionary", documents(&at("03-parquet-column-types/data/dictionary.parquet"), 2)),
        ("03 timestamp", documents(&at("03-parquet-column-types/data/timestamp.parquet"), 2)),
        ("03 all-null", documents(&at("03-parquet-column-types/data/all-null.parquet"), 2)),
        ("03 uint32", documents(&at("03-parquet-column-types/data/uint32.parquet"), 2)),
        (
            "09 qwen",
            tokenizer(
                &at("09-tokenizer-added-tokens/qwen/tokenizer.json"),
                &[("<|endoftext|>", 290), ("<|im_start|>", 291), ("<|im_end|>", 292)],
            ),
        ),
        (
            "09 think",
            tokenizer(
                &at("09-tokenizer-added-tokens/think/tokenizer.json"),
                &[("<think>", 290), ("</think>", 291)],
            ),
        ),
        (
            "10 two digits",
            tokenizer(&at("10-tokenizer-split-pattern/two-digits/tokenizer.json"), &[("<|endoftext|>", 0)]),
        ),
        (
            "10 plain",
            tokenizer(&at("10-tokenizer-split-pattern/plain/tokenizer.json"), &[("<|endoftext|>", 0)]),
        ),
        ("27 minimind", one("27-chat-forms/minimind.jsonl")),
        ("27 nanochat", one("27-chat-forms/nanochat.jsonl")),
        ("27 parts", one("27-chat-forms/parts.jsonl")),
        ("27 null", one("27-chat-forms/null.jsonl")),
        ("27 packed", one("27-chat-forms/packed.JSONL")),
        (
            "28 weight",
            talks(&at("28-chat-weight/c.jsonl")).and_then(|rows| {
                check(rows.len() == 1 && rows[0].contains(r#""On the Moon.","weight":0"#), "the mark is lost")
            }),
        ),
        (
            "29 rope_parameters null",
            model(&at("29-rope-parameters-null/m")).and_then(|(config, ..)| {
                check(config.rope_scaling == RopeScaling::Linear { factor: 4.0 }, "no scaling")
            }),
        ),
        (
            "30 shard index",
            model(&at("30-shard-index-ignored/m")).and_then(|(_, found, _)| {
                let first = at("30-shard-index-ignored/m/model-00001-of-00002.safetensors");
                let bytes = std::fs::read(first).expect("the first file");
                let head: Vec<u8> =
                    found[found.len() - 1].iter().flat_map(|value| value.to_le_bytes()).collect();
                check(bytes.windows(head.len()).any(|window| window == head), "the head of another file")
            }),
        ),
        (
            "31 tokenizer beyond the vocabulary",
            model(&at("31-tokenizer-beyond-vocabulary/m")).and_then(|(config, _, ids)| {
                check(ids as usize > config.vocabulary, "what `model.load` compares")
            }),
        ),
        (
            "34 one bad row",
            texts(&at("34-jsonl-one-bad-row/a.jsonl")).and_then(|texts| {
                check(texts == ["first", "a smile \u{fffd} cut in two", "third"], "other texts")
            }),
        ),
    ]
}

#[test]
fn cases_come_out_right() {
    let cases = std::env::var_os("LLMP_CASES").map(PathBuf::from).or_else(|| shared::data("../cases"));
    let Some(cases) = cases else { return };
    let results = results(&cases);
    for (name, result) in &results {
        match result {
            Ok(()) => println!("right  {name}"),
            Err(why) => println!("WRONG  {name}: {why}"),
        }
    }
    assert!(results.iter().all(|(_, result)| result.is_ok()));
}
