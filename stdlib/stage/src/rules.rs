//! Rules by which stages leave documents out, as `llmp explain` tells them.

/// One rule of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reports, counts and traces, e.g. `gopher.min_words`.
    pub name: &'static str,
    /// What it drops, in a sentence.
    pub drops: &'static str,
    /// The setting that changes it; `None` where nothing does.
    pub setting: Option<&'static str>,
    /// How it is switched off, as it is written in a program; `None` where it cannot be.
    pub off: Option<&'static str>,
    /// Where it comes from.
    pub source: &'static str,
}
