//! A setting that is one of some words, or any text.

use std::sync::Arc;

use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Library, Options, compile};

const STAGES: &str = "
stage load(files: Files) -> Docs {
  split: lines | blank_lines | Text?
  require split != \"\" else \"`split` is empty\"
}
";

/// The value of `split`, or the first message.
fn split(written: &str) -> String {
    let (library, diagnostics, _) = Library::new(&[("stages.llmp", STAGES)]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let main = format!("param own: Text = \"---\"\ndocs = load(\"a.txt\") {{ {written} }}\n");
    let files = [("main.llmp".to_owned(), Arc::from(main))].into_iter().collect();
    let compiled = compile(&MemoryWorld { files }, &library, "main.llmp", &Options::default());
    match compiled.diagnostics.iter().find(|found| found.is_error()) {
        Some(error) => format!("{}: {}", error.code, error.message),
        None => compiled.graph.stages[0].settings[0].value.to_string(),
    }
}

#[test]
fn a_word_or_any_text() {
    assert_eq!(split(""), "null");
    assert_eq!(split("split = lines"), "\"lines\"");
    assert_eq!(split("split = \"<br>\""), "\"<br>\"");
    assert_eq!(split("split = own"), "\"---\"");
    assert!(split("split = \"lines\"").contains("words without quotes"), "{}", split("split = \"lines\""));
    assert!(split("split = \"\"").contains("`split` is empty"), "{}", split("split = \"\""));
    for wrong in ["split = Text", "split = line", "split = 3"] {
        assert!(split(wrong).starts_with('E'), "{wrong}: {}", split(wrong));
    }
}
