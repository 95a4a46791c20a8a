//! What editors show is what `llmp check` says: for every conformance case and every example of the
//! reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Options, compile};
use serde_json::{Value, json};

use crate::client::Client;

/// A program: its files, the main one being `main.llmp`.
type Program = BTreeMap<String, String>;

/// The cases of `compiler/tests/language`, those with options left out: an editor has none.
fn cases(programs: &mut Vec<Program>) {
    for folder in ["right", "wrong"] {
        let folder = format!("{}/../../compiler/tests/language/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(folder).expect("the cases") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "llmp") {
                continue;
            }
            let text = std::fs::read_to_string(path).expect("cases");
            let mut program: Option<(Program, String)> = None;
            for line in text.split_inclusive('\n') {
                if let Some(head) = line.strip_prefix("--- ") {
                    programs.extend(program.take().map(|(program, _)| program));
                    if !head.contains(" --") {
                        program = Some((Program::new(), "main.llmp".to_owned()));
                    }
                } else if let Some((program, file)) = &mut program {
                    match line.strip_prefix("=== ") {
                        Some(path) => *file = path.trim_end().to_owned(),
                        None => program.entry(file.clone()).or_default().push_str(line),
                    }
                }
            }
            programs.extend(program.map(|(program, _)| program));
        }
    }
}

/// The examples of `spec/`: a block goes with those before it that are files.
fn examples(programs: &mut Vec<Program>) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec");
    for entry in std::fs::read_dir(folder).expect("the reference") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let mut beside = Program::new();
        let mut block: Option<(String, String)> = None;
        for line in text.split_inclusive('\n') {
            if let Some(info) = line.strip_prefix("```") {
                let Some((info, text)) = block.take() else {
                    block = Some((info.trim().to_owned(), String::new()));
                    continue;
                };
                let Some(options) = info.strip_prefix("llmp") else { continue };
                if let Some(path) = options.trim().strip_prefix("file=") {
                    beside.insert(path.to_owned(), text);
                    continue;
                }
                let mut program = std::mem::take(&mut beside);
                let outside = ["profile=", "set=", "main=", "signature"];
                if !outside.iter().any(|option| options.contains(option)) {
                    program.insert("main.llmp".to_owned(), text);
                    programs.push(program);
                }
            } else if let Some((_, text)) = &mut block {
                text.push_str(line);
            }
        }
    }
}

/// What the compiler says about the main file: code, severity, and the place in lines and UTF-16 columns.
fn checked(compilation: &Compilation) -> Vec<(String, u64, Value)> {
    let Some(main) = compilation.files.first() else { return Vec::new() };
    let text = &compilation.sources.get(main.id).expect("the main file").text;
    let position = |offset: u32| {
        let before = &text[..offset as usize];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        json!({"line": before.matches('\n').count(), "character": before[start..].encode_utf16().count()})
    };
    let own = compilation.diagnostics.iter().filter(|one| one.span().file == main.id);
    own.map(|one| {
        let span = one.span();
        let range = json!({"start": position(span.start), "end": position(span.end)});
        (one.code.as_str().to_owned(), if one.is_error() { 1 } else { 2 }, range)
    })
    .collect()
}

#[test]
fn the_editor_says_what_check_says() {
    let mut programs = Vec::new();
    cases(&mut programs);
    examples(&mut programs);
    assert!(programs.len() > 300, "{}", programs.len());
    let mut client = Client::new(json!({"textDocument": {"diagnostic": {}}}));
    let mut said = 0;
    for program in programs {
        let files = program.iter().map(|(path, text)| (path.clone(), Arc::from(text.as_str())));
        let world = MemoryWorld { files: files.collect() };
        let compilation = compile(&world, llmp::library::library(), "main.llmp", &Options::default());
        let expected = checked(&compilation);
        for (path, text) in &program {
            client.open(path, text);
        }
        let shown: Vec<(String, u64, Value)> = client
            .pulled("main.llmp")
            .iter()
            .filter(|one| one["source"] == "llmp")
            .map(|one| {
                let code = one["code"].as_str().expect("a code").to_owned();
                (code, one["severity"].as_u64().expect("a severity"), one["range"].clone())
            })
            .collect();
        assert_eq!(shown, expected, "{}", program["main.llmp"]);
        said += expected.len();
        for path in program.keys() {
            client.close(path);
        }
    }
    assert!(said > 300, "{said}");
}
