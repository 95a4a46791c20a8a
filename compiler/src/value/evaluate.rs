//! Types, units and ranges of values: what stands in braces, behind `param`, and in conditions.

use std::sync::Arc;

use super::names::{Lookup, Names};
use super::{Const, Each, Expected, Member, Value, absent, below, errors, fold, missing};
use crate::ast::{self, Expr, ExprKind};
use crate::code;
use crate::diagnostic::{Diagnostic, Diagnostics, Fix};
use crate::names::closest;
use crate::source::Span;
use crate::types::{ANY_TEXT, Bounds, SettingSpec, SettingType, takes_text};
use crate::units::{self, Dimension, Quantity};

/// Nesting at which a value is refused; the parser allows less, except for long sums.
pub(super) const MAX_DEPTH: usize = 256;

/// Checks values.
pub(crate) struct Values<'a> {
    pub(super) names: &'a dyn Names,
    pub(super) diagnostics: &'a mut Diagnostics,
    /// Whether `each` may stand here.
    families: bool,
    pub(super) depth: usize,
    /// Fields that will be given by a profile or on the command line, as paths below the value.
    overridden: Vec<Vec<String>>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(names: &'a dyn Names, diagnostics: &'a mut Diagnostics) -> Self {
        Self { names, diagnostics, families: false, depth: 0, overridden: Vec::new() }
    }

    /// Counts the nesting from `depth` on.
    pub(super) fn within(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// Lets `each` stand in the values.
    pub(crate) fn with_families(self) -> Self {
        Self { families: true, ..self }
    }

    /// Lets these fields be absent.
    pub(crate) fn with_overridden(self, overridden: Vec<Vec<String>>) -> Self {
        Self { overridden, ..self }
    }

    /// Checks `expr` against what is due.
    pub(crate) fn check(&mut self, expr: &Expr, due: &Expected<'_>) -> Const {
        if self.depth >= MAX_DEPTH {
            self.diagnostics.push(errors::too_deep(expr.span));
            return Const::Unknown;
        }
        self.depth += 1;
        let value = self.check_here(expr, due);
        self.depth -= 1;
        value
    }

    fn check_here(&mut self, expr: &Expr, due: &Expected<'_>) -> Const {
        let ty = due.ty;
        match (&expr.kind, ty) {
            (ExprKind::Error, _) | (_, SettingType::Unknown) => Const::Unknown,
            (ExprKind::If(choice), _) => self.choice(choice, due),
            (ExprKind::Each(members), _) => self.each(expr, members, due),
            (ExprKind::Path(path), SettingType::Optional(_)) if is_word(path, "none") => {
                Const::Value(Value::None)
            }
            (_, SettingType::Optional(inner)) => match self.optional(expr, ty) {
                Some(value) => self.validated(value, expr.span, due),
                None => self.check(expr, &Expected { ty: inner, ..*due }),
            },
            (ExprKind::Path(path), SettingType::OneOf(words)) => self.word(path, words, due),
            (ExprKind::Path(path), _) if is_word(path, "none") => {
                self.report(errors::not_optional(due.name, ty, expr.span))
            }
            (ExprKind::List(items), SettingType::List(element)) => {
                let due = Expected { ty: element, ..*due };
                let items: Vec<Const> = items.iter().map(|item| self.check(item, &due)).collect();
                fold::list(items)
            }
            (ExprKind::Record(record), SettingType::Record(fields)) => self.record(record, fields, due),
            (ExprKind::Range(ends), SettingType::Range) => {
                let ends = self.ends(ends, due.name, due.bounds);
                self.validated(ends, expr.span, due)
            }
            (ExprKind::Path(_) | ExprKind::Text(_) | ExprKind::Number(_), SettingType::List(element)) => {
                self.element(expr, element, due)
            }
            (ExprKind::Text(text), SettingType::Text | SettingType::Path) => {
                Const::Value(Value::Text(text.clone()))
            }
            (ExprKind::Text(text), SettingType::OneOf(words)) if words.contains(text) => {
                self.report(errors::quoted_word(text, due.name, expr.span))
            }
            (ExprKind::Text(text), SettingType::OneOf(words)) if takes_text(words) => {
                Const::Value(Value::Text(text.clone()))
            }
            (ExprKind::Number(number), _) => self.number(expr, number, due),
            (ExprKind::Call(_) | ExprKind::Pipe(_), _) => {
                self.report(errors::stage_as_value(due.name, expr.span))
            }
            (ExprKind::List(_), _) => self.report(errors::mismatch(due.name, ty, "a list", expr.span)),
            (ExprKind::Record(_), _) => {
                self.report(errors::mismatch(due.name, ty, "fields in braces", expr.span))
            }
            (ExprKind::Range(_), _) => self.report(errors::mismatch(due.name, ty, "a range", expr.span)),
            (ExprKind::Measure(_), _) => Const::Unknown,
            (ExprKind::Text(text), _) => self.report(errors::text_for(due.name, ty, text, expr.span)),
            (ExprKind::Path(path), SettingType::Text | SettingType::Path) => self.unquoted(path, due),
            (ExprKind::Path(path), SettingType::Bool) if self.means_nothing(path) => {
                let found = format!("the word `{}`", path.text());
                self.report(errors::mismatch(due.name, ty, &found, expr.span))
            }
            (ExprKind::Path(path), _) if self.means_nothing(path) => {
                let known = self.names.has_params();
                self.report(errors::word_for(due.name, ty, &path.text(), known, expr.span))
            }
            (ExprKind::Path(_) | ExprKind::Binary(_) | ExprKind::Not(_), _) => {
                let Some((value, found)) = self.infer(expr) else { return Const::Unknown };
                self.fit(expr, value, &found, due)
            }
        }
    }

    /// Both ends of a range that is a value.
    pub(super) fn ends(&mut self, ends: &(Expr, Expr), name: &str, bounds: &Bounds) -> Const {
        let due = Expected { name, ty: &SettingType::Int, bounds };
        fold::list(vec![self.check(&ends.0, &due), self.check(&ends.1, &due)])
    }

    /// Checks the condition of an `if`.
    pub(crate) fn condition(&mut self, expr: &Expr) -> Const {
        let families = std::mem::replace(&mut self.families, false);
        let due = Expected { name: "if", ty: &SettingType::Bool, bounds: &Bounds::default() };
        let value = match &expr.kind {
            ExprKind::Call(_) | ExprKind::Pipe(_) => self.report(errors::graph_condition(expr.span)),
            _ => self.check(expr, &due),
        };
        self.families = families;
        value
    }

    /// Reads the range `low..high` of the setting or param `name`.
    pub(crate) fn bounds(&mut self, name: &str, range: &ast::Range, ty: &SettingType) -> Bounds {
        let element = match ty.required() {
            SettingType::List(element) => element.required(),
            ty => ty,
        };
        let element = if *element == SettingType::Range { &SettingType::Int } else { element };
        if *element == SettingType::Unknown {
            return Bounds::default();
        }
        let Some(dimension) = element.dimension() else {
            self.diagnostics.push(errors::range_of(ty, range.span));
            return Bounds::default();
        };
        let mut broken = false;
        let mut end = |expr: Option<&Expr>| {
            let expr = expr?;
            // The type says already what a bare number counts.
            let bare = match &expr.kind {
                ExprKind::Number(number) if number.unit.is_none() => units::quantity(number).ok(),
                _ => None,
            };
            if let Some(Quantity { value, dimension: Dimension::Plain }) = bare {
                return Some(value);
            }
            let due = Expected { name, ty: element, bounds: &Bounds::default() };
            match self.check(expr, &due).into_value() {
                Some(Value::Number(value)) => Some(value),
                _ => {
                    broken = true;
                    None
                }
            }
        };
        let bounds = Bounds { low: end(range.low.as_deref()), high: end(range.high.as_deref()) };
        if broken {
            return Bounds::default();
        }
        if let (Some(low), Some(high)) = (bounds.low, bounds.high)
            && low > high
        {
            self.diagnostics.push(errors::empty_range(&bounds.display(&dimension), range.span));
            return Bounds::default();
        }
        bounds
    }

    /// Whether a name is neither known nor near to one that is.
    fn means_nothing(&self, path: &ast::Path) -> bool {
        let [name] = path.names.as_slice() else { return false };
        let value = matches!(name.text.as_str(), "true" | "false");
        // What another file defines means something.
        let unknown = |error: &Diagnostic| error.fix.is_none() && error.code != code::NAME_NOT_IMPORTED;
        !value && matches!(self.names.lookup(name), Lookup::Unknown(error) if unknown(&error))
    }

    /// A param that may itself be `none`.
    fn optional(&self, expr: &Expr, ty: &SettingType) -> Option<Const> {
        let ExprKind::Path(path) = &expr.kind else { return None };
        let [name] = path.names.as_slice() else { return None };
        match self.names.lookup(name) {
            Lookup::Value(found @ SettingType::Optional(_), value) if found.fits(ty) => Some(value),
            _ => None,
        }
    }

    /// Something else where a list is due: a param that is one, or an element without its brackets.
    fn element(&mut self, expr: &Expr, element: &SettingType, due: &Expected<'_>) -> Const {
        let found = match &expr.kind {
            ExprKind::Path(path) => match path.names.as_slice() {
                [name] => Some(self.names.lookup(name)),
                _ => None,
            },
            _ => None,
        };
        match found {
            Some(Lookup::Value(found, value)) if found.fits(due.ty) => return value,
            Some(Lookup::Broken) => return Const::Unknown,
            _ => {}
        }
        let mut problems = Diagnostics::default();
        Values::new(self.names, &mut problems).check(expr, &Expected { ty: element, ..*due });
        match (problems.is_empty(), found) {
            (true, _) => {
                let text = self.names.text(expr.span);
                self.report(errors::one_for_list(due.name, due.ty, &text, expr.span))
            }
            (false, Some(Lookup::Unknown(error) | Lookup::Error(error))) => self.report(*error),
            (false, _) => self.report(errors::mismatch(due.name, due.ty, "one value", expr.span)),
        }
    }

    fn report(&mut self, error: Diagnostic) -> Const {
        self.diagnostics.push(error);
        Const::Unknown
    }

    fn choice(&mut self, choice: &ast::If, due: &Expected<'_>) -> Const {
        let condition = self.condition(&choice.condition);
        let then = self.check(&choice.then, due);
        let Some(otherwise) = &choice.otherwise else { return Const::Unknown };
        let otherwise = self.check(otherwise, due);
        fold::choice(condition, then, otherwise)
    }

    fn each(&mut self, expr: &Expr, members: &[Expr], due: &Expected<'_>) -> Const {
        if !self.families {
            return self.report(errors::each_here(expr.span));
        }
        if members.is_empty() {
            return self.report(errors::empty_each(expr.span));
        }
        let members = members.iter().map(|member| {
            let value = self.check(member, due);
            Member { text: self.names.text(member.span), value }
        });
        Const::Each(Arc::new(Each {
            span: expr.span,
            label: due.name.to_owned(),
            members: members.collect(),
        }))
    }

    /// A word of a `OneOf`, or a param with one of its words.
    fn word(&mut self, path: &ast::Path, words: &[String], due: &Expected<'_>) -> Const {
        let [name] = path.names.as_slice() else {
            return self.report(errors::not_a_value(&path.text(), path.span));
        };
        if words.contains(&name.text) && name.text != ANY_TEXT {
            return Const::Value(Value::Text(name.text.clone()));
        }
        match self.names.lookup(name) {
            Lookup::Value(found, value) if found.fits(due.ty) => value,
            Lookup::Value(found, _) => self.report(errors::misfit(due.name, due.ty, &found, path.span)),
            Lookup::Broken => Const::Unknown,
            Lookup::Unknown(_) | Lookup::Error(_) => {
                let meant = closest(&name.text, words.iter().map(String::as_str));
                self.report(errors::unknown_word(&name.text, due.name, words, name.span, meant))
            }
        }
    }

    /// A name where text is due: a param, or text without its quotes.
    fn unquoted(&mut self, path: &ast::Path, due: &Expected<'_>) -> Const {
        let found = match path.names.as_slice() {
            [name] => self.names.lookup(name),
            _ => return self.report(errors::unquoted(&path.text(), due.name, path.span)),
        };
        match found {
            Lookup::Value(found, value) if found.fits(due.ty) => value,
            Lookup::Value(found, _) => self.report(errors::misfit(due.name, due.ty, &found, path.span)),
            Lookup::Broken => Const::Unknown,
            Lookup::Unknown(error) if error.fix.is_none() => {
                self.report(errors::unquoted(&path.text(), due.name, path.span))
            }
            Lookup::Unknown(error) | Lookup::Error(error) => self.report(*error),
        }
    }

    fn record(&mut self, record: &ast::Record, fields: &[SettingSpec], due: &Expected<'_>) -> Const {
        let mut given: Vec<Option<Const>> = vec![None; fields.len()];
        let mut places: Vec<Option<Span>> = vec![None; fields.len()];
        let overridden = std::mem::take(&mut self.overridden);
        let missing = missing(fields, record, &overridden);
        let mut unknown = false;
        for field in &record.fields {
            let name = &field.name;
            let Some(at) = fields.iter().position(|spec| spec.name == name.text) else {
                let known: Vec<&str> = fields.iter().map(|spec| spec.name.as_str()).collect();
                unknown = true;
                let error = errors::unknown_field(&name.text, due.name, &known, &missing, name.span);
                self.diagnostics.push(error);
                continue;
            };
            if let Some(first) = places[at] {
                self.diagnostics.push(errors::setting_twice(&name.text, name.span, first));
                continue;
            }
            places[at] = Some(name.span);
            self.names.refer(name.span, fields[at].span);
            self.overridden = below(&overridden, &name.text);
            given[at] = Some(match &field.value {
                Some(value) => self.check(value, &Expected::of(&fields[at])),
                None => Const::Unknown,
            });
        }
        let all = fields.iter().zip(given).map(|(spec, given)| {
            // What is missing may have been meant by the name that is unknown.
            let absent = || absent(spec, &overridden, record.broken || unknown);
            let value = given.or_else(absent).unwrap_or_else(|| {
                self.report(errors::missing_field(&spec.name, due.name, &spec.ty, record.span))
            });
            (spec.name.clone(), value)
        });
        let all = all.collect();
        self.overridden = overridden;
        fold::record(all)
    }

    /// A number as written.
    fn number(&mut self, expr: &Expr, number: &ast::Number, due: &Expected<'_>) -> Const {
        let before = self.diagnostics.len();
        let Some(quantity) = self.quantity(expr.span, number) else {
            // A unit that is near, and of something else, repairs nothing.
            if let Some(error) = self.diagnostics.get_mut(before)
                && !error.fix.as_ref().is_some_and(|fix| is_right(number, fix, due.ty))
            {
                error.fix = None;
            }
            return Const::Unknown;
        };
        let Some(dimension) = due.ty.dimension() else {
            return self.report(errors::mismatch(
                due.name,
                due.ty,
                &describe(&quantity.dimension),
                expr.span,
            ));
        };
        if let SettingType::Units(units) = due.ty
            && let Some(unit) = units.iter().skip(1).find(|unit| unit.dimension() == quantity.dimension)
        {
            let value = Value::Record(vec![(unit.name.clone(), Value::Number(quantity.value))]);
            return self.validated(Const::Value(value), expr.span, due);
        }
        match (&quantity.dimension, &dimension) {
            (Dimension::Plain, Dimension::Plain) => {}
            (Dimension::Plain, _) => {
                return self.report(errors::bare_number(
                    due.name,
                    number,
                    quantity.value,
                    &dimension,
                    expr.span,
                ));
            }
            (found, due) if found == due => {}
            (Dimension::Count(_), Dimension::Plain | Dimension::Count(_)) => {
                return self.report(errors::wrong_unit(due.name, number, &dimension, expr.span));
            }
            (found, _) => return self.report(errors::wrong_dimension(due.name, found, due.ty, expr.span)),
        }
        self.validated(Const::Value(Value::Number(quantity.value)), expr.span, due)
    }

    pub(super) fn quantity(&mut self, span: Span, number: &ast::Number) -> Option<Quantity> {
        match units::quantity(number) {
            Ok(quantity) => Some(quantity),
            Err(error) => {
                self.diagnostics.push(errors::literal(&error, span));
                None
            }
        }
    }

    /// Whether an inferred value can stand where `due` is.
    fn fit(&mut self, expr: &Expr, value: Const, found: &SettingType, due: &Expected<'_>) -> Const {
        if found.fits(due.ty) {
            return self.validated(value, expr.span, due);
        }
        if let (SettingType::Count(Some(name)), SettingType::Units(units)) = (found, due.ty.required())
            && let Some(unit) = units.iter().find(|unit| !unit.times && unit.name == *name)
        {
            let value = fold::record(vec![(unit.name.clone(), value)]);
            return self.validated(value, expr.span, due);
        }
        let plain = found.dimension() == Some(Dimension::Plain);
        match due.ty.dimension() {
            // `97 / 2.0` may be whole after all, where the value is known.
            Some(Dimension::Plain) if plain && !matches!(expr.kind, ExprKind::Path(_)) => {
                self.validated(value, expr.span, due)
            }
            Some(dimension) if plain && dimension != Dimension::Plain => {
                self.report(errors::bare_value(due.name, due.ty, &dimension, expr.span))
            }
            _ => self.report(errors::misfit(due.name, due.ty, found, expr.span)),
        }
    }

    /// Completes a value that is known and of a type that fits, and checks it against the range.
    fn validated(&mut self, value: Const, span: Span, due: &Expected<'_>) -> Const {
        match value {
            Const::Value(known) => {
                let known = known.completed(due.ty);
                match fold::validate(&known, due, span) {
                    Ok(()) => Const::Value(known),
                    Err(error) => self.report(*error),
                }
            }
            value => value,
        }
    }
}

/// Whether the number with another suffix is of the type `ty`.
fn is_right(number: &ast::Number, fix: &Fix, ty: &SettingType) -> bool {
    let Some(edit) = fix.edits.first() else { return false };
    let suffix = ast::Name { span: edit.span, text: edit.text.clone() };
    let number = ast::Number { suffix: Some(suffix), ..number.clone() };
    units::quantity(&number).is_ok_and(|quantity| ty.dimension() == Some(quantity.dimension))
}

/// What a number is where no number is due.
fn describe(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Plain => "a number".to_owned(),
        dimension => dimension.describe(),
    }
}

pub(super) fn is_word(path: &ast::Path, word: &str) -> bool {
    matches!(path.names.as_slice(), [name] if name.text == word)
}
