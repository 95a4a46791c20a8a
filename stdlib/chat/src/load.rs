//! Stages `chat.load` and `knowledge.load`: files of people become artifacts, checked row by row.

use std::collections::BTreeMap;

use llmp_stage::{Context, Error, Result};
use serde::Deserialize;

use crate::message;
use crate::question::{QUESTIONS_FILE, Question};
use crate::rows;

/// The file of a Conversations artifact.
pub const CONVERSATIONS_FILE: &str = "conversations.jsonl";

/// Neither stage has settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

pub(crate) fn conversations(ctx: &dyn Context, _: Settings) -> Result<()> {
    let mut writer = rows::Writer::create(&ctx.output().join(CONVERSATIONS_FILE))?;
    let mut loaded = 0;
    each_row(ctx, |row, place| {
        let messages = message::from_row(&row).map_err(|fault| {
            Error::new(format!("{place}: {fault}"))
                .help("a row is `{\"messages\": [{\"role\": \"user\", \"content\": …}, …]}`, or in ShareGPT's or Alpaca's form")
        })?;
        loaded += 1;
        writer.write(&message::to_row(&messages))
    })?;
    writer.finish()?;
    finish(ctx, "conversations", loaded)
}

pub(crate) fn questions(ctx: &dyn Context, _: Settings) -> Result<()> {
    let mut writer = rows::Writer::create(&ctx.output().join(QUESTIONS_FILE))?;
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    each_row(ctx, |row, place| {
        let question = Question::deserialize(&row)
            .map_err(|error| error.to_string())
            .and_then(|question| match question.fault() {
                Some(fault) => Err(fault.to_owned()),
                None => Ok(question),
            })
            .map_err(|fault| {
                Error::new(format!("{place}: {fault}"))
                    .help("a row is `{\"id\": …, \"question\": …, \"answer\": …, \"values\": [\"…\"]}`")
            })?;
        writer.write(&question)?;
        match places.insert(question.id.clone(), place.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Error::new(format!("{place}: the id `{}` is taken by {first}", question.id))
                .help("give every question an `id` of its own")),
        }
    })?;
    writer.finish()?;
    finish(ctx, "questions", places.len() as u64)
}

fn each_row(ctx: &dyn Context, mut each: impl FnMut(serde_json::Value, &str) -> Result<()>) -> Result<()> {
    for file in ctx.inputs("files").iter().flat_map(|input| &input.files) {
        rows::read(file, |row, place| {
            ctx.proceed()?;
            each(row, place)
        })?;
    }
    Ok(())
}

fn finish(ctx: &dyn Context, what: &str, loaded: u64) -> Result<()> {
    if loaded == 0 {
        return Err(Error::new(format!("the files hold no {what}")));
    }
    ctx.count(what, loaded);
    ctx.show(&format!("{loaded} {what}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_stage::testing::TestContext;
    use std::fs;

    fn load(
        run: fn(&dyn Context, Settings) -> Result<()>,
        files: &[(&str, &str)],
    ) -> (TestContext, Result<()>) {
        let root = tempfile::tempdir().unwrap().keep();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let ctx = TestContext::new(&root).with_files("files", &files);
        let result = run(&ctx, Settings { _license: None });
        (ctx, result)
    }

    #[test]
    fn conversations_of_all_forms_come_out_in_one() {
        let lines = "{\"instruction\": \"Hi\", \"output\": \"Hello\"}\n\n";
        let array = "[{\"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"}, {\"from\": \"gpt\", \"value\": \"Hello\"}]}]";
        let (ctx, result) =
            load(conversations, &[("a.jsonl", &format!("\u{feff}{lines}")), ("b.json", array)]);
        result.unwrap();
        let text = fs::read_to_string(ctx.output().join(CONVERSATIONS_FILE)).unwrap();
        let row = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}"#;
        assert_eq!(text, format!("{row}\n{row}\n"));
        assert_eq!(ctx.counted("conversations"), 2);
    }

    #[test]
    fn faults_name_file_and_line() {
        let good = r#"{"id": "1", "question": "Q?", "answer": "A.", "values": ["A"]}"#;
        for (line, message) in [
            ("{", "q.jsonl:2: this is not JSON: EOF while parsing an object, at column 1"),
            (good, "q.jsonl:2: the id `1` is taken by q.jsonl:1"),
            (r#"{"id": "2", "question": "Q?", "answer": "A."}"#, "q.jsonl:2: missing field `values`"),
            (
                r#"{"id": "2", "question": "Q?", "answer": "A.", "values": ["?"]}"#,
                "q.jsonl:2: one of `values` has no letter or digit",
            ),
        ] {
            let (_, result) = load(questions, &[("q.jsonl", &format!("{good}\n{line}\n"))]);
            assert_eq!(result.unwrap_err().to_string(), message);
        }
        let (_, result) = load(conversations, &[("c.jsonl", "{\"messages\": []}")]);
        assert_eq!(
            result.unwrap_err().to_string(),
            "c.jsonl:1: there is no `assistant` message to learn from"
        );
        let (_, result) = load(questions, &[("q.csv", "a,b")]);
        assert_eq!(result.unwrap_err().to_string(), "`q.csv` is neither `.jsonl` nor `.json`");
        let (_, result) = load(questions, &[("q.jsonl", "\n")]);
        assert_eq!(result.unwrap_err().to_string(), "the files hold no questions");
    }
}
