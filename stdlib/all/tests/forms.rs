//! What users' programs may write, kind by kind.

use std::fs;

use llmp_stage::{Input, InputFile};
use llmp_stdlib::registry;

/// Checks files as an artifact of a kind; their names afterwards.
fn checked(output: &str, files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let root = tempfile::tempdir().unwrap();
    let written = files.iter().map(|(name, text)| {
        let path = root.path().join(name);
        fs::write(&path, text).unwrap();
        InputFile { name: (*name).to_owned(), path, digest: String::new(), label: None }
    });
    let folder = root.path().to_owned();
    let written = Input { label: String::new(), kind: None, files: written.collect(), folder };
    let here = format!("{}/", root.path().display());
    registry().form(output).unwrap().check(&written).map_err(|error| error.to_string().replace(&here, ""))?;
    let mut names: Vec<_> = fs::read_dir(root.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    Ok(names)
}

#[test]
fn documents_are_read_and_jsonl_becomes_parquet() {
    let rows = "{\"text\": \"one\"}\n{\"text\": \"two\", \"url\": \"u\"}\n";
    assert_eq!(checked("Docs", &[("a.jsonl", rows)]), Ok(vec!["a.parquet".to_owned()]));
    for (name, text, due) in [
        (
            "a.jsonl",
            "{\"txt\": 1}\n",
            "1 of 1 rows of `a.jsonl` are no documents, the first of them line 1: `text` is missing",
        ),
        ("a.parquet", "nonsense", "`a.parquet`"),
        ("notes.txt", "hello", "`notes.txt` is neither Parquet nor JSONL"),
    ] {
        let error = checked("Docs", &[(name, text)]).unwrap_err();
        assert!(error.contains(due), "{error}");
    }
}

#[test]
fn other_kinds_say_what_is_missing() {
    for (output, name, text, due) in [
        ("Pages", "a.warc", "hello, this is no WARC\n", "damaged at byte 0"),
        ("Pages", "a.html", "<p>", "no WARC file"),
        ("Tokenizer", "a", "x", "tokenizer.json"),
        ("Tokens", "a", "x", "tokens.json"),
        ("Model", "config.json", "{}", "config.json"),
        ("Conversations", "conversations.jsonl", "{\"messages\": 3}\n", "conversations.jsonl"),
        ("Preferences", "preferences.jsonl", "{\"prompt\": []}\n", "`chosen` is missing"),
        ("Classifier", "a", "x", "model.bin"),
        ("Classifier", "model.bin", "x", "no fastText classifier"),
        ("Questions", "questions.jsonl", "{\"id\": \"1\"}\n", "questions.jsonl"),
        ("Probe", "x", "", "probe.jsonl"),
        ("Index", "x", "", "search index"),
        ("Report", "report.json", "{", "not JSON"),
    ] {
        let error = checked(output, &[(name, text)]).unwrap_err();
        assert!(error.contains(due), "{output}: {error}");
    }
    assert!(checked("Report", &[("report.json", "{}"), ("report.md", "# x")]).is_ok());
}
