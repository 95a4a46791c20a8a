//! The terminal's rendering, through miette.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use llmp_compiler::diagnostic::{Diagnostic, Severity};
use llmp_compiler::source::{Source, Sources};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// Whether to colour standard error: `NO_COLOR` and `CLICOLOR_FORCE` as people know them.
#[must_use]
pub(crate) fn use_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    set("CLICOLOR_FORCE") || std::io::stderr().is_terminal()
}

#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: NamedSource<Arc<str>>,
    related: Vec<Related>,
}

/// A label in another file than the primary one.
#[derive(Debug)]
struct Related {
    text: String,
    source: NamedSource<Arc<str>>,
    span: (usize, usize),
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let file = self.diagnostic.span().file;
        let labels = self.diagnostic.labels.iter().filter(move |label| label.span.file == file);
        Some(Box::new(labels.enumerate().map(|(index, label)| {
            let text = (!label.text.is_empty()).then(|| label.text.clone());
            let span = (label.span.start as usize, (label.span.end - label.span.start) as usize);
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|related| related as &dyn miette::Diagnostic)))
    }
}

impl fmt::Display for Related {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Related {}

impl miette::Diagnostic for Related {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, self.span))))
    }
}

fn named(source: &Source) -> NamedSource<Arc<str>> {
    NamedSource::new(&source.path, Arc::clone(&source.text))
}

/// Longest line, in bytes, that is drawn with marks below it.
const MAX_LINE: usize = 500;

/// The form without a drawing: for lines that no terminal could show.
fn plain(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let severity = diagnostic.severity.name();
    let mut text = format!("{severity}[{}]: {}\n", diagnostic.code, diagnostic.message);
    for label in &diagnostic.labels {
        let remark = if label.text.is_empty() { String::new() } else { format!(" {}", label.text) };
        text += &format!("  at {}{remark}\n", sources.place(label.span));
    }
    if let Some(help) = &diagnostic.help {
        text += &format!("  help: {help}\n");
    }
    text
}

/// Renders one diagnostic as it stands on a page: without colours, 100 columns wide.
#[must_use]
pub(crate) fn page(diagnostic: &Diagnostic, sources: &Sources) -> String {
    terminal(diagnostic, sources, false, 100)
}

/// Takes line and column from the places of values that no file holds: `[--set base.lr:1:9]` says no more
/// than `[--set base.lr]`.
fn named_only(text: String, diagnostic: &Diagnostic, sources: &Sources) -> String {
    diagnostic.labels.iter().fold(text, |text, label| match sources.get(label.span.file) {
        Some(source) if source.given => {
            let at = source.position(label.span.start);
            text.replace(
                &format!("[{}:{}:{}]", source.path, at.line, at.column),
                &format!("[{}]", source.path),
            )
        }
        _ => text,
    })
}

/// Renders one diagnostic for a terminal of the given width.
#[must_use]
pub(crate) fn terminal(diagnostic: &Diagnostic, sources: &Sources, colour: bool, width: usize) -> String {
    let span = diagnostic.span();
    let Some(source) = sources.get(span.file) else {
        return plain(diagnostic, sources);
    };
    let too_long = |label: &llmp_compiler::diagnostic::Label| {
        sources.get(label.span.file).is_some_and(|source| {
            let (first, last) =
                (source.position(label.span.start).line, source.position(label.span.end).line);
            (first..=last.min(first + 10)).any(|line| source.line(line).len() > MAX_LINE)
        })
    };
    if diagnostic.labels.iter().any(too_long) {
        return plain(diagnostic, sources);
    }
    let elsewhere = diagnostic.labels.iter().filter(|label| label.span.file != span.file);
    let related = elsewhere.filter_map(|label| {
        let source = named(sources.get(label.span.file)?);
        let span = (label.span.start as usize, (label.span.end - label.span.start) as usize);
        Some(Related { text: label.text.clone(), source, span })
    });
    let report = Report { diagnostic, source: named(source), related: related.collect() };
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width.max(40)).with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, &report) {
        Ok(()) => named_only(text, diagnostic, sources),
        Err(_) => plain(diagnostic, sources),
    }
}
