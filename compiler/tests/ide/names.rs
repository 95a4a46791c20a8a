//! Definitions, uses, renaming.

use llmp_compiler::Options;
use llmp_compiler::ide;

use crate::cases::{Case, cases, check};

#[test]
fn definitions() {
    check("definition", include_str!("definition.llmp"), |case| {
        match ide::definition(&case.view(), case.start) {
            Some(found) => format!("{} -> {}", case.place(found.at), case.place(found.to)),
            None => "nothing".to_owned(),
        }
    });
}

#[test]
fn uses() {
    check("uses", include_str!("uses.llmp"), |case| {
        let Some(target) = ide::target(&case.view(), case.start) else { return "nothing".to_owned() };
        let uses = ide::uses(&case.view(), target.to).into_iter();
        let shown =
            uses.map(|one| format!("{}{}\n", case.place(one.at), if one.defines { " defines" } else { "" }));
        shown.collect()
    });
}

fn renamed(case: &Case) -> Result<String, String> {
    let view = case.view();
    let target = ide::renamable(&view, case.start)?;
    let edits = ide::rename(&view, target.to, &case.argument, &Options::default())?;
    Ok(edits
        .iter()
        .map(|(file, edits)| {
            let path = &case.compilation.sources.get(*file).expect("a file").path;
            format!("=== {path}\n{}", case.edited(*file, edits))
        })
        .collect())
}

#[test]
fn rename() {
    check("rename", include_str!("rename.llmp"), |case| {
        renamed(case).unwrap_or_else(|refused| format!("refused: {refused}"))
    });
}

/// Every name of every valid conformance case can be renamed to an unused one, and the program means what it
/// meant. Only the fields of a record that is given to a stage as a whole have to keep the stage's names.
#[test]
fn everything_can_be_renamed() {
    let texts = [
        include_str!("../language/right/defs.llmp"),
        include_str!("../language/right/families.llmp"),
        include_str!("../language/right/names.llmp"),
        include_str!("../language/right/values.llmp"),
        include_str!("../language/right/who-is.llmp"),
    ];
    let mut count = 0;
    for case in texts.into_iter().flat_map(cases).filter(|case| case.compilation.is_ok()) {
        let view = case.view();
        for offset in 0..view.text().len() as u32 {
            let Ok(target) = ide::renamable(&view, offset) else { continue };
            if target.at.start != offset || case.name.starts_with("record-param") {
                continue;
            }
            let kept = case.compilation.sources.text(target.to).contains('.');
            let new = if kept { "my.unused_name" } else { "unused_name" };
            let renamed = ide::rename(&view, target.to, new, &Options::default());
            assert!(renamed.is_ok(), "{}: {} {renamed:?}", case.name, case.place(target.at));
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}
