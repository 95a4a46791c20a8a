//! Stage `knowledge.load`: questions of people's files, checked row by row.

use std::collections::BTreeMap;

use llmp_artifacts::questions::{QUESTIONS_FILE, Question};
use llmp_artifacts::rows::Writer;
use llmp_stage::{Context, Error, Result};
use serde::Deserialize;

use crate::rows::{self, each_row};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    let mut writer = Writer::create(&ctx.output().join(QUESTIONS_FILE))?;
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
    rows::loaded(ctx, "questions", places.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_stage::testing::TestContext;

    fn load(files: &[(&str, &str)]) -> (TestContext, Result<()>) {
        let root = tempfile::tempdir().unwrap().keep();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let ctx = TestContext::new(&root).with_files("files", &files);
        let result = run(&ctx, Settings { _license: None });
        (ctx, result)
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
            let (_, result) = load(&[("q.jsonl", &format!("{good}\n{line}\n"))]);
            assert_eq!(result.unwrap_err().to_string(), message);
        }
        let (_, result) = load(&[("q.csv", "a,b")]);
        assert_eq!(result.unwrap_err().to_string(), "`q.csv` is neither `.jsonl` nor `.json`");
        let (_, result) = load(&[("q.jsonl", "\n")]);
        assert_eq!(result.unwrap_err().to_string(), "the files hold no questions");
    }
}
