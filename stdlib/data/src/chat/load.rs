//! Stage `chat.load`: conversations of people's files, checked row by row.

use llmp_artifacts::conversations::{self, CONVERSATIONS_FILE};
use llmp_stage::{Context, Fit, Result};
use serde::Deserialize;

use crate::crawl::sniff::named;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The share of rows that may be no conversations.
    max_bad: f64,
    /// The licence of the files; nothing here depends on it.
    #[serde(rename = "license")]
    _license: Option<String>,
}

/// Files are told by their names.
pub(crate) fn probe(name: &str, _: &[u8]) -> Fit {
    match named(name, &conversations::ENDINGS) {
        true => Fit::Reads,
        false => Fit::Refuses(format!(
            "`{name}` is no file of conversations by its name; `.jsonl`, `.json`, `.parquet` and `.txt` are read"
        )),
    }
}
/// How fast it is: JSON lines, small and uncompressed.
pub(crate) fn pace() -> llmp_stage::Pace {
    llmp_stage::Pace { speed: 30e6, gives: 1.0 }
}

pub(crate) fn run(ctx: &dyn Context, settings: Settings) -> Result<()> {
    let files = ctx.inputs("files").iter().flat_map(|input| &input.files);
    conversations::load(ctx, files, Some(settings.max_bad), &ctx.output().join(CONVERSATIONS_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_stage::testing::TestContext;
    use std::fs;

    fn context(files: &[(&str, &[u8])]) -> TestContext {
        TestContext::new(&tempfile::tempdir().unwrap().keep()).with_files("files", files)
    }

    /// What `chat.load` makes of files: the rows of its artifact, or its error.
    fn talks(
        files: &[(&str, &[u8])],
        max_bad: f64,
    ) -> (TestContext, std::result::Result<Vec<String>, String>) {
        let ctx = context(files);
        let result = run(&ctx, Settings { max_bad, _license: None })
            .map(|()| {
                let text = fs::read_to_string(ctx.output().join(CONVERSATIONS_FILE)).unwrap();
                text.lines().map(str::to_owned).collect()
            })
            .map_err(|error| error.to_string());
        (ctx, result)
    }

    const ROW: &str =
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}"#;

    #[test]
    fn files_of_all_kinds_come_out_in_one() {
        let gzip = {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut gzip, ROW.as_bytes()).unwrap();
            gzip.finish().unwrap()
        };
        let list = format!("[{ROW},\n {ROW}]");
        let over_lines =
            serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(ROW).unwrap()).unwrap();
        let messages = r#"[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]"#;
        let half = ROW.replace("Hello", "Hello \\ud83d");
        let transcript = "Human: Hi\nAssistant: Hello\n---\nHuman: Hi\nAssistant: Hello\n";
        for (name, content, expected) in [
            ("a.jsonl", "\u{feff}{\"instruction\": \"Hi\", \"output\": \"Hello\"}\n\n".as_bytes(), 1),
            ("b.json", list.as_bytes(), 2),
            ("c.JSONL", ROW.as_bytes(), 1),
            ("d.jsonl.gz", &gzip, 1),
            ("e.json", format!("{ROW}\n{ROW}\n{ROW}\n").as_bytes(), 3),
            ("f.json", over_lines.as_bytes(), 1),
            ("g.json", messages.as_bytes(), 1),
            ("h.jsonl", format!("{messages}\n{messages}\n").as_bytes(), 2),
            ("i.txt", transcript.as_bytes(), 2),
            ("j.jsonl", list.as_bytes(), 2),
            ("k.json", format!("[\n{ROW},\n{ROW}\n]\n").as_bytes(), 2),
        ] {
            let (ctx, rows) = talks(&[(name, content)], 0.0);
            assert_eq!(rows.as_deref(), Ok(&vec![ROW.to_owned(); expected][..]), "{name}");
            assert_eq!(ctx.counted("conversations"), expected as u64);
        }
        let (ctx, rows) = talks(&[("half.jsonl", half.as_bytes())], 0.0);
        assert_eq!(rows.unwrap(), [ROW.replace("Hello", "Hello \u{fffd}")]);
        assert_eq!(ctx.counted("mended"), 1);
    }

    #[test]
    fn rows_that_are_not_understood_are_named_or_tolerated() {
        let rows = format!("{ROW}\n{{\"q\": 1, \"a\": 2}}\n{ROW}\n");
        let (_, error) = talks(&[("c.jsonl", rows.as_bytes())], 0.0);
        assert_eq!(
            error.unwrap_err(),
            "c.jsonl:2: found `q`, `a`, which is no form of conversations that is known"
        );
        let (ctx, kept) = talks(&[("c.jsonl", rows.as_bytes())], 0.01);
        assert_eq!((kept.unwrap().len(), ctx.counted("dropped.chat.bad_row")), (2, 1));
        assert_eq!(ctx.drops.lock().unwrap()[0].id, "c.jsonl:2");
        let many = format!("{ROW}\n{{}}\n{{}}\n");
        assert_eq!(
            talks(&[("c.jsonl", many.as_bytes())], 0.5).1.unwrap_err(),
            "2 of 3 rows are no conversations, see the stage's log"
        );
        let (_, error) = talks(&[("t.txt", b"\nHuman: Hi\nAssistant: Hello\n---\nWho?\n")], 0.0);
        assert!(error.unwrap_err().starts_with("t.txt:5: the line belongs to no turn"));
        let wide: Vec<u8> =
            "\u{feff}Human: Hi\nAssistant: Hello\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(talks(&[("t.txt", &wide)], 0.0).1.unwrap_err(), "`t.txt` is encoded as UTF-16");
        assert!(
            talks(&[("c.csv", b"a")], 0.0).1.unwrap_err().starts_with("`c.csv` is no file of conversations")
        );
        assert!(talks(&[("c.json", b"[{\n")], 0.0).1.unwrap_err().starts_with("`c.json` is not JSON"));
    }

    #[test]
    fn faults_name_file_and_line() {
        assert_eq!(
            talks(&[("c.jsonl", b"{\"messages\": []}")], 0.0).1.unwrap_err(),
            "c.jsonl:1: there is no `assistant` message to learn from"
        );
    }
}
