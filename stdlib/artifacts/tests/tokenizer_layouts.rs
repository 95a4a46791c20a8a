//! `tokenizer.json` as the families of models have it: ids are those that the library `tokenizers` gives, in
//! Rust and, where it is installed, in Python.

use std::path::Path;
use std::process::Command;

use llmp_artifacts::tokenizer::{Tokenizer, character_of, special};
use serde_json::{Map, Value, json};

const TEXTS: [&str; 14] = [
    "",
    "hello world",
    " leading and  double  blanks ",
    "It's 12345 o'clock, they'LL say — naïve café 3.14\r\n\r\n  \t indented   ",
    "你好，世界。2024年 日本語と한국어 и русский",
    "🦀👩‍👩‍👧 e\u{301} \u{a0}\u{3000}x ﬁ Å",
    "fn main() {\n\n\n    println!(\"{}\", 1_000);\n}\n",
    "special: <|endoftext|><s> </s> <|im_end|> [INST] <think>why</think> <extra>",
    "    four blanks, aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\u{0}\u{1}\u{7f}\u{85}\u{feff}",
    "hello</w> ▁hello <0x41>",
    "HELLO Hello hELLO",
    "\n",
    "12 123 1234 ١٢٣",
];

/// A vocabulary of all bytes and what a few merges make of them, and the merges.
fn bytes(model: &Value) -> Value {
    let mut vocab = Map::new();
    for character in (0..=u8::MAX).map(character_of) {
        vocab.insert(character.to_string(), vocab.len().into());
    }
    let merges = [
        "h e",
        "l l",
        "he ll",
        "hell o",
        "Ġ w",
        "Ġw o",
        "1 2",
        "3 4",
        "12 34",
        "Ġ Ġ",
        "ĠĠ ĠĠ",
        "Ċ Ċ",
        "a a",
        "Ã ¯",
    ];
    whole(vocab, &merges, model)
}

/// A vocabulary as SentencePiece's: special tokens, bytes, characters, and what merges make of them.
fn pieces(model: &Value) -> Value {
    let mut vocab = Map::new();
    for token in ["<unk>", "<s>", "</s>"] {
        vocab.insert(token.into(), vocab.len().into());
    }
    for byte in 0..=255_u8 {
        vocab.insert(format!("<0x{byte:02X}>"), vocab.len().into());
    }
    for character in "▁helowrdHELO123,.'é你\n".chars() {
        vocab.insert(character.to_string(), vocab.len().into());
    }
    let merges = ["▁ ▁", "▁▁ ▁▁", "h e", "l l", "he ll", "hell o", "▁ hello", "▁ w", "1 2"];
    let mut model = model.clone();
    for (name, value) in
        [("byte_fallback", json!(true)), ("unk_token", json!("<unk>")), ("fuse_unk", json!(true))]
    {
        model[name] = value;
    }
    whole(vocab, &merges, &model)
}

fn whole(mut vocab: Map<String, Value>, merges: &[&str], model: &Value) -> Value {
    for merge in merges {
        let token = merge.replacen(' ', "", 1);
        let next = vocab.len();
        vocab.entry(token).or_insert_with(|| next.into());
    }
    let mut whole = json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
    });
    for (name, value) in model.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole["vocab"] = vocab.into();
    whole["merges"] = merges.iter().map(|merge| merge.split(' ').collect::<Vec<_>>()).collect();
    whole
}

fn added(id: usize, content: &str, special: bool) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": !special,
        "special": special})
}

/// Added tokens with the ids behind a vocabulary.
fn behind(model: &Value, tokens: &[(&str, bool)]) -> Value {
    let first = model["vocab"].as_object().unwrap().len();
    (first..).zip(tokens).map(|(id, (content, special))| added(id, content, *special)).collect()
}

fn document(model: Value, added: Value, normalizer: Value, pre_tokenizer: Value, decoder: Value) -> Value {
    json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": decoder, "model": model})
}

fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

fn byte_level(use_regex: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex})
}

fn sequence(steps: &[Value]) -> Value {
    json!({"type": "Sequence", "pretokenizers": steps})
}

fn normalizers(steps: &[Value]) -> Value {
    json!({"type": "Sequence", "normalizers": steps})
}

/// Documents by the name of a family, and whether decoding gives every text back.
fn layouts() -> Vec<(&'static str, Value, bool)> {
    const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const TIKTOKEN: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
    let decoder = byte_level(true);
    let llama_decoder = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
    let gemma_decoder = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]});
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let plain = |pre_tokenizer: Value| {
        document(
            bytes(&json!({})),
            json!([added(256, "he", false)]),
            Value::Null,
            pre_tokenizer,
            byte_level(true),
        )
    };
    let cut = |pattern: &str| plain(sequence(&[split(pattern), byte_level(false)]));
    let model = bytes(&json!({}));
    // A token that no merges lead to: with `ignore_merges` the word is it all the same.
    let mut unreachable = bytes(&json!({"ignore_merges": true}));
    let next = unreachable["vocab"].as_object().unwrap().len();
    unreachable["vocab"]["Ġhello"] = next.into();
    let llama3 =
        behind(&unreachable, &[("<|begin_of_text|>", true), ("<|eot_id|>", true), ("<|endoftext|>", true)]);
    let mut clip = bytes(&json!({"end_of_word_suffix": "</w>"}));
    for token in ["o</w>", "hello</w>", "d</w>", "e</w>"] {
        let next = clip["vocab"].as_object().unwrap().len();
        clip["vocab"][token] = next.into();
    }
    clip["merges"].as_array_mut().unwrap().push(json!(["hell", "o</w>"]));
    let llama_tokens = json!([added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true)]);
    let llama = pieces(&json!({}));
    let chat: Vec<Value> = (llama_tokens.as_array().unwrap().iter().cloned())
        .chain(behind(&llama, &[("<extra>", false), ("[INST]", true)]).as_array().unwrap().iter().cloned())
        .collect();
    let metaspace = |scheme: &str, split: bool| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split});
    vec![
        (
            "qwen",
            document(
                model.clone(),
                behind(
                    &model,
                    &[("<|endoftext|>", true), ("<|im_end|>", true), ("<think>", false), ("</think>", false)],
                ),
                json!({"type": "NFC"}),
                sequence(&[split(QWEN), byte_level(false)]),
                decoder.clone(),
            ),
            false,
        ),
        (
            "llama 3",
            document(
                unreachable,
                llama3,
                Value::Null,
                sequence(&[split(LLAMA3), byte_level(false)]),
                decoder.clone(),
            ),
            true,
        ),
        (
            "neox",
            document(
                model.clone(),
                behind(&model, &[("<|padding|>", true), ("    ", false), ("   ", false), ("<extra>", false)]),
                json!({"type": "NFC"}),
                byte_level(true),
                decoder.clone(),
            ),
            false,
        ),
        ("gpt2", plain(byte_level(true)), true),
        (
            "nanochat",
            cut(
                r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
            ),
            true,
        ),
        ("two digits", cut(&LLAMA3.replace("{1,3}", "{1,2}")), true),
        ("all digits", cut(&LLAMA3.replace("{1,3}", "+")), true),
        ("tiktoken", cut(TIKTOKEN), true),
        ("no look-around", cut(r"\p{L}+|\p{N}+|[^\p{L}\p{N}]+"), true),
        (
            "matches removed",
            plain(sequence(&[
                json!({"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Removed", "invert": true}),
                byte_level(false),
            ])),
            true,
        ),
        (
            "a text as pattern",
            plain(sequence(&[
                json!({"type": "Split", "pattern": {"String": "l"}, "behavior": "MergedWithNext", "invert": false}),
                byte_level(false),
            ])),
            true,
        ),
        (
            "deepseek",
            plain(sequence(&[
                split(r"\p{N}{1,3}"),
                split("[一-龥\u{3040}-ゟ゠-ヿ]+"),
                split(
                    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
                ),
                byte_level(false),
            ])),
            true,
        ),
        (
            "starcoder",
            plain(sequence(&[json!({"type": "Digits", "individual_digits": true}), byte_level(true)])),
            true,
        ),
        (
            "falcon",
            plain(sequence(&[
                json!({"type": "Punctuation", "behavior": "Contiguous"}),
                byte_level(true),
                json!({"type": "Digits", "individual_digits": false}),
                split("[0-9][0-9][0-9]"),
            ])),
            true,
        ),
        ("bloom", cut(r" ?[^(\s|[.,!?…。，、।۔،])]+"), true),
        (
            "roberta",
            plain(
                json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
            ),
            false,
        ),
        ("nothing cuts", plain(byte_level(false)), true),
        (
            "lower case",
            document(
                model.clone(),
                json!([]),
                normalizers(&[
                    json!({"type": "NFKC"}),
                    json!({"type": "Lowercase"}),
                    json!({"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}),
                ]),
                byte_level(true),
                decoder.clone(),
            ),
            false,
        ),
        (
            "clip",
            document(
                clip,
                json!([]),
                normalizers(&[
                    json!({"type": "NFC"}),
                    json!({"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}),
                    json!({"type": "Lowercase"}),
                ]),
                sequence(&[
                    json!({"type": "Split", "pattern": {"Regex": r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"}, "behavior": "Removed", "invert": true}),
                    byte_level(false),
                ]),
                decoder.clone(),
            ),
            false,
        ),
        (
            "llama 2",
            document(
                llama.clone(),
                llama_tokens.clone(),
                normalizers(&[json!({"type": "Prepend", "prepend": "▁"}), spaces.clone()]),
                Value::Null,
                llama_decoder.clone(),
            ),
            true,
        ),
        (
            "a chat model of llama 2",
            document(
                llama.clone(),
                chat.into(),
                normalizers(&[json!({"type": "Prepend", "prepend": "▁"}), spaces.clone()]),
                Value::Null,
                llama_decoder.clone(),
            ),
            false,
        ),
        (
            "mistral",
            document(
                llama.clone(),
                llama_tokens.clone(),
                Value::Null,
                metaspace("first", false),
                llama_decoder.clone(),
            ),
            false,
        ),
        (
            "metaspace",
            document(
                llama.clone(),
                llama_tokens.clone(),
                Value::Null,
                metaspace("always", true),
                json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}),
            ),
            false,
        ),
        (
            "gemma",
            document(
                llama,
                llama_tokens,
                spaces,
                json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}),
                gemma_decoder,
            ),
            true,
        ),
    ]
}

fn load(folder: &Path, document: &Value) -> Tokenizer {
    let path = folder.join("tokenizer.json");
    std::fs::write(&path, document.to_string()).unwrap();
    Tokenizer::load_file(&path).unwrap()
}

#[test]
fn ids_are_those_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    for (name, document, lossless) in layouts() {
        let ours = load(folder.path(), &document);
        let mut library = tokenizers_release::Tokenizer::from_bytes(document.to_string()).unwrap();
        library.set_encode_special_tokens(true);
        for text in TEXTS {
            let ids = ours.encode(text);
            let expected = library.encode_fast(text, false).unwrap();
            assert_eq!(ids, expected.get_ids(), "{name}: {text:?}");
            let known = !text.contains(['\u{0}', '▁']);
            if lossless && known {
                assert_eq!(ours.decode(&ids), text, "{name}");
            }
        }
        for (content, id) in ours.specials() {
            assert_eq!(library.token_to_id(content), Some(*id), "{name}: {content}");
        }
        assert_eq!(ours.vocab_size() as usize, library.get_vocab_size(true), "{name}");
    }
}

#[test]
fn special_tokens_get_the_ids_behind_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, document, _) in layouts() {
        let bare = load(folder.path(), &document);
        let full = bare.with_specials().unwrap_or_else(|error| panic!("{name}: {error}"));
        let missing: Vec<&str> =
            special::ALL.into_iter().filter(|name| bare.special(name).is_none()).collect();
        assert_eq!(full.vocab_size() as usize, bare.vocab_size() as usize + missing.len(), "{name}");
        for (id, token) in (bare.vocab_size()..).zip(missing) {
            assert_eq!(full.special(token), Some(id), "{name}");
        }
        let to = tempfile::tempdir().unwrap();
        full.save(to.path()).unwrap();
        let saved = Tokenizer::load(to.path()).unwrap();
        for text in TEXTS {
            let ids = bare.encode(text);
            assert_eq!(full.encode(text), ids, "{name}: {text:?}");
            assert_eq!(saved.encode(text), ids, "{name}: {text:?}");
            assert!(ids.iter().all(|id| !full.is_special(*id)), "{name}: {text:?}");
        }
        assert_eq!(saved.specials(), full.specials(), "{name}");
    }
}

/// Prints the ids that Python's library gives to texts, a line of JSON for each layout.
const SCRIPT: &str = r#"
import json, sys, tokenizers
layouts, texts = json.load(open(sys.argv[1]))
for layout in layouts:
    t = tokenizers.Tokenizer.from_str(json.dumps(layout))
    t.encode_special_tokens = True
    print(json.dumps([t.encode(x, add_special_tokens=False).ids for x in texts]))
"#;

#[test]
fn ids_are_those_of_the_library_in_python() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import tokenizers"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: `{python}` has no `tokenizers`; install bench/requirements.txt and name it in PYTHON"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let layouts = layouts();
    let path = folder.path().join("layouts.json");
    let documents: Vec<&Value> = layouts.iter().map(|(_, document, _)| document).collect();
    std::fs::write(&path, json!([documents, TEXTS]).to_string()).unwrap();
    let output = Command::new(&python).args(["-c", SCRIPT]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), layouts.len());
    for ((name, document, _), line) in layouts.iter().zip(lines.lines()) {
        let ours = load(folder.path(), document);
        let expected: Vec<Vec<u32>> = serde_json::from_str(line).unwrap();
        for (text, expected) in TEXTS.into_iter().zip(expected) {
            assert_eq!(ours.encode(text), expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn tokenizers_of_other_kinds_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let good = document(bytes(&json!({})), json!([]), Value::Null, byte_level(true), byte_level(true));
    for (place, value, message) in [
        ("/model/type", json!("Unigram"), "`Unigram`"),
        ("/model/dropout", json!(0.1), "`dropout`"),
        ("/pre_tokenizer", json!({"type": "Whitespace"}), "neither byte-level nor"),
        ("/model/merges/0", json!(["h", "zz"]), "merge 1 of the tokenizer needs the token `zz`"),
        ("/model/merges/0", json!(["1", "3"]), "needs the token `13`"),
        ("/model/merges/0", json!(7), "merge 1"),
        ("/pre_tokenizer", split("("), "the tokenizer cannot be built"),
    ] {
        let mut document = good.clone();
        if place == "/pre_tokenizer" && value["type"] == "Split" {
            *document.pointer_mut(place).unwrap() = sequence(&[value, byte_level(false)]);
        } else {
            *document.pointer_mut(place).unwrap() = value;
        }
        std::fs::write(&path, document.to_string()).unwrap();
        let error = Tokenizer::load_file(&path).err().unwrap().to_string();
        assert!(error.contains(message) && error.contains("tokenizer.json"), "{error}");
    }
}
