//! What a stage dropped, with the texts as its inputs have them.

use std::collections::BTreeMap;

use llmp_stage::{Detail, Holds, Result};
use serde::Serialize;

use super::Tracer;

/// A document that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its URL.
    pub url: String,
    /// Its id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// What the rule saw.
    pub value: String,
    /// Its text before the stage; `None` where no input has it as text.
    pub text: Option<String>,
}

impl Tracer<'_> {
    /// The first `most` documents that a stage dropped and that `fits` lets through; reasons are kept of a
    /// sample. Inputs are read until the texts of these are found, and no more of them is held.
    ///
    /// # Errors
    /// Where an input cannot be read.
    pub fn left_out(
        &self,
        stage: &str,
        most: usize,
        fits: &dyn Fn(&llmp_stage::Dropped) -> bool,
    ) -> Result<Vec<Left>> {
        let dropped = self.dropped.get(stage).into_iter().flatten().filter(|dropped| fits(dropped));
        let mut left: Vec<Left> = dropped
            .take(most)
            .map(|dropped| Left {
                url: dropped.url.clone(),
                id: dropped.id.clone(),
                rule: dropped.rule.clone(),
                value: dropped.value.clone(),
                text: None,
            })
            .collect();
        let Some(run) = self.stage(stage) else { return Ok(left) };
        let mut open: BTreeMap<(String, String), usize> =
            left.iter().enumerate().map(|(at, one)| ((one.id.clone(), one.url.clone()), at)).collect();
        for input in self.inputs(run).filter(|input| self.holds(input) == Holds::Documents) {
            let Some(manifest) = self.manifests.get(input.name.as_str()) else { continue };
            for (file, entry) in &manifest.files {
                if open.is_empty() {
                    return Ok(left);
                }
                for document in self.entries(input, file, entry, Detail::Whole)? {
                    let document = document?;
                    if let Some(at) = open.remove(&(document.id, document.url)) {
                        left[at].text = Some(document.text);
                    }
                }
            }
        }
        Ok(left)
    }
}
