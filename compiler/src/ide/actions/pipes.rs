//! `a |> f(b)` and `f(a, b)`.

use super::{Action, ActionKind, action, edit};
use crate::ide::context::Site;
use crate::syntax::{Kind, NodeId};

/// A step of a pipe as a call that holds what comes before it.
pub(super) fn to_call(site: &Site<'_, '_>, leaf: NodeId) -> Option<Action> {
    let tree = site.tree;
    let step = match tree.kind(leaf) {
        Kind::Pipe => tree.following(leaf).and_then(|next| {
            let calls = (next.0..).map(NodeId).take_while(|&id| tree.following(id).is_some());
            calls.into_iter().find(|&id| !tree.kind(id).is_trivia())
        })?,
        _ => site.around(leaf, |kind| kind == Kind::Call)?,
    };
    let before = site.piped(step).filter(|_| tree.kind(step) == Kind::Call)? as usize;
    let chain = tree.parent(step)?;
    let (start, end) = (tree.range(chain).start, tree.range(step).end);
    let left = &site.text[start..before];
    let between = &site.text[before..tree.range(step).start];
    if between.contains("//") || left.contains("//") {
        return None;
    }
    let callee = site.child(step, Kind::Path).map(|path| site.str(path))?;
    let args: Vec<&str> = site
        .child(step, Kind::Args)
        .into_iter()
        .flat_map(|args| tree.children(args))
        .filter(|&arg| tree.kind(arg) == Kind::Arg)
        .map(|arg| site.str(arg))
        .collect();
    let all: Vec<&str> = std::iter::once(left).chain(args).collect();
    let record = site.child(step, Kind::Record).map(|record| format!(" {}", site.str(record)));
    let text = format!("{callee}({}){}", all.join(", "), record.unwrap_or_default());
    let title = format!("write as a call of `{callee}`");
    Some(action(site.view, ActionKind::Rewrite, title, vec![edit(start..end, text)]))
}

/// A call as a step of a pipe that begins with its first argument.
pub(super) fn to_pipe(site: &Site<'_, '_>, leaf: NodeId) -> Option<Action> {
    let tree = site.tree;
    let path = site.around(leaf, |kind| kind == Kind::Path)?;
    let call = tree.parent(path).filter(|&call| tree.kind(call) == Kind::Call)?;
    let expr = tree.parent(call)?;
    let callee = site.callee(call)?;
    let args = site.child(call, Kind::Args)?;
    let begins = tree.children(expr).find(|&child| !tree.kind(child).is_trivia()) == Some(call);
    if !begins || site.str(args).contains("//") {
        return None;
    }
    let mut arguments = tree.children(args).filter(|&arg| tree.kind(arg) == Kind::Arg);
    let first = arguments.next()?;
    if site.role(call, callee, first) != Some(0) || callee.inputs().first()?.1.is_none() {
        return None;
    }
    let value = site.child(first, Kind::Expr)?;
    // What follows `else` would take the pipe along.
    let chosen = site.child(value, Kind::If).is_some();
    let value = site.str(value);
    let left = if chosen { format!("({value})") } else { value.to_owned() };
    let rest: Vec<&str> = arguments.map(|arg| site.str(arg)).collect();
    let rest = if rest.is_empty() { String::new() } else { format!("({})", rest.join(", ")) };
    let record = site.child(call, Kind::Record).map(|record| format!(" {}", site.str(record)));
    let text = format!("{left} |> {}{rest}{}", site.str(path), record.unwrap_or_default());
    let title = format!("pipe into `{}`", callee.name());
    Some(action(site.view, ActionKind::Rewrite, title, vec![edit(tree.range(call), text)]))
}
