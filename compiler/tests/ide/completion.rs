//! Completion and signature help.

use llmp_compiler::ide;

use crate::cases::{Case, cases, check};

/// Entries that are shown of a long list.
const SHOWN: usize = 9;

fn completed(case: &Case) -> String {
    let found = ide::completions(&case.view(), case.start);
    let text = case.view().text();
    let mut out = format!("replaces {:?}\n", &text[found.start as usize..found.end as usize]);
    for item in found.items.iter().take(SHOWN) {
        out += &format!("{:?} {} | {}", item.kind, item.label, item.detail);
        if let Some(snippet) = &item.snippet {
            out += &format!(" | {snippet:?}");
        } else if item.insert != item.label {
            out += &format!(" | {:?}", item.insert);
        }
        out.push('\n');
    }
    if found.items.len() > SHOWN {
        out += &format!("and {} more\n", found.items.len() - SHOWN);
    }
    if let Some(files) = found.files {
        out += &format!("files in {:?}{}\n", files.folder, if files.programs { ", programs" } else { "" });
    }
    out
}

#[test]
fn completion() {
    check("completion", include_str!("completion.llmp"), completed);
}

#[test]
fn signatures() {
    check("signature", include_str!("signature.llmp"), |case| {
        match ide::signature(&case.view(), case.start) {
            Some(help) => {
                let active = help.active.map_or("nothing", |at| help.parameters[at].0.as_str());
                assert!(
                    help.parameters.iter().all(|(label, _)| help.label.contains(label)),
                    "{}",
                    help.label
                );
                format!("{}\nactive: {active}", help.label)
            }
            None => "nothing".to_owned(),
        }
    });
}

/// Every question can be asked everywhere, also in broken text.
#[test]
fn every_place_can_be_asked_about() {
    let texts = [
        include_str!("completion.llmp"),
        include_str!("shape.llmp"),
        include_str!("signature.llmp"),
        include_str!("../language/wrong/values.llmp"),
    ];
    for case in texts.into_iter().flat_map(cases) {
        let view = case.view();
        let text = view.text();
        for offset in (0..=text.len()).filter(|&at| text.is_char_boundary(at)) {
            let at = offset as u32;
            let found = ide::completions(&view, at);
            assert!(text.get(found.start as usize..found.end as usize).is_some(), "{} at {at}", case.name);
            let _ = ide::hover(&view, at);
            let _ = ide::signature(&view, at);
            let _ = ide::definition(&view, at);
            let _ = ide::selections(&view, at);
        }
    }
}
