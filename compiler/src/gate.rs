//! What a program expects of its reports: `expect table.wrong["honest", "unseen"] <= 8%`.
//!
//! An expectation is compiled into a [`Gate`], one for each member of a family. It is worked out when the
//! reports are there, and takes no part in keys or plans: it says whether a run is good enough.

use std::fmt;

use serde::Serialize;

use crate::artifact::ArtifactKind;
use crate::ast::Operator;
use crate::code;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Producer, StageId};
use crate::source::Span;
use crate::types::SettingType;
use crate::units::{self, Dimension, Exact};

mod check;

pub(crate) use check::{Reports, gates};

/// What is expected of reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// As written.
    pub text: String,
    /// Its documentation: why it is expected.
    pub docs: String,
    /// Where.
    pub span: Span,
    /// `<=` and its like.
    pub comparison: Operator,
    /// What is compared; `None` for a measure that no signature declares.
    pub dimension: Option<Dimension>,
    /// What is measured.
    pub left: Term,
    /// What it is compared with.
    pub right: Term,
}

/// A number that is known, or read from a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// In base units.
    Number(Exact),
    /// From a report.
    Reading(Reading),
    /// Of `+`, `-`, `*` and `/`.
    Binary(Operator, Box<(Term, Term)>),
}

/// A number of a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reading {
    /// The stage that makes the report.
    pub stage: StageId,
    /// The measure.
    pub measure: String,
    /// What it is looked up by, in the order of the signature.
    pub keys: Vec<String>,
}

impl fmt::Display for Reading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.measure)?;
        match self.keys.as_slice() {
            [] => Ok(()),
            keys => {
                let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
                write!(formatter, "[{}]", keys.join(", "))
            }
        }
    }
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It holds; both sides in base units.
    Holds(f64, f64),
    /// It does not.
    Fails(f64, f64),
    /// A report has no such number, or the two sides cannot be compared: a number is divided by zero, or is
    /// none.
    Unknown(Option<Reading>),
}

impl Verdict {
    /// Whether it is as expected.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds(..))
    }
}

impl Gate {
    /// All numbers that are read, in order.
    #[must_use]
    pub fn readings(&self) -> Vec<&Reading> {
        let mut readings = Vec::new();
        self.left.collect(&mut readings);
        self.right.collect(&mut readings);
        readings
    }

    /// The models that a report of this gate is about: those that go into it. They are not promoted where it
    /// fails.
    #[must_use]
    pub fn guards(&self, graph: &Graph) -> Vec<StageId> {
        let mut models = Vec::new();
        for reading in self.readings() {
            for input in &graph.stage(reading.stage).inputs {
                if let Producer::Stage(id) = input.from
                    && graph.stage(id).makes(ArtifactKind::Model)
                    && !models.contains(&id)
                {
                    models.push(id);
                }
            }
        }
        models
    }

    /// Compares what `measure` reads from the reports.
    #[must_use]
    pub fn evaluate(&self, measure: &dyn Fn(&Reading) -> Option<f64>) -> Verdict {
        let (left, right) = match (self.left.value(measure), self.right.value(measure)) {
            (Ok(left), Ok(right)) => (left, right),
            (Err(missing), _) | (_, Err(missing)) => return Verdict::Unknown(missing),
        };
        let holds = match self.comparison {
            Operator::Less => left < right,
            Operator::LessEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterEqual => left >= right,
            Operator::Equal => left == right,
            _ => left != right,
        };
        if left.is_nan() || right.is_nan() {
            Verdict::Unknown(None)
        } else if holds {
            Verdict::Holds(left, right)
        } else {
            Verdict::Fails(left, right)
        }
    }

    /// A number of this gate as people read it.
    #[must_use]
    pub fn display(&self, value: f64) -> String {
        let rounded = format!("{value:.6}");
        match (&self.dimension, Exact::decimal(&rounded)) {
            (Some(dimension), Ok(exact)) => units::display(exact, dimension),
            (None, Ok(exact)) => exact.to_string(),
            (_, Err(_)) => value.to_string(),
        }
    }

    /// What is measured first, with the name of the stage: `table[seed=1].wrong["honest", "unseen"]`.
    #[must_use]
    pub fn measured(&self, graph: &Graph) -> String {
        let first = self.readings().into_iter().next();
        first.map_or_else(String::new, |reading| format!("{}.{reading}", graph.stage(reading.stage).name))
    }

    /// The comparison and its right side as people read them: `<= 8%`.
    #[must_use]
    pub fn expected(&self, bound: f64) -> String {
        format!("{} {}", crate::value::fold::symbol(self.comparison), self.display(bound))
    }

    /// The error for an expectation that does not hold; `None` where it does.
    #[must_use]
    pub fn failure(&self, verdict: &Verdict, graph: &Graph) -> Option<Diagnostic> {
        let measured = self.measured(graph);
        let error = match verdict {
            Verdict::Holds(..) => return None,
            Verdict::Fails(left, right) => {
                let (found, expected) = (self.display(*left), self.expected(*right));
                // A side that is more than one measure is called as it is written.
                let message = match &self.left {
                    Term::Reading(_) => format!("`{measured}` is {found}, expected {expected}"),
                    _ => format!("`{}` does not hold: found {found}, expected {expected}", self.text),
                };
                Diagnostic::error(code::NOT_AS_EXPECTED, message, self.span).label(format!("found {found}"))
            }
            Verdict::Unknown(Some(reading)) => {
                let name = &graph.stage(reading.stage).name;
                let message = format!("the report `{name}` has no `{reading}`");
                Diagnostic::error(code::NOT_AS_EXPECTED, message, self.span).label("cannot be compared")
            }
            Verdict::Unknown(None) => Diagnostic::error(
                code::NOT_AS_EXPECTED,
                format!("`{}` cannot be compared", self.text),
                self.span,
            )
            .label("a side of it is no number"),
        };
        let models: Vec<String> =
            self.guards(graph).iter().map(|id| format!("`{}`", graph.stage(*id).name)).collect();
        let about =
            if self.docs.is_empty() { String::new() } else { format!("; {}", self.docs.replace('\n', " ")) };
        Some(match models.is_empty() {
            true => error.help(format!("the report is kept; the run has failed{about}")),
            false => error.help(format!("{} not renewed in `out/`{about}", are(&models))),
        })
    }
}

/// `a is`, `a and b are`
fn are(names: &[String]) -> String {
    match names {
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
        [] => String::new(),
    }
}

impl Term {
    fn collect<'t>(&'t self, readings: &mut Vec<&'t Reading>) {
        match self {
            Self::Number(_) => {}
            Self::Reading(reading) => readings.push(reading),
            Self::Binary(_, sides) => {
                sides.0.collect(readings);
                sides.1.collect(readings);
            }
        }
    }

    /// Its value; as an error the number that a report lacks, or none for a division by zero.
    fn value(&self, measure: &dyn Fn(&Reading) -> Option<f64>) -> Result<f64, Option<Reading>> {
        match self {
            Self::Number(number) => Ok(number.to_f64()),
            Self::Reading(reading) => measure(reading).ok_or_else(|| Some(reading.clone())),
            Self::Binary(operator, sides) => {
                let (left, right) = (sides.0.value(measure)?, sides.1.value(measure)?);
                Ok(match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    _ if right == 0.0 => return Err(None),
                    _ => left / right,
                })
            }
        }
    }

    /// The same over another graph; `None` where a report is not in it.
    pub(crate) fn moved(&self, place: &dyn Fn(StageId) -> Option<StageId>) -> Option<Self> {
        Some(match self {
            Self::Number(number) => Self::Number(*number),
            Self::Reading(reading) => {
                Self::Reading(Reading { stage: place(reading.stage)?, ..reading.clone() })
            }
            Self::Binary(operator, sides) => {
                Self::Binary(*operator, Box::new((sides.0.moved(place)?, sides.1.moved(place)?)))
            }
        })
    }
}

/// The dimension of a measure's type.
fn dimension_of(ty: &SettingType) -> Option<Dimension> {
    ty.dimension()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(comparison: Operator, left: Term, right: Term) -> Gate {
        let dimension = Some(Dimension::Ratio);
        let (text, docs) = (String::new(), String::new());
        Gate { text, docs, span: Span::default(), comparison, dimension, left, right }
    }

    fn reading(measure: &str) -> Term {
        Term::Reading(Reading { stage: StageId(0), measure: measure.into(), keys: vec!["a".into()] })
    }

    fn number(text: &str) -> Term {
        Term::Number(Exact::decimal(text).unwrap())
    }

    #[test]
    fn bounds_are_part_of_what_is_expected() {
        let below = gate(Operator::LessEqual, reading("wrong"), number("0.08"));
        assert_eq!(below.evaluate(&|_| Some(0.08)), Verdict::Holds(0.08, 0.08));
        assert_eq!(below.evaluate(&|_| Some(0.081)), Verdict::Fails(0.081, 0.08));
        assert_eq!(below.display(0.081), "8.1%");
    }

    #[test]
    fn what_a_report_lacks_fails() {
        let below = gate(Operator::LessEqual, reading("wrong"), number("0.08"));
        let Verdict::Unknown(Some(missing)) = below.evaluate(&|_| None) else { panic!("unknown") };
        assert_eq!(missing.to_string(), "wrong[\"a\"]");
        assert!(!below.evaluate(&|_| Some(f64::NAN)).holds());
    }

    #[test]
    fn numbers_of_several_reports_are_reckoned_with() {
        let fall = Term::Binary(Operator::Subtract, Box::new((reading("before"), reading("after"))));
        let gate = gate(Operator::Less, fall, number("0.03"));
        let of = |reading: &Reading| Some(if reading.measure == "before" { 0.9 } else { 0.85 });
        assert!(!gate.evaluate(&of).holds());
        assert_eq!((gate.expected(0.03).as_str(), gate.display(0.05).as_str()), ("< 3%", "5%"));
        let none = Term::Binary(Operator::Divide, Box::new((number("1"), number("0"))));
        assert_eq!(super::Gate { left: none, ..gate }.evaluate(&of), Verdict::Unknown(None));
    }
}
