//! One cause, one message: what follows from something that is reported is not reported itself.

use std::collections::BTreeMap;

use crate::code::{self, Nature};
use crate::diagnostic::{Diagnostic, Label};
use crate::resolve::Program;
use crate::source::{FileId, Sources};

/// Places of one unknown name that are shown.
const SHOWN: usize = 8;

/// The diagnostics, which are sorted, without those that follow from others.
pub(crate) fn causes(
    diagnostics: Vec<Diagnostic>,
    program: &Program<'_>,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let lost = |file: &usize| program.may_miss(*file);
    let lost: Vec<FileId> = (0..program.files.len()).filter(lost).map(|at| program.files[at].id).collect();
    let no_profile = diagnostics.iter().any(|one| one.code == code::UNKNOWN_PROFILE);
    let is_cause = |one: &Diagnostic| {
        // What is missing may stand in the profile.
        let is_given = no_profile && one.code.nature() == Nature::Missing;
        is_syntax(one) || !is_given && !follows(one, program, &lost)
    };
    let known = diagnostics.into_iter().filter(is_cause).collect();
    together(known, sources)
}

fn is_syntax(diagnostic: &Diagnostic) -> bool {
    diagnostic.code.nature() == Nature::Syntax
}

/// Whether a diagnostic lies in an item that could not be read, or misses what such an item may define.
fn follows(diagnostic: &Diagnostic, program: &Program<'_>, lost: &[FileId]) -> bool {
    let span = diagnostic.span();
    let files = program.files.iter().filter(|file| file.id == span.file);
    let is_broken = files.flat_map(|file| &file.ast.broken).any(|item| item.contains(span));
    is_broken || is_of_names(diagnostic) && lost.contains(&span.file) && !is_slip(diagnostic)
}

/// Whether it says that something is not defined.
fn is_of_names(diagnostic: &Diagnostic) -> bool {
    diagnostic.code.nature() == Nature::Name
}

/// Whether it is a slip in the name of a stage, which no lost item explains.
fn is_slip(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == code::UNKNOWN_CALLEE && diagnostic.fix.is_some()
}

/// Says of one name only once that it is unknown, at the first place; the others become labels.
fn together(diagnostics: Vec<Diagnostic>, sources: &Sources) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diagnostics.len());
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for diagnostic in diagnostics {
        let name = sources.text(diagnostic.span());
        if !is_of_names(&diagnostic) || name.is_empty() {
            kept.push(diagnostic);
            continue;
        }
        let Some(first) = first.get(name).and_then(|&at| kept.get_mut(at)) else {
            first.insert(name, kept.len());
            kept.push(diagnostic);
            continue;
        };
        if first.labels.len() < SHOWN {
            first.labels.push(Label { span: diagnostic.span(), text: "and here".to_owned() });
        }
        match (&mut first.fix, diagnostic.fix) {
            (Some(fix), Some(other)) if fix.title == other.title => fix.edits.extend(other.edits),
            _ => {}
        }
    }
    kept
}
