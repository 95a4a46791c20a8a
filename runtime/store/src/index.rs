//! The index of a long ledger: for each key, where its newest frame lies, so that opening reads no frames.
//!
//! ```text
//! "llmp index 1\n"
//! covered: u64 LE    bytes of the ledger it speaks of
//! mark: 8 bytes      the last of these bytes, which are the checksum of a frame
//! entry := key: 32 bytes, artifact: 32 bytes, kind: u8, record: u64 LE, length: u32 LE; sorted by key
//! checksum: 8 bytes, the start of the blake3 of everything before
//! ```
//!
//! It is a cache: one that is damaged or speaks of another ledger counts as none, and is made again.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use llmp_compiler::key::Digest;

use super::Result;
use super::frame::{CHECK, Kind, Slot, check_of};
use super::write::write_cache;

const MAGIC: &[u8] = b"llmp index 1\n";
const HEAD: usize = MAGIC.len() + 8 + CHECK;
const ENTRY: usize = 32 + 32 + 1 + 8 + 4;

/// A read index. Entries are looked up in its bytes; nothing is made from them before.
#[derive(Default)]
pub(super) struct Index {
    bytes: Vec<u8>,
    /// Bytes of the ledger it speaks of; 0 for none.
    pub(super) covered: u64,
}

impl Index {
    /// The index at `path` if it fits the ledger.
    pub(super) fn open(path: &Path, ledger: &File) -> Self {
        Self::read(path, ledger).unwrap_or_default()
    }

    fn read(path: &Path, ledger: &File) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
        let head = body.get(..HEAD)?.strip_prefix(MAGIC)?;
        let (covered, mark) = head.split_at_checked(8)?;
        let covered = u64::from_le_bytes(covered.try_into().ok()?);
        let mut found = [0; CHECK];
        ledger.read_exact_at(&mut found, covered.checked_sub(CHECK as u64)?).ok()?;
        let fits = found == mark && check_of(body) == check && (body.len() - HEAD).is_multiple_of(ENTRY);
        fits.then_some(Self { bytes, covered })
    }

    fn entries(&self) -> &[[u8; ENTRY]] {
        let end = self.bytes.len().saturating_sub(CHECK);
        self.bytes.get(HEAD..end).unwrap_or_default().as_chunks().0
    }

    /// The newest frame of a key.
    pub(super) fn get(&self, key: &Digest) -> Option<Slot> {
        let entries = self.entries();
        let at = entries.binary_search_by(|entry| entry[..32].cmp(&key.0)).ok()?;
        decode(entries.get(at)?).map(|(_, slot)| slot)
    }

    /// All entries, sorted by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Digest, Slot)> {
        self.entries().iter().filter_map(decode)
    }

    /// Writes the index of the first `covered` bytes of a ledger, whose `entries` are sorted by key.
    pub(super) fn write(
        path: &Path,
        ledger: &File,
        covered: u64,
        entries: impl Iterator<Item = (Digest, Slot)>,
    ) -> Result<()> {
        let mut mark = [0; CHECK];
        ledger.read_exact_at(&mut mark, covered - CHECK as u64).map_err(super::at("read", path))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&covered.to_le_bytes());
        bytes.extend_from_slice(&mark);
        for (key, slot) in entries {
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&slot.artifact.0);
            bytes.push(slot.kind.byte());
            bytes.extend_from_slice(&slot.record.to_le_bytes());
            bytes.extend_from_slice(&slot.length.to_le_bytes());
        }
        bytes.extend_from_slice(&check_of(&bytes));
        write_cache(path, &bytes)
    }
}

fn decode(entry: &[u8; ENTRY]) -> Option<(Digest, Slot)> {
    let key = Digest(entry[..32].try_into().ok()?);
    let slot = Slot {
        artifact: Digest(entry[32..64].try_into().ok()?),
        kind: Kind::from_byte(entry[64])?,
        record: u64::from_le_bytes(entry[65..73].try_into().ok()?),
        length: u32::from_le_bytes(entry[73..77].try_into().ok()?),
    };
    Some((key, slot))
}
