//! Tokens become text: whole characters only, up to the first text that ends it.

use crate::model::{Model, Scored};

/// The text of a row, as it comes. What may be the beginning of a stop is held back.
pub(crate) struct Writing {
    stops: Vec<String>,
    /// Bytes of a character that is not complete.
    pending: Vec<u8>,
    /// Text that may be the beginning of a stop.
    held: String,
    /// Tokens whose text is not told yet.
    scored: Vec<Scored>,
    /// Whether a stop was reached.
    pub(crate) stopped: bool,
}

/// A piece of a row.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece {
    /// Text that is settled.
    pub(crate) text: String,
    /// The tokens since the piece before.
    pub(crate) scored: Vec<Scored>,
}

impl Piece {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.scored.is_empty()
    }
}

impl Writing {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops, pending: Vec::new(), held: String::new(), scored: Vec::new(), stopped: false }
    }

    /// Takes a token of the text, or one that is told and has no text, such as the end of a turn.
    pub(crate) fn push(&mut self, model: &dyn Model, scored: Scored, silent: bool) {
        if self.stopped {
            return;
        }
        if !silent {
            self.pending.extend_from_slice(model.bytes(scored.token).unwrap_or_default());
            self.settle(false);
        }
        self.scored.push(scored);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            self.held.truncate(at);
            self.pending.clear();
            self.stopped = true;
        }
    }

    /// Moves whole characters out of what is pending; bytes that are none become U+FFFD.
    fn settle(&mut self, all: bool) {
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    self.held += text;
                    self.pending.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    self.held += &String::from_utf8_lossy(&self.pending[..valid]);
                    let skip = match error.error_len() {
                        Some(length) => length,
                        None if all => self.pending.len() - valid,
                        None => {
                            self.pending.drain(..valid);
                            return;
                        }
                    };
                    self.held.push('\u{fffd}');
                    self.pending.drain(..valid + skip);
                }
            }
        }
    }

    /// What can be told now.
    pub(crate) fn piece(&mut self) -> Piece {
        let keep = if self.stopped { 0 } else { self.held_back() };
        let text: String = self.held.drain(..self.held.len() - keep).collect();
        // Tokens wait for their text, so that both come in one piece.
        match keep == 0 && self.pending.is_empty() {
            true => Piece { text, scored: std::mem::take(&mut self.scored) },
            false => Piece { text, scored: Vec::new() },
        }
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> Piece {
        if !self.stopped {
            self.settle(true);
        }
        Piece { text: std::mem::take(&mut self.held), scored: std::mem::take(&mut self.scored) }
    }

    /// Bytes at the end that a stop may begin with.
    fn held_back(&self) -> usize {
        let begins = |stop: &String| {
            let most = stop.len().min(self.held.len());
            (1..=most).rev().find(|length| {
                self.held.is_char_boundary(self.held.len() - length)
                    && stop.is_char_boundary(*length)
                    && self.held.ends_with(&stop[..*length])
            })
        };
        self.stops.iter().filter_map(begins).max().unwrap_or(0)
    }
}
