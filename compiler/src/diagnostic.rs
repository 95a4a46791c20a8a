//! The one diagnostic type. Renderers (terminal, JSON, SARIF, editor) live in `runtime`.
//!
//! Voice: a message is one lower-case sentence without a full stop that says what is wrong with the names in
//! backquotes; the primary label says what was found; `help` says what to do. Messages never blame and never
//! shout. Every message has one constructor function, in the module of the phase that raises it.

use std::ops::{Deref, DerefMut};

use crate::code::{self, Code};
use crate::source::Span;
use crate::units::grouped;

/// How many errors, and how many warnings, are kept of one program. No one reads more, and a hostile text
/// makes millions.
pub const MOST: usize = 1_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It can run, and probably should not as it is.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// `error`, `warning`, `info`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A stretch of source with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What is underlined; may be empty, for something that is missing there.
    pub span: Span,
    /// A few words beside it; may be empty.
    pub text: String,
}

/// A replacement of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What stands there then; empty for a deletion.
    pub text: String,
}

/// A change that certainly repairs the cause: `llmp check --fix` applies it, editors offer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, e.g. "rename to `min_score`".
    pub title: String,
    /// The edits; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Something to tell the user about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, e.g. `E0301`; `llmp explain` knows every one.
    pub code: Code,
    /// Errors keep the pipeline from running.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where; the first label is the primary one.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// A certain repair.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    fn new(severity: Severity, code: Code, message: impl Into<String>, span: Span) -> Self {
        let label = Label { span, text: String::new() };
        Self { code, severity, message: message.into(), labels: vec![label], help: None, fix: None }
    }

    /// An error at `span`.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Error, code, message, span)
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Warning, code, message, span)
    }

    /// Sets the remark at the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// Adds a related place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds a repair that replaces `span` by `text`.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits: vec![Edit { span, text: text.into() }] });
        self
    }

    /// Asks whether `meant` was meant for what stands at `span`, with that as its repair.
    #[must_use]
    pub fn suggest(self, span: Span, meant: Option<&str>) -> Self {
        match meant {
            Some(meant) => {
                self.help(format!("did you mean `{meant}`?")).fix(format!("change to `{meant}`"), span, meant)
            }
            None => self,
        }
    }

    /// The primary place.
    #[must_use]
    pub fn span(&self) -> Span {
        self.labels.first().map(|label| label.span).unwrap_or_default()
    }

    /// Whether it keeps the pipeline from running.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// How much had been said at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    kept: usize,
    errors: usize,
    others: usize,
    beyond: Option<Span>,
}

/// What the phases have to say, bounded by [`MOST`].
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    errors: usize,
    others: usize,
    /// The first that is not kept.
    beyond: Option<Span>,
}

impl Diagnostics {
    /// Adds one, where there are not too many of its severity.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = if diagnostic.is_error() { &mut self.errors } else { &mut self.others };
        *count += 1;
        if *count <= MOST {
            self.kept.push(diagnostic);
        } else {
            self.beyond.get_or_insert(diagnostic.span());
        }
    }

    /// This moment, for [`Self::back_to`] and [`Self::since`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { kept: self.kept.len(), errors: self.errors, others: self.others, beyond: self.beyond }
    }

    /// Takes back those that were added since, those that are not kept included.
    pub fn back_to(&mut self, mark: Mark) {
        self.kept.truncate(mark.kept);
        (self.errors, self.others, self.beyond) = (mark.errors, mark.others, mark.beyond);
    }

    /// Those that were added since, as far as they are kept.
    #[must_use]
    pub fn since(&self, mark: Mark) -> &[Diagnostic] {
        self.kept.get(mark.kept..).unwrap_or_default()
    }

    /// Whether one keeps the pipeline from running.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// By place, without what was said twice; the last one tells of those that are not kept.
    #[must_use]
    pub fn sorted(self) -> Vec<Diagnostic> {
        let dropped = self.errors.saturating_sub(MOST) + self.others.saturating_sub(MOST);
        let mut sorted = self.kept;
        sorted.sort_by(|a, b| (a.span(), a.code, &a.message).cmp(&(b.span(), b.code, &b.message)));
        sorted.dedup();
        sorted.extend(self.beyond.map(|span| not_kept(dropped, span)));
        sorted
    }
}

/// Those that are kept, as they were added.
impl Deref for Diagnostics {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.kept
    }
}

impl DerefMut for Diagnostics {
    fn deref_mut(&mut self) -> &mut [Diagnostic] {
        &mut self.kept
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

/// W0100
fn not_kept(dropped: usize, span: Span) -> Diagnostic {
    let message = format!("there are more than {} mistakes, too many to list", grouped(MOST as u64));
    Diagnostic::warning(code::NOT_LISTED, message, span)
        .label(format!("the first of {} that are not listed", grouped(dropped as u64)))
        .help("mend those that are listed, and check again")
}
