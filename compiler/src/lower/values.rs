//! Values worked out where functions are called: parameters are known, families expand.

use super::family::Family;
use super::{Frame, Lowerer, Slot, errors};
use crate::source::Span;
use crate::value::{Const, Value, fold};

impl Lowerer<'_> {
    /// The value, or family of values; `None` where it is broken, which has been reported then.
    pub(super) fn value(&mut self, value: &Const, frame: &Frame<'_>, span: Span) -> Option<Family<Value>> {
        match value {
            Const::Unknown | Const::Missing => None,
            Const::Value(value) => Some(Family::single(value.clone())),
            Const::Local(slot) => match frame.slots.get(*slot)? {
                Slot::Value(family) => family.clone(),
                Slot::Artifact(_) => None,
            },
            Const::List(items) => {
                let parts =
                    items.iter().map(|item| self.value(item, frame, span)).collect::<Option<Vec<_>>>()?;
                self.together(&parts, span, |values| Some(Value::List(values)))
            }
            Const::Record(fields) => {
                let parts = fields
                    .iter()
                    .map(|(_, field)| self.value(field, frame, span))
                    .collect::<Option<Vec<_>>>()?;
                self.together(&parts, span, |values| {
                    let names = fields.iter().map(|(name, _)| name.clone());
                    Some(Value::Record(names.zip(values).collect()))
                })
            }
            Const::Each(each) => {
                let axis = self.axis(each, frame);
                let members = each.members.iter().map(|member| self.value(&member.value, frame, span));
                let members = members.collect::<Option<Vec<_>>>()?;
                self.along(axis, &members, each.span)
            }
            Const::If(choice) => {
                let (condition, then, otherwise) = choice.as_ref();
                let parts = [condition, then, otherwise].map(|part| self.value(part, frame, span));
                let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
                self.together(&parts, span, |values| {
                    let mut values = values.into_iter();
                    let holds = values.next()? == Value::Bool(true);
                    values.nth(usize::from(!holds))
                })
            }
            Const::Not(inner) => {
                let inner = self.value(inner, frame, span)?;
                Some(inner.map(|value| Value::Bool(value != Value::Bool(true))))
            }
            Const::Binary(operator, operands, place) => {
                let parts = [&operands.0, &operands.1].map(|part| self.value(part, frame, span));
                let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
                let mut error = None;
                let result = self.together(&parts, span, |values| {
                    let mut values = values.into_iter().map(Const::Value);
                    match fold::binary(*operator, values.next()?, values.next()?, *place) {
                        Ok(value) => value.into_value(),
                        Err(problem) => {
                            error = Some(problem);
                            None
                        }
                    }
                });
                if let Some(error) = error {
                    self.report(errors::in_call(*error, frame.called));
                }
                result
            }
        }
    }

    /// Combines families cell by cell.
    fn together(
        &mut self,
        parts: &[Family<Value>],
        span: Span,
        mut combine: impl FnMut(Vec<Value>) -> Option<Value>,
    ) -> Option<Family<Value>> {
        let shape = self.shape(parts.iter().map(|part| part.axes.as_slice()), span)?;
        self.spend(shape.len().saturating_mul(parts.len()), span)?;
        let mut cells = Vec::with_capacity(shape.len());
        for cell in 0..shape.len() {
            let coordinates = shape.coordinates(cell);
            let values = parts
                .iter()
                .map(|part| shape.pick(part, &coordinates).cloned())
                .collect::<Option<Vec<_>>>()?;
            cells.push(combine(values)?);
        }
        Some(Family { axes: shape.axes, cells })
    }
}
