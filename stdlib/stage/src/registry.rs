//! All stages and kinds of artifacts that a program knows, as one value that is handed on.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::{Concern, Counts, Form, Holds, Remark, Shown, Signature, Stage, remark};

/// What a program knows: implementations by name, their signatures, and a form for each kind of artifact.
pub struct Registry {
    stages: BTreeMap<&'static str, Arc<dyn Stage>>,
    forms: Vec<&'static dyn Form>,
}

impl Registry {
    /// Of these.
    #[must_use]
    pub fn new(stages: Vec<Box<dyn Stage>>, forms: Vec<&'static dyn Form>) -> Self {
        let stages = stages.into_iter().map(|stage| (stage.name(), Arc::from(stage))).collect();
        Self { stages, forms }
    }

    /// The implementation of a signature.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Arc<dyn Stage>> {
        self.stages.get(name)
    }

    /// How the report is shown that a stage of this signature made.
    #[must_use]
    pub fn shown(&self, stage: &str, report: &Value) -> Option<Shown> {
        self.stage(stage).map_or_else(|| Shown::of(report), |stage| stage.show(report))
    }

    /// What the counts of a stage of this signature say, which makes artifacts of `kind`: its own words, or
    /// else those for all. `given` is whether anything went in.
    #[must_use]
    pub fn remarks(
        &self,
        (stage, kind): (&str, &str),
        settings: &Value,
        counts: &Counts,
        given: bool,
    ) -> Vec<Remark> {
        let mut remarks = self.stage(stage).map_or_else(Vec::new, |stage| stage.remarks(settings, counts));
        let said = remarks.iter().any(|it| matches!(it.concern, Concern::Nothing | Concern::FewKept));
        let unit = self.form(kind).filter(|form| form.holds() != Holds::Nothing).and_then(Form::unit);
        // A program's own stage counts what it likes.
        let unit = unit.filter(|_| !said && self.stage(stage).is_some());
        remarks.extend(remark::of_counts(unit, counts, given));
        remarks
    }

    /// All implementations, by name.
    pub fn stages(&self) -> impl Iterator<Item = &Arc<dyn Stage>> {
        self.stages.values()
    }

    /// The texts that the compiler reads, by stage.
    pub fn signatures(&self) -> impl Iterator<Item = Signature> {
        self.stages().filter_map(|stage| stage.signature())
    }

    /// The kinds of artifacts, in the order in which data usually flows.
    #[must_use]
    pub fn forms(&self) -> &[&'static dyn Form] {
        &self.forms
    }

    /// The form of a kind, `Docs`.
    #[must_use]
    pub fn form(&self, kind: &str) -> Option<&'static dyn Form> {
        self.forms.iter().copied().find(|form| form.kind() == kind)
    }

    /// What artifacts are counted in (`pages`, `documents`, …), in the order in which data usually flows.
    pub fn units(&self) -> impl Iterator<Item = &'static str> {
        self.forms.iter().filter_map(|form| form.unit())
    }
}
