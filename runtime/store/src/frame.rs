//! The ledger's frames as bytes.
//!
//! ```text
//! frame := length: u32 LE   of what follows, without the checksum
//!          kind: u8         1 stage, 2 shard, 3 forgotten
//!          key: 32 bytes
//!          artifact: 32 bytes
//!          record: JSON
//!          checksum: 8 bytes, the start of the blake3 of kind … record
//! ```

use llmp_compiler::key::Digest;

/// Bytes before the record, without the length.
const HEAD: usize = 1 + 32 + 32;
/// Bytes of a checksum.
pub(super) const CHECK: usize = 8;
/// A longer frame is damage, not data.
const MAX_FRAME: usize = 256 << 20;

/// What a frame tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole stage.
    Stage,
    /// One shard of a stage.
    Shard,
    /// The action's result is no longer to be used.
    Forgotten,
}

impl Kind {
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Stage => 1,
            Self::Shard => 2,
            Self::Forgotten => 3,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Stage,
            2 => Self::Shard,
            3 => Self::Forgotten,
            _ => return None,
        })
    }
}

/// A frame without its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) artifact: Digest,
    pub(super) kind: Kind,
    /// Where the record begins in the file.
    pub(super) record: u64,
    /// Bytes of the record.
    pub(super) length: u32,
}

impl Slot {
    /// Of the frame that begins at `start` in the file and has a record of `length` bytes.
    pub(super) fn new(kind: Kind, artifact: Digest, start: u64, length: usize) -> Self {
        Self { artifact, kind, record: start + (4 + HEAD) as u64, length: length as u32 }
    }

    /// Where the frame begins and ends in the file.
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        let start = self.record - (4 + HEAD) as u64;
        start..self.record + u64::from(self.length) + CHECK as u64
    }
}

/// A frame's bytes.
pub(super) fn encode(kind: Kind, key: &Digest, artifact: &Digest, record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + HEAD + record.len() + CHECK);
    bytes.extend_from_slice(&((HEAD + record.len()) as u32).to_le_bytes());
    bytes.push(kind.byte());
    bytes.extend_from_slice(&key.0);
    bytes.extend_from_slice(&artifact.0);
    bytes.extend_from_slice(record);
    let check = check_of(bytes.get(4..).unwrap_or_default());
    bytes.extend_from_slice(&check);
    bytes
}

/// The checksum of some bytes.
pub(super) fn check_of(bytes: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&Digest::of(bytes).0[..CHECK]);
    check
}

/// The frame at the start of `bytes`, which lies at `offset` in the file, and its length; `None` where none
/// is whole.
fn decode(bytes: &[u8], offset: u64) -> Option<(Digest, Slot, usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    if !(HEAD..=MAX_FRAME).contains(&length) {
        return None;
    }
    let kind = Kind::from_byte(*bytes.get(4)?)?;
    let body = bytes.get(4..4 + length)?;
    if bytes.get(4 + length..4 + length + CHECK)? != check_of(body) {
        return None;
    }
    let key = Digest(body.get(1..33)?.try_into().ok()?);
    let artifact = Digest(body.get(33..65)?.try_into().ok()?);
    Some((key, Slot::new(kind, artifact, offset, length - HEAD), 4 + length + CHECK))
}

/// The whole frames in `bytes`, which lie at `offset` in the file; damaged ones are passed over.
///
/// Where a frame is damaged, the next begins wherever one is whole again: its length may be what is damaged.
/// The text of records reads as a length above [`MAX_FRAME`], so that the search costs one look a byte.
pub(super) fn scan(bytes: &[u8], offset: u64) -> impl Iterator<Item = (Digest, Slot)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 4 + HEAD + CHECK) {
            if let Some((key, slot, length)) = decode(rest, offset + at as u64) {
                at += length;
                return Some((key, slot));
            }
            at += 1;
        }
        None
    })
}
