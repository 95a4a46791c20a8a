//! The Conversations artifact: rows of messages in OpenAI's form.

mod files;
mod forms;
mod load;
mod message;
mod transcript;
mod tree;

use llmp_stage::{Context, Error, Form, Input, Result, Tone, View, Views};

pub use files::ENDINGS;
pub use forms::{Ignored, conversations};
pub use load::load;
pub use message::{Message, Role, from_row, to_row};
pub use transcript::{Talk, talks};

use crate::rows;

/// The file of a Conversations artifact.
pub const CONVERSATIONS_FILE: &str = "conversations.jsonl";

/// What Conversations are on disk.
pub struct Conversations;

impl Form for Conversations {
    fn kind(&self) -> &'static str {
        "Conversations"
    }

    fn expected(&self) -> &'static str {
        "`conversations.jsonl` with `messages`, or in any form that `chat.load` reads"
    }

    fn check(&self, written: &Input) -> Result<()> {
        rows::read(written.file(CONVERSATIONS_FILE)?, |row, place| {
            from_row(&row).map(drop).map_err(|fault| Error::new(format!("{place}: {fault}")))
        })
    }

    fn accept(&self, written: &Input, ctx: &dyn Context) -> Result<()> {
        rows::replaced(written, CONVERSATIONS_FILE, &ENDINGS, |file, to| load(ctx, [file], None, to))
    }

    fn unit(&self) -> Option<&'static str> {
        Some("conversations")
    }

    fn views(&self, artifact: &Input) -> Result<Views> {
        let rows = rows::each(artifact.file(CONVERSATIONS_FILE)?)?;
        Ok(Box::new(rows.map(|row| {
            let row = row?;
            let messages = from_row(&row).map_err(Error::new)?;
            Ok(view(format!("{} messages", messages.len()), &messages, row))
        })))
    }
}

/// A conversation as it is read; what a model learns of it stands out.
pub(crate) fn view(head: String, messages: &[Message], row: serde_json::Value) -> View {
    messages.iter().fold(View::new(head, row), |view, message| {
        let learned = message.role == Role::Assistant && message.learned;
        let tone = if learned { Tone::Learned } else { Tone::Plain };
        let mut view = view.piece(format!("{}: ", message.role.name()), Tone::Label);
        if !message.content.is_empty() {
            view = view.piece(message.content.as_str(), tone);
        }
        if let Some(query) = &message.query {
            view = view.piece(format!("[{}] ", message.tool.as_deref().unwrap_or("search")), Tone::Special);
            view = view.piece(query.as_str(), tone);
        }
        view.text("\n")
    })
}
