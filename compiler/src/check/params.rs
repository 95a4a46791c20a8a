//! Params: their types, and the values they have in this compilation.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::changes::{Change, Origin};
use super::{Reference, errors};
use crate::ast;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::resolve::{Found, Meaning, Program, RESERVED, errors as name_errors, unknown_name};
use crate::signature::{Declared, lone_word, setting};
use crate::source::Span;
use crate::types::{Bounds, SettingSpec, SettingType};
use crate::value::names::{Lookup, Names, NoNames};
use crate::value::{Const, Expected, Value, Values};

/// A param with its value.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) spec: SettingSpec,
    /// `None` where it is broken.
    pub(crate) value: Option<Value>,
    pub(crate) origin: Origin,
    /// Where the value is written.
    pub(crate) value_span: Span,
}

/// Works out all params, in order of their dependencies.
pub(super) fn params(
    program: &Program<'_>,
    changes: &[Change<'_>],
    references: &RefCell<Vec<Reference>>,
    diagnostics: &mut Diagnostics,
) -> Vec<Param> {
    let mut by_name: BTreeMap<&str, Vec<&Change<'_>>> = BTreeMap::new();
    for change in changes {
        if let Some(first) = change.path.first() {
            by_name.entry(&first.text).or_default().push(change);
        }
    }
    let mut params: Vec<Param> = Vec::with_capacity(program.params.len());
    for item in &program.params {
        let ast = item.ast;
        let declared = Declared {
            name: ast.name.as_ref(),
            docs: &ast.docs,
            ty: ast.ty.as_ref(),
            default: ast.default.as_ref().filter(|_| !item.cyclic),
            range: ast.range.as_ref(),
            runtime: false,
        };
        let names =
            ParamNames { program, file: item.file, own: &item.name.text, params: &params, references };
        let spec = match lone_word(ast.ty.as_ref(), ast.default.as_ref()) {
            Some(error) => {
                diagnostics.push(error);
                unknown(item.name)
            }
            None => setting(&declared, &names, diagnostics).unwrap_or_else(|| unknown(item.name)),
        };
        let mut value = spec.default.clone();
        let mut set = ast.default.is_some();
        let (mut origin, mut value_span) =
            (Origin::Default, ast.default.as_ref().map_or(item.name.span, |it| it.span));
        for change in by_name.get(item.name.text.as_str()).into_iter().flatten() {
            let [name, rest @ ..] = change.path else { continue };
            references.borrow_mut().push(Reference { at: name.span, to: item.name.span });
            let changed = change_value(&spec, value.as_ref(), rest, change, references, diagnostics);
            if change.selected {
                set = true;
                (value, origin, value_span) = (changed, change.origin.clone(), change.value.span);
            }
        }
        // A default that could not be read is none that is missing.
        let broken = |error: &Diagnostic| error.is_error() && within(error.span(), ast.span);
        let set = set || (ast.default.is_none() && diagnostics.iter().any(broken));
        let broken = program.is_broken(item.file, ast.span);
        let known = spec.ty != SettingType::Unknown && !item.cyclic && !broken;
        if !set && value.is_none() && known {
            diagnostics.push(errors::unset_param(&spec.name, &spec.ty, item.name.span));
        }
        let value = value.filter(|_| known);
        params.push(Param { spec, value, origin, value_span });
    }
    params
}

/// Whether `error` lies in `item`, or right behind what could be read of it.
fn within(error: Span, item: Span) -> bool {
    error.file == item.file && item.start <= error.start && error.start <= item.end + 1
}

fn unknown(name: &ast::Name) -> SettingSpec {
    SettingSpec {
        name: name.text.clone(),
        docs: String::new(),
        ty: SettingType::Unknown,
        default: None,
        bounds: Bounds::default(),
        runtime: false,
        span: name.span,
    }
}

/// The value after a change of the param or of a field in it; `None` where the change is broken.
fn change_value(
    spec: &SettingSpec,
    value: Option<&Value>,
    fields: &[ast::Name],
    change: &Change<'_>,
    references: &RefCell<Vec<Reference>>,
    diagnostics: &mut Diagnostics,
) -> Option<Value> {
    let Some((field, rest)) = fields.split_first() else {
        if let (SettingType::Record(specs), ast::ExprKind::Record(record), Some(Value::Record(_))) =
            (spec.ty.required(), &change.value.kind, value)
        {
            // Fields that are not named keep their values.
            let mut value = value.cloned();
            for field in &record.fields {
                let (Some(expr), true) =
                    (&field.value, specs.iter().any(|spec| spec.name == field.name.text))
                else {
                    continue;
                };
                let path = std::slice::from_ref(&field.name);
                let change = Change { value: expr, ..change.clone() };
                value = change_value(spec, value.as_ref(), path, &change, references, diagnostics);
            }
            if record.fields.iter().all(|field| specs.iter().any(|spec| spec.name == field.name.text)) {
                return value;
            }
        }
        return Values::new(&NoNames::Change(references), diagnostics)
            .check(change.value, &Expected::of(spec))
            .into_value();
    };
    let known = match spec.ty.required() {
        SettingType::Record(specs) => specs.as_slice(),
        SettingType::Unknown => return None,
        _ => &[],
    };
    let Some(inner) = known.iter().find(|spec| spec.name == field.text) else {
        let names: Vec<&str> = known.iter().map(|spec| spec.name.as_str()).collect();
        diagnostics.push(errors::unknown_field(&field.text, &spec.name, &names, &[], field.span));
        return None;
    };
    references.borrow_mut().push(Reference { at: field.span, to: inner.span });
    let mut values = match value {
        Some(Value::Record(values)) => values.clone(),
        _ => known
            .iter()
            .map(|spec| Some((spec.name.clone(), spec.default.clone()?)))
            .collect::<Option<Vec<_>>>()?,
    };
    let (_, slot) = values.iter_mut().find(|(name, _)| *name == field.text)?;
    *slot = change_value(inner, Some(slot), rest, change, references, diagnostics)?;
    Some(Value::Record(values))
}

/// Params that were worked out before.
struct ParamNames<'a> {
    program: &'a Program<'a>,
    file: usize,
    /// The param that is being worked out.
    own: &'a str,
    params: &'a [Param],
    references: &'a RefCell<Vec<Reference>>,
}

impl Names for ParamNames<'_> {
    fn lookup(&self, name: &ast::Name) -> Lookup {
        let error = match self.program.find(self.file, &name.text) {
            Found::Here(Meaning::Param(at), to) => {
                self.references.borrow_mut().push(Reference { at: name.span, to });
                return match self.params.get(at).map(|param| (&param.spec.ty, &param.value)) {
                    Some((ty, Some(value))) => Lookup::Value(ty.clone(), Const::Value(value.clone())),
                    // Broken, or part of a circle.
                    _ => Lookup::Broken,
                };
            }
            Found::Here(Meaning::Binding(at), _)
                if self
                    .program
                    .bindings
                    .get(at)
                    .and_then(|item| item.ast.value.as_ref())
                    .is_none_or(ast::Expr::is_value) =>
            {
                return Lookup::Broken;
            }
            Found::Here(Meaning::Binding(_), to) => errors::artifact_as_value(&name.text, name.span, to),
            Found::Here(Meaning::Def(_), _) => errors::def_as_value(&name.text, name.span),
            Found::Nowhere if self.program.may_miss(self.file) => return Lookup::Broken,
            Found::Elsewhere(..) | Found::Nowhere => {
                let params = self.program.visible_names(self.file, |what| matches!(what, Meaning::Param(_)));
                let known = params.filter(|name| *name != self.own).chain(RESERVED);
                return Lookup::Unknown(Box::new(unknown_name(self.program, self.file, name, known)));
            }
        };
        Lookup::Error(Box::new(error))
    }

    fn text(&self, _: Span) -> String {
        String::new()
    }

    fn refer(&self, at: Span, to: Span) {
        self.references.borrow_mut().push(Reference { at, to });
    }
}

/// The names that changes can begin with.
pub(super) fn unknown_target(program: &Program<'_>, change: &Change<'_>) -> Option<Diagnostic> {
    let name = change.path.first()?;
    let known = program.visible_names(change.file, |what| !matches!(what, Meaning::Def(_)));
    match program.find(change.file, &name.text) {
        Found::Here(Meaning::Def(_), _) | Found::Nowhere => {
            let meant = crate::names::closest(&name.text, known);
            Some(name_errors::unknown_override(&name.text, name.span, meant))
        }
        Found::Elsewhere(home, span) => {
            Some(program.not_imported(change.file, home, &name.text, name.span, span))
        }
        Found::Here(..) => None,
    }
}
