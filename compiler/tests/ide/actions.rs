//! Code actions.

use llmp_compiler::ide::{self, CodeAction, CodeActionKind};
use llmp_compiler::source::MemoryWorld;
use llmp_compiler::{Compilation, Options, compile};

use crate::cases::{Case, cases, check, library};

fn applied(case: &Case, action: &CodeAction) -> Vec<(String, String)> {
    let files = case.compilation.files.iter().map(|file| {
        let edits = action.edits.iter().filter(|(of, _)| *of == file.id).map(|(_, edit)| edit.clone());
        (file.path.clone(), case.edited(file.id, &edits.collect::<Vec<_>>()))
    });
    files.collect()
}

/// All titles; and what the action does whose title holds the case's argument.
#[test]
fn actions() {
    check("actions", include_str!("actions.llmp"), |case| {
        let actions = ide::actions(&case.view(), case.start, case.end);
        let mut out = String::new();
        for action in &actions {
            let code = action.diagnostic.map_or("", |at| case.compilation.diagnostics[at].code.as_str());
            out += &format!("{:?} {} {code}\n", action.kind, action.title);
        }
        if case.argument.is_empty() {
            return out;
        }
        match actions.iter().find(|action| action.title.contains(&case.argument)) {
            Some(action) => {
                for (path, text) in applied(case, action) {
                    out += &format!("=== {path}\n{text}");
                }
            }
            None => out += "not offered",
        }
        out
    });
}

/// Stages with their settings and the kinds of what they are made from.
fn meaning(compilation: &Compilation) -> Vec<String> {
    let graph = &compilation.graph;
    let mut stages: Vec<String> = graph
        .stages
        .iter()
        .map(|stage| {
            let settings: Vec<String> =
                stage.settings.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
            format!("{} {settings:?} {}", stage.kind, stage.inputs.len())
        })
        .collect();
    stages.sort();
    stages
}

/// Rewritings keep the meaning, wherever they are offered.
#[test]
fn rewritings_keep_the_meaning() {
    let texts = [
        include_str!("../language/right/defs.llmp"),
        include_str!("../language/right/values.llmp"),
        include_str!("../language/right/profiles.llmp"),
        include_str!("../language/right/who-is.llmp"),
    ];
    let mut count = 0;
    for case in texts.into_iter().flat_map(cases).filter(|case| case.compilation.is_ok()) {
        let view = case.view();
        let mut seen: Vec<CodeAction> = Vec::new();
        for offset in 0..view.text().len() as u32 {
            for action in ide::actions(&view, offset, offset) {
                if matches!(action.kind, CodeActionKind::Fix | CodeActionKind::FixAll)
                    || seen.contains(&action)
                {
                    continue;
                }
                let files = applied(&case, &action).into_iter().map(|(path, text)| (path, text.into()));
                let world = MemoryWorld { files: files.collect() };
                let after = compile(&world, library(), "main.llmp", &Options::default());
                let told = || format!("{}: {}\n{}", case.name, action.title, world.files["main.llmp"]);
                assert!(after.is_ok(), "{}{:?}", told(), after.diagnostics);
                assert_eq!(meaning(&after), meaning(&case.compilation), "{}", told());
                seen.push(action);
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}
