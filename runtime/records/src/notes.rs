//! What the user wrote about a run: `runs/N/notes.json`. Nothing that the program does depends on it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Tags and a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// Words by which runs are found again.
    pub tags: BTreeSet<String>,
    /// A sentence or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Notes {
    /// Whether a word can be a tag: up to 64 letters, digits, `-`, `_`, `.` and `:`, in any script.
    #[must_use]
    pub fn is_tag(word: &str) -> bool {
        let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
        (1..=64).contains(&word.chars().count()) && word.chars().all(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words() {
        assert!(["good", "低学习率", "v1.2", "a:b"].iter().all(|word| Notes::is_tag(word)));
        assert!(["", "two words", "a,b", &"x".repeat(65)].iter().all(|word| !Notes::is_tag(word)));
    }

    #[test]
    fn notes_of_other_versions_are_read() {
        let notes: Notes = serde_json::from_str(r#"{"tags":["b","a","b"],"mood":1}"#).unwrap();
        assert_eq!(notes, Notes { tags: ["a", "b"].map(str::to_owned).into(), note: None });
    }
}
