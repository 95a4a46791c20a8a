//! Sources that were removed: what stages that start a pipeline leave out.

use llmp_stage::removed::{ROLE, Removed};
use llmp_stage::{Context, Dropped, Error, InputFile, Result};

use super::label;

/// The rule by which they are left out.
const RULE: &str = "forget.source";

/// The list that a stage is given, if it is.
pub(super) struct Forgotten(Removed);

impl Forgotten {
    /// Reads it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of(ctx: &dyn Context) -> Result<Self> {
        let mut text = String::new();
        for file in ctx.inputs(ROLE).iter().flat_map(|input| &input.files) {
            text += &std::fs::read_to_string(&file.path).map_err(Error::io("cannot read", &file.path))?;
            text.push('\n');
        }
        Ok(Self(Removed::read(&text)))
    }

    /// Whether a document is left out; says so.
    pub(super) fn drops(&self, ctx: &dyn Context, id: &str, url: &str, file: &InputFile) -> bool {
        let found = self.0.has(id, url, label(file));
        if found {
            let (id, url) = (id.to_owned(), url.to_owned());
            ctx.dropped(Dropped {
                id,
                url,
                rule: RULE.into(),
                value: "on the list of removed sources".into(),
            });
        }
        found
    }
}
