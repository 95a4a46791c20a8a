//! Sets of 64-bit hashes that lie in a file and are asked there: sorted, with where each 65,536th part
//! starts. A question reads some hundred bytes, so that a table of millions takes no memory of its own, and
//! all processes share the system's cache of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use llmp_stage::{Error, Result};

/// Parts by the first sixteen bits.
const PARTS: usize = 1 << 16;

/// A hash of an entry: the first eight bytes of BLAKE3. With 5 M entries a name is taken for one of them once
/// in 4 · 10¹².
pub(super) fn hash(text: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(text.as_bytes()).as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// A set of hashes.
pub(super) enum Table {
    /// A small one, sorted.
    Memory(Vec<u64>),
    /// One in a file.
    File {
        /// The file.
        file: Arc<File>,
        /// Where its hashes start, in bytes.
        start: u64,
        /// How many hashes lie before each part, and at the end how many there are.
        parts: Vec<u32>,
    },
}

impl Table {
    /// A table in memory.
    pub(super) fn memory(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self::Memory(hashes)
    }

    /// Writes hashes as a table, and returns how many bytes that are.
    ///
    /// # Errors
    /// Where it cannot be written, or there are more than 2³² hashes.
    pub(super) fn write(mut hashes: Vec<u64>, output: &mut impl Write) -> io::Result<u64> {
        hashes.sort_unstable();
        hashes.dedup();
        let mut at = 0;
        for part in 0..=PARTS as u64 {
            at += hashes[at..].iter().take_while(|hash| **hash >> 48 < part).count();
            let at = u32::try_from(at).map_err(io::Error::other)?;
            output.write_all(&at.to_le_bytes())?;
        }
        for hash in &hashes {
            output.write_all(&hash.to_le_bytes())?;
        }
        Ok(4 * (PARTS as u64 + 1) + 8 * hashes.len() as u64)
    }

    /// The table that starts at `start` in `file`, and where it ends; `None` where what lies there is none.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn open(file: &Arc<File>, start: u64) -> io::Result<Option<(Self, u64)>> {
        let mut bytes = vec![0; 4 * (PARTS + 1)];
        file.read_exact_at(&mut bytes, start)?;
        let parts: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect();
        let start = start + bytes.len() as u64;
        let end = start + 8 * u64::from(parts[PARTS]);
        let whole = parts.is_sorted() && end <= file.metadata()?.len();
        Ok(whole.then(|| (Self::File { file: Arc::clone(file), start, parts }, end)))
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Memory(hashes) => hashes.is_empty(),
            Self::File { parts, .. } => parts.last() == Some(&0),
        }
    }

    /// Whether it holds a hash.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn has(&self, hash: u64) -> Result<bool> {
        match self {
            Self::Memory(hashes) => Ok(hashes.binary_search(&hash).is_ok()),
            Self::File { file, start, parts } => {
                let part = (hash >> 48) as usize;
                let (from, to) = (u64::from(parts[part]), u64::from(parts[part + 1]));
                let mut bytes = vec![0; 8 * (to - from) as usize];
                file.read_exact_at(&mut bytes, start + 8 * from)
                    .map_err(|error| Error::new("cannot read a compiled list of hosts").because(error))?;
                Ok(bytes.chunks_exact(8).any(|eight| eight == hash.to_le_bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_a_file_answers_as_one_in_memory() {
        let hashes: Vec<u64> =
            (0..5_000).map(|number: u32| hash(&number.to_string())).chain([0, u64::MAX, 7]).collect();
        let mut bytes = b"head".to_vec();
        let written = Table::write(hashes.clone(), &mut bytes).expect("written");
        assert_eq!(bytes.len() as u64, 4 + written);
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        let file = Arc::new(file);
        let (table, end) = Table::open(&file, 4).expect("read").expect("a table");
        assert_eq!(end, bytes.len() as u64);
        let memory = Table::memory(hashes.clone());
        for hash in hashes
            .into_iter()
            .chain((5_000..9_000).map(|number: u32| hash(&number.to_string())))
            .chain([1, 8])
        {
            assert_eq!(table.has(hash).expect("read"), memory.has(hash).expect("read"));
        }
        file.set_len(end - 8).expect("cut");
        assert!(Table::open(&file, 4).expect("read").is_none());
    }
}
