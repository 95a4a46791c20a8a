//! What profiles, the params file and the command line change, before anything is known of its meaning.

use crate::ast::{self, Expr, Name};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::names::closest;
use crate::resolve::{Item, Program, errors};
use crate::source::{Sources, Span};
use crate::syntax;

/// Where a value comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default where it is declared.
    Default,
    /// The profile of this name.
    Profile(String),
    /// The params file.
    ParamsFile,
    /// The command line.
    Set,
}

/// `path = value`
#[derive(Clone, Debug)]
pub(crate) struct Change<'a> {
    pub(crate) origin: Origin,
    /// Whether it counts; entries of profiles that are not selected are checked all the same.
    pub(crate) selected: bool,
    /// The file whose names the value sees.
    pub(crate) file: usize,
    /// `base`, `model`, `width`
    pub(crate) path: &'a [Name],
    pub(crate) value: &'a Expr,
}

/// A `path = value` that is not part of a file.
pub(crate) struct Assignment {
    origin: Origin,
    path: Vec<Name>,
    value: Expr,
}

/// Reads one assignment from outside, e.g. `--set base.lr=3e-4`; it becomes a source of its own, named
/// `giver` and the path.
pub(crate) fn assignment(
    origin: Origin,
    giver: &str,
    path: &str,
    value: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Assignment> {
    let (equals, path) = (if origin == Origin::Set { "=" } else { " = " }, path.trim());
    let file = sources.add_given(format!("{giver} {path}"), format!("{path}{equals}{value}"));
    let end = path.len() as u32;
    let valid = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
    };
    if !path.split('.').all(valid) {
        diagnostics.push(super::errors::bad_path(path, Span::new(file, 0, end)));
        return None;
    }
    // Read as a binding whose name is as long as the path, so that places agree.
    let parse = syntax::parse(file, &format!("{}{equals}{value}", "x".repeat(path.len())));
    let mut items = parse.file.items.into_iter();
    let (first, second) = (items.next(), items.next());
    if parse.diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics
            .extend(parse.diagnostics.into_iter().map(|error| super::errors::in_assignment(error, &origin)));
        return None;
    }
    match (first, second) {
        (Some(ast::Item::Binding(binding)), None) => {
            let mut start = 0;
            let names = path.split('.').map(|name| {
                let span = Span::new(file, start, start + name.len() as u32);
                start = span.end + 1;
                Name { span, text: name.to_owned() }
            });
            Some(Assignment { origin, path: names.collect(), value: binding.value? })
        }
        _ => {
            let span = Span::new(file, end, end + (equals.len() + value.len()) as u32);
            diagnostics.push(super::errors::bad_assignment(path, span));
            None
        }
    }
}

/// The source text of a value from a params file: text that is no text setting is read as the language reads
/// it.
pub(crate) fn source_text(value: &serde_json::Value, text: bool) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::String(string) if !text => string.clone(),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => value.to_string(),
        serde_json::Value::String(string) => quote(string),
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| source_text(item, text)).collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name} = {}", source_text(value, text))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for next in text.chars() {
        match next {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            next => quoted.push(next),
        }
    }
    quoted + "\""
}

/// All changes, weakest first: profiles in the order selected, then the assignments in theirs.
pub(crate) fn changes<'a>(
    program: &Program<'a>,
    selected: &[String],
    assignments: &'a [Assignment],
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Vec<Change<'a>> {
    let mut order: Vec<(&Item<'a, ast::Profile>, bool)> = Vec::new();
    for item in &program.profiles {
        if !selected.contains(&item.name.text) {
            order.push((item, false));
        }
    }
    for name in selected {
        match program.profiles.iter().find(|item| item.name.text == *name) {
            Some(item) => order.push((item, true)),
            None => {
                let known: Vec<&str> = program.profiles.iter().map(|item| item.name.text.as_str()).collect();
                let meant = closest(name, known.iter().copied());
                let file = sources.add_given("--profile", name.as_str());
                let place = Span::new(file, 0, name.len() as u32);
                diagnostics.push(errors::unknown_profile(name, &known, place, meant));
            }
        }
    }
    let mut changes = Vec::new();
    for (item, selected) in order {
        for entry in item.ast.entries.iter().filter(|entry| !entry.runtime) {
            if let Some(value) = &entry.value {
                let origin = Origin::Profile(item.name.text.clone());
                changes.push(Change { origin, selected, file: item.file, path: &entry.path.names, value });
            }
        }
    }
    for Assignment { origin, path, value } in assignments {
        changes.push(Change { origin: origin.clone(), selected: true, file: 0, path, value });
    }
    changes
}
