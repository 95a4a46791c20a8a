//! The Conversations artifact: rows of messages in OpenAI's form.

mod forms;
mod message;
mod transcript;
mod tree;

use llmp_stage::{Context, Error, Form, Input, Result};

pub use forms::{Ignored, conversations};
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
        "`conversations.jsonl` with `messages`"
    }

    fn check(&self, written: &Input) -> Result<()> {
        rows::read(written.file(CONVERSATIONS_FILE)?, |row, place| {
            from_row(&row).map(drop).map_err(|fault| Error::new(format!("{place}: {fault}")))
        })
    }

    fn accept(&self, written: &Input, ctx: &dyn Context) -> Result<()> {
        self.check(written)?;
        rows::read(written.file(CONVERSATIONS_FILE)?, |_, _| {
            ctx.count("conversations", 1);
            Ok(())
        })
    }

    fn unit(&self) -> Option<&'static str> {
        Some("conversations")
    }
}
