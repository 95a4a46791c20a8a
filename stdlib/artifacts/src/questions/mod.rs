//! The Questions artifact: questions with known answers.

mod load;

use std::collections::BTreeMap;

use llmp_stage::{Context, Error, Form, Input, Result, View, Views};
use serde::{Deserialize, Serialize};

pub use load::load;

use crate::{rows, words};

/// How names of files of questions end, perhaps with `.gz` or `.zst` behind.
pub const ENDINGS: [&str; 3] = [".jsonl", ".ndjson", ".json"];

/// The file of a Questions artifact.
pub const QUESTIONS_FILE: &str = "questions.jsonl";

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
    #[must_use]
    pub fn query(&self) -> &str {
        self.entity.as_deref().unwrap_or(&self.question)
    }

    /// The label for `tag`; `attribute` is one too.
    #[must_use]
    pub fn tag(&self, tag: &str) -> Option<&str> {
        match self.tags.get(tag) {
            Some(label) => Some(label),
            None if tag == "attribute" => self.attribute.as_deref(),
            None => None,
        }
    }

    /// Whether its answer begins with a value that counts as right.
    #[must_use]
    pub fn begins_with_value(&self) -> bool {
        let answer = words::normalized(&self.answer);
        self.values.iter().any(|value| answer.starts_with(&words::normalized(value)))
    }

    /// As it is read.
    pub(crate) fn view(&self, row: serde_json::Value) -> View {
        let tags: Vec<String> = self.tags.iter().map(|(tag, label)| format!("{tag} = {label}")).collect();
        View::new(self.id.as_str(), row)
            .line("question", &self.question)
            .line("answer", &self.answer)
            .line("values", &self.values.join(" | "))
            .line("entity", self.entity.as_deref().unwrap_or_default())
            .line("attribute", self.attribute.as_deref().unwrap_or_default())
            .line("tags", &tags.join(", "))
    }

    /// What is wrong with it, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let blank = |text: &str| text.trim().is_empty();
        match () {
            () if blank(&self.id) => Some("`id` is empty"),
            () if blank(&self.question) => Some("`question` is empty"),
            () if blank(&self.answer) => Some("`answer` is empty"),
            () if self.values.is_empty() => Some("`values` is empty"),
            () if self.values.iter().any(|value| words::normalized(value).is_empty()) => {
                Some("one of `values` has no letter or digit")
            }
            () if self.entity.as_deref().is_some_and(blank) => Some("`entity` is empty"),
            () => None,
        }
    }
}

/// Reads a Questions artifact.
///
/// # Errors
/// Where it cannot be read.
pub fn read_questions(input: &Input) -> Result<Vec<Question>> {
    rows::typed(input, QUESTIONS_FILE)
}

/// What Questions are on disk.
pub struct Questions;

impl Form for Questions {
    fn kind(&self) -> &'static str {
        "Questions"
    }

    fn expected(&self) -> &'static str {
        "`questions.jsonl` with `question`, `answer` and `values`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        let fault = |question: &Question| {
            question.fault().map(|fault| format!("question `{}`: {fault}", question.id))
        };
        match rows::typed(written, QUESTIONS_FILE)?.iter().find_map(fault) {
            Some(fault) => Err(Error::new(format!("`{QUESTIONS_FILE}`: {fault}"))),
            None => Ok(()),
        }
    }

    fn accept(&self, written: &Input, ctx: &dyn Context) -> Result<()> {
        rows::replaced(written, QUESTIONS_FILE, &ENDINGS, |file, to| load(ctx, [file], to))
    }

    fn unit(&self) -> Option<&'static str> {
        Some("questions")
    }

    fn views(&self, artifact: &Input) -> Result<Views> {
        let rows = rows::each(artifact.file(QUESTIONS_FILE)?)?;
        Ok(Box::new(rows.map(|row| {
            let row = row?;
            let question: Question = serde_json::from_value(row.clone())
                .map_err(|error| Error::new("the row is no question").because(error))?;
            Ok(question.view(row))
        })))
    }
}
