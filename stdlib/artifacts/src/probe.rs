//! The Probe artifact: questions, and what a model answered to them.

use llmp_stage::{Error, Form, Input, Result, Views};
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
    /// The question; its fields stand beside the others.
    #[serde(flatten)]
    pub question: Question,
    /// What the model said.
    pub samples: Vec<String>,
    /// How many of the samples were right.
    pub correct: usize,
    /// How many there were.
    pub of: usize,
    /// What follows.
    pub verdict: Knowledge,
}

/// What the probe found known, and what it found unknown.
///
/// # Errors
/// Where the Probe artifact cannot be read.
pub fn read_probe(input: &Input) -> Result<(Vec<Question>, Vec<Question>)> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for row in rows::typed::<Probed>(input, PROBE_FILE)? {
        match row.verdict {
            Knowledge::Known => known.push(row.question),
            Knowledge::Unknown => unknown.push(row.question),
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

    fn views(&self, artifact: &Input) -> Result<Views> {
        let rows = rows::each(artifact.file(PROBE_FILE)?)?;
        Ok(Box::new(rows.map(|row| {
            let row = row?;
            let probed: Probed = serde_json::from_value(row.clone())
                .map_err(|error| Error::new("the row is no probed question").because(error))?;
            let verdict =
                row.get("verdict").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            let view = probed.question.view(row);
            let said = format!("{verdict}, {} of {} samples are right", probed.correct, probed.of);
            Ok(probed.samples.iter().fold(view.line("verdict", &said), |view, sample| {
                view.line("sample", if sample.trim().is_empty() { "(nothing)" } else { sample })
            }))
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_flat_and_has_no_other_fields() {
        let text = r#"{"id":"1","question":"Where?","answer":"Peru.","values":["Peru"],"entity":"Lae","samples":["Oman"],"correct":0,"of":1,"verdict":"unknown"}"#;
        let row: Probed = serde_json::from_str(text).unwrap();
        assert_eq!((row.question.entity.as_deref(), row.verdict), (Some("Lae"), Knowledge::Unknown));
        assert_eq!(serde_json::to_string(&row).unwrap(), text);
        let more = text.replace("\"of\":1", "\"of\":1,\"off\":2");
        assert!(
            serde_json::from_str::<Probed>(&more).unwrap_err().to_string().contains("unknown field `off`")
        );
        let less = text.replace("\"id\":\"1\",", "");
        assert!(
            serde_json::from_str::<Probed>(&less).unwrap_err().to_string().contains("missing field `id`")
        );
    }
}
