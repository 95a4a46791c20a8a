//! The Preferences artifact: of two answers to one prompt, which one is better.

use llmp_stage::{Error, Form, Input, Result, Tone, Views};
use serde_json::{Map, Value, json};

use crate::conversations::{Message, Role, from_row, to_row, view};
use crate::rows;

/// The file of a Preferences artifact.
pub const PREFERENCES_FILE: &str = "preferences.jsonl";

/// A row of `preferences.jsonl`: two answers to a conversation so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What both answer: it ends with the person's message, or with what a search found.
    pub prompt: Vec<Message>,
    /// The better answer.
    pub chosen: String,
    /// The worse one.
    pub rejected: String,
}

impl Preference {
    /// The row as it stands in the file.
    #[must_use]
    pub fn to_row(&self) -> Value {
        json!({
            "prompt": to_row(&self.prompt)["messages"],
            "chosen": self.chosen,
            "rejected": self.rejected,
        })
    }

    /// Reads a row that [`to_row`](Self::to_row) made.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub fn from_row(row: &Value) -> std::result::Result<Self, String> {
        let row = row.as_object().ok_or("the row is no object")?;
        if let Some(other) = row.keys().find(|key| !["prompt", "chosen", "rejected"].contains(&key.as_str()))
        {
            return Err(format!("`{other}` is no field of a preference"));
        }
        let (chosen, rejected) = (answer(row, "chosen")?, answer(row, "rejected")?);
        if chosen == rejected {
            return Err("`chosen` and `rejected` are the same".into());
        }
        let Some(Value::Array(prompt)) = row.get("prompt") else {
            return Err("`prompt` is no list of messages".into());
        };
        // A prompt is what a conversation is before its last answer.
        let mut whole = prompt.clone();
        whole.push(json!({ "role": Role::Assistant.name(), "content": chosen }));
        let mut prompt = from_row(&json!({ "messages": whole }))?;
        prompt.pop();
        match prompt.last().map(|message| message.role) {
            Some(Role::User | Role::Tool) => Ok(Self { prompt, chosen, rejected }),
            Some(Role::System | Role::Assistant) => Err("`prompt` ends with no question".into()),
            None => Err("`prompt` is empty".into()),
        }
    }
}

fn answer(row: &Map<String, Value>, field: &str) -> std::result::Result<String, String> {
    match row.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        Some(Value::String(_)) => Err(format!("`{field}` is empty")),
        Some(_) => Err(format!("`{field}` is no text")),
        None => Err(format!("`{field}` is missing")),
    }
}

/// Reads a Preferences artifact.
///
/// # Errors
/// Where it cannot be read.
pub fn read_preferences(input: &Input) -> Result<Vec<Preference>> {
    let mut preferences = Vec::new();
    rows::read(input.file(PREFERENCES_FILE)?, |row, place| {
        let preference =
            Preference::from_row(&row).map_err(|fault| Error::new(format!("{place}: {fault}")))?;
        preferences.push(preference);
        Ok(())
    })?;
    Ok(preferences)
}

/// Writes the file of a Preferences artifact into `folder`.
///
/// # Errors
/// Where it cannot be written.
pub fn write_preferences<'a>(
    folder: &std::path::Path,
    preferences: impl IntoIterator<Item = &'a Preference>,
) -> Result<()> {
    let mut writer = rows::Writer::create(&folder.join(PREFERENCES_FILE))?;
    for preference in preferences {
        writer.write(&preference.to_row())?;
    }
    writer.finish()
}

/// What Preferences are on disk.
pub struct Preferences;

impl Form for Preferences {
    fn kind(&self) -> &'static str {
        "Preferences"
    }

    fn expected(&self) -> &'static str {
        "`preferences.jsonl` with `prompt`, `chosen` and `rejected`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        read_preferences(written).map(drop)
    }

    fn unit(&self) -> Option<&'static str> {
        Some("preferences")
    }

    fn views(&self, artifact: &Input) -> Result<Views> {
        let rows = rows::each(artifact.file(PREFERENCES_FILE)?)?;
        Ok(Box::new(rows.map(|row| {
            let row = row?;
            let Preference { prompt, chosen, rejected } = Preference::from_row(&row).map_err(Error::new)?;
            let head = format!("{} messages, two answers", prompt.len());
            let view = view(head, &prompt, row).piece("chosen: ", Tone::Label).piece(chosen, Tone::Learned);
            Ok(view.text("\n").line("rejected", &rejected))
        })))
    }
}

#[cfg(test)]
mod tests {
    use llmp_stage::Context;
    use llmp_stage::testing::TestContext;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let question = |text: &str| Message::new(Role::User, text);
        let preferences = [
            Preference { prompt: vec![question("Lae?")], chosen: "A city.".into(), rejected: "No.".into() },
            Preference {
                prompt: vec![question("Lae?"), Message::search("Lae"), Message::new(Role::Tool, "A city.")],
                chosen: "A city.".into(),
                rejected: "I don't know.".into(),
            },
        ];
        let folder = root.path().join("made");
        std::fs::create_dir(&folder).unwrap();
        write_preferences(&folder, &preferences).unwrap();
        let ctx = TestContext::new(root.path()).with_folder("preferences", &folder);
        assert_eq!(read_preferences(ctx.input("preferences").unwrap()).unwrap(), preferences);
    }

    #[test]
    fn rows_that_prefer_nothing_are_refused() {
        let fault = |text: &str| Preference::from_row(&serde_json::from_str(text).unwrap()).unwrap_err();
        let prompt = r#""prompt":[{"role":"user","content":"Lae?"}]"#;
        for (row, due) in [
            (format!(r#"{{{prompt},"chosen":"a"}}"#), "`rejected` is missing"),
            (format!(r#"{{{prompt},"chosen":"a","rejected":"a"}}"#), "are the same"),
            (format!(r#"{{{prompt},"chosen":" ","rejected":"a"}}"#), "`chosen` is empty"),
            (format!(r#"{{{prompt},"chosen":["a"],"rejected":"a"}}"#), "`chosen` is no text"),
            (format!(r#"{{{prompt},"chosen":"a","rejected":"b","score":1}}"#), "`score` is no field"),
            (r#"{"prompt":[],"chosen":"a","rejected":"b"}"#.into(), "`prompt` is empty"),
            (r#"{"prompt":"Lae?","chosen":"a","rejected":"b"}"#.into(), "no list of messages"),
            (
                r#"{"prompt":[{"role":"system","content":"s"}],"chosen":"a","rejected":"b"}"#.into(),
                "ends with no question",
            ),
        ] {
            assert!(fault(&row).contains(due), "{row}: {}", fault(&row));
        }
    }
}
