//! Hover and signature help.

use llmp_compiler::ide;

use crate::cases::check;

#[test]
fn hover() {
    check("hover", include_str!("hover.llmp"), |case| match ide::hover(&case.view(), case.start) {
        Some(hover) => {
            let stages: Vec<_> =
                hover.stages.iter().map(|&id| case.compilation.graph.stage(id).name.as_str()).collect();
            let stages =
                if stages.is_empty() { String::new() } else { format!("\nstages: {}", stages.join(", ")) };
            format!("at {}\n{}\n{}{stages}", case.place(hover.at), hover.code, hover.text)
        }
        None => "nothing".to_owned(),
    });
}
