//! How facts are said, asked and answered: `wordings.yaml`, which people edit.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::table::{Row, Table};
use crate::commands::Failure;

/// What is written beside the table at first, in the table's language.
pub(super) const ENGLISH: &str = include_str!("wordings.en.yaml");
pub(super) const CHINESE: &str = include_str!("wordings.zh.yaml");

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wordings {
    pub statements: Vec<String>,
    pub following: Vec<String>,
    pub headings: Vec<String>,
    pub questions: Vec<String>,
    pub new_questions: Vec<String>,
    pub openings: Vec<String>,
    pub small_talk: Vec<Talk>,
    pub refusal: String,
    #[serde(default)]
    columns: BTreeMap<String, Column>,
}

/// What people say, and what the assistant may say then.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Talk {
    pub says: Vec<String>,
    pub replies: Vec<String>,
}

/// What stands in place of the general wordings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    statements: Option<Vec<String>>,
    following: Option<Vec<String>>,
    questions: Option<Vec<String>>,
    new_questions: Option<Vec<String>>,
}

/// The wordings of one column, each with its placeholders still in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'w> {
    pub attribute: &'w str,
    pub statements: &'w [String],
    pub following: &'w [String],
    pub questions: &'w [String],
    pub new_questions: &'w [String],
}

impl Said<'_> {
    /// The template with everything put in, its first letter a capital.
    pub(super) fn fill(&self, template: &str, name: &str, value: &str) -> String {
        let text = put(template, &[("{name}", name), ("{attribute}", self.attribute), ("{value}", value)]);
        capital(&text)
    }

    /// A question about a row.
    pub(super) fn ask(&self, question: &str, row: &Row) -> String {
        self.fill(question, &row.name, "")
    }

    /// What the assistant answers.
    pub(super) fn answer(&self, row: &Row, values: &[String]) -> String {
        self.fill(&self.statements[0], &row.name, &values[0])
    }
}

/// Puts texts in place of placeholders, in one pass: what is put in is not looked at again.
pub(super) fn put(template: &str, texts: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match texts.iter().find(|(placeholder, _)| rest.starts_with(placeholder)) {
            Some((placeholder, text)) => {
                out.push_str(text);
                rest = &rest[placeholder.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or(String::new(), |first| first.to_uppercase().chain(signs).collect())
}

impl Wordings {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))?;
        Self::parse(&text).map_err(|message| {
            Failure::new(format!("`{}`: {message}", path.display()))
                .help("move it away, and `llmp init facts` writes the one that it began with")
        })
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wordings: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        wordings.checked()
    }

    /// The wordings of each of the table's columns.
    pub(super) fn of<'w>(&'w self, table: &'w Table) -> Result<Vec<Said<'w>>, String> {
        if let Some(unknown) = self.columns.keys().find(|name| !table.attributes.contains(name)) {
            return Err(format!("`columns` names `{unknown}`, which the table does not have"));
        }
        let of = |attribute: &'w String| {
            let own = self.columns.get(attribute);
            let choose = |own: Option<&'w Option<Vec<String>>>, general: &'w Vec<String>| -> &'w [String] {
                own.and_then(Option::as_ref).unwrap_or(general)
            };
            Said {
                attribute,
                statements: choose(own.map(|own| &own.statements), &self.statements),
                following: choose(own.map(|own| &own.following), &self.following),
                questions: choose(own.map(|own| &own.questions), &self.questions),
                new_questions: choose(own.map(|own| &own.new_questions), &self.new_questions),
            }
        };
        Ok(table.attributes.iter().map(of).collect())
    }

    fn checked(self) -> Result<Self, String> {
        require("statements", &self.statements, &["{name}", "{value}"], &["{attribute}"])?;
        require("following", &self.following, &["{value}"], &["{attribute}"])?;
        require("headings", &self.headings, &["{name}"], &[])?;
        require("questions", &self.questions, &["{name}"], &["{attribute}"])?;
        require("new_questions", &self.new_questions, &["{name}"], &["{attribute}"])?;
        require("openings", &self.openings, &[], &["{question}"])?;
        for (name, own) in &self.columns {
            let own_list = |list: &str, texts: &Option<Vec<String>>, needed: &[&str]| match texts {
                Some(texts) => require(&format!("columns.{name}.{list}"), texts, needed, &["{attribute}"]),
                None => Ok(()),
            };
            own_list("statements", &own.statements, &["{name}", "{value}"])?;
            own_list("following", &own.following, &["{value}"])?;
            own_list("questions", &own.questions, &["{name}"])?;
            own_list("new_questions", &own.new_questions, &["{name}"])?;
        }
        let all = std::iter::once((&self.questions, &self.new_questions)).chain(
            self.columns
                .values()
                .filter_map(|own| Some((own.questions.as_ref()?, own.new_questions.as_ref()?))),
        );
        for (asked, new) in all {
            if let Some(both) = new.iter().find(|text| asked.contains(text)) {
                return Err(format!(
                    "`{both}` is in `questions` and in `new_questions`: it would be no new wording"
                ));
            }
        }
        if self.small_talk.len() < 2
            || self.small_talk.iter().any(|talk| talk.says.is_empty() || talk.replies.is_empty())
        {
            return Err(
                "`small_talk` needs a greeting and thanks at least, each with something said and replied"
                    .into(),
            );
        }
        if self.refusal.trim().is_empty() {
            return Err("`refusal` is empty".into());
        }
        Ok(self)
    }
}

/// Fails where a list is empty, a text lacks a placeholder, or has one that nothing is put in for.
fn require(list: &str, texts: &[String], needed: &[&str], allowed: &[&str]) -> Result<(), String> {
    if texts.is_empty() {
        return Err(format!("`{list}` is empty"));
    }
    for text in texts {
        if let Some(missing) = needed.iter().find(|placeholder| !text.contains(**placeholder)) {
            return Err(format!("`{text}` in `{list}` lacks `{missing}`"));
        }
        let known: Vec<(&str, &str)> =
            needed.iter().chain(allowed).map(|placeholder| (*placeholder, "")).collect();
        if let Some(at) = put(text, &known).find(['{', '}']) {
            let rest = &put(text, &known)[at..];
            let found: String = rest.chars().take_while(|sign| *sign != '}').collect();
            return Err(format!(
                "`{found}}}` in `{list}` is none of {}",
                known.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_that_are_carried_can_be_read() {
        for text in [ENGLISH, CHINESE] {
            let wordings = Wordings::parse(text).unwrap();
            assert!(wordings.statements[0].starts_with("{value}"), "the value comes first in an answer");
            assert!(wordings.questions.len() >= 10 && wordings.new_questions.len() >= 4);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let changed = |from: &str, to: &str| Wordings::parse(&ENGLISH.replacen(from, to, 1)).unwrap_err();
        assert_eq!(
            changed("{value} is its {attribute}.", "It is."),
            "`It is.` in `following` lacks `{value}`"
        );
        assert_eq!(
            changed("Which {attribute} does {name} have?", "Which {atribute} does {name} have?"),
            "`{atribute}` in `questions` is none of `{name}`, `{attribute}`"
        );
        let twice = "Could you name the {attribute} of {name}?";
        assert!(changed(twice, "Name the {attribute} of {name}.").contains("no new wording"));
        assert!(changed("refusal:", "refusing:").contains("refusing"));
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        assert_eq!(put("{name} and {value}{", &[("{name}", "{value}"), ("{value}", "2")]), "{value} and 2{");
    }
}
