//! What the compiler reads without a mistake, the grammar reads without an ERROR or MISSING node: on every
//! llmp text in the repository, and on damaged ones.

#![allow(missing_docs, clippy::disallowed_methods, reason = "tests read files")]

use std::path::{Path, PathBuf};

use llmp_compiler::source::FileId;
use tree_sitter::{Node, Parser, Query, Tree};

#[path = "../../../tests/syntax/mutate.rs"]
mod mutate;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// The files below a folder with an extension, in order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{extension} in {folder}");
    found
}

/// A text, and where it stands.
struct Text {
    place: String,
    text: String,
}

/// The texts of a file; `starts` says for a line whether a text begins behind it (`Some(true)`) or ends
/// there.
fn split(path: &Path, starts: impl Fn(&str) -> Option<bool>) -> Vec<Text> {
    let content = std::fs::read_to_string(path).expect("UTF-8");
    let mut texts: Vec<Text> = Vec::new();
    let mut inside = false;
    for (number, line) in content.lines().enumerate() {
        match starts(line) {
            Some(begins) => {
                inside = begins;
                if begins {
                    let place = format!("{}:{}", path.display(), number + 2);
                    texts.push(Text { place, text: String::new() });
                }
            }
            None if inside => {
                if let Some(last) = texts.last_mut() {
                    last.text.push_str(line);
                    last.text.push('\n');
                }
            }
            None => {}
        }
    }
    texts
}

/// Whole files.
fn whole(folder: &str) -> Vec<Text> {
    let read = |path: PathBuf| Text {
        text: std::fs::read_to_string(&path).expect("UTF-8"),
        place: path.display().to_string(),
    };
    files(folder, "llmp").into_iter().map(read).collect()
}

/// The cases of the compiler's tests: `--- name` and `=== file` begin one.
fn cases(folder: &str) -> Vec<Text> {
    let starts = |line: &str| (line.starts_with("--- ") || line.starts_with("=== ")).then_some(true);
    files(folder, "llmp").iter().flat_map(|path| split(path, starts)).collect()
}

/// The examples of documentation: blocks fenced as `llmp`.
fn fenced(folder: &str) -> Vec<Text> {
    let starts = |line: &str| line.strip_prefix("```").map(|info| info.split(' ').next() == Some("llmp"));
    files(folder, "md").iter().flat_map(|path| split(path, starts)).collect()
}

fn all() -> Vec<Text> {
    let mut texts = cases("compiler/tests/language/right");
    texts.extend(cases("compiler/tests/language/wrong"));
    for folder in ["examples", "stdlib", "compiler/tests/syntax"] {
        texts.extend(whole(folder));
    }
    texts.extend(fenced("spec"));
    texts.extend(fenced("compiler/src/explain"));
    texts
}

fn read(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_llmp::LANGUAGE.into()).expect("a version that tree-sitter knows");
    parser.parse(text, None).expect("no time limit")
}

/// The first ERROR or MISSING node.
fn problem(node: Node<'_>) -> Option<String> {
    if !node.has_error() {
        return None;
    }
    if node.is_error() || node.is_missing() {
        return Some(format!("{node} at {}", node.start_position()));
    }
    (0..node.child_count()).find_map(|at| problem(node.child(at)?))
}

fn has_mistake(text: &str) -> bool {
    let parse = llmp_compiler::syntax::parse(FileId::default(), text);
    parse.diagnostics.iter().any(llmp_compiler::diagnostic::Diagnostic::is_error)
}

#[test]
fn every_right_text_is_read() {
    let texts = all();
    let right: Vec<&Text> = texts.iter().filter(|text| !has_mistake(&text.text)).collect();
    assert!(right.len() > 600, "found {} of {}", right.len(), texts.len());
    let problems: Vec<String> = right
        .iter()
        .filter_map(|text| Some(format!("{}: {}", text.place, problem(read(&text.text).root_node())?)))
        .collect();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), right.len(), problems.join("\n"));
}

/// Damage mostly makes texts wrong; the rest is odd in ways that nobody would write down.
#[test]
fn damaged_texts_that_are_right_are_read() {
    let texts = whole("compiler/tests/syntax/ok");
    let mut random = mutate::Random(7);
    let mut right = 0;
    for _ in 0..4_000 {
        let text = mutate::mutate(&texts[random.below(texts.len())].text, &mut random);
        let tree = read(&text);
        if !has_mistake(&text) {
            right += 1;
            assert_eq!(problem(tree.root_node()), None, "{text}");
        }
    }
    assert!(right > 50, "found {right}");
}

#[test]
fn line_ends_of_windows_are_read() {
    for text in whole("examples") {
        let text = text.text.replace('\n', "\r\n");
        assert_eq!(problem(read(&text).root_node()), None);
    }
}

/// The captures that editors know: `(editor, query)` and names.
fn known_captures() -> Vec<((&'static str, &'static str), Vec<&'static str>)> {
    let lines =
        include_str!("captures.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &'static str| {
        let (query, names) = line.split_once(": ")?;
        Some((query.split_once(' ')?, names.split(' ').collect()))
    };
    lines.map(|line| read(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Queries fit the grammar, and all their captures mean something to the editor that reads them.
#[test]
fn queries_fit_the_grammar_and_the_editors() {
    let known = known_captures();
    let names = |editor: &str, query: &str| {
        let found = known.iter().find(|(of, _)| *of == (editor, query));
        found.map_or(&[][..], |(_, names)| names)
    };
    for path in files("compiler/editors", "scm") {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let query = Query::new(&tree_sitter_llmp::LANGUAGE.into(), &text);
        let query = query.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(query.pattern_count() > 0, "{place} is empty");
        let editor = ["helix", "zed"].into_iter().find(|editor| place.contains(&format!("/{editor}/")));
        let editor = editor.unwrap_or("nvim");
        let kind = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        for capture in query.capture_names() {
            let is_known = names(editor, kind).iter().any(|name| match name.strip_suffix('*') {
                Some(start) => capture
                    .strip_prefix(start)
                    .is_some_and(|rest| names(editor, "highlights").contains(&rest)),
                None => name == capture,
            });
            assert!(is_known, "{place}: {editor} does not know `@{capture}` in its {kind}");
        }
    }
}

/// The cases of `tree-sitter test`: a title between lines of `=`, a text, a line of `-`, the tree.
#[test]
fn texts_have_their_trees() {
    let rule = |sign: &str| format!("{}\n", sign.repeat(80));
    for path in files("compiler/editors/tree-sitter-llmp/test", "txt") {
        let content = std::fs::read_to_string(&path).expect("UTF-8");
        let parts: Vec<&str> = content.split(&rule("=")).skip(1).collect();
        for case in parts.chunks(2) {
            let [title, case] = case else { panic!("{}: a title has no case", path.display()) };
            let (text, wanted) = case.split_once(&rule("-")).expect("a text and a tree");
            let text =
                text.strip_prefix('\n').and_then(|text| text.strip_suffix("\n\n")).expect("blank lines");
            // Corpora leave the names of fields out.
            let words = |tree: &str| {
                let tree = tree.replace('(', " ( ").replace(')', " ) ");
                tree.split_whitespace().filter(|word| !word.ends_with(':')).collect::<Vec<_>>().join(" ")
            };
            let found = read(text).root_node().to_sexp();
            assert_eq!(words(&found), words(wanted), "{title}");
        }
    }
}
