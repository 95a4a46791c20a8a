//! The calls of a binding's value that profiles and the command line can reach: those that make the value,
//! and by their names all others that stand in it.

use std::rc::Rc;

use super::defs::Heading;
use super::errors;
use super::nodes::Part;
use super::tree::{Argument, DefCall, Node, StageCall};
use crate::ast::Name;
use crate::diagnostic::Diagnostic;
use crate::names::closest;
use crate::resolve::errors as name_errors;
use crate::source::Span;

/// A call.
pub(super) enum Call<'a> {
    Stage(&'a mut StageCall),
    Def(&'a mut DefCall),
}

impl Call<'_> {
    /// What is called.
    pub(super) fn name<'n>(&'n self, defs: &'n [Rc<Heading>]) -> &'n str {
        match self {
            Self::Stage(call) => &call.signature.name,
            Self::Def(call) => defs.get(call.def).map_or("", |heading| &heading.function.name),
        }
    }
}

/// Hands every call in `node` to `act`, and whether it makes the node's value: the last step of a pipe does,
/// every member of an `each`, both branches of an `if`.
pub(super) fn visit(node: &mut Node, part: Part, act: &mut dyn FnMut(Call<'_>, Part)) {
    match node {
        Node::Call(call) => {
            act(Call::Stage(call), part);
            for input in call.inputs.iter_mut().flatten() {
                visit(&mut input.node, Part::Inner, act);
            }
        }
        Node::Apply(call) => {
            act(Call::Def(call), part);
            for argument in &mut call.arguments {
                if let Argument::Node(node) = argument {
                    visit(node, Part::Inner, act);
                }
            }
        }
        Node::Pipe(steps) => {
            let last = steps.len().saturating_sub(1);
            for (at, step) in steps.iter_mut().enumerate() {
                visit(step, part.of_step(at == last), act);
            }
        }
        Node::List(nodes) => nodes.iter_mut().for_each(|node| visit(node, Part::Inner, act)),
        Node::Each(each) => each.members.iter_mut().for_each(|member| visit(&mut member.value, part, act)),
        Node::If(choice) => {
            visit(&mut choice.1, part, act);
            visit(&mut choice.2, part, act);
        }
        Node::Unknown | Node::Binding(_) | Node::Local(_) | Node::Files(_) | Node::Previous => {}
    }
}

/// What the path behind a binding's name means: all calls of a stage, or those that make the value, and what
/// it changes.
pub(super) struct Target<'p> {
    pub(super) stage: Option<String>,
    pub(super) path: &'p [Name],
}

/// A call, as paths can name it.
struct Callee<'a> {
    name: &'a str,
    span: Span,
    part: Part,
    settings: Vec<&'a str>,
}

impl Callee<'_> {
    fn takes(&self, setting: &Name) -> bool {
        self.settings.contains(&setting.text.as_str())
    }
}

/// Which calls in `node`, the value of the binding `first`, the path behind its name speaks of.
///
/// A setting of what makes the value comes first; else the path begins with the name of a stage that stands
/// in it once.
pub(super) fn target<'p>(
    node: &Node,
    defs: &[Rc<Heading>],
    first: &Name,
    path: &'p [Name],
    defined: Span,
) -> Result<Target<'p>, Box<Diagnostic>> {
    let of_value = Ok(Target { stage: None, path });
    let Some(setting) = path.first() else { return of_value };
    let calls = callees(node, Part::Whole, defs);
    let mut heads = calls.iter().filter(|call| call.part.is_whole()).peekable();
    let has_head = heads.peek().is_some();
    if heads.any(|call| call.takes(setting)) {
        return of_value;
    }
    // The longest name of a stage that the path begins with.
    for length in (1..=path.len()).rev() {
        let (stage, rest) = path.split_at(length);
        let name = dotted(stage);
        let places: Vec<Span> = calls.iter().filter(|call| call.name == name).map(|call| call.span).collect();
        match (places.len(), times(node, &name, defs)) {
            (0, _) => {}
            (_, 0 | 1) => return Ok(Target { stage: Some(name), path: rest }),
            _ => return Err(Box::new(errors::ambiguous_stage(&first.text, &name, whole(stage), &places))),
        }
    }
    let stage = &path[..path.len() - 1];
    if !stage.is_empty() {
        let name = dotted(stage);
        let family = |name: &str| name.split('.').next() == Some(setting.text.as_str());
        let known = || calls.iter().map(|call| call.name);
        let meant = closest(&name, known());
        if meant.is_some() || known().any(family) {
            let known: Vec<&str> = known().collect();
            return Err(Box::new(errors::no_such_stage(&first.text, &name, whole(stage), &known, meant)));
        }
    }
    let mut having = calls.iter().filter(|call| call.takes(setting));
    match (having.next(), having.next()) {
        (Some(inner), None) => {
            Err(Box::new(errors::setting_of_inner(&first.text, &setting.text, inner.name, setting.span)))
        }
        _ if has_head => of_value,
        _ => Err(Box::new(name_errors::no_stage_to_override(&first.text, first.span, defined))),
    }
}

/// `filter.language`
pub(super) fn dotted(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
    names.join(".")
}

/// The place of several names.
fn whole(names: &[Name]) -> Span {
    match names {
        [first, .., last] => first.span.to(last.span),
        [one] => one.span,
        [] => Span::default(),
    }
}

/// All calls in `node`.
fn callees<'a>(node: &'a Node, part: Part, defs: &'a [Rc<Heading>]) -> Vec<Callee<'a>> {
    match node {
        Node::Call(call) => {
            let settings = call.signature.settings.iter().map(|spec| spec.name.as_str()).collect();
            let own = Callee { name: &call.signature.name, span: call.span, part, settings };
            let inputs =
                call.inputs.iter().flatten().flat_map(|input| callees(&input.node, Part::Inner, defs));
            std::iter::once(own).chain(inputs).collect()
        }
        Node::Apply(call) => {
            let own = defs.get(call.def).map(|heading| {
                let settings = heading
                    .function
                    .parameters
                    .iter()
                    .filter_map(|it| it.value.as_ref())
                    .map(|it| it.name.as_str());
                Callee { name: &heading.function.name, span: call.span, part, settings: settings.collect() }
            });
            let inputs = call.arguments.iter().filter_map(Argument::node);
            own.into_iter().chain(inputs.flat_map(|node| callees(node, Part::Inner, defs))).collect()
        }
        Node::Pipe(steps) => {
            let last = steps.len().saturating_sub(1);
            steps
                .iter()
                .enumerate()
                .flat_map(|(at, step)| callees(step, part.of_step(at == last), defs))
                .collect()
        }
        Node::List(nodes) => nodes.iter().flat_map(|node| callees(node, Part::Inner, defs)).collect(),
        Node::Each(each) => {
            each.members.iter().flat_map(|member| callees(&member.value, part, defs)).collect()
        }
        Node::If(choice) => {
            let (_, then, otherwise) = choice.as_ref();
            [then, otherwise].into_iter().flat_map(|node| callees(node, part, defs)).collect()
        }
        Node::Unknown | Node::Binding(_) | Node::Local(_) | Node::Files(_) | Node::Previous => Vec::new(),
    }
}

/// How often `name` is called on one way through `node`: members of an `each` and branches of an `if` stand
/// for one another.
fn times(node: &Node, name: &str, defs: &[Rc<Heading>]) -> usize {
    let times = |node: &Node| times(node, name, defs);
    match node {
        Node::Call(call) => {
            let inputs = call.inputs.iter().flatten().map(|input| times(&input.node));
            usize::from(call.signature.name == name) + inputs.sum::<usize>()
        }
        Node::Apply(call) => {
            let own = defs.get(call.def).is_some_and(|heading| heading.function.name == name);
            usize::from(own) + call.arguments.iter().filter_map(Argument::node).map(times).sum::<usize>()
        }
        Node::Pipe(nodes) | Node::List(nodes) => nodes.iter().map(times).sum(),
        Node::Each(each) => each.members.iter().map(|member| times(&member.value)).max().unwrap_or(0),
        Node::If(choice) => times(&choice.1).max(times(&choice.2)),
        Node::Unknown | Node::Binding(_) | Node::Local(_) | Node::Files(_) | Node::Previous => 0,
    }
}
