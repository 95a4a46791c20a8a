//! What profiles and the command line change in the settings of bindings.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::changes::Change;
use super::nodes::Part;
use super::scope::Scope;
use super::targets::{Call, Target, dotted, target, visit};
use super::tree::{Argument, Binding, Node, SettingValue};
use super::{Checker, errors, params};
use crate::ast::{Expr, ExprKind, Name};
use crate::resolve::{Found, Meaning};
use crate::source::Span;
use crate::types::{SettingSpec, SettingType};
use crate::value::{Const, Each, Expected, Member, Value, Values, fold};

impl Checker<'_> {
    /// Notes which settings of bindings are set elsewhere, so that they are not missed.
    pub(super) fn note_overridden(&mut self, changes: &[Change<'_>]) {
        for change in changes.iter().filter(|change| change.selected) {
            let Some((first, rest)) = change.path.split_first() else { continue };
            if let Found::Here(Meaning::Binding(at), _) = self.context.program.find(change.file, &first.text)
            {
                let path: Vec<String> = rest.iter().map(|name| name.text.clone()).collect();
                leaves(path, change.value, &mut self.overridden[at]);
            }
        }
    }

    /// Checks all changes and hands those that count to the calls that they change.
    pub(super) fn overrides(&mut self, changes: &[Change<'_>], bindings: &mut [Binding]) {
        self.duplicates(changes);
        for change in changes {
            if let Some(error) = params::unknown_target(self.context.program, change) {
                self.report(error);
                continue;
            }
            let Some((first, path)) = change.path.split_first() else { continue };
            let Found::Here(Meaning::Binding(at), defined) =
                self.context.program.find(change.file, &first.text)
            else {
                continue;
            };
            self.context.refer(first.span, defined);
            let Some(binding) = bindings.get_mut(at) else { continue };
            if matches!(binding.node, Node::Unknown) {
                continue;
            }
            let broken = is_broken(&binding.node);
            match target(&binding.node, &self.defs, first, path, defined) {
                Ok(Target { stage, path: [setting, fields @ ..] }) => {
                    self.refer_to_function(stage.as_deref(), path);
                    visit(&mut binding.node, Part::Whole, &mut |call, part| {
                        let meant =
                            stage.as_ref().map_or(part.is_whole(), |stage| call.name(&self.defs) == stage);
                        if meant {
                            self.override_call(call, change, setting, fields, broken);
                        }
                    });
                }
                Ok(Target { path: [], .. }) => {
                    self.report(errors::override_of_all(&dotted(change.path), first.span));
                }
                // What is broken may be what the change speaks of.
                Err(_) if broken => {}
                Err(error) => self.report(*error),
            }
        }
        for binding in bindings {
            visit(&mut binding.node, Part::Whole, &mut |call, _| self.incomplete(call));
        }
    }

    /// Notes that a path goes through a function of the program, which stages of the library cannot be.
    fn refer_to_function(&self, name: Option<&str>, path: &[Name]) {
        if let (Some(name), Some(at)) = (name, path.first())
            && let Some(def) = self.defs.iter().find(|def| def.function.name == name)
        {
            self.context.refer(at.span, def.function.span);
        }
    }

    /// Settings that a change was to give, and gave in part.
    fn incomplete(&mut self, call: Call<'_>) {
        let Call::Stage(call) = call else { return };
        for (spec, given) in call.signature.settings.iter().zip(&call.settings) {
            let (Const::Record(fields), SettingType::Record(specs)) = (&given.value, spec.ty.required())
            else {
                continue;
            };
            for (field, _) in fields.iter().filter(|(_, value)| matches!(value, Const::Missing)) {
                if let Some(field) = specs.iter().find(|spec| spec.name == *field) {
                    let place = given.span.unwrap_or(call.span);
                    self.report(errors::missing_field(&field.name, &spec.name, &field.ty, place));
                }
            }
        }
    }

    /// One path twice in one profile.
    fn duplicates(&mut self, changes: &[Change<'_>]) {
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        for change in changes {
            let super::changes::Origin::Profile(profile) = &change.origin else { continue };
            let path = dotted(change.path);
            if let (false, Some(first)) = (seen.insert((profile.clone(), path.clone())), change.path.first())
            {
                let earlier = changes.iter().find(|it| {
                    it.origin == change.origin
                        && it.path.iter().map(|name| name.text.as_str()).eq(path.split('.'))
                });
                let earlier = earlier.and_then(|it| it.path.first()).map_or(first.span, |name| name.span);
                self.report(errors::setting_twice(&path, first.span, earlier));
            }
        }
    }

    fn override_call(
        &mut self,
        call: Call<'_>,
        change: &Change<'_>,
        setting: &Name,
        fields: &[Name],
        broken: bool,
    ) {
        let (name, specs): (String, Vec<Option<SettingSpec>>) = match &call {
            Call::Stage(call) => {
                (call.signature.name.clone(), call.signature.settings.iter().cloned().map(Some).collect())
            }
            Call::Def(call) => {
                let heading = &self.defs[call.def];
                (
                    heading.function.name.clone(),
                    heading.function.parameters.iter().map(|it| it.value.clone()).collect(),
                )
            }
        };
        let found = specs
            .iter()
            .enumerate()
            .find_map(|(at, spec)| Some((at, spec.as_ref()?)).filter(|(_, spec)| spec.name == setting.text));
        let Some((at, spec)) = found else {
            if broken {
                return;
            }
            let known: Vec<&str> = specs.iter().flatten().map(|spec| spec.name.as_str()).collect();
            self.report(errors::unknown_setting(&setting.text, &name, &known, &[], setting.span));
            return;
        };
        self.context.refer(setting.span, spec.span);
        let mut leaves = Vec::new();
        self.leaf(spec, Vec::new(), fields, change, change.value, &mut leaves);
        let given = match call {
            Call::Stage(call) => call.settings.get_mut(at),
            Call::Def(call) => match call.arguments.get_mut(at) {
                Some(Argument::Value(given)) => Some(given),
                _ => None,
            },
        };
        let Some(given) = given.filter(|_| change.selected) else { return };
        for Leaf { way, value, span } in leaves {
            let before = std::mem::replace(&mut given.value, Const::Unknown);
            *given = SettingValue { value: overlay(before, spec, &way, &value), span: Some(span) };
        }
    }

    /// Follows `rest` into the setting, then `value` into its fields: what is not named keeps its value.
    fn leaf(
        &mut self,
        spec: &SettingSpec,
        way: Vec<String>,
        rest: &[Name],
        change: &Change<'_>,
        value: &Expr,
        leaves: &mut Vec<Leaf>,
    ) {
        let fields = match spec.ty.required() {
            SettingType::Record(fields) => fields.as_slice(),
            SettingType::Unknown => return,
            _ => &[],
        };
        let mut enter = |checker: &mut Self, name: &Name, rest: &[Name], value: &Expr| {
            let Some(field) = fields.iter().find(|field| field.name == name.text) else {
                let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                checker.report(errors::unknown_field(&name.text, &spec.name, &known, &[], name.span));
                // What is missing in the record may have been meant.
                leaves.push(Leaf { way: way.clone(), value: Const::Unknown, span: name.span });
                return;
            };
            checker.context.refer(name.span, field.span);
            let mut way = way.clone();
            way.push(name.text.clone());
            checker.leaf(field, way, rest, change, value, leaves);
        };
        match (rest.split_first(), &value.kind) {
            (Some((name, rest)), _) => enter(self, name, rest, value),
            (None, ExprKind::Record(record)) if record.broken => {
                leaves.push(Leaf { way, value: Const::Unknown, span: value.span });
            }
            (None, ExprKind::Record(record)) if !fields.is_empty() => {
                let mut seen: Vec<&Name> = Vec::new();
                for field in &record.fields {
                    if let Some(first) = seen.iter().find(|first| first.text == field.name.text) {
                        self.report(errors::setting_twice(&field.name.text, field.name.span, first.span));
                        continue;
                    }
                    seen.push(&field.name);
                    if let Some(value) = &field.value {
                        enter(self, &field.name, &[], value);
                    }
                }
            }
            (None, _) => {
                let scope = Scope { file: change.file, ..Scope::default() };
                let names = Self::names(self.context, &scope);
                let checked =
                    Values::new(&names, self.diagnostics).with_families().check(value, &Expected::of(spec));
                leaves.push(Leaf { way, value: checked, span: value.span });
            }
        }
    }
}

/// Whether some part of a value is broken.
fn is_broken(node: &Node) -> bool {
    match node {
        Node::Unknown => true,
        Node::List(nodes) | Node::Pipe(nodes) => nodes.iter().any(is_broken),
        Node::Each(each) => each.members.iter().any(|member| is_broken(&member.value)),
        Node::If(choice) => is_broken(&choice.1) || is_broken(&choice.2),
        Node::Call(call) => call.inputs.iter().flatten().any(|input| is_broken(&input.node)),
        Node::Apply(call) => call.arguments.iter().filter_map(Argument::node).any(is_broken),
        Node::Binding(_) | Node::Local(_) | Node::Files(_) | Node::Previous => false,
    }
}

/// A new value, and the fields that lead to it.
struct Leaf {
    way: Vec<String>,
    value: Const,
    span: Span,
}

/// `before` with the field at the end of `way` replaced.
fn overlay(before: Const, spec: &SettingSpec, way: &[String], value: &Const) -> Const {
    let (Some((name, rest)), SettingType::Record(specs)) = (way.split_first(), spec.ty.required()) else {
        return value.clone();
    };
    let mut fields = match before {
        Const::Record(fields) => fields,
        Const::Value(Value::Record(fields)) => {
            fields.into_iter().map(|(name, value)| (name, Const::Value(value))).collect()
        }
        Const::If(choice) => {
            let (condition, then, otherwise) = *choice;
            let both = [then, otherwise].map(|branch| overlay(branch, spec, way, value));
            let [then, otherwise] = both;
            return Const::If(Box::new((condition, then, otherwise)));
        }
        Const::Each(each) => {
            let members = each.members.iter().map(|member| Member {
                text: member.text.clone(),
                value: overlay(member.value.clone(), spec, way, value),
            });
            let members = members.collect();
            return Const::Each(Arc::new(Each { span: each.span, label: each.label.clone(), members }));
        }
        Const::Value(Value::None) | Const::Missing => {
            let fields = specs.iter().map(|spec| {
                let default = spec.default.clone().map_or(Const::Missing, Const::Value);
                (spec.name.clone(), default)
            });
            fields.collect()
        }
        _ => return Const::Unknown,
    };
    if let (Some((_, field)), Some(spec)) =
        (fields.iter_mut().find(|(field, _)| field == name), specs.iter().find(|spec| spec.name == *name))
    {
        let before = std::mem::replace(field, Const::Unknown);
        *field = overlay(before, spec, rest, value);
    }
    fold::record(fields)
}

/// The paths that a value sets.
fn leaves(path: Vec<String>, value: &Expr, found: &mut Vec<Vec<String>>) {
    match &value.kind {
        ExprKind::Record(record) => {
            for field in &record.fields {
                if let Some(value) = &field.value {
                    let mut path = path.clone();
                    path.push(field.name.text.clone());
                    leaves(path, value, found);
                }
            }
        }
        _ => found.push(path),
    }
}
