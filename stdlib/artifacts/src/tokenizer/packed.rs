//! Published vocabularies that the program carries: what each token is made of, compressed.

use llmp_stage::{Error, Result};

use super::vocabulary::{Vocabulary, read_tiktoken};
use super::{Pattern, characters};

/// OpenAI's vocabularies (MIT licence), made by `examples/pack_vocabulary.rs` from the rank files that
/// tiktoken uses.
const CL100K: &[u8] = include_bytes!("vocabularies/cl100k.zst");
const O200K: &[u8] = include_bytes!("vocabularies/o200k.zst");
const GPT2: &[u8] = include_bytes!("vocabularies/gpt2.zst");

/// A vocabulary that is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// GPT-4.
    Cl100k,
    /// GPT-4o and later.
    O200k,
    /// GPT-2.
    Gpt2,
}

impl Published {
    /// Its ordinary tokens and merges, without special tokens.
    pub(super) fn vocabulary(self) -> Vocabulary {
        let (packed, pattern) = match self {
            Self::Cl100k => (CL100K, Pattern::Cl100k),
            Self::O200k => (O200K, Pattern::O200k),
            Self::Gpt2 => (GPT2, Pattern::Gpt2),
        };
        let (tokens, merges) = unpack(packed).expect("a test unpacks each of them");
        Vocabulary { tokens, merges, pattern, specials: Vec::new() }
    }
}

/// Packs a rank file of tiktoken whose bytes have the first ids, in GPT-2's order: the low, middle and high
/// bytes of the left and the right part of every other token, each on their own, compressed.
///
/// # Errors
/// Where it is malformed, or none of these.
pub fn pack(ranks: &str) -> Result<Vec<u8>> {
    let tokens = read_tiktoken(ranks)?;
    if !tokens.iter().take(256).flatten().copied().eq(characters::in_order()) {
        return Err(Error::new("the first 256 tokens are not the bytes in GPT-2's order"));
    }
    let vocabulary = Vocabulary::from_ranks(tokens, Pattern::Gpt2, Vec::new())?;
    let mut bytes = Vec::with_capacity(6 * vocabulary.merges.len());
    for plane in 0..6 {
        bytes.extend(vocabulary.merges.iter().map(|(left, right)| {
            let part = if plane < 3 { left } else { right };
            part.to_le_bytes()[plane % 3]
        }));
    }
    zstd::bulk::compress(&bytes, 19).map_err(|error| Error::new("cannot compress").because(error))
}

type Unpacked = (Vec<Vec<u8>>, Vec<(u32, u32)>);

fn unpack(packed: &[u8]) -> Option<Unpacked> {
    let bytes = zstd::bulk::decompress(packed, 1 << 22).ok()?;
    let count = bytes.len() / 6;
    let mut tokens: Vec<Vec<u8>> = characters::in_order().map(|byte| vec![byte]).into();
    tokens.reserve(count);
    let mut merges = Vec::with_capacity(count);
    for at in 0..count {
        let part = |plane: usize| {
            let byte = |of: usize| u32::from(bytes[(plane + of) * count + at]);
            byte(0) | byte(1) << 8 | byte(2) << 16
        };
        let (left, right) = (part(0), part(3));
        tokens.push([tokens.get(left as usize)?.as_slice(), tokens.get(right as usize)?].concat());
        merges.push((left, right));
    }
    Some((tokens, merges))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::super::vocabulary::write_tiktoken;
    use super::*;

    #[test]
    fn published_vocabularies_are_those_that_tiktoken_checks_for() {
        // The digests in tiktoken's `openai_public.py`; GPT-2's is that of `r50k_base`, which has the same
        // ranks.
        for (published, digest) in [
            (Published::Cl100k, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
            (Published::O200k, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
            (Published::Gpt2, "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
        ] {
            let vocabulary = published.vocabulary();
            let file = write_tiktoken((0..).zip(vocabulary.tokens.iter().map(Vec::as_slice)));
            let found: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, digest, "{published:?}");
            assert!(unpack(&pack(&file).unwrap()) == Some((vocabulary.tokens, vocabulary.merges)));
        }
    }
}
