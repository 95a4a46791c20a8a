//! Stage `knowledge.load`: questions of people's files, checked row by row.

use llmp_artifacts::questions::{self, QUESTIONS_FILE};
use llmp_stage::{Context, Fit, Result};
use serde::Deserialize;

use crate::crawl::sniff::named;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

/// Files are told by their names.
pub(crate) fn probe(name: &str, _: &[u8]) -> Fit {
    match named(name, &questions::ENDINGS) {
        true => Fit::Reads,
        false => Fit::Refuses(format!("`{name}` is neither `.jsonl` nor `.json`")),
    }
}
/// How fast it is: JSON lines, small and uncompressed.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 1.0 }
}

pub(crate) fn run(ctx: &dyn Context, _: Settings) -> Result<()> {
    let files = ctx.inputs("files").iter().flat_map(|input| &input.files);
    questions::load(ctx, files, &ctx.output().join(QUESTIONS_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_artifacts::questions::Question;
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
    fn gsm8k_says_the_value_at_the_end() {
        let row = r#"{"question": "3 * 4?", "answer": "3 * 4 = <<3*4=12>>12\n#### 12"}"#;
        let (ctx, result) = load(&[("q.jsonl", row)]);
        result.unwrap();
        let text = std::fs::read_to_string(ctx.output().join(QUESTIONS_FILE)).unwrap();
        assert!(text.contains(r#""values":["12"]"#), "{text}");
        let (_, result) = load(&[("q.jsonl", r#"{"question": "Q?", "answer": "A ####"}"#)]);
        assert_eq!(result.unwrap_err().to_string(), "q.jsonl:1: one of `values` has no letter or digit");
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
        for name in ["Q.JSONL", "q.json"] {
            let other = good.replace("\"1\"", "2");
            let (ctx, result) = load(&[(name, &format!("{good}\n{other}\n"))]);
            result.unwrap();
            assert_eq!(ctx.counted("questions"), 2, "{name}");
        }
        let (_, result) = load(&[("q.csv", "a,b")]);
        assert_eq!(result.unwrap_err().to_string(), "`q.csv` is neither `.jsonl` nor `.json`");
        let (_, result) = load(&[("q.jsonl", "\n")]);
        assert_eq!(result.unwrap_err().to_string(), "the files hold no questions");
    }
}
