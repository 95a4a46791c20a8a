//! How runs and their stages end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a run ended, in one word; the word is also how it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Not yet; for good where it was killed.
    Started,
    /// All stages have their results, and they are as the program expects.
    Done,
    /// A stage failed, or a result is not as the program expects.
    Failed,
    /// It was asked to stop.
    Stopped,
    /// There was nothing to do; told as an event only, since no record is made of it.
    NothingToDo,
    /// In a way that this version knows no word for; any other text is read as this.
    #[default]
    #[serde(other)]
    Ended,
}

/// How a stage of a run ended, in one word; the word is also how it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// It ran.
    Ran,
    /// Its result was there.
    Cached,
    /// It was planned to run, and its inputs came out as they were.
    Skipped,
    /// It failed.
    Failed,
    /// It could not start.
    Blocked,
    /// The run ended before it did. Any other text is read as this: nothing is known of its work.
    #[default]
    #[serde(other)]
    Stopped,
}

impl RunStatus {
    /// `started`, `done`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::NothingToDo => "nothing_to_do",
            Self::Ended => "ended",
        }
    }
}

impl StageStatus {
    /// `ran`, `cached`, …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

impl fmt::Display for StageStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_is_written() {
        use StageStatus::{Blocked, Cached, Failed, Ran, Skipped, Stopped};
        for status in [Ran, Cached, Skipped, Failed, Blocked, Stopped] {
            let text = serde_json::to_string(&status).unwrap();
            assert_eq!(text, format!("\"{status}\""));
            assert_eq!(serde_json::from_str::<StageStatus>(&text).unwrap(), status);
        }
        for status in [RunStatus::Started, RunStatus::Done, RunStatus::NothingToDo, RunStatus::Ended] {
            let text = serde_json::to_string(&status).unwrap();
            assert_eq!(text, format!("\"{status}\""));
            assert_eq!(serde_json::from_str::<RunStatus>(&text).unwrap(), status);
        }
    }

    #[test]
    fn words_of_other_versions_are_read() {
        assert_eq!(serde_json::from_str::<StageStatus>("\"dreamt\"").unwrap(), StageStatus::Stopped);
        assert_eq!(serde_json::from_str::<RunStatus>("\"\"").unwrap(), RunStatus::Ended);
    }
}
