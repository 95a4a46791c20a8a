//! From the checked program to the graph: functions are written out, families expanded, settings worked out.
//!
//! Bindings are worked through in order of their dependencies, so that stages come out in topological order.
//! Everything is bounded: stages, members of a family, depth, and the work in total.

mod builder;
mod errors;
mod family;
mod steps;
mod values;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::check::Checked;
use crate::check::tree::{Argument, DefCall, Node, StageCall};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{FileSet, Graph, Input, Producer, Setting, Source, Stage, StageId};
use crate::signature::{LOCK, Rule};
use crate::source::Span;
use crate::types::{Pattern, SettingType};
use crate::value::{Const, Each, Expected, Value, fold};
use builder::Builder;
use family::{Axis, Family, Shape};
pub(crate) use steps::written_out;

/// Stages of one pipeline.
pub const MAX_STAGES: usize = 10_000;

/// Nesting of functions and brackets taken together.
const MAX_DEPTH: usize = 400;

/// Stages, list elements and function calls met on the way.
const MAX_STEPS: usize = 4_000_000;

/// What writing out a function costs, on top of what stands in it.
const STEPS_OF_A_CALL: usize = 40;

/// What one artifact is made by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Stage(StageId),
    /// By paths and patterns.
    Files(Vec<String>),
    /// Broken, and reported.
    Unknown,
}

/// The value of an expression that makes artifacts.
#[derive(Clone, Debug)]
enum Lowered {
    One(Family<Item>),
    Many(Vec<Item>),
}

impl Lowered {
    fn unknown() -> Self {
        Self::One(Family::single(Item::Unknown))
    }

    fn items(self) -> Vec<Item> {
        match self {
            Self::One(family) => family.cells,
            Self::Many(items) => items,
        }
    }
}

/// A parameter or binding of a function.
#[derive(Clone, Debug)]
enum Slot {
    Artifact(Lowered),
    Value(Option<Family<Value>>),
}

/// Where an expression is lowered.
struct Frame<'a> {
    /// The binding of the top level.
    binding: &'a str,
    /// What names of inner stages begin with: `docs`, `docs/clean`.
    prefix: &'a str,
    slots: Vec<Slot>,
    /// The value of the step before, in a pipe.
    previous: Option<Lowered>,
    /// The call of the function that is written out.
    called: Option<Span>,
}

struct Lowerer<'a> {
    checked: &'a Checked,
    builder: Builder,
    bindings: Vec<Lowered>,
    axes: Vec<Axis>,
    depth: usize,
    steps: usize,
    /// Set once a limit is passed: nothing more is expanded.
    full: bool,
    reported: BTreeSet<(Code, Span)>,
    diagnostics: &'a mut Diagnostics,
}

/// Lowers a checked program; what is broken in it is left out.
pub(crate) fn lower(checked: &Checked, diagnostics: &mut Diagnostics) -> Graph {
    let mut lowerer = Lowerer {
        checked,
        builder: Builder::default(),
        bindings: Vec::with_capacity(checked.bindings.len()),
        axes: Vec::new(),
        depth: 0,
        steps: 0,
        full: false,
        reported: BTreeSet::new(),
        diagnostics,
    };
    for binding in &checked.bindings {
        let name = binding.name.text.as_str();
        let mut frame =
            Frame { binding: name, prefix: name, slots: Vec::new(), previous: None, called: None };
        let lowered = lowerer.node(&binding.node, &mut frame, Some(name));
        if let Lowered::One(Family { axes, cells }) = &lowered
            && let (true, [Item::Stage(id)]) = (axes.is_empty(), cells.as_slice())
        {
            lowerer.builder.claim(*id, name);
        }
        lowerer.bindings.push(lowered);
    }
    let values = checked.bindings.iter().zip(lowerer.bindings);
    let bindings: BTreeMap<String, Vec<StageId>> = values
        .map(|(binding, lowered)| {
            let mut seen = BTreeSet::new();
            let ids = lowered.items().into_iter().filter_map(|item| match item {
                Item::Stage(id) => seen.insert(id).then_some(id),
                Item::Files(_) | Item::Unknown => None,
            });
            (binding.name.text.clone(), ids.collect())
        })
        .collect();
    lowerer.builder.finish(bindings)
}

impl Lowerer<'_> {
    fn report(&mut self, error: Diagnostic) {
        if self.reported.insert((error.code, error.span())) {
            self.diagnostics.push(error);
        }
    }

    /// Counts work; past the limit it reports once and nothing more is expanded.
    fn spend(&mut self, steps: usize, span: Span) -> Option<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS && !self.full {
            self.full = true;
            self.report(errors::expands_too_far(span));
        }
        (!self.full).then_some(())
    }

    /// The common shape of families, where it is not too large.
    fn shape<'f>(&mut self, parts: impl IntoIterator<Item = &'f [usize]>, span: Span) -> Option<Shape> {
        let shape = Shape::union(parts, &self.axes);
        match shape.beyond(MAX_STAGES) {
            Some(sizes) => {
                let error = errors::family_too_large(sizes, MAX_STAGES, span);
                self.report(error);
                None
            }
            None => {
                self.spend(shape.len(), span)?;
                Some(shape)
            }
        }
    }

    /// Lowers a node. `name` is what the stage that makes its value is called.
    fn node(&mut self, node: &Node, frame: &mut Frame<'_>, name: Option<&str>) -> Lowered {
        if self.full {
            return Lowered::unknown();
        }
        if self.depth >= MAX_DEPTH {
            if let Some(span) = node_span(node) {
                self.report(errors::too_deep(span));
            }
            return Lowered::unknown();
        }
        self.depth += 1;
        let lowered = match node {
            Node::Unknown => Lowered::unknown(),
            Node::Binding(at) => self.bindings.get(*at).cloned().unwrap_or_else(Lowered::unknown),
            Node::Local(slot) => match frame.slots.get(*slot) {
                Some(Slot::Artifact(lowered)) => lowered.clone(),
                _ => Lowered::unknown(),
            },
            Node::Previous => frame.previous.clone().unwrap_or_else(Lowered::unknown),
            Node::Files(path) => match self.value(path, frame, Span::default()) {
                Some(paths) => Lowered::One(paths.map(|path| match path {
                    Value::Text(path) => Item::Files(vec![path]),
                    Value::List(paths) => Item::Files(paths.into_iter().flat_map(texts).collect()),
                    _ => Item::Unknown,
                })),
                None => Lowered::unknown(),
            },
            Node::List(nodes) => {
                let mut items = Vec::with_capacity(nodes.len());
                for node in nodes {
                    items.extend(self.node(node, frame, None).items());
                }
                Lowered::Many(items)
            }
            Node::Each(each) => self.each(each, frame, name),
            Node::If(choice) => self.choice(&choice.0, &choice.1, &choice.2, frame, name),
            Node::Call(call) => self.stage(call, frame, name),
            Node::Apply(call) => self.apply(call, frame, name),
            Node::Pipe(steps) => {
                let outer = frame.previous.take();
                let last = steps.len().saturating_sub(1);
                for (at, step) in steps.iter().enumerate() {
                    let name = name.filter(|_| at == last);
                    frame.previous = Some(self.node(step, frame, name));
                }
                let value = std::mem::replace(&mut frame.previous, outer);
                value.unwrap_or_else(Lowered::unknown)
            }
        };
        self.depth -= 1;
        lowered
    }

    /// A new axis for an `each`.
    fn axis<T>(&mut self, each: &Each<T>, frame: &Frame<'_>) -> usize {
        let mut members: Vec<String> = each.members.iter().map(|member| member.text.clone()).collect();
        let mut seen = BTreeSet::new();
        for (at, member) in members.iter_mut().enumerate() {
            if member.is_empty() || !seen.insert(member.clone()) {
                *member = format!("#{}", at + 1);
                seen.insert(member.clone());
            }
        }
        self.axes.push(Axis { home: frame.binding.to_owned(), label: each.label.clone(), members });
        self.axes.len() - 1
    }

    fn each(&mut self, each: &Each<Node>, frame: &mut Frame<'_>, name: Option<&str>) -> Lowered {
        let axis = self.axis(each, frame);
        let mut members = Vec::with_capacity(each.members.len());
        for (at, member) in each.members.iter().enumerate() {
            let text = self.axes.get(axis).and_then(|axis| axis.members.get(at)).cloned().unwrap_or_default();
            let name = name.map(|name| format!("{name}[{text}]"));
            match self.node(&member.value, frame, name.as_deref()) {
                Lowered::One(family) => members.push(family),
                // A list among the members makes all of it one.
                Lowered::Many(_) => return Lowered::unknown(),
            }
        }
        self.along(axis, &members, each.span).map_or_else(Lowered::unknown, Lowered::One)
    }

    /// The family whose values along `axis` are those of `members`.
    fn along<T: Clone>(&mut self, axis: usize, members: &[Family<T>], span: Span) -> Option<Family<T>> {
        let own = [axis];
        let parts = members.iter().map(|member| member.axes.as_slice()).chain([own.as_slice()]);
        let shape = self.shape(parts, span)?;
        let at = shape.axes.binary_search(&axis).ok()?;
        let cells = (0..shape.len()).map(|cell| {
            let coordinates = shape.coordinates(cell);
            shape.pick(members.get(*coordinates.get(at)?)?, &coordinates).cloned()
        });
        let cells = cells.collect::<Option<Vec<T>>>()?;
        Some(Family { axes: shape.axes, cells })
    }

    fn choice(
        &mut self,
        condition: &Const,
        then: &Node,
        otherwise: &Node,
        frame: &mut Frame<'_>,
        name: Option<&str>,
    ) -> Lowered {
        let Some(condition) = self.value(condition, frame, Span::default()) else {
            return Lowered::unknown();
        };
        if let [Value::Bool(holds)] = condition.cells.as_slice() {
            return self.node(if *holds { then } else { otherwise }, frame, name);
        }
        let branches = (self.node(then, frame, name), self.node(otherwise, frame, name));
        let (Lowered::One(then), Lowered::One(otherwise)) = branches else { return Lowered::unknown() };
        let parts = [condition.axes.as_slice(), then.axes.as_slice(), otherwise.axes.as_slice()];
        let Some(shape) = self.shape(parts, Span::default()) else { return Lowered::unknown() };
        let cells = (0..shape.len()).map(|cell| {
            let coordinates = shape.coordinates(cell);
            let holds = shape.pick(&condition, &coordinates) == Some(&Value::Bool(true));
            let branch = if holds { &then } else { &otherwise };
            shape.pick(branch, &coordinates).cloned().unwrap_or(Item::Unknown)
        });
        let cells = cells.collect();
        Lowered::One(Family { axes: shape.axes, cells })
    }

    fn stage(&mut self, call: &StageCall, frame: &mut Frame<'_>, name: Option<&str>) -> Lowered {
        let signature = &call.signature;
        let mut inputs: Vec<(&str, Span, Lowered)> = Vec::with_capacity(call.inputs.len());
        for (input, given) in signature.inputs.iter().zip(&call.inputs) {
            let Some(given) = given else { continue };
            let lowered = self.node(&given.node, frame, None);
            let lowered = match (is_list(input.ty.as_ref()), lowered) {
                // A list collects a family.
                (true, lowered) => Lowered::Many(lowered.items()),
                (false, lowered) => lowered,
            };
            inputs.push((&input.name, given.span, lowered));
        }
        let mut settings: Vec<Option<Family<Value>>> = Vec::with_capacity(call.settings.len());
        for given in &call.settings {
            settings.push(self.value(&given.value, frame, given.span.unwrap_or(call.span)));
        }
        let families = inputs.iter().filter_map(|(.., lowered)| match lowered {
            Lowered::One(family) => Some(family.axes.as_slice()),
            Lowered::Many(_) => None,
        });
        let parts = families.chain(settings.iter().flatten().map(|family| family.axes.as_slice()));
        let parts: Vec<&[usize]> = parts.collect();
        let Some(shape) = self.shape(parts, call.span) else { return Lowered::unknown() };
        let base = match name {
            Some(name) => name.to_owned(),
            None => self.builder.unique(format!("{}/{}", frame.prefix, signature.name)),
        };
        let mut cells = Vec::with_capacity(shape.len());
        for cell in 0..shape.len() {
            let coordinates = shape.coordinates(cell);
            let stage = self.cell(call, &shape, &coordinates, &inputs, &settings, frame.called);
            cells.push(match stage {
                Some(mut stage) if !self.full => {
                    stage.name = format!("{base}{}", self.suffix(&shape, &coordinates, frame));
                    let id = self.builder.add(stage, signature);
                    if self.builder.len() > MAX_STAGES {
                        self.full = true;
                        self.report(errors::too_many_stages(MAX_STAGES, call.span));
                    }
                    Item::Stage(id)
                }
                _ => Item::Unknown,
            });
        }
        Lowered::One(Family { axes: shape.axes, cells })
    }

    /// One member of a family of stages, still without its name.
    fn cell(
        &mut self,
        call: &StageCall,
        shape: &Shape,
        coordinates: &[usize],
        inputs: &[(&str, Span, Lowered)],
        settings: &[Option<Family<Value>>],
        called: Option<Span>,
    ) -> Option<Stage> {
        let signature = &call.signature;
        let mut resolved = Vec::with_capacity(inputs.len());
        for (role, span, lowered) in inputs {
            let items = match lowered {
                Lowered::One(family) => std::slice::from_ref(shape.pick(family, coordinates)?),
                Lowered::Many(items) => items,
            };
            self.spend(items.len(), *span)?;
            for item in items {
                let from = match item {
                    Item::Stage(id) => Producer::Stage(*id),
                    Item::Files(patterns) => Producer::Files(FileSet {
                        source: Source::Patterns(patterns.clone()),
                        names: signature.flow.uses_names,
                    }),
                    Item::Unknown => return None,
                };
                resolved.push(Input { role: (*role).to_owned(), from, span: *span });
            }
        }
        let mut values = Vec::with_capacity(settings.len());
        for ((spec, given), family) in signature.settings.iter().zip(&call.settings).zip(settings) {
            // A record that comes out of a param may lack fields that have defaults.
            let value = shape.pick(family.as_ref()?, coordinates)?;
            let element = match spec.ty.required() {
                SettingType::List(element) => element.required(),
                ty => ty,
            };
            let value = match element {
                SettingType::Record(_) => Cow::Owned(value.clone().completed(&spec.ty)),
                _ => Cow::Borrowed(value),
            };
            if let Err(error) = fold::validate(&value, &Expected::of(spec), given.span.unwrap_or(call.span)) {
                self.report(errors::in_call(*error, called));
                return None;
            }
            values.push(Setting {
                name: spec.name.clone(),
                value: value.to_json(&spec.ty),
                // Which files of a list are read is known by the files.
                runtime: spec.runtime
                    || (spec.ty == SettingType::Range && signature.flow.locked_by.contains(&spec.name)),
                path: spec.ty.is_path(),
                span: given.span,
            });
        }
        if signature.flow.is_locked() {
            let asked = values.iter().filter(|setting| signature.flow.locked_by.contains(&setting.name));
            let asked: BTreeMap<&str, _> =
                asked.map(|setting| (setting.name.as_str(), &setting.value)).collect();
            let request = serde_json::json!({ "stage": signature.name, "settings": asked });
            let source = Source::Lock(request.to_string());
            let from = Producer::Files(FileSet { source, names: signature.flow.uses_names });
            resolved.push(Input { role: LOCK.to_owned(), from, span: call.span });
        }
        for rule in &signature.rules {
            let Some(error) = self.broken_rule(rule, call, shape, coordinates, settings)? else { continue };
            self.report(errors::in_call(error, called));
            return None;
        }
        values.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Stage {
            name: String::new(),
            kind: signature.name.clone(),
            epoch: signature.epoch,
            settings: values,
            inputs: resolved,
            // Known once its id is.
            output: None,
            per_shard: signature.per_shard.clone(),
            resumes: signature.resumes,
            stem: signature.stem.clone(),
            needs: signature.needs.clone(),
            amounts: signature.amounts.clone(),
            command: signature.command.clone(),
            command_span: signature.command_span,
            jsonl: signature.jsonl,
            span: call.span,
        })
    }

    /// What is wrong where a rule of the signature does not hold; `None` where that cannot be said.
    fn broken_rule(
        &self,
        rule: &Rule,
        call: &StageCall,
        shape: &Shape,
        coordinates: &[usize],
        settings: &[Option<Family<Value>>],
    ) -> Option<Option<Diagnostic>> {
        let specs = &call.signature.settings;
        let position = |path: &[String]| specs.iter().position(|spec| Some(&spec.name) == path.first());
        let value = |path: &[String]| {
            let at = position(path)?;
            let value = shape.pick(settings.get(at)?.as_ref()?, coordinates)?;
            let mut value = value.clone().completed(&specs.get(at)?.ty);
            let mut ty = &specs.get(at)?.ty;
            for field in path.iter().skip(1) {
                let (Value::Record(values), SettingType::Record(fields)) = (value, ty.required()) else {
                    return None;
                };
                value = values.into_iter().find(|(name, _)| name == field)?.1;
                ty = &fields.iter().find(|spec| spec.name == *field)?.ty;
            }
            Some((value, ty))
        };
        let slot = |slot: usize| Some(value(rule.settings.get(slot)?)?.0);
        let span = |path: &Vec<String>| call.settings.get(position(path)?)?.span;
        let written = rule.settings.iter().filter_map(span).next().unwrap_or(call.span);
        match fold::evaluate(&rule.condition, &slot) {
            Ok(Some(Value::Bool(true))) => Some(None),
            Ok(Some(Value::Bool(false))) => {
                let shown = rule.settings.iter().filter_map(|path| {
                    let (value, ty) = value(path)?;
                    Some(format!("`{}` is {}", path.join("."), value.display(ty)))
                });
                let shown: Vec<String> = shown.collect();
                Some(Some(errors::broken_rule(&rule.message, &shown, &call.signature.name, written)))
            }
            Ok(_) => None,
            Err(error) => Some(Some(*error)),
        }
    }

    /// `[lr=1e-3, chat.lr=3e-4]`
    fn suffix(&self, shape: &Shape, coordinates: &[usize], frame: &Frame<'_>) -> String {
        let axes: Vec<&Axis> = shape.axes.iter().filter_map(|&axis| self.axes.get(axis)).collect();
        let parts: Vec<String> = axes
            .iter()
            .zip(coordinates)
            .map(|(axis, &at)| {
                let member = axis.members.get(at).map_or("", String::as_str);
                let clash = axes.iter().filter(|other| other.label == axis.label).count() > 1;
                match (axis.label.as_str(), clash && axis.home != frame.binding) {
                    ("", _) => member.to_owned(),
                    (label, false) => format!("{label}={member}"),
                    (label, true) => format!("{}.{label}={member}", axis.home),
                }
            })
            .collect();
        if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) }
    }

    fn apply(&mut self, call: &DefCall, frame: &mut Frame<'_>, name: Option<&str>) -> Lowered {
        let checked = self.checked;
        let Some(def) = checked.defs.get(call.def) else { return Lowered::unknown() };
        if self.spend(STEPS_OF_A_CALL, call.span).is_none() {
            return Lowered::unknown();
        }
        let mut slots = Vec::with_capacity(call.arguments.len() + def.bindings.len());
        for (argument, spec) in call.arguments.iter().zip(&def.parameters) {
            slots.push(match argument {
                Argument::Node(node) => Slot::Artifact(self.node(node, frame, None)),
                Argument::Value(given) => {
                    let span = given.span.unwrap_or(call.span);
                    let value = self.value(&given.value, frame, span);
                    Slot::Value(value.filter(|family| self.valid(family, spec.as_ref(), span)))
                }
            });
        }
        let prefix = self.builder.unique(format!("{}/{}", frame.prefix, def.name));
        let mut inner =
            Frame { binding: frame.binding, prefix: &prefix, slots, previous: None, called: Some(call.span) };
        for (local, node) in &def.bindings {
            let name = format!("{prefix}/{}", local.text);
            let value = self.node(node, &mut inner, Some(&name));
            inner.slots.push(Slot::Artifact(value));
        }
        self.node(&def.body, &mut inner, Some(name.unwrap_or(&prefix)))
    }

    fn valid(
        &mut self,
        family: &Family<Value>,
        spec: Option<&crate::types::SettingSpec>,
        span: Span,
    ) -> bool {
        let Some(spec) = spec else { return true };
        family.cells.iter().all(|value| match fold::validate(value, &Expected::of(spec), span) {
            Ok(()) => true,
            Err(error) => {
                self.report(*error);
                false
            }
        })
    }
}

/// The texts of a value, lists in it included.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Text(text) => vec![text],
        Value::List(values) => values.into_iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn is_list(ty: Option<&Pattern>) -> bool {
    ty.is_some_and(|ty| ty.list)
}

fn node_span(node: &Node) -> Option<Span> {
    match node {
        Node::Call(call) => Some(call.span),
        Node::Apply(call) => Some(call.span),
        Node::Each(each) => Some(each.span),
        _ => None,
    }
}
