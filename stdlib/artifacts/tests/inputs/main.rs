//! Inputs that are damaged in any way are read or refused; nothing breaks down. `RUNS` says how many of each
//! kind (500); the fuzz targets beside the stages go on from there.

mod laws;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use llmp_artifacts::random::Random;
use parquet::arrow::ArrowWriter;
use safetensors::tensor::{Dtype, TensorView};

/// Calls `law` with mutations of the seeds: bytes replaced, parts removed, repeated, and put in from other
/// seeds. Where `SEEDS` names a folder, the seeds are written there for the fuzz target `what`.
fn mutate(what: &str, seeds: &[Vec<u8>], law: fn(&[u8])) {
    if let Some(folder) = std::env::var_os("SEEDS") {
        let folder = std::path::Path::new(&folder).join(what);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), seed).unwrap();
        }
    }
    let runs: u64 = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(500);
    seeds.iter().for_each(|seed| law(seed));
    for run in 0..runs {
        let mut random = Random::new(1, run);
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() + 1);
            let end = (at + random.below(16)).min(bytes.len());
            match random.below(5) {
                0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
                1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let other = &seeds[random.below(seeds.len())];
                    let from = random.below(other.len() + 1);
                    let to = (from + random.below(32)).min(other.len());
                    bytes.splice(at..end, other[from..to].iter().copied());
                }
            }
        }
        law(&bytes);
    }
    println!("{what}: {runs} mutations of {} seeds", seeds.len());
}

fn texts(seeds: &[&str]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

#[test]
fn json_lines() {
    let seeds = texts(&[
        "{\"text\": \"a \\ud83d\\ude00 b\", \"id\": 12, \"token_count\": 3, \"language_score\": 0.5}\n{\"text\": null}\n",
        "\u{feff}\t{\"metadata\": {\"url\": \"u\", \"date\": \"d\"}, \"text\": \"x\\\\ \\\" \\ud800\", \"s\": [NaN, -Infinity]}\n\n",
    ]);
    mutate("jsonl", &seeds, laws::jsonl);
}

#[test]
fn csv_files() {
    let seeds = texts(&[
        "text,url,token_count\n\"a \"\"b\"\"\nc\",http://a/,3\nd,,\n\u{e9},e,f,g\n",
        "\u{feff}id,text\r\n1,one\r\n2,\"two\r\n",
    ]);
    mutate("csv", &seeds, laws::csv);
}

#[test]
fn classifier_files() {
    let word =
        |text: &str, count: i64, label: u8| [text.as_bytes(), &[0], &count.to_le_bytes(), &[label]].concat();
    let numbers =
        |numbers: &[i32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    let head = numbers(&[793_712_314, 12, 16, 5, 5, 1, 5, 2, 3, 3, 20, 0, 0, 100]);
    let dictionary = [
        numbers(&[4, 2, 2]),
        9_i64.to_le_bytes().to_vec(),
        (-1_i64).to_le_bytes().to_vec(),
        word("</s>", 5, 0),
        word("sea", 4, 0),
        word("__label__good", 3, 1),
        word("__label__bad", 2, 1),
    ];
    let seed = [head, 1e-4_f64.to_le_bytes().to_vec(), dictionary.concat(), vec![0; 64]].concat();
    assert!(llmp_artifacts::classifier::head(&laws::file("seed.bin", &seed)).is_ok());
    mutate("classifier", &[seed], laws::classifier);
}

#[test]
fn parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    let seeds: Vec<Vec<u8>> =
        [parquet::basic::Compression::UNCOMPRESSED, parquet::basic::Compression::SNAPPY]
            .map(|codec| {
                let columns: [(&str, ArrayRef); 3] = [
                    ("text", Arc::new(StringArray::from(vec![Some("one"), None, Some("three")]))),
                    ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
                    ("url", Arc::new(StringArray::from(vec!["u"; 3]))),
                ];
                let batch = RecordBatch::try_from_iter_with_nullable(
                    columns.into_iter().map(|(name, column)| (name, column, true)),
                )
                .unwrap();
                let path = folder.path().join("a.parquet");
                let properties =
                    parquet::file::properties::WriterProperties::builder().set_compression(codec).build();
                let file = std::fs::File::create(&path).unwrap();
                let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
                std::fs::read(path).unwrap()
            })
            .into();
    mutate("parquet", &seeds, laws::parquet);
}

#[test]
fn configs() {
    let seeds = [
        llmp_artifacts::testing::tiny().to_json().to_string(),
        r#"{"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "max_position_embeddings": 64, "vocab_size": 280, "rope_parameters": {"rope_type": "llama3", "factor": 8.0,
            "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 32, "rope_theta": 1e4},
            "rope_scaling": null, "eos_token_id": [1, 2], "head_dim": null}"#
            .to_owned(),
    ];
    mutate("config", &seeds.map(String::into_bytes), laws::config);
}

#[test]
fn safetensors_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let parameters = laws::small().parameters();
    let raw: Vec<Vec<u8>> = parameters.iter().map(|parameter| vec![0; 4 * parameter.len()]).collect();
    let views = parameters.iter().zip(&raw).map(|(parameter, raw)| {
        (parameter.name.clone(), TensorView::new(Dtype::F32, parameter.disk_shape(), raw).unwrap())
    });
    safetensors::serialize_to_file(views, None, &path).unwrap();
    mutate("safetensors", &[std::fs::read(path).unwrap()], laws::safetensors);
}

#[test]
fn tokenizer_files() {
    let bytes = r#"{"version":"1.0","added_tokens":[{"id":7,"content":"<x>","single_word":false,"lstrip":false,"rstrip":false,
        "normalized":false,"special":true}],"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[
        {"type":"Split","pattern":{"Regex":"\\p{L}+|\\s+"},"behavior":"Isolated","invert":false},
        {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},"decoder":null,"model":{"type":"BPE",
        "ignore_merges":true,"end_of_word_suffix":"","vocab":{"h":0,"e":1,"l":2,"he":3,"ll":4,"hell":5,"o":6},
        "merges":[["h","e"],["l","l"],["he","ll"]]}}"#;
    let pieces = r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Metaspace","replacement":"▁",
        "prepend_scheme":"first","split":false},"decoder":{"type":"Sequence","decoders":[{"type":"Strip","content":" ","start":1,
        "stop":0}]},"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{"<unk>":0,"▁":1,
        "h":2,"e":3,"▁h":4,"<0x0A>":5},"merges":["▁ h"]}}"#;
    mutate("tokenizer", &texts(&[bytes, pieces]), laws::tokenizer);
}

#[test]
fn conversation_rows() {
    let seeds = texts(&[
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]},{"role":"assistant","content":null,"tool_calls":[
            {"id":"1","function":{"name":"weather","arguments":"{\"a\": 1}"}}]},{"role":"tool","tool_call_id":"1","content":"x"},
            {"role":"assistant","content":"Hello","weight":0},{"role":"assistant","content":"Hello"}]}"#,
        r#"{"conversations":[{"from":"human","value":"?"},{"from":"function_call","value":"{\"name\":\"search\",\"arguments\":
            {\"query\":\"x\"}}"},{"from":"observation","value":"y"},{"from":"gpt","value":"z"}],"system":"s"}"#,
        r#"{"instruction":"a","input":"b","output":"c","history":[["d","e"]]}"#,
        r#"{"prompt":{"text":"a","role":"prompter","replies":[{"text":"b","role":"assistant","rank":1,"replies":[]}]}}"#,
        "Human: a\nAssistant: b\n---\nUser: c\n\nBot: d\n",
    ]);
    mutate("conversation", &seeds, laws::conversation);
}
