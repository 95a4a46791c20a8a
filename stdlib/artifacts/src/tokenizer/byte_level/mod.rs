//! Byte-level BPE of the published patterns, from text to ids: a text is cut ([`cut`]), each piece is looked
//! up among those met before ([`seen`]), and a new one is merged from its bytes ([`merges`]). Pieces of
//! scripts without spaces, which hardly ever come twice, are cut further where that changes nothing
//! ([`seams`]).

mod classes;
mod cut;
mod merges;
mod seams;
mod seen;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cut::Cutter;
use merges::Merges;
use seams::Seams;
use seen::Seen;

use llmp_stage::{Error, Result};

use super::{Pattern, Vocabulary};

/// So many pieces are cut before they are looked up, so that the processor waits for several of them at once.
const BATCH: usize = 64;

/// Text to ids. Threads may share one; each keeps the pieces that it has met while it encodes a text.
pub(super) struct ByteLevel {
    cutter: Cutter,
    merges: Merges,
    /// Where pieces may be encoded in parts; of a file that says `ignore_merges` nowhere.
    seams: Option<Seams>,
    /// Tokens that a piece becomes as a whole, whatever its merges: those of a file that says
    /// `ignore_merges`.
    whole: Option<HashMap<Vec<u8>, u32>>,
    /// What threads have met, while they encode nothing.
    seen: Mutex<Vec<Seen>>,
}

impl ByteLevel {
    /// The encoder of a vocabulary.
    ///
    /// # Errors
    /// Where a byte has no token of its own, or a merge makes a token that is not in the vocabulary.
    pub(super) fn of(vocabulary: &Vocabulary) -> Result<Self> {
        let tokens = &vocabulary.tokens;
        let mut bytes = [u32::MAX; 256];
        for (id, token) in (0..).zip(tokens) {
            if let [byte] = token.as_slice() {
                bytes[usize::from(*byte)] = id;
            }
        }
        if let Some(byte) = bytes.iter().position(|id| *id == u32::MAX) {
            return Err(Error::new(format!("the vocabulary has no token for the byte {byte:#04x}"))
                .help("byte-level BPE needs one token for each of the 256 bytes"));
        }
        // A merge makes the next token of the vocabulary, or, rarely, one that another merge has made before.
        let mut known: Option<HashMap<&[u8], u32>> = None;
        let mut next = (0..).zip(tokens).filter(|(_, token)| token.len() > 1).peekable();
        let mut merges = Vec::with_capacity(vocabulary.merges.len());
        for &(left, right) in &vocabulary.merges {
            let part = |id: u32| tokens.get(id as usize).map(Vec::as_slice).unwrap_or_default();
            let made = |token: &[u8]| {
                let (left, right) = (part(left), part(right));
                token.len() == left.len() + right.len() && token.starts_with(left) && token.ends_with(right)
            };
            let id = match next.next_if(|(_, token)| made(token)) {
                Some((id, _)) => id,
                None => *known
                    .get_or_insert_with(|| tokens.iter().map(Vec::as_slice).zip(0..).collect())
                    .get([part(left), part(right)].concat().as_slice())
                    .ok_or_else(|| {
                        Error::new(format!(
                            "the merge of {left} and {right} makes no token of the vocabulary"
                        ))
                    })?,
            };
            merges.push((left, right, id));
        }
        let tokens = tokens.iter().map(Vec::as_slice);
        Ok(Self::new(vocabulary.pattern, bytes, merges.into_iter(), tokens, None))
    }

    /// An encoder that cuts by `pattern`. `bytes` are the tokens of single bytes; `merges` are pairs in the
    /// order in which they are merged, with the token that each makes; `tokens` are the bytes of all that
    /// they make.
    pub(super) fn new<'a>(
        pattern: Pattern,
        bytes: [u32; 256],
        merges: impl ExactSizeIterator<Item = (u32, u32, u32)>,
        tokens: impl Iterator<Item = &'a [u8]>,
        whole: Option<HashMap<Vec<u8>, u32>>,
    ) -> Self {
        let (cutter, merges) = (Cutter::new(pattern), Merges::new(bytes, merges));
        let seams = whole.is_none().then(|| Seams::new(tokens));
        Self { cutter, merges, seams, whole, seen: Mutex::new(Vec::new()) }
    }

    /// Appends the ids of `text`.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let mut seen = self.lock().pop().unwrap_or_else(Seen::new);
        let encode =
            |piece: &[u8], ids: &mut Vec<u32>| match self.whole.as_ref().and_then(|whole| whole.get(piece)) {
                Some(id) => ids.push(*id),
                None => self.merges.encode(piece, ids),
            };
        let bytes = text.as_bytes();
        let (mut ends, mut start) = ([0; BATCH], 0);
        loop {
            let count = self.cutter.cut(text, start, &mut ends);
            let ends = &ends[..count];
            let Some(&end) = ends.last() else { break };
            match &self.seams {
                Some(seams) if !bytes[start..end].is_ascii() => {
                    seams
                        .each(bytes, start, ends, |start, ends| seen.encode(bytes, start, ends, ids, encode));
                }
                _ => seen.encode(bytes, start, ends, ids, encode),
            }
            start = end;
        }
        self.lock().push(seen);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls `each` with every piece of `text` as `pattern` cuts it, in order.
pub(super) fn pieces(pattern: Pattern, text: &str, mut each: impl FnMut(&str)) {
    let (cutter, mut ends, mut start) = (Cutter::new(pattern), [0; BATCH], 0);
    loop {
        let count = cutter.cut(text, start, &mut ends);
        for end in &ends[..count] {
            each(&text[start..*end]);
            start = *end;
        }
        if count < BATCH {
            break;
        }
    }
}
