//! The texts in `ok/` and `err/`.

use std::path::Path;

use llmp_compiler::diagnostic::Fix;
use llmp_compiler::format::format;
use llmp_compiler::source::Sources;
use llmp_compiler::syntax::{Parse, parse};

use crate::render;

/// The texts of a folder by name.
pub(crate) fn texts(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax").join(folder);
    let entries = std::fs::read_dir(&root).expect("the folder is part of the repository");
    let mut texts: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("readable").path();
            let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect();
    texts.sort();
    texts
}

fn read(text: &str) -> (Sources, Parse) {
    let mut sources = Sources::default();
    let file = sources.add("test.llmp", text);
    (sources, parse(file, text))
}

fn snapshot(name: &str, value: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax/snapshots");
    insta::with_settings!({ snapshot_path => path, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, value);
    });
}

#[test]
fn right_texts_have_their_trees() {
    for (name, text) in texts("ok") {
        let (sources, parse) = read(&text);
        assert_eq!(render::diagnostics(&sources, &parse.diagnostics), "", "{name}");
        snapshot(&format!("{name}.tree"), &render::tree(&parse.tree, &text));
        snapshot(&format!("{name}.formatted"), &format(&text));
    }
}

#[test]
fn wrong_texts_have_their_messages() {
    for (name, text) in texts("err") {
        let (sources, parse) = read(&text);
        snapshot(&format!("{name}.messages"), &render::diagnostics(&sources, &parse.diagnostics));
    }
}

/// Applies a fix to a text.
fn repaired(text: &str, fix: &Fix) -> String {
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|edit| edit.span);
    let mut repaired = text.to_owned();
    for edit in edits.iter().rev() {
        repaired.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
    }
    repaired
}

#[test]
fn every_fix_removes_its_message_and_adds_none() {
    for (name, text) in texts("err") {
        let (_, before) = read(&text);
        for diagnostic in &before.diagnostics {
            let Some(fix) = &diagnostic.fix else { continue };
            let (sources, after) = read(&repaired(&text, fix));
            assert!(
                after.diagnostics.len() < before.diagnostics.len(),
                "{name}: {}\n{}",
                diagnostic.message,
                render::diagnostics(&sources, &after.diagnostics)
            );
        }
    }
}

#[test]
fn one_mistake_has_one_message() {
    let (_, values) =
        texts("err").into_iter().find(|(name, _)| name == "values").expect("part of the repository");
    for line in values.lines().filter(|line| line.starts_with("a =")) {
        let (sources, parse) = read(&format!("{line}\nok = fine\n"));
        // `x && y || !z` holds three.
        let most = if line.contains("&&") { 3 } else { 1 };
        let messages = render::diagnostics(&sources, &parse.diagnostics);
        assert!(parse.diagnostics.len() <= most, "{messages}");
        assert!(parse.diagnostics.len() == most || line == "a = f(x == 1)", "{line}\n{messages}");
        assert_eq!(parse.file.items.len(), 2, "{line}");
    }
}
