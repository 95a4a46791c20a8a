//! What users' programs may write, kind by kind.

use std::fs;

use llmp_stage::testing::TestContext;
use llmp_stage::{Context, Input, InputFile};
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

/// What a running command stage wrote, taken over: the name and the text of the only file then.
fn accepted(output: &str, name: &str, text: &str) -> Result<(String, String), String> {
    let root = tempfile::tempdir().unwrap();
    let ctx = TestContext::new(root.path());
    let folder = ctx.output().to_owned();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    let files = vec![InputFile { name: name.to_owned(), path, digest: String::new(), label: None }];
    let written = Input { label: String::new(), kind: None, files, folder: folder.clone() };
    registry().form(output).unwrap().accept(&written, &ctx).map_err(|error| error.to_string())?;
    let file = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    Ok((file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&file).unwrap()))
}

#[test]
fn conversations_and_questions_are_read_as_files_of_people_are() {
    let talk = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello\"}]}\n";
    for (name, text) in [
        ("conversations.jsonl", talk),
        ("conversations.jsonl", "{\"instruction\": \"Hi\", \"output\": \"Hello\"}\n"),
        (
            "conversations.json",
            "[{\"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"},\n{\"from\": \"gpt\", \"value\": \"Hello\"}]}]",
        ),
        ("conversations.txt", "Human: Hi\nAssistant: Hello\n"),
    ] {
        let read = accepted("Conversations", name, text);
        assert_eq!(read, Ok(("conversations.jsonl".to_owned(), talk.to_owned())), "{name}");
    }
    let question = "{\"id\":\"7\",\"question\":\"Q?\",\"answer\":\"A.\",\"values\":[\"A\"]}\n";
    for (name, text) in [
        ("questions.jsonl", question),
        ("questions.json", "[{\"id\": 7, \"question\": \"Q?\", \"answer\": \"A.\", \"values\": [\"A\"]}]"),
    ] {
        let read = accepted("Questions", name, text);
        assert_eq!(read, Ok(("questions.jsonl".to_owned(), question.to_owned())), "{name}");
    }
    let without_id =
        accepted("Questions", "questions.jsonl", &question.replace("\"id\":\"7\",", "")).unwrap().1;
    assert!(without_id.starts_with("{\"id\":\"q-"), "{without_id}");
}

#[test]
fn rows_of_command_stages_that_are_not_understood_are_named() {
    for (output, name, text, due) in [
        (
            "Conversations",
            "conversations.jsonl",
            "{\"text\": \"Human: Hi\\nAssistant: Hello\"}\n{\"q\": 1}\n",
            "conversations.jsonl:2: found `q`, which is no form of conversations that is known",
        ),
        (
            "Questions",
            "questions.jsonl",
            "{\"question\": \"Q?\"}\n",
            "questions.jsonl:1: missing field `answer`",
        ),
        ("Conversations", "talks.jsonl", "{}\n", "conversations.jsonl"),
    ] {
        let error = accepted(output, name, text).unwrap_err();
        assert!(error.contains(due), "{error}");
    }
}
