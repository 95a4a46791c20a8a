//! Hashes of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use llmp_compiler::key::Digest;

use super::{Entry, Result, at};

/// Files from this size on are hashed by all cores.
const PARALLEL_FROM: u64 = 4 << 20;

/// Bytes that are read while the bytes before them are hashed.
const BLOCK: usize = 2 << 20;

/// The blake3 hash of a file's content.
///
/// # Errors
/// Where it cannot be read.
pub fn hash_file(path: &Path) -> Result<Digest> {
    let file = File::open(path).map_err(at("open", path))?;
    Ok(hash_open(&file, path)?.digest)
}

/// Digest and size of the content of an open file; `path` is named where it cannot be read.
pub(super) fn hash_open(file: &File, path: &Path) -> Result<Entry> {
    let size = file.metadata().map_err(at("read", path))?.len();
    let hash = if size < PARALLEL_FROM { in_a_row(file, size) } else { in_parallel(file) };
    let (digest, size) = hash.map_err(at("read", path))?;
    Ok(Entry { digest, size })
}

fn in_a_row(mut file: &File, size: u64) -> io::Result<(Digest, u64)> {
    // One byte more, so that the end is found without growing.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.read_to_end(&mut bytes)?;
    Ok((Digest::of(&bytes), bytes.len() as u64))
}

/// Reads a block while all cores hash the one before. Mapping the file would save the copy, and end the
/// program where the file is cut meanwhile.
fn in_parallel(mut file: &File) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let (mut full, mut next) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut filled = fill(&mut file, &mut full)?;
    let mut size = 0;
    while filled > 0 {
        size += filled as u64;
        let block = full.get(..filled).unwrap_or_default();
        let (_, read) = rayon::join(|| hasher.update_rayon(block), || fill(&mut file, &mut next));
        filled = read?;
        std::mem::swap(&mut full, &mut next);
    }
    Ok((Digest(*hasher.finalize().as_bytes()), size))
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_files_hash_alike() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        let bytes: Vec<u8> =
            (0..(9 << 20)).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for size in [0, 1, 1000, PARALLEL_FROM as usize, 2 * BLOCK, 2 * BLOCK + 1, bytes.len()] {
            std::fs::write(&path, &bytes[..size]).unwrap();
            assert_eq!(hash_file(&path).unwrap(), Digest::of(&bytes[..size]), "{size} bytes");
        }
    }
}
