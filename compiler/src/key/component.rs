//! The rows of the table that a key is made from.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Digest;

/// One field of what identifies a stage's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// What it is.
    pub name: ComponentName,
    /// Its value as people read it.
    pub value: String,
    /// The hash of its value, or of its content.
    pub digest: Digest,
}

/// What a component is; on disk and on the screen it is its text. Names are ordered as their texts are: keys
/// depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ComponentName {
    /// `stage`: the signature's name.
    Kind,
    /// `epoch`: the signature's.
    Epoch,
    /// `run`: the words of a command.
    Command,
    /// `model.width`: a setting, or a field in it.
    Setting(String),
    /// `input docs`: the artifact that fills a role; `docs[1]` is the second one of a list.
    Input(String),
    /// `files warcs`: the content of files that fill a role, or that a setting or a command names.
    Files(String),
}

/// Before the role in the text of [`ComponentName::Input`].
const INPUT: &str = "input ";

/// Before the role in the text of [`ComponentName::Files`].
const FILES: &str = "files ";

impl ComponentName {
    /// The name that is written as `text`. Names of settings have no blanks, and are neither of the three
    /// words.
    #[must_use]
    pub fn parse(text: String) -> Self {
        match text.as_str() {
            "stage" => Self::Kind,
            "epoch" => Self::Epoch,
            "run" => Self::Command,
            _ => match (text.strip_prefix(INPUT), text.strip_prefix(FILES)) {
                (Some(role), _) => Self::Input(role.to_owned()),
                (_, Some(role)) => Self::Files(role.to_owned()),
                (None, None) => Self::Setting(text),
            },
        }
    }

    /// Its text: what stands before the role, and the rest.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Kind => ("stage", ""),
            Self::Epoch => ("epoch", ""),
            Self::Command => ("run", ""),
            Self::Setting(path) => ("", path),
            Self::Input(role) => (INPUT, role),
            Self::Files(role) => (FILES, role),
        }
    }

    /// Its text; `input docs`, `model.width`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self.parts() {
            ("", rest) => Cow::Borrowed(rest),
            (word, "") => Cow::Borrowed(word),
            (word, rest) => Cow::Owned(format!("{word}{rest}")),
        }
    }

    /// The role of an input or of files, without its place in a list; for files, it may be a setting or a
    /// word of a command.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::Input(role) | Self::Files(role) => role.split('[').next(),
            _ => None,
        }
    }

    /// The setting that it is, or is a field of.
    #[must_use]
    pub fn setting(&self) -> Option<&str> {
        match self {
            Self::Setting(path) => path.split('.').next(),
            _ => None,
        }
    }

    /// The role of an input from another stage: a change of it is the consequence of that stage's.
    #[must_use]
    pub fn input_role(&self) -> Option<&str> {
        self.role().filter(|_| matches!(self, Self::Input(_)))
    }
}

impl Ord for ComponentName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Most are settings, whose text is at hand.
            (Self::Setting(one), Self::Setting(other)) => one.cmp(other),
            _ => {
                let ((word, rest), (other_word, other_rest)) = (self.parts(), other.parts());
                word.bytes().chain(rest.bytes()).cmp(other_word.bytes().chain(other_rest.bytes()))
            }
        }
    }
}

impl PartialOrd for ComponentName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text())
    }
}

impl Serialize for ComponentName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for ComponentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 11] = [
        "stage",
        "epoch",
        "run",
        "runs",
        "model.width",
        "input docs",
        "input docs[1]",
        "input",
        "files my clean.py",
        "files a[1].txt",
        "inputs",
    ];

    #[test]
    fn names_are_their_texts() {
        for one in TEXTS {
            let name = ComponentName::parse(one.to_owned());
            assert_eq!(name.text(), one);
            for other in TEXTS {
                let other_name = ComponentName::parse(other.to_owned());
                assert_eq!(name.cmp(&other_name), one.cmp(other), "{one} {other}");
                assert_eq!(name == other_name, one == other);
            }
        }
    }

    #[test]
    fn roles_and_settings_are_told_apart() {
        let parse = |text: &str| ComponentName::parse(text.to_owned());
        assert_eq!(parse("input docs[2]").input_role(), Some("docs"));
        assert_eq!(parse("files docs").input_role(), None);
        assert_eq!(parse("files docs").role(), Some("docs"));
        assert_eq!(parse("model.width").setting(), Some("model"));
        assert_eq!(parse("epoch").setting(), None);
    }
}
