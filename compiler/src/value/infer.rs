//! Values that say their type themselves: operands, conditions, names.

use super::evaluate::{MAX_DEPTH, Values, is_word};
use super::names::{Lookup, Names};
use super::{Const, Expected, Value, errors, fold};
use crate::ast::{self, Expr, ExprKind, Operator};
use crate::source::Span;
use crate::types::{Bounds, SettingType, Unit};
use crate::units::{Dimension, Quantity};

impl Values<'_> {
    /// The value and type of an expression that says its type itself.
    pub(super) fn infer(&mut self, expr: &Expr) -> Option<(Const, SettingType)> {
        if self.depth >= MAX_DEPTH {
            self.diagnostics.push(errors::too_deep(expr.span));
            return None;
        }
        self.depth += 1;
        let found = self.infer_here(expr);
        self.depth -= 1;
        found
    }

    fn infer_here(&mut self, expr: &Expr) -> Option<(Const, SettingType)> {
        match &expr.kind {
            ExprKind::Error => None,
            ExprKind::Number(number) => {
                let Quantity { value, dimension } = self.quantity(expr.span, number)?;
                let ty = match dimension {
                    Dimension::Plain if value.as_whole().is_some() => SettingType::Int,
                    Dimension::Plain => SettingType::Float,
                    Dimension::Ratio => SettingType::Ratio,
                    Dimension::Bytes => SettingType::Bytes,
                    Dimension::Time => SettingType::Duration,
                    Dimension::Count(unit) => SettingType::Count(Some(unit)),
                    Dimension::Times(name) => {
                        let value = vec![(name.clone(), Value::Number(value))];
                        let ty = SettingType::Units(vec![Unit { name, times: true }]);
                        return Some((Const::Value(Value::Record(value)), ty));
                    }
                };
                Some((Const::Value(Value::Number(value)), ty))
            }
            ExprKind::Text(text) => Some((Const::Value(Value::Text(text.clone())), SettingType::Text)),
            ExprKind::Path(path) => self.name(path),
            ExprKind::Not(inner) => {
                let due = Expected { name: "not", ty: &SettingType::Bool, bounds: &Bounds::default() };
                Some((fold::not(self.check(inner, &due)), SettingType::Bool))
            }
            ExprKind::Binary(binary) => self.binary(expr, binary),
            ExprKind::If(choice) => {
                let condition = self.condition(&choice.condition);
                let then = self.infer(&choice.then);
                let (otherwise, other) = self.infer(choice.otherwise.as_ref()?)?;
                let (then, ty) = then?;
                if !other.fits(&ty) && !ty.fits(&other) {
                    self.diagnostics.push(errors::alternatives(
                        "branches",
                        &ty.to_string(),
                        &other.to_string(),
                        expr.span,
                    ));
                    return None;
                }
                let ty = if ty.fits(&other) { other } else { ty };
                Some((fold::choice(condition, then, otherwise), ty))
            }
            ExprKind::Call(_) | ExprKind::Pipe(_) => {
                self.diagnostics.push(errors::stage_as_value("this", expr.span));
                None
            }
            ExprKind::Range(ends) => {
                let ends = self.ends(ends, "the range", &Bounds::default());
                Some((ends, SettingType::Range))
            }
            ExprKind::Measure(_) | ExprKind::List(_) | ExprKind::Record(_) | ExprKind::Each(_) => {
                self.diagnostics.push(errors::no_operand(expr.span));
                None
            }
        }
    }

    fn name(&mut self, path: &ast::Path) -> Option<(Const, SettingType)> {
        if is_word(path, "true") || is_word(path, "false") {
            return Some((Const::Value(Value::Bool(is_word(path, "true"))), SettingType::Bool));
        }
        if is_word(path, "none") {
            let any = SettingType::Optional(Box::new(SettingType::Unknown));
            return Some((Const::Value(Value::None), any));
        }
        let found = match path.names.as_slice() {
            [name] => self.names.lookup(name),
            _ => match self.names.field(path) {
                Some(found) => found,
                None => {
                    self.diagnostics.push(errors::not_a_value(&path.text(), path.span));
                    return None;
                }
            },
        };
        match found {
            Lookup::Value(_, Const::Unknown) | Lookup::Broken => None,
            Lookup::Value(ty, value) => Some((value, ty)),
            Lookup::Unknown(error) | Lookup::Error(error) => {
                self.diagnostics.push(*error);
                None
            }
        }
    }

    fn binary(&mut self, expr: &Expr, binary: &ast::Binary) -> Option<(Const, SettingType)> {
        let operator = binary.operator;
        if matches!(operator, Operator::And | Operator::Or) {
            let due =
                Expected { name: fold::symbol(operator), ty: &SettingType::Bool, bounds: &Bounds::default() };
            let left = self.check(&binary.left, &due);
            let right = match present(&binary.left, operator).filter(|_| self.names.narrows()) {
                Some(path) => {
                    let names = Present { names: self.names, path: path.text() };
                    Values::new(&names, self.diagnostics).within(self.depth).check(&binary.right, &due)
                }
                None => self.check(&binary.right, &due),
            };
            return self.fold(operator, left, right, expr.span, SettingType::Bool);
        }
        if matches!(operator, Operator::Equal | Operator::NotEqual) {
            return self.equality(expr, binary);
        }
        let left = self.infer(&binary.left);
        let right = self.infer(&binary.right);
        let ((left, left_ty), (right, right_ty)) = (left?, right?);
        // What may be `none` cannot be reckoned with.
        let dimension = |ty: &SettingType| match ty {
            SettingType::Optional(_) | SettingType::Units(_) => None,
            ty => ty.dimension(),
        };
        let dimensions = dimension(&left_ty).zip(dimension(&right_ty));
        let whole = left_ty == SettingType::Int && right_ty == SettingType::Int;
        let ty = match (operator, dimensions) {
            (
                Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual,
                Some((a, b)),
            ) if a == b => Some(SettingType::Bool),
            (Operator::Remainder, Some((Dimension::Plain, Dimension::Plain))) if whole => {
                Some(SettingType::Int)
            }
            (Operator::Add | Operator::Subtract, Some((Dimension::Plain, Dimension::Plain))) => {
                Some(if whole { SettingType::Int } else { SettingType::Float })
            }
            (Operator::Add | Operator::Subtract, Some((a, b))) if a == b => Some(left_ty.clone()),
            (Operator::Multiply | Operator::Divide, Some((Dimension::Plain, Dimension::Plain))) => {
                Some(if whole { SettingType::Int } else { SettingType::Float })
            }
            (Operator::Multiply, Some((Dimension::Plain | Dimension::Ratio, _))) => Some(right_ty.clone()),
            (Operator::Multiply | Operator::Divide, Some((_, Dimension::Plain | Dimension::Ratio))) => {
                Some(left_ty.clone())
            }
            (Operator::Divide, Some((a, b))) if a == b => Some(SettingType::Float),
            _ => None,
        };
        let Some(ty) = ty else {
            self.diagnostics.push(errors::operands(
                fold::symbol(operator),
                &left_ty,
                &right_ty,
                binary.operator_span,
            ));
            return None;
        };
        self.fold(operator, left, right, expr.span, ty)
    }

    /// `a == b`: a word on one side is a word of the other side's type.
    fn equality(&mut self, expr: &Expr, binary: &ast::Binary) -> Option<(Const, SettingType)> {
        let (mut first, mut second) = (&binary.left, &binary.right);
        if self.is_unknown_word(first) && !self.is_unknown_word(second) {
            (first, second) = (second, first);
        }
        let (left, ty) = self.infer(first)?;
        let right = match ty.required() {
            SettingType::OneOf(_) => {
                let name = self.names.text(first.span);
                self.check(second, &Expected { name: &name, ty: &ty, bounds: &Bounds::default() })
            }
            _ => {
                let (right, right_ty) = self.infer(second)?;
                let alike = ty.fits(&right_ty) || right_ty.fits(&ty);
                if !alike || matches!(ty, SettingType::List(_) | SettingType::Record(_)) {
                    let operator = fold::symbol(binary.operator);
                    self.diagnostics.push(errors::operands(operator, &ty, &right_ty, binary.operator_span));
                    return None;
                }
                right
            }
        };
        self.fold(binary.operator, left, right, expr.span, SettingType::Bool)
    }

    fn is_unknown_word(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Path(path) => match path.names.as_slice() {
                [name] => {
                    !matches!(name.text.as_str(), "true" | "false")
                        && matches!(self.names.lookup(name), Lookup::Unknown(_) | Lookup::Error(_))
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn fold(
        &mut self,
        operator: Operator,
        left: Const,
        right: Const,
        span: Span,
        ty: SettingType,
    ) -> Option<(Const, SettingType)> {
        match fold::binary(operator, left, right, span) {
            Ok(Const::Unknown) => None,
            Ok(value) => Some((value, ty)),
            Err(error) => {
                self.diagnostics.push(*error);
                None
            }
        }
    }
}

/// The name that is there where the right side of `left or …`, `left and …` counts: `a` of `a == none or a >
/// 3`.
fn present(left: &Expr, operator: Operator) -> Option<&ast::Path> {
    let ExprKind::Binary(binary) = &left.kind else { return None };
    let wanted = if operator == Operator::Or { Operator::Equal } else { Operator::NotEqual };
    match (&binary.left.kind, &binary.right.kind) {
        (ExprKind::Path(path), ExprKind::Path(none))
            if binary.operator == wanted && is_word(none, "none") =>
        {
            Some(path)
        }
        _ => None,
    }
}

/// Names, of which one is there for sure.
struct Present<'a> {
    names: &'a dyn Names,
    path: String,
}

impl Present<'_> {
    fn narrowed(&self, path: &str, found: Lookup) -> Lookup {
        match found {
            Lookup::Value(SettingType::Optional(inner), value) if self.path == path => {
                Lookup::Value(*inner, value)
            }
            found => found,
        }
    }
}

impl Names for Present<'_> {
    fn lookup(&self, name: &ast::Name) -> Lookup {
        self.narrowed(&name.text, self.names.lookup(name))
    }

    fn field(&self, path: &ast::Path) -> Option<Lookup> {
        Some(self.narrowed(&path.text(), self.names.field(path)?))
    }

    fn narrows(&self) -> bool {
        self.names.narrows()
    }

    fn text(&self, span: Span) -> String {
        self.names.text(span)
    }

    fn refer(&self, at: Span, to: Span) {
        self.names.refer(at, to);
    }
}
