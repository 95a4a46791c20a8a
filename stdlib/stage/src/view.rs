//! How rows of artifacts are shown to people: `llmp show`, and the editor's hover.

use serde_json::Value;

use crate::Result;

/// One row of an artifact: a document, a conversation, a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What names it, in a line: a URL, an id.
    pub head: String,
    /// What it says, as it is read.
    pub body: Vec<Piece>,
    /// The same for programs: the row as it lies on disk, where it is JSON or a table's row.
    pub json: Value,
}

/// A part of a row's text that is shown in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text; control characters other than line breaks are replaced by whoever prints it.
    pub text: String,
    /// What it is.
    pub tone: Tone,
}

/// What a piece is, and so how it stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Text as such.
    Plain,
    /// A name before what it names: a role, a column.
    Label,
    /// What a model learns to say.
    Learned,
    /// A special token.
    Special,
    /// What stands beside the text: ids, numbers.
    Aside,
    /// What does not fit and is cut off.
    Cut,
}

/// Rows, one after the other.
pub type Views = Box<dyn Iterator<Item = Result<View>>>;

/// A name and a value of an artifact as a whole: `context`, `512 tokens`.
pub type Fact = (String, String);

/// How many cells of a terminal a text takes: signs of East Asian scripts take two.
#[must_use]
pub fn cells(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

impl View {
    /// A row with this head.
    #[must_use]
    pub fn new(head: impl Into<String>, json: Value) -> Self {
        Self { head: head.into(), body: Vec::new(), json }
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.piece(text, Tone::Plain)
    }

    /// Adds a piece.
    #[must_use]
    pub fn piece(mut self, text: impl Into<String>, tone: Tone) -> Self {
        self.body.push(Piece { text: text.into(), tone });
        self
    }

    /// Adds a line `name: text`, unless the text is empty.
    #[must_use]
    pub fn line(self, name: &str, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        self.piece(format!("{name}: "), Tone::Label).text(format!("{text}\n"))
    }

    /// All of its text, in one.
    #[must_use]
    pub fn all_text(&self) -> String {
        self.body.iter().map(|piece| piece.text.as_str()).collect()
    }
}
