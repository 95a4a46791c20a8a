//! The Probe artifact: questions, and what a model answered to them.

use std::collections::BTreeMap;

use llmp_stage::{Form, Input, Result};
use serde::{Deserialize, Serialize};

use crate::questions::Question;
use crate::rows;

/// The file of a Probe artifact.
pub const PROBE_FILE: &str = "probe.jsonl";

/// Whether a model knows the answer to a question, by its own samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knowledge {
    /// Its samples are right.
    Known,
    /// Its samples are wrong.
    Unknown,
    /// In between: no example for either side.
    Unsure,
}

/// A row of `probe.jsonl`: a question and what the model made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probed {
    /// As in [`Question`].
    pub id: String,
    /// As in [`Question`].
    pub question: String,
    /// As in [`Question`].
    pub answer: String,
    /// As in [`Question`].
    pub values: Vec<String>,
    /// As in [`Question`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// As in [`Question`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// As in [`Question`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What the model said.
    pub samples: Vec<String>,
    /// How many of the samples were right.
    pub correct: usize,
    /// How many there were.
    pub of: usize,
    /// What follows.
    pub verdict: Knowledge,
}

impl Probed {
    /// The question alone.
    #[must_use]
    pub fn into_question(self) -> Question {
        let Self { id, question, answer, values, entity, attribute, tags, .. } = self;
        Question { id, question, answer, values, entity, attribute, tags }
    }

    /// What a model made of a question.
    #[must_use]
    pub fn new(question: Question, samples: Vec<String>, correct: usize, verdict: Knowledge) -> Self {
        let Question { id, question, answer, values, entity, attribute, tags } = question;
        let of = samples.len();
        Self { id, question, answer, values, entity, attribute, tags, samples, correct, of, verdict }
    }
}

/// What the probe found known, and what it found unknown.
///
/// # Errors
/// Where the Probe artifact cannot be read.
pub fn read_probe(input: &Input) -> Result<(Vec<Question>, Vec<Question>)> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for row in rows::typed::<Probed>(input, PROBE_FILE)? {
        match row.verdict {
            Knowledge::Known => known.push(row.into_question()),
            Knowledge::Unknown => unknown.push(row.into_question()),
            Knowledge::Unsure => {}
        }
    }
    Ok((known, unknown))
}

/// What Probe artifacts are on disk.
pub struct Probe;

impl Form for Probe {
    fn kind(&self) -> &'static str {
        "Probe"
    }

    fn expected(&self) -> &'static str {
        "`probe.jsonl`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        rows::typed::<Probed>(written, PROBE_FILE).map(drop)
    }
}
