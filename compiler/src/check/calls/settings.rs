//! Values of settings: in braces behind a stage, in braces or parentheses behind a function.

use super::Site;
use super::arguments::Placed;
use super::declaration::{Declaration, Slot};
use crate::ast::{Expr, Parameter};
use crate::check::tree::SettingValue;
use crate::check::{Checker, errors};
use crate::signature::Signature;
use crate::types::SettingSpec;
use crate::value::{Const, Expected, Values, absent, below, has_unknown, missing};

impl Checker<'_> {
    /// The paths of settings of this call of `name` that are set elsewhere: behind its name, or behind the
    /// binding alone where it makes the binding's value.
    pub(super) fn overridden_of(&self, site: Site<'_>, name: &str) -> Vec<Vec<String>> {
        let paths = site.scope.binding.and_then(|at| self.overridden.get(at)).map_or(&[][..], Vec::as_slice);
        let named = name.split('.').fold(paths.to_vec(), |paths, part| below(&paths, part));
        paths.iter().filter(|_| site.part.is_whole()).cloned().chain(named).collect()
    }

    /// The settings of a stage, by position: given, set elsewhere, by default, or missing.
    pub(super) fn settings(&mut self, site: Site<'_>, signature: &Signature) -> Vec<SettingValue> {
        let mut elsewhere = self.overridden_of(site, &signature.name);
        // A setting in parentheses is at the wrong place, and not missing.
        let named = site.args().iter().filter_map(|arg| arg.name.as_ref());
        elsewhere.extend(named.map(|name| vec![name.text.clone()]));
        let given = self.fields(site, Declaration::Stage(signature), &elsewhere);
        let specs: Vec<&SettingSpec> = signature.settings.iter().collect();
        let record = site.record();
        let place = record.map_or(site.callee.span, |record| record.span);
        let broken = record.is_some_and(|record| record.broken) || has_unknown(record, &specs);
        let all = specs.into_iter().zip(given).map(|(spec, given)| {
            given.unwrap_or_else(|| {
                // What is not given may have been meant by what is wrong, be there a default or not.
                let value = if broken { Some(Const::Unknown) } else { absent(spec, &elsewhere, false) };
                let value = value.unwrap_or_else(|| {
                    self.report(errors::missing_setting(&spec.name, &signature.name, &spec.ty, place));
                    Const::Unknown
                });
                SettingValue { value, span: None }
            })
        });
        all.collect()
    }

    /// Checks the fields in braces, by position of what the callee takes there; `None` where one is not
    /// given.
    pub(super) fn fields(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        elsewhere: &[Vec<String>],
    ) -> Vec<Option<SettingValue>> {
        let specs = callee.specs();
        let mut given: Vec<Option<SettingValue>> = vec![None; specs.len()];
        let Some(record) = site.record() else { return given };
        for field in &record.fields {
            let name = &field.name;
            let found = specs.iter().position(|spec| spec.name == name.text);
            let Some((spec, slot)) = found.and_then(|at| Some((specs.get(at)?, given.get_mut(at)?))) else {
                self.report(if callee.has_input(&name.text) {
                    errors::input_in_braces(callee.name(), &name.text, name.span)
                } else {
                    let known: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
                    let missing = missing(specs.iter().copied(), record, elsewhere);
                    errors::unknown_setting(&name.text, callee.name(), &known, &missing, name.span)
                });
                continue;
            };
            self.context.refer(name.span, spec.span);
            if slot.is_some() {
                let first = record.fields.iter().find(|first| first.name.text == name.text);
                let first = first.map_or(name.span, |first| first.name.span);
                self.report(errors::setting_twice(&name.text, name.span, first));
                continue;
            }
            let value = match &field.value {
                Some(value) => self.value(value, spec, site, below(elsewhere, &name.text)),
                None => Const::Unknown,
            };
            *slot = Some(SettingValue { value, span: Some(field.span) });
        }
        given
    }

    /// A value for a setting or parameter; `elsewhere` are the fields in it that are set elsewhere.
    fn value(
        &mut self,
        value: &Expr,
        spec: &SettingSpec,
        site: Site<'_>,
        elsewhere: Vec<Vec<String>>,
    ) -> Const {
        let names = Self::names(self.context, site.scope);
        let values = Values::new(&names, self.diagnostics).with_families();
        values.with_overridden(elsewhere).check(value, &Expected::of(spec))
    }

    /// The value that a function's parameter is given: in parentheses, or as the `field` of its name in
    /// braces.
    pub(super) fn value_argument(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        spec: &SettingSpec,
        placed: Option<Placed<'_>>,
        field: Option<SettingValue>,
    ) -> Option<SettingValue> {
        match (placed, field) {
            (Some(Placed::Piped), _) => {
                let span = site.piped.map_or(site.span, |piped| piped.span);
                self.report(errors::stage_as_value(&spec.name, span));
                Some(SettingValue { value: Const::Unknown, span: None })
            }
            (Some(Placed::Expr(value)), None) => {
                let checked = self.value(value, spec, site, Vec::new());
                Some(SettingValue { value: checked, span: Some(value.span) })
            }
            (Some(Placed::Expr(value)), Some(field)) => {
                let second = field.span.unwrap_or(value.span);
                self.report(errors::argument_twice(callee.name(), &spec.name, second, value.span));
                Some(field)
            }
            (None, field) => field,
        }
    }

    /// The value of a function's parameter that is not given.
    pub(super) fn absent_value(
        &mut self,
        site: Site<'_>,
        callee: Declaration<'_>,
        slot: &Slot<'_>,
        elsewhere: &[Vec<String>],
        broken: bool,
    ) -> SettingValue {
        let value = slot.value.and_then(|spec| absent(spec, elsewhere, broken));
        let value = value.unwrap_or_else(|| {
            self.missing(site, callee, slot);
            Const::Unknown
        });
        SettingValue { value, span: None }
    }

    /// Whether a parameter of the function at position `at` has a default, be it broken.
    pub(super) fn has_default(&self, at: usize, name: &str) -> bool {
        let parameters = self.context.program.defs.get(at).map_or(&[][..], |def| &def.ast.params);
        let named = |parameter: &&Parameter| parameter.name.as_ref().is_some_and(|own| own.text == name);
        parameters.iter().find(named).is_some_and(|parameter| parameter.default.is_some())
    }
}
