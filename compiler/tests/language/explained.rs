//! Every diagnostic has a page, and every page says the truth.

use std::collections::BTreeSet;
use std::path::Path;

use llmp_compiler::Options;
use llmp_compiler::code::Code;
use llmp_compiler::explain::{explain, pages};

use crate::fixtures::cases;
use crate::render;
use crate::support::compile_files;

/// Codes whose examples would be too long to print.
const WITHOUT_EXAMPLE: [&str; 6] = ["E0001", "E0106", "E0230", "E0304", "E0501", "W0100"];

/// Codes of rules that stages' implementations have, and of what lies on disk: their pages are tested through
/// the program, `tests/program/mistakes.rs`.
const OF_STAGES: [&str; 4] = ["E0249", "E0305", "E0308", "W0120"];

/// The fenced blocks of a page: what stands behind `llmp`, and the text.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(info) if !inside => {
                blocks.push((info.strip_prefix("llmp ").unwrap_or(info), String::new()));
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => {
                if let Some((_, text)) = blocks.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            None => {}
        }
    }
    blocks
}

/// The codes that an example raises, and the messages.
fn raised(info: &str, text: &str) -> (BTreeSet<Code>, String) {
    let text = format!("--- {info}\n{text}");
    let cases = cases(&text);
    let compilation = cases.first().expect("a case").compile();
    let codes = compilation.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    (codes, render::diagnostics(&compilation.diagnostics, &compilation.sources))
}

#[test]
fn examples_are_true() {
    let mut problems = Vec::new();
    for (code, page) in pages() {
        if !page.starts_with(&format!("# {code}: ")) {
            problems.push(format!("{code}: the title is `# {code}: …`"));
        }
        let mut wrong = 0;
        for (info, text) in blocks(page) {
            let (codes, messages) = raised(info, &text);
            let holds = match info.split(' ').next() {
                Some("wrong") => {
                    wrong += 1;
                    OF_STAGES.contains(&code.as_str()) || codes == BTreeSet::from([code])
                }
                Some("right") => codes.iter().all(|code| code.as_str().starts_with('W')),
                _ => panic!("{code}: a block is `llmp wrong` or `llmp right`, found `{info}`"),
            };
            if !holds {
                problems.push(format!("{code}, {info}:\n{text}\n{messages}"));
            }
        }
        if wrong == 0 && !WITHOUT_EXAMPLE.contains(&code.as_str()) {
            problems.push(format!("{code} has no example"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Where the source of the compiler writes a code as text, tests aside.
fn written_codes(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            written_codes(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let quoted = text.split('"').filter(|part| {
                part.len() == 5
                    && (part.starts_with('E') || part.starts_with('W'))
                    && part.bytes().skip(1).all(|digit| digit.is_ascii_digit())
            });
            found.extend(quoted.map(|code| format!("{code} in {}", path.display())));
        }
    }
}

#[test]
fn every_code_is_a_constant_with_a_page() {
    let mut written = Vec::new();
    written_codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut written);
    assert!(written.is_empty(), "use the constants of `code`: {written:?}");
    assert!(pages().is_sorted_by(|(one, _), (other, _)| one.as_str() < other.as_str()));
    assert!(pages().all(|(code, page)| explain(code.as_str()) == Some(page)));
    assert_eq!(explain("E9999"), None);
}

/// The one page whose example needs 257 files.
#[test]
fn too_many_files() {
    let files: Vec<(String, String)> =
        (0..300).map(|at| (format!("f{at}.llmp"), format!("import \"f{}.llmp\"\n", at + 1))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let compilation = compile_files(&files, &Options::default());
    let codes: Vec<&str> =
        compilation.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    assert_eq!(codes, ["E0106"]);
}
