//! Rows that are no documents: kept with their places, tolerated up to a share.

use llmp_stage::{Context, Dropped, Error, Result};

use super::Bad;

/// Bad rows of a file that are told in the log.
const LOGGED_ROWS: u64 = 10;

/// The rows of a file that are no documents.
#[derive(Default)]
pub struct BadRows {
    count: u64,
    first: Option<Bad>,
}

impl BadRows {
    /// The share of rows that a person would call an accident.
    pub const ACCIDENT: f64 = 0.01;

    /// Notes a row of the file that people call `file`.
    pub fn keep(&mut self, ctx: &dyn Context, file: &str, row: Bad) {
        let id = format!("{} of {file}", row.place);
        if self.count < LOGGED_ROWS {
            ctx.log(&format!("`{file}`: {} is no document: {}", row.place, row.why));
        }
        ctx.dropped(Dropped { id, url: String::new(), rule: "docs.bad_row".into(), value: row.why.clone() });
        self.count += 1;
        self.first.get_or_insert(row);
    }

    /// Refuses a file with `good` documents of which more than `share` of the rows are bad. A single one is
    /// an accident in any file that has a good one, too, unless none is tolerated.
    ///
    /// # Errors
    /// Then, with the first of them.
    pub fn check(&self, good: u64, share: f64, file: &str) -> Result<()> {
        let rows = good + self.count;
        let tolerated = match share > 0.0 && good > 0 {
            true => (rows as f64 * share).max(1.0),
            false => 0.0,
        };
        match &self.first {
            Some(first) if self.count as f64 > tolerated => Err(Error::new(format!(
                "{} of {rows} rows of `{file}` are no documents, the first of them {}: {}",
                self.count, first.place, first.why
            ))),
            _ => Ok(()),
        }
    }
}
