//! Stage `chat.load`: conversations of people's files, checked row by row.

use llmp_artifacts::conversations::{CONVERSATIONS_FILE, from_row, to_row};
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
    let mut writer = Writer::create(&ctx.output().join(CONVERSATIONS_FILE))?;
    let mut loaded = 0;
    each_row(ctx, |row, place| {
        let messages = from_row(&row).map_err(|fault| {
            Error::new(format!("{place}: {fault}"))
                .help("a row is `{\"messages\": [{\"role\": \"user\", \"content\": …}, …]}`, or in ShareGPT's or Alpaca's form")
        })?;
        loaded += 1;
        writer.write(&to_row(&messages))
    })?;
    writer.finish()?;
    rows::loaded(ctx, "conversations", loaded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_stage::testing::TestContext;
    use std::fs;

    fn load(files: &[(&str, &str)]) -> (TestContext, Result<()>) {
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
        let (ctx, result) = load(&[("a.jsonl", &format!("\u{feff}{lines}")), ("b.json", array)]);
        result.unwrap();
        let text = fs::read_to_string(ctx.output().join(CONVERSATIONS_FILE)).unwrap();
        let row = r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}"#;
        assert_eq!(text, format!("{row}\n{row}\n"));
        assert_eq!(ctx.counted("conversations"), 2);
    }

    #[test]
    fn faults_name_file_and_line() {
        let (_, result) = load(&[("c.jsonl", "{\"messages\": []}")]);
        assert_eq!(
            result.unwrap_err().to_string(),
            "c.jsonl:1: there is no `assistant` message to learn from"
        );
    }
}
