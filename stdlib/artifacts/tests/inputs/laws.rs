//! What holds for any bytes that are given as an input: they are read or refused, soon and without breaking
//! down, and what is read is what it is said to be. Fuzz targets and tests on mutated files share it.

use std::path::{Path, PathBuf};

use llmp_artifacts::classifier;
use llmp_artifacts::conversations::{Ignored, conversations, from_row, talks, to_row};
use llmp_artifacts::docs::{CsvRows, JsonlRows, ParquetRows, Row, json_rows, mended};
use llmp_artifacts::model::{Config, Folder, weights};
use llmp_artifacts::tokenizer::Tokenizer;

/// A file that holds `bytes`, one for each process and name.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("llmp-laws-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

pub(crate) fn jsonl(bytes: &[u8]) {
    for row in JsonlRows::open(&file("a.jsonl", bytes)).expect("it opens") {
        match row {
            Ok(Row::Doc(doc)) => assert!(doc.token_count.is_none_or(|count| i64::try_from(count).is_ok())),
            Ok(Row::Bad(bad)) => assert!(!bad.why.is_empty()),
            Err(_) => break,
        }
    }
    if let Some(row) = mended(bytes) {
        assert_eq!(mended(&row), None, "what was mended once is whole");
    }
}

pub(crate) fn csv(bytes: &[u8]) {
    let Ok(rows) = CsvRows::open(&file("a.csv", bytes), "a.csv", b',', None) else { return };
    for row in rows {
        match row {
            Ok(Row::Doc(_)) => {}
            Ok(Row::Bad(bad)) => assert!(!bad.why.is_empty()),
            Err(_) => break,
        }
    }
}

/// The head of a classifier; its weights are read by `filter.language` and their like.
pub(crate) fn classifier(bytes: &[u8]) {
    if let Ok(head) = classifier::head(&file("model.bin", bytes)) {
        assert!(head.labels.len() >= 2, "it tells nothing apart");
    }
}

pub(crate) fn parquet(bytes: &[u8]) {
    let path = file("a.parquet", bytes);
    if let Ok(rows) = ParquetRows::open(&path) {
        rows.take(10_000).take_while(Result::is_ok).for_each(drop);
    }
    if let Ok(rows) = json_rows(&path) {
        rows.take(10_000).take_while(Result::is_ok).for_each(drop);
    }
}

pub(crate) fn config(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice(bytes) else { return };
    if let Ok(config) = Config::from_json(&value) {
        assert_eq!(Config::from_json(&config.to_json()).expect("what is written is read"), config);
        assert!(config.rope_frequencies().iter().take(64).all(|frequency| frequency.is_finite()));
    }
}

/// The weights of a model of one block and a few values.
pub(crate) fn safetensors(bytes: &[u8]) {
    let path = file("model.safetensors", bytes);
    let folder = path.parent().map(Folder::at).expect("a folder");
    let config = small();
    if let Ok(weights) = weights::load(&folder, &config) {
        let lengths: Vec<usize> = config.parameters().iter().map(|parameter| parameter.len()).collect();
        assert_eq!(weights.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
    }
}

/// The model of [`safetensors`].
pub(crate) fn small() -> Config {
    Config {
        vocabulary: 3,
        width: 2,
        layers: 1,
        heads: 1,
        kv_heads: 1,
        head_width: 2,
        mlp_width: 2,
        ..llmp_artifacts::testing::tiny()
    }
}

pub(crate) fn tokenizer(bytes: &[u8]) {
    let Ok(tokenizer) = load(&file("tokenizer.json", bytes)) else { return };
    for text in ["", "hello  world 123\n", "naïve 你好 <|im_end|>"] {
        let ids = tokenizer.encode(text);
        assert!(ids.iter().all(|id| *id < tokenizer.vocab_size()), "{ids:?}");
        assert!(ids.iter().all(|id| !tokenizer.is_special(*id)), "{ids:?}");
        let _ = tokenizer.decode(&ids);
    }
    let _ = tokenizer.with_specials();
}

fn load(path: &Path) -> llmp_stage::Result<Tokenizer> {
    Tokenizer::load_file(path)
}

pub(crate) fn conversation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = match serde_json::from_str(text) {
        Ok(row) => conversations(&row, &mut Ignored::new()).unwrap_or_default(),
        Err(_) => talks(text).into_iter().filter_map(|talk| Some(talk.ok()?.1)).collect(),
    };
    for talk in read {
        assert_eq!(from_row(&to_row(&talk)).as_ref(), Ok(&talk), "what is written is read");
    }
}
