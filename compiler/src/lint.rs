//! Rules of stages that a signature cannot say: the implementations' own, handed to the compiler as data.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::graph::{Setting, Stage};

/// What is wrong with the settings of a stage, each of which is right by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The diagnostic's code: `E…` for what cannot work, `W…` for what is probably not meant.
    pub code: Code,
    /// The setting that it is shown at, and the field in it: `["model", "width"]`.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What was found there.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

type Ask = dyn Fn(&str, &Value) -> Vec<Finding> + Send + Sync;

type Complete = dyn Fn(&str, &Value) -> Option<Value> + Send + Sync;

/// The rules of all stages: what is wrong with the settings of the stage with this signature. Settings are
/// lowered ones, an object by name.
#[derive(Clone)]
pub struct Lints {
    ask: Arc<Ask>,
    complete: Arc<Complete>,
}

impl Lints {
    /// The rules that `ask` knows; it is a function of its arguments alone.
    pub fn new(ask: impl Fn(&str, &Value) -> Vec<Finding> + Send + Sync + 'static) -> Self {
        Self { ask: Arc::new(ask), complete: Arc::new(|_, _| None) }
    }

    /// With what stages know of settings that are left out: settings like those given, of which only those
    /// are looked at that are `none` there, and fields that are. It is a function of its arguments alone.
    #[must_use]
    pub fn completing(
        self,
        complete: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        Self { complete: Arc::new(complete), ..self }
    }

    /// Fills in what follows from other settings of a stage of this kind.
    pub(crate) fn complete(&self, kind: &str, settings: &mut [Setting]) {
        let given = settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
        let Some(found) = (self.complete)(kind, &Value::Object(given.collect())) else { return };
        for setting in settings {
            if let Some(value) = found.get(&setting.name) {
                fill(&mut setting.value, value);
            }
        }
    }

    /// What is wrong with a stage of a graph.
    pub(crate) fn of(&self, stage: &Stage) -> Vec<Diagnostic> {
        let settings = stage.settings.iter().map(|setting| (setting.name.clone(), setting.value.clone()));
        let found = (self.ask)(&stage.kind, &Value::Object(settings.collect()));
        found.into_iter().map(|finding| finding.at(stage)).collect()
    }
}

/// Puts values where none are.
fn fill(value: &mut Value, found: &Value) {
    match (value, found) {
        (value @ Value::Null, found) => *value = found.clone(),
        (Value::Object(fields), Value::Object(found)) => {
            for (name, value) in fields {
                if let Some(found) = found.get(name) {
                    fill(value, found);
                }
            }
        }
        _ => {}
    }
}

impl Default for Lints {
    fn default() -> Self {
        Self::new(|_, _| Vec::new())
    }
}

impl fmt::Debug for Lints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Lints")
    }
}

impl Finding {
    /// The diagnostic, where the setting is written, or else at the stage.
    fn at(self, stage: &Stage) -> Diagnostic {
        let setting = self.path.first().and_then(|name| stage.settings.iter().find(|one| one.name == *name));
        let span = setting.and_then(|setting| setting.span).unwrap_or(stage.span);
        let mut diagnostic = match self.code.as_str().starts_with('W') {
            true => Diagnostic::warning(self.code, self.message, span),
            false => Diagnostic::error(self.code, self.message, span),
        };
        if let Some(label) = self.label {
            diagnostic = diagnostic.label(label);
        }
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
