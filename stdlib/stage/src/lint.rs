//! What is wrong with settings although each has the right type.

use crate::Error;

/// A stage's own rule that settings break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The diagnostic's code, which has a page: `E…` for what cannot work, `W…` for what is probably not
    /// meant.
    pub code: &'static str,
    /// The setting that it is shown at, and the field in it: `["model", "width"]`.
    pub path: &'static [&'static str],
    /// What is wrong, in llmp's voice.
    pub message: String,
    /// What was found there, in a few words.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Lint {
    /// A broken rule, without label and help.
    #[must_use]
    pub fn new(code: &'static str, path: &'static [&'static str], message: impl Into<String>) -> Self {
        Self { code, path, message: message.into(), label: None, help: None }
    }

    /// Adds what was found there.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the stage cannot run so.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.starts_with('E')
    }
}

impl From<Lint> for Error {
    fn from(lint: Lint) -> Self {
        Self::new(lint.message).help_if(lint.help)
    }
}
