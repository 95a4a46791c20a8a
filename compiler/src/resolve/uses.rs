//! Which names an expression mentions.

use crate::ast::{Expr, ExprKind, Name, Path};

/// Names in places where a binding can stand: arguments and pipes, not settings.
pub(crate) fn graph_names(expr: &Expr) -> Vec<&Name> {
    let mut names = Vec::new();
    walk(expr, Settings::Skip, &mut |path| single(path, &mut names), &mut |_| {});
    names
}

/// Names in places where a value can stand: everything but stages and functions.
pub(crate) fn value_names(expr: &Expr) -> Vec<&Name> {
    let mut names = Vec::new();
    walk(expr, Settings::Enter, &mut |path| single(path, &mut names), &mut |_| {});
    names
}

/// The stages and functions called.
pub(super) fn callees(expr: &Expr) -> Vec<&Path> {
    let mut paths = Vec::new();
    walk(expr, Settings::Skip, &mut |_| {}, &mut |path| paths.push(path));
    paths
}

fn single<'a>(path: &'a Path, names: &mut Vec<&'a Name>) {
    if let [name] = path.names.as_slice() {
        names.push(name);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Settings {
    Enter,
    Skip,
}

/// Visits names in order of text, with a stack of our own: pipes and sums may be as long as the program.
fn walk<'a>(
    expr: &'a Expr,
    settings: Settings,
    name: &mut dyn FnMut(&'a Path),
    callee: &mut dyn FnMut(&'a Path),
) {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        // Children are pushed last first, so that they are popped in order.
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Measure(_) | ExprKind::Error => {}
            ExprKind::Path(path) => name(path),
            ExprKind::List(items) | ExprKind::Each(items) => open.extend(items.iter().rev()),
            ExprKind::Record(record) => {
                if settings == Settings::Enter {
                    open.extend(record.fields.iter().rev().filter_map(|field| field.value.as_ref()));
                }
            }
            ExprKind::If(choice) => {
                open.extend(&choice.otherwise);
                open.push(&choice.then);
                if settings == Settings::Enter {
                    open.push(&choice.condition);
                }
            }
            ExprKind::Call(call) => {
                callee(&call.callee);
                if let (Some(record), Settings::Enter) = (&call.settings, settings) {
                    open.extend(record.fields.iter().rev().filter_map(|field| field.value.as_ref()));
                }
                open.extend(call.args.iter().rev().map(|arg| &arg.value));
            }
            ExprKind::Pipe(pipe) => {
                match &pipe.right.kind {
                    ExprKind::Path(path) => callee(path),
                    _ => open.push(&pipe.right),
                }
                open.push(&pipe.left);
            }
            ExprKind::Binary(binary) => open.extend([&binary.right, &binary.left]),
            ExprKind::Range(ends) => open.extend([&ends.1, &ends.0]),
            ExprKind::Not(inner) => open.push(inner),
        }
    }
}
