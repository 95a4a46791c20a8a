//! From `expect …` to gates: names, measures, keys and dimensions.

use std::collections::BTreeMap;

use super::{Gate, Reading, Term, dimension_of};
use crate::artifact::ArtifactKind;
use crate::ast::{self, Expr, ExprKind, Operator};
use crate::check::params::Param;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{Graph, StageId};
use crate::names::closest;
use crate::resolve::{Found, Meaning, Program, unknown_name};
use crate::signature::Signature;
use crate::source::Reference;
use crate::source::{Sources, Span};
use crate::units::{self, Dimension};
use crate::value::Value;

/// What the expectations of a program are checked against.
pub(crate) struct Reports<'a, 's> {
    pub(crate) program: &'a Program<'a>,
    pub(crate) params: &'a [Param],
    pub(crate) graph: &'a Graph,
    pub(crate) sources: &'a Sources,
    pub(crate) signature: &'a dyn Fn(&str) -> Option<&'s Signature>,
}

/// A side of a comparison before its family is written out: readings by binding.
enum Side {
    Number(units::Exact),
    Reading { report: String, measure: String, keys: Vec<String> },
    Binary(Operator, Box<(Side, Side)>),
}

/// What is known of a side.
struct Typed {
    side: Side,
    /// `None` for a measure that no signature declares, which agrees with everything.
    dimension: Option<Dimension>,
}

/// The gates of a program's expectations, and the names that they use.
pub(crate) fn gates(reports: &Reports<'_, '_>, diagnostics: &mut Diagnostics) -> (Vec<Gate>, Vec<Reference>) {
    let (mut gates, mut references) = (Vec::new(), Vec::new());
    for &(file, expect) in &reports.program.expectations {
        if reports.program.is_broken(file, expect.span) {
            continue;
        }
        let mut checker = Checker { reports, file, references: &mut references, diagnostics };
        if let Some(found) = checker.expectation(expect) {
            gates.extend(found);
        }
    }
    (gates, references)
}

struct Checker<'a, 's, 'c> {
    reports: &'c Reports<'a, 's>,
    file: usize,
    references: &'c mut Vec<Reference>,
    diagnostics: &'c mut Diagnostics,
}

impl Checker<'_, '_, '_> {
    fn report<T>(&mut self, error: Diagnostic) -> Option<T> {
        self.diagnostics.push(error);
        None
    }

    fn expectation(&mut self, expect: &ast::Expect) -> Option<Vec<Gate>> {
        let condition = expect.condition.as_ref()?;
        let binary = match &condition.kind {
            ExprKind::Error => return None,
            ExprKind::Binary(binary) if is_comparison(binary.operator) => binary,
            ExprKind::Binary(binary) if matches!(binary.operator, Operator::And | Operator::Or) => {
                return self.report(errors::several(binary.operator_span));
            }
            _ => return self.report(errors::no_comparison(condition.span)),
        };
        let (left, right) = (self.side(&binary.left)?, self.side(&binary.right)?);
        if let (Some(one), Some(other)) = (&left.dimension, &right.dimension)
            && one != other
        {
            return self.report(errors::unlike(one, other, binary.operator_span));
        }
        let mut bindings: Vec<&str> = Vec::new();
        left.side.reports(&mut bindings);
        right.side.reports(&mut bindings);
        if bindings.is_empty() {
            return self.report(errors::nothing_measured(condition.span));
        }
        let stages: BTreeMap<&str, &[StageId]> = bindings
            .iter()
            .filter_map(|name| Some((*name, self.reports.graph.bindings.get(*name)?.as_slice())))
            .collect();
        // Families go together member by member.
        let members = stages.values().map(|ids| ids.len()).max().unwrap_or(0);
        if stages.values().any(|ids| ids.len() != members && ids.len() != 1) {
            return self.report(errors::families(condition.span));
        }
        let text = self.reports.sources.text(condition.span).to_owned();
        let gates = (0..members).map(|member| {
            Some(Gate {
                text: text.clone(),
                docs: expect.docs.clone(),
                span: condition.span,
                comparison: binary.operator,
                dimension: left.dimension.clone().or_else(|| right.dimension.clone()),
                left: left.side.term(member, &stages)?,
                right: right.side.term(member, &stages)?,
            })
        });
        gates.collect()
    }

    fn side(&mut self, expr: &Expr) -> Option<Typed> {
        match &expr.kind {
            ExprKind::Number(number) => match units::quantity(number) {
                Ok(quantity) => {
                    Some(Typed { side: Side::Number(quantity.value), dimension: Some(quantity.dimension) })
                }
                Err(error) => self.report(crate::value::errors::literal(&error, expr.span)),
            },
            ExprKind::Measure(measure) => match (measure.path.names.as_slice(), &measure.keys) {
                ([name], None) => self.param(name),
                ([name], Some(_)) => self.report(errors::which_measure(&name.text, measure.path.span)),
                _ => self.measure(measure, expr.span),
            },
            ExprKind::Binary(binary) => {
                let (left, right) = (self.side(&binary.left)?, self.side(&binary.right)?);
                let dimension = match (binary.operator, &left.dimension, &right.dimension) {
                    (Operator::Add | Operator::Subtract, Some(one), Some(other)) if one != other => {
                        return self.report(errors::unlike(one, other, binary.operator_span));
                    }
                    (Operator::Add | Operator::Subtract, one, other) => one.clone().or_else(|| other.clone()),
                    (Operator::Multiply, Some(Dimension::Plain | Dimension::Ratio), other) => other.clone(),
                    (
                        Operator::Multiply | Operator::Divide,
                        one,
                        Some(Dimension::Plain | Dimension::Ratio),
                    ) => one.clone(),
                    (Operator::Divide, Some(one), Some(other)) if one == other => Some(Dimension::Plain),
                    (Operator::Multiply | Operator::Divide, _, None) => None,
                    _ => return self.report(errors::no_arithmetic(binary.operator_span)),
                };
                let sides = Box::new((left.side, right.side));
                Some(Typed { side: Side::Binary(binary.operator, sides), dimension })
            }
            _ => None,
        }
    }

    fn param(&mut self, name: &ast::Name) -> Option<Typed> {
        let program = self.reports.program;
        match program.find(self.file, &name.text) {
            Found::Here(Meaning::Param(at), to) => {
                self.references.push(Reference { at: name.span, to });
                let param = self.reports.params.get(at)?;
                match (&param.value, param.spec.ty.dimension()) {
                    (Some(Value::Number(number)), Some(dimension)) => {
                        Some(Typed { side: Side::Number(*number), dimension: Some(dimension) })
                    }
                    (None, _) => None,
                    _ => self.report(errors::no_number(&name.text, &param.spec.ty.to_string(), name.span)),
                }
            }
            Found::Here(Meaning::Binding(_), to) => {
                self.references.push(Reference { at: name.span, to });
                self.report(errors::which_measure(&name.text, name.span))
            }
            Found::Here(Meaning::Def(_), _) => self.report(errors::no_report(&name.text, None, name.span)),
            _ if program.may_miss(self.file) => None,
            _ => {
                let known = program.visible_names(self.file, |what| !matches!(what, Meaning::Def(_)));
                let error = unknown_name(program, self.file, name, known);
                self.report(error)
            }
        }
    }

    fn measure(&mut self, measure: &ast::Measure, span: Span) -> Option<Typed> {
        let (name, rest) = measure.path.names.split_first()?;
        let program = self.reports.program;
        match program.find(self.file, &name.text) {
            Found::Here(Meaning::Binding(_), to) => self.references.push(Reference { at: name.span, to }),
            Found::Here(..) => return self.report(errors::no_report(&name.text, None, name.span)),
            _ if program.may_miss(self.file) => return None,
            _ => {
                let known = program.visible_names(self.file, |what| matches!(what, Meaning::Binding(_)));
                let error = unknown_name(program, self.file, name, known);
                return self.report(error);
            }
        }
        // What is broken has been reported.
        let stages = self.reports.graph.bindings.get(&name.text).filter(|stages| !stages.is_empty())?;
        let stage = self.reports.graph.stage(*stages.first()?);
        let signature = (self.reports.signature)(&stage.kind)?;
        let output = signature.output.as_ref()?;
        if output.kind != ArtifactKind::Report {
            return self.report(errors::no_report(&name.text, Some(output.kind.name()), name.span));
        }
        let text: Vec<&str> = rest.iter().map(|name| name.text.as_str()).collect();
        let (text, place) = (text.join("."), rest.first()?.span.to(rest.last()?.span));
        let keys = self.keys(measure.keys.as_deref().unwrap_or_default())?;
        let declared = signature.measures.iter().find(|declared| declared.name == text);
        let dimension = match declared {
            Some(declared) if declared.keys.len() != keys.len() => {
                return self.report(errors::wrong_keys(&declared.display(), declared.keys.len(), span));
            }
            Some(declared) => {
                self.references.push(Reference { at: place, to: declared.span });
                dimension_of(&declared.ty)
            }
            None if signature.measures.is_empty() => None,
            None => {
                let known: Vec<String> = signature.measures.iter().map(|one| one.display()).collect();
                let meant = closest(&text, signature.measures.iter().map(|one| one.name.as_str()));
                return self.report(errors::unknown_measure(&text, &stage.kind, &known, meant, place));
            }
        };
        let side = Side::Reading { report: name.text.clone(), measure: text, keys };
        Some(Typed { side, dimension })
    }

    fn keys(&mut self, keys: &[Expr]) -> Option<Vec<String>> {
        let mut texts = Vec::with_capacity(keys.len());
        for key in keys {
            texts.push(match &key.kind {
                ExprKind::Text(text) => text.clone(),
                ExprKind::Path(path) => return self.report(errors::unquoted_key(&path.text(), path.span)),
                ExprKind::Error => return None,
                _ => return self.report(errors::no_key(key.span)),
            });
        }
        Some(texts)
    }
}

impl Side {
    fn reports<'s>(&'s self, names: &mut Vec<&'s str>) {
        match self {
            Self::Number(_) => {}
            Self::Reading { report, .. } => names.push(report),
            Self::Binary(_, sides) => {
                sides.0.reports(names);
                sides.1.reports(names);
            }
        }
    }

    fn term(&self, member: usize, stages: &BTreeMap<&str, &[StageId]>) -> Option<Term> {
        Some(match self {
            Self::Number(number) => Term::Number(*number),
            Self::Reading { report, measure, keys } => {
                let ids = stages.get(report.as_str())?;
                let stage = ids.get(member).or(ids.first()).copied()?;
                Term::Reading(Reading { stage, measure: measure.clone(), keys: keys.clone() })
            }
            Self::Binary(operator, sides) => Term::Binary(
                *operator,
                Box::new((sides.0.term(member, stages)?, sides.1.term(member, stages)?)),
            ),
        })
    }
}

fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual
    )
}

mod errors {
    //! What can be wrong with an expectation.

    use crate::code;
    use crate::diagnostic::Diagnostic;
    use crate::source::Span;
    use crate::units::Dimension;

    const EXAMPLE: &str = "`expect table.wrong[\"honest\", \"unseen\"] <= 8%`";

    pub(super) fn no_comparison(span: Span) -> Diagnostic {
        Diagnostic::error(
            code::NOT_AN_EXPECTATION,
            "an expectation compares a measure with what is expected",
            span,
        )
        .label("no comparison")
        .help(format!("write `<=`, `<`, `>=`, `>`, `==` or `!=` and a bound behind it, as in {EXAMPLE}"))
    }

    pub(super) fn several(span: Span) -> Diagnostic {
        Diagnostic::error(code::NOT_AN_EXPECTATION, "an expectation is one comparison", span)
            .label("joins two")
            .help("write a line of its own, beginning with `expect`, for each")
    }

    pub(super) fn nothing_measured(span: Span) -> Diagnostic {
        Diagnostic::error(code::NOT_AN_EXPECTATION, "nothing is measured here", span)
            .label("known before anything runs")
            .help(format!("name a measure of a report, as in {EXAMPLE}"))
    }

    pub(super) fn families(span: Span) -> Diagnostic {
        Diagnostic::error(
            code::NOT_AN_EXPECTATION,
            "the families compared have different numbers of members",
            span,
        )
        .help("compare members of one family, or a family with one report")
    }

    pub(super) fn unlike(one: &Dimension, other: &Dimension, span: Span) -> Diagnostic {
        let message = format!("{} cannot be compared with {}", one.describe(), other.describe());
        Diagnostic::error(code::WRONG_UNIT, message, span)
            .help("give both sides one dimension, such as `8%` for a ratio")
    }

    pub(super) fn no_arithmetic(span: Span) -> Diagnostic {
        Diagnostic::error(code::WRONG_OPERANDS, "measures cannot be reckoned with like this", span).help(
            "`+` and `-` take numbers of one dimension; one side of `*` and `/` is a bare number or a ratio",
        )
    }

    pub(super) fn no_number(name: &str, ty: &str, span: Span) -> Diagnostic {
        Diagnostic::error(
            code::NOT_AN_EXPECTATION,
            format!("the param `{name}` is a `{ty}`, and no number"),
            span,
        )
        .help("compare with a number or a quantity")
    }

    pub(super) fn which_measure(name: &str, span: Span) -> Diagnostic {
        Diagnostic::error(code::UNKNOWN_MEASURE, format!("expected a measure of `{name}`"), span)
            .label("a report has several")
            .help(format!("name it behind a dot, as in {EXAMPLE}"))
    }

    pub(super) fn no_report(name: &str, found: Option<&str>, span: Span) -> Diagnostic {
        let error = Diagnostic::error(code::UNKNOWN_MEASURE, format!("`{name}` is no report"), span);
        let error = match found {
            Some(kind) => error.label(format!("`{kind}`")),
            None => error,
        };
        error.help("reports are made by stages that measure, such as those of `eval`")
    }

    pub(super) fn unknown_measure(
        name: &str,
        stage: &str,
        known: &[String],
        meant: Option<&str>,
        span: Span,
    ) -> Diagnostic {
        let error = Diagnostic::error(code::UNKNOWN_MEASURE, format!("`{stage}` measures no `{name}`"), span);
        match meant {
            Some(meant) => error.help(format!("did you mean `{meant}`?")).fix(
                format!("change to `{meant}`"),
                span,
                meant,
            ),
            None => {
                let known: Vec<String> = known.iter().map(|measure| format!("`{measure}`")).collect();
                error.help(format!("it measures {}", known.join(", ")))
            }
        }
    }

    pub(super) fn wrong_keys(declared: &str, due: usize, span: Span) -> Diagnostic {
        let keys = match due {
            0 => "nothing".to_owned(),
            1 => "one text".to_owned(),
            many => format!("{many} texts"),
        };
        Diagnostic::error(
            code::UNKNOWN_MEASURE,
            format!("the measure `{declared}` is looked up by {keys}"),
            span,
        )
        .help("write the texts in brackets behind the measure, in this order")
    }

    pub(super) fn unquoted_key(text: &str, span: Span) -> Diagnostic {
        Diagnostic::error(code::UNKNOWN_MEASURE, "a measure is looked up by texts", span)
            .label("a name")
            .help(format!("write it in quotes: `\"{text}\"`"))
            .fix("put it in quotes", span, format!("\"{text}\""))
    }

    pub(super) fn no_key(span: Span) -> Diagnostic {
        Diagnostic::error(code::UNKNOWN_MEASURE, "a measure is looked up by texts", span)
            .help("write what the report calls it, in quotes")
    }
}
