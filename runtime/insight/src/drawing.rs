//! The pipeline as a picture: for people, for other programs that draw, and for editors.

mod dot;
mod layout;
mod list;
mod mermaid;
mod svg;

pub use dot::dot;
pub use list::list;
use llmp_compiler::graph::StageId;
use llmp_planning::{Action, Row};
pub use mermaid::mermaid;
pub use svg::svg;

use crate::following::Going;

/// What the colour of a stage tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody asked.
    Unknown,
    /// It will do this.
    Planned(Action),
    /// It is at work.
    Running,
}

impl State {
    /// The state of the stage `name`, by its row of a plan and a run that is going on.
    #[must_use]
    pub fn of(name: &str, row: Option<&Row>, going: Option<&Going>) -> Self {
        if going.is_some_and(|going| going.working.contains_key(name)) {
            return Self::Running;
        }
        row.map_or(Self::Unknown, |row| Self::Planned(row.action()))
    }

    /// `cached`, `re-run`, `new`, `blocked`, `running`; nothing where nobody asked.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Planned(action) => Some(action.word()),
            Self::Running => Some("running"),
        }
    }

    /// One character that stands before a stage in a list; none where nobody asked.
    fn mark(self) -> Option<char> {
        match self {
            Self::Unknown => None,
            Self::Planned(action) => Some(action.mark()),
            Self::Running => Some('>'),
        }
    }

    /// The colours of area and border.
    fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Unknown => ("#f4f7fb", "#5577aa"),
            Self::Planned(Action::Cached) => ("#e9f6ec", "#3a8f53"),
            Self::Planned(Action::Rerun) => ("#fff4dc", "#b7791f"),
            Self::Planned(Action::New) => ("#e8f0fe", "#2f6fd0"),
            Self::Planned(Action::Blocked) => ("#fdeaea", "#c53030"),
            Self::Running => ("#efe6fd", "#7b3fd0"),
        }
    }
}

/// The id of a stage's element.
#[must_use]
pub fn node_id(stage: StageId) -> String {
    format!("s{}", stage.0)
}
