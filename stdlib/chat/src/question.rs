//! Questions with known answers, and what a model answered to them.

use std::collections::BTreeMap;

use llmp_stage::{Input, Result};
use serde::{Deserialize, Serialize};

use crate::rows;

/// The file of a Questions artifact.
pub const QUESTIONS_FILE: &str = "questions.jsonl";
/// The file of a Probe artifact.
pub const PROBE_FILE: &str = "probe.jsonl";

/// A row of `questions.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Unlike every other question's.
    pub id: String,
    /// As people ask it.
    pub question: String,
    /// A full answer. It begins with an accepted value where the model shall put the value first.
    pub answer: String,
    /// Every value that counts as right.
    pub values: Vec<String>,
    /// What the question is about; what a search for the answer looks up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Which of its properties is asked for. Questions of one attribute have values of one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Free labels that tables are broken down by, e.g. `entity = unseen`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Question {
    /// What a search for the answer looks up.
    pub(crate) fn query(&self) -> &str {
        self.entity.as_deref().unwrap_or(&self.question)
    }

    /// The label for `tag`; `attribute` is one too.
    pub(crate) fn tag(&self, tag: &str) -> Option<&str> {
        match self.tags.get(tag) {
            Some(label) => Some(label),
            None if tag == "attribute" => self.attribute.as_deref(),
            None => None,
        }
    }

    /// What is wrong with it, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let blank = |text: &str| text.trim().is_empty();
        match () {
            () if blank(&self.id) => Some("`id` is empty"),
            () if blank(&self.question) => Some("`question` is empty"),
            () if blank(&self.answer) => Some("`answer` is empty"),
            () if self.values.is_empty() => Some("`values` is empty"),
            () if self.values.iter().any(|value| crate::words::normalized(value).is_empty()) => {
                Some("one of `values` has no letter or digit")
            }
            () if self.entity.as_deref().is_some_and(blank) => Some("`entity` is empty"),
            () => None,
        }
    }
}

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
    pub(crate) fn into_question(self) -> Question {
        let Self { id, question, answer, values, entity, attribute, tags, .. } = self;
        Question { id, question, answer, values, entity, attribute, tags }
    }

    pub(crate) fn new(question: Question, samples: Vec<String>, correct: usize, verdict: Knowledge) -> Self {
        let Question { id, question, answer, values, entity, attribute, tags } = question;
        let of = samples.len();
        Self { id, question, answer, values, entity, attribute, tags, samples, correct, of, verdict }
    }
}

/// Reads a Questions artifact.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn read_questions(input: &Input) -> Result<Vec<Question>> {
    rows::typed(input, QUESTIONS_FILE)
}

/// What the probe found known, and what it found unknown.
///
/// # Errors
/// Where the Probe artifact cannot be read.
pub(crate) fn read_probe(input: &Input) -> Result<(Vec<Question>, Vec<Question>)> {
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
