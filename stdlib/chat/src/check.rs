//! Whether files that a user's own program wrote are artifacts of this crate's kinds.

use llmp_stage::{Error, Input, Result};

use crate::{CONVERSATIONS_FILE, PROBE_FILE, Probed, QUESTIONS_FILE, Question, message, rows};

/// Reads all rows of a Conversations artifact.
///
/// # Errors
/// Names the file, the line and what is wrong with it.
pub fn conversations(input: &Input) -> Result<()> {
    rows::read(input.file(CONVERSATIONS_FILE)?, |row, place| {
        message::from_row(&row).map(drop).map_err(|fault| Error::new(format!("{place}: {fault}")))
    })
}

/// Reads all rows of a Questions artifact.
///
/// # Errors
/// Names the file, the line and what is wrong with it.
pub fn questions(input: &Input) -> Result<()> {
    let fault =
        |question: &Question| question.fault().map(|fault| format!("question `{}`: {fault}", question.id));
    match rows::typed(input, QUESTIONS_FILE)?.iter().find_map(fault) {
        Some(fault) => Err(Error::new(format!("`{QUESTIONS_FILE}`: {fault}"))),
        None => Ok(()),
    }
}

/// Reads all rows of a Probe artifact.
///
/// # Errors
/// Names the file, the line and what is wrong with it.
pub fn probe(input: &Input) -> Result<()> {
    rows::typed::<Probed>(input, PROBE_FILE).map(drop)
}
