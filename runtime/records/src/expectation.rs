//! What came of what a program expects of its reports, written down.

use serde::{Deserialize, Serialize};

/// An expectation of a program, one for each member of a family, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expectation {
    /// As the program says it: `score.wrong["mine"] <= 8%`.
    pub text: String,
    /// Whether the reports are so; not, where they have no such number. `None` where a report is not there.
    pub holds: Option<bool>,
    /// What is measured, with the name of the stage: `score[seed=1].wrong["mine"]`.
    pub measured: String,
    /// Where it stands: `main.llmp:7:8`.
    pub place: String,
    /// The left side of the comparison in base units; `None` where that is not known.
    pub value: Option<f64>,
    /// The right side.
    pub bound: Option<f64>,
    /// The left side as people read it: `12%`.
    pub found: Option<String>,
    /// The comparison and its right side as people read them: `<= 8%`.
    pub expected: Option<String>,
    /// The models that are not renewed in `out/` where it does not hold.
    pub guards: Vec<String>,
    /// What is wrong, where it is not as expected.
    pub message: Option<String>,
    /// What to do then.
    pub help: Option<String>,
}

impl Expectation {
    /// `passed`, `failed`, or `open` where a report is not there.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.holds {
            Some(true) => "passed",
            Some(false) => "failed",
            None => "open",
        }
    }

    /// What was found, and what was expected: `12%, expected <= 8%`.
    #[must_use]
    pub fn sides(&self) -> Option<String> {
        Some(format!("{}, expected {}", self.found.as_ref()?, self.expected.as_ref()?))
    }

    /// All in one line: `passed: 5%, expected <= 8%`, `failed: the report …`, `open`.
    #[must_use]
    pub fn outcome(&self) -> String {
        match self.sides().as_ref().or(self.message.as_ref()) {
            Some(more) => format!("{}: {more}", self.word()),
            None => self.word().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_says_what_was_found_or_what_is_missing() {
        let open = Expectation::default();
        assert_eq!((open.word(), open.outcome().as_str()), ("open", "open"));
        let missing = Expectation { holds: Some(false), message: Some("no report".into()), ..open };
        assert_eq!(missing.outcome(), "failed: no report");
        let (found, expected) = (Some("12%".to_owned()), Some("<= 8%".to_owned()));
        assert_eq!(Expectation { found, expected, ..missing }.outcome(), "failed: 12%, expected <= 8%");
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let read: Expectation = serde_json::from_str(r#"{"text":"a.b < 3","holds":true}"#).unwrap();
        assert_eq!((read.word(), read.found), ("passed", None));
    }
}
