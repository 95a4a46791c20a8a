//! What holds for every text, right or wrong.

use std::time::{Duration, Instant};

use llmp_compiler::format::format;
use llmp_compiler::source::FileId;
use llmp_compiler::syntax::{MAX_BYTES, Parse, parse};
use proptest::prelude::*;

use crate::corpus::texts;
use crate::laws::fault;
use crate::mutate::{Random, mutate};

fn read(text: &str) -> Parse {
    parse(FileId::default(), text)
}

fn check(text: &str) {
    assert_eq!(fault(text), None, "{text:?}");
}

#[test]
fn the_corpus_holds() {
    for (_, text) in texts("ok").iter().chain(&texts("err")) {
        check(text);
        check(&text.replace('\n', "\r\n"));
    }
}

#[test]
fn damaged_texts_hold() {
    let texts: Vec<_> = texts("ok").into_iter().chain(texts("err")).collect();
    let mut random = Random(1);
    for _ in 0..20_000 {
        let text = &texts[random.below(texts.len())].1;
        // A part of a text, so that damage is dense.
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let from = random.below(lines.len());
        let part = lines[from..].iter().take(1 + random.below(20)).copied().collect::<String>();
        check(&mutate(&part, &mut random));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_holds(text in "(?s).{0,80}") {
        check(&text);
    }

    #[test]
    fn any_signs_hold(text in r#"[a-c0-2 \n"'#/|>.,:=?!+{}()<\[\]-]{0,60}"#) {
        check(&text);
    }
}

/// Reading must end soon whatever the text; the bound tells a blow-up from a loaded machine, no more.
fn ends_soon(text: &str) -> Parse {
    let start = Instant::now();
    let parse = read(text);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?} for {} bytes of {:?}", text.len(), text.get(..40));
    let start = Instant::now();
    let _ = format(text);
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(60),
        "{took:?} to format {} bytes of {:?}",
        text.len(),
        text.get(..40)
    );
    parse
}

#[test]
fn hostile_texts_end_soon() {
    let pieces = [
        "(",
        "[",
        "{",
        "<",
        ")",
        "}",
        "f(",
        "x = [",
        "x = {",
        "a = f({ b = [",
        "if a then ",
        "x = if ",
        "else if ",
        "not ",
        "x = not ",
        "- ",
        "+ 1 ",
        "x |> ",
        "\n|> f",
        "|> f { a = 1 }\n",
        "\n",
        " ",
        "\n\n  ",
        "// x\n",
        "x = 1\n",
        "x = 1 // c\n",
        "\"",
        "'",
        "\\",
        "\"\\",
        "\" )",
        "a.",
        "..",
        "stage ",
        "stage x(",
        "def f(a: ",
        "x: { ",
        "a | ",
        "a: [",
        "T?",
        "?",
        "é",
        "\u{feff}",
        ",",
        "a,",
        "a b ",
        "x {\n",
        "x = f(\n",
        "param x: {\n",
        "#(\n",
        "then ",
        "a = 1,\n",
        "profile a { b = 1 }\n",
        "/// d\n",
        "//! d\n",
        "a = [\nb\n",
        "\r",
        "{ a = 1 }\n",
        "x = ([)\n",
        "f([a)",
        "{ a = [ }\n",
        "a b = ; \n",
        "x = 80 %\n",
        "x = “\n",
    ];
    for piece in pieces {
        let text = piece.repeat(MAX_BYTES / piece.len() / 4);
        ends_soon(&text);
        ends_soon(&format!("x = f(a) {{\n{text}"));
        ends_soon(&format!("x = [{text}]\n"));
    }
}

#[test]
fn too_much_is_one_clear_error() {
    for text in ["x = 1\n".repeat(8_000_000), "(".repeat(50_000_000)] {
        let parse = ends_soon(&text);
        assert_eq!(parse.diagnostics.len(), 1);
        assert_eq!(parse.diagnostics[0].code.as_str(), "E0001");
    }
}

#[test]
fn depth_is_bounded() {
    for text in [
        "(".repeat(100_000),
        format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("x = {}1", "if a then 1 else ".repeat(1_000)),
    ] {
        let codes: Vec<_> =
            read(&text).diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
        assert_eq!(codes, ["E0002"], "{:?}", &text[..20]);
    }
    let deep = format!("x = {}{}", "[".repeat(60), "]".repeat(60));
    assert!(read(&deep).diagnostics.is_empty());
    // Chains are flat to the parser, but not to those who walk the typed tree.
    for text in [format!("x = 1{}", " + 1".repeat(10_000)), format!("x = a{}", " |> f".repeat(10_000))] {
        assert_eq!(read(&text).diagnostics[0].code.as_str(), "E0002");
    }
    assert!(read(&format!("x = a{}", "\n  |> f { b = [1 + 2] }".repeat(100))).diagnostics.is_empty());
}

#[test]
fn formatting_leaves_unmatched_brackets_alone() {
    let text = "x = f(a) {\n      b = 1\n\ny   = 2\n";
    assert_eq!(format(text), text);
}

/// Found by fuzzing: where a quote is open, what follows is text or not by what stands on its line.
#[test]
fn formatting_leaves_open_quotes_alone() {
    for text in
        ["x   = \"a\ny   = 2\n", "x = f( \"a )\n   y = 1\n", "x =   a\"\n", "x = [ \"a\", b\" ]\nz   = \"\n"]
    {
        assert_eq!(fault(text), None, "{text:?}");
        assert_eq!(format(text), text);
    }
}

#[test]
fn pipelines_of_the_repository_are_formatted_stably() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable")) {
            let (path, name) = (entry.path(), entry.file_name());
            let hidden = name.to_string_lossy().starts_with('.');
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if !hidden && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "llmp") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                assert_eq!(fault(&text), None, "{}", path.display());
                // Fixtures hold several programs each.
                for part in text.split("\n--- ").skip(1).filter_map(|part| Some(part.split_once('\n')?.1)) {
                    assert_eq!(fault(part), None, "{}: {part}", path.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn wide_lines_are_broken() {
    let given = include_str!("wide/given.llmp");
    assert_eq!(read(given).diagnostics.len(), 0);
    assert_eq!(format(given), include_str!("wide/formatted.llmp"));
    check(given);
}
