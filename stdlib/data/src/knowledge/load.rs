//! Stage `knowledge.load`: questions of people's files, checked row by row.

use std::collections::BTreeMap;

use llmp_artifacts::questions::{QUESTIONS_FILE, Question};
use llmp_artifacts::rows::Writer;
use llmp_stage::{Context, Dropped, Error, Fit, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::crawl::sniff::named;
use crate::rows::{self, each_row};

/// Answers that do not begin with a value and are told in the log.
const LOGGED: u64 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

/// Files are told by their names.
pub(crate) fn probe(name: &str, _: &[u8]) -> Fit {
    match named(name, &[".jsonl", ".ndjson", ".json"]) {
        true => Fit::Reads,
        false => Fit::Refuses(format!("`{name}` is neither `.jsonl` nor `.json`")),
    }
}
/// How fast it is: JSON lines, small and uncompressed.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 1.0 }
}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    let mut writer = Writer::create(&ctx.output().join(QUESTIONS_FILE))?;
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let mut later = 0_u64;
    each_row(ctx, |mut row, place| {
        let made = give_id(&mut row);
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
        if made && places.contains_key(&question.id) {
            // The same question twice, and no id to tell them apart.
            let (id, url, rule) = (place.to_owned(), String::new(), "questions.repeated".to_owned());
            ctx.dropped(Dropped { id, url, rule, value: question.question });
            return Ok(());
        }
        if !question.begins_with_value() {
            if later < LOGGED {
                ctx.log(&format!("{place}: the answer begins with none of `values`: {}", question.answer));
            }
            later += 1;
        }
        writer.write(&question)?;
        match places.insert(question.id.clone(), place.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Error::new(format!("{place}: the id `{}` is taken by {first}", question.id))
                .help("give every question an `id` of its own")),
        }
    })?;
    writer.finish()?;
    if later > 0 {
        // A model that is taught to say something else first answers worse; the file may be meant so.
        ctx.count("answers.value_not_first", later);
        ctx.show(&format!("{later} answers begin with none of their `values`; write the value first"));
    }
    rows::loaded(ctx, "questions", places.len() as u64)
}

/// Gives a question without an `id` one that follows from what it asks and what is right: `q-` and 16 hexadecimal digits. A
/// number becomes a text. Says whether it was made.
fn give_id(row: &mut Value) -> bool {
    let Value::Object(fields) = row else { return false };
    match fields.get("id") {
        None | Some(Value::Null) => {}
        Some(Value::Number(number)) => {
            let id = number.to_string();
            fields.insert("id".into(), id.into());
            return false;
        }
        Some(_) => return false,
    }
    let mut hasher = blake3::Hasher::new();
    for part in
        ["question", "values"].map(|field| fields.get(field).map(Value::to_string).unwrap_or_default())
    {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let digits = hasher.finalize().to_hex();
    fields.insert("id".into(), format!("q-{}", digits.get(..16).unwrap_or(&digits)).into());
    true
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
    fn questions_without_ids_get_stable_ones() {
        let row = r#"{"question": "Q?", "answer": "The A.", "values": ["A"]}"#;
        let other = r#"{"id": 7, "question": "Q?", "answer": "B it is", "values": ["B"]}"#;
        let (ctx, result) = load(&[("q.jsonl", &format!("{row}\n{other}\n{row}\n"))]);
        result.unwrap();
        let read = llmp_artifacts::rows::typed::<Question>(
            &llmp_stage::Input {
                label: "q".into(),
                kind: None,
                files: vec![llmp_stage::InputFile {
                    name: QUESTIONS_FILE.into(),
                    path: ctx.output().join(QUESTIONS_FILE),
                    digest: String::new(),
                    label: None,
                }],
                folder: ctx.output().to_owned(),
            },
            QUESTIONS_FILE,
        );
        let ids: Vec<String> = read.unwrap().into_iter().map(|question| question.id).collect();
        assert_eq!(ids[1], "7");
        let (again, _) = load(&[("r.jsonl", &format!("{row}\n"))]);
        let text = std::fs::read_to_string(again.output().join(QUESTIONS_FILE)).unwrap();
        assert!(ids[0].starts_with("q-") && text.contains(&ids[0]));
        assert_eq!((ctx.counted("questions"), ctx.counted("dropped.questions.repeated")), (2, 1));
        assert_eq!(ctx.counted("answers.value_not_first"), 1);
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
