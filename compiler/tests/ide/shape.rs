//! Outline, folds, selections, words.

use llmp_compiler::ide::{self, Symbol};

use crate::cases::{Case, check};

fn outline(case: &Case, symbols: &[Symbol], depth: usize) -> String {
    let mut out = String::new();
    for symbol in symbols {
        out += &format!("{:depth$}{:?} {} {}\n", "", symbol.kind, symbol.name, symbol.detail);
        assert_eq!(case.compilation.sources.text(symbol.at), symbol.name);
        out += &outline(case, &symbol.inside, depth + 2);
    }
    out
}

#[test]
fn symbols() {
    check("symbols", include_str!("shape.llmp"), |case| outline(case, &ide::symbols(&case.view()), 0));
}

#[test]
fn folds() {
    check("folds", include_str!("shape.llmp"), |case| {
        let text = case.view().text();
        let line = |offset: u32| text[..offset as usize].matches('\n').count() + 1;
        let folds = ide::folds(&case.view()).into_iter();
        folds.map(|fold| format!("{:?} {}-{}\n", fold.what, line(fold.start), line(fold.end))).collect()
    });
}

#[test]
fn selections() {
    check("selections", include_str!("selections.llmp"), |case| {
        let text = case.view().text();
        let around = ide::selections(&case.view(), case.start).into_iter();
        around.map(|(start, end)| format!("{:?}\n", &text[start as usize..end as usize])).collect()
    });
}

#[test]
fn tokens() {
    check("tokens", include_str!("shape.llmp"), |case| {
        let text = case.view().text();
        let tokens = ide::tokens(&case.view(), 0, u32::MAX).into_iter().map(|token| {
            let mut marks = String::new();
            for (on, mark) in
                [(token.defines, " defines"), (token.library, " library"), (token.docs, " docs")]
            {
                marks += if on { mark } else { "" };
            }
            format!("{} {:?}{marks}\n", &text[token.start as usize..token.end as usize], token.kind)
        });
        tokens.collect()
    });
}

#[test]
fn tokens_of_a_part_are_a_part_of_the_tokens() {
    for case in crate::cases::cases(include_str!("shape.llmp")) {
        let view = case.view();
        let all = ide::tokens(&view, 0, u32::MAX);
        let length = view.text().len() as u32;
        for (start, end) in [(0, length / 2), (length / 3, length / 2), (length, length)] {
            let part = ide::tokens(&view, start, end);
            let inside = all.iter().filter(|token| token.start < end && start < token.end);
            assert!(inside.into_iter().all(|token| part.contains(token)), "{}", case.name);
            assert!(part.iter().all(|token| all.contains(token)));
        }
    }
}

#[test]
fn formatting_of_a_part() {
    check("format", include_str!("format.llmp"), |case| {
        let edits = ide::format(case.view().text(), case.start, case.end);
        assert!(edits.iter().all(|edit| edit.text.trim().is_empty()), "only space changes: {edits:?}");
        format!("{} edits\n{}", edits.len(), case.edited(case.file, &edits))
    });
}
