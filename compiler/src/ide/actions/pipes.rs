//! `a |> f(b)` and `f(a, b)`.

use super::{CodeAction, CodeActionKind, action, edit};
use crate::ide::context::Site;
use crate::syntax::{NodeId, NodeKind};

/// A step of a pipe as a call that holds what comes before it.
pub(super) fn to_call(site: &Site<'_, '_>, leaf: NodeId) -> Option<CodeAction> {
    let tree = site.tree;
    let step = match tree.kind(leaf) {
        NodeKind::Pipe => tree.following(leaf).and_then(|next| {
            let calls = (next.0..).map(NodeId).take_while(|&id| tree.following(id).is_some());
            calls.into_iter().find(|&id| !tree.kind(id).is_trivia())
        })?,
        _ => site.around(leaf, |kind| kind == NodeKind::Call)?,
    };
    let before = site.piped(step).filter(|_| tree.kind(step) == NodeKind::Call)? as usize;
    let chain = tree.parent(step)?;
    let (start, end) = (tree.range(chain).start, tree.range(step).end);
    let left = &site.text[start..before];
    let between = &site.text[before..tree.range(step).start];
    if between.contains("//") || left.contains("//") {
        return None;
    }
    let callee = site.child(step, NodeKind::Path).map(|path| site.str(path))?;
    let args: Vec<&str> = site
        .child(step, NodeKind::Args)
        .into_iter()
        .flat_map(|args| tree.children(args))
        .filter(|&arg| tree.kind(arg) == NodeKind::Arg)
        .map(|arg| site.str(arg))
        .collect();
    let all: Vec<&str> = std::iter::once(left).chain(args).collect();
    let record = site.child(step, NodeKind::Record).map(|record| format!(" {}", site.str(record)));
    let text = format!("{callee}({}){}", all.join(", "), record.unwrap_or_default());
    let title = format!("write as a call of `{callee}`");
    Some(action(site.view, CodeActionKind::Rewrite, title, vec![edit(start..end, text)]))
}

/// A call as a step of a pipe that begins with its first argument.
pub(super) fn to_pipe(site: &Site<'_, '_>, leaf: NodeId) -> Option<CodeAction> {
    let tree = site.tree;
    let path = site.around(leaf, |kind| kind == NodeKind::Path)?;
    let call = tree.parent(path).filter(|&call| tree.kind(call) == NodeKind::Call)?;
    let expr = tree.parent(call)?;
    let callee = site.callee(call)?;
    let args = site.child(call, NodeKind::Args)?;
    let begins = tree.children(expr).find(|&child| !tree.kind(child).is_trivia()) == Some(call);
    if !begins || site.str(args).contains("//") {
        return None;
    }
    let mut arguments = tree.children(args).filter(|&arg| tree.kind(arg) == NodeKind::Arg);
    let first = arguments.next()?;
    if site.role(call, callee, first) != Some(0) || callee.inputs().first()?.1.is_none() {
        return None;
    }
    let value = site.child(first, NodeKind::Expr)?;
    // What follows `else` would take the pipe along.
    let chosen = site.child(value, NodeKind::If).is_some();
    let value = site.str(value);
    let left = if chosen { format!("({value})") } else { value.to_owned() };
    let rest: Vec<&str> = arguments.map(|arg| site.str(arg)).collect();
    let rest = if rest.is_empty() { String::new() } else { format!("({})", rest.join(", ")) };
    let record = site.child(call, NodeKind::Record).map(|record| format!(" {}", site.str(record)));
    let text = format!("{left} |> {}{rest}{}", site.str(path), record.unwrap_or_default());
    let title = format!("pipe into `{}`", callee.name());
    Some(action(site.view, CodeActionKind::Rewrite, title, vec![edit(tree.range(call), text)]))
}
