//! Digests of the user's files by size, modification time and inode, so that unchanged files are not read again.
//!
//! A file whose time is within [`RACY`] of the moment it was hashed could change again without its time moving; such an
//! entry is not trusted (git's "racily clean" rule).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use llmp_compiler::key::Digest;

use super::objects::{hash_file, write_atomically};
use super::{Entry, Result, at};

/// Nanoseconds within which two writes may share a time stamp on the coarsest usual file systems.
const RACY: i128 = 2_000_000_000;

const HEADER: &str = "llmp stat 1";

#[derive(Clone, Copy, PartialEq, Eq)]
struct Known {
    size: u64,
    modified: i128,
    changed: i128,
    inode: u64,
    digest: Digest,
}

/// The table of known files.
pub struct Stat {
    path: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    dirty: bool,
}

impl Stat {
    /// Reads the table; a missing or damaged one is empty, since it can be made again.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        let known =
            if lines.next() == Some(HEADER) { lines.filter_map(parse).collect() } else { BTreeMap::new() };
        Self { path: path.to_owned(), known, dirty: false }
    }

    /// The digest and size of a file, read only where the table does not know it.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn digest(&mut self, file: &Path) -> Result<Entry> {
        let meta = fs::metadata(file).map_err(at("read", file))?;
        let size = meta.len();
        let modified = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
        let changed = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
        if let Some(known) = self.known.get(file)
            && (known.size, known.modified, known.changed, known.inode)
                == (size, modified, changed, meta.ino())
        {
            return Ok(Entry { digest: known.digest, size });
        }
        let before = now();
        let digest = hash_file(file)?;
        // `changed` cannot be set by programs; a young one means that another write could go unseen.
        if before - modified.max(changed) > RACY {
            self.known.insert(file.to_owned(), Known { size, modified, changed, inode: meta.ino(), digest });
            self.dirty = true;
        }
        Ok(Entry { digest, size })
    }

    /// Writes the table where it changed.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn save(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let mut text = String::from(HEADER);
        for (path, known) in &self.known {
            let Some(path) = path.to_str().filter(|path| !path.contains('\n')) else { continue };
            let Known { size, modified, changed, inode, digest } = known;
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{digest} {size} {modified} {changed} {inode} {path}");
        }
        write_atomically(&self.path, text.as_bytes())?;
        self.dirty = false;
        Ok(())
    }
}

fn parse(line: &str) -> Option<(PathBuf, Known)> {
    let mut parts = line.splitn(6, ' ');
    let digest = Digest::from_hex(parts.next()?)?;
    let size = parts.next()?.parse().ok()?;
    let modified = parts.next()?.parse().ok()?;
    let changed = parts.next()?.parse().ok()?;
    let inode = parts.next()?.parse().ok()?;
    Some((PathBuf::from(parts.next()?), Known { size, modified, changed, inode, digest }))
}

fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn young_files_are_read_again_and_old_ones_are_not() {
        let root = tempfile::tempdir().unwrap();
        let (table, file) = (root.path().join("stat"), root.path().join("f"));
        fs::write(&file, "one").unwrap();
        let mut stat = Stat::open(&table);
        assert_eq!(stat.digest(&file).unwrap().digest, Digest::of(b"one"));
        // Same size, same second: only reading tells.
        fs::write(&file, "two").unwrap();
        assert_eq!(stat.digest(&file).unwrap().digest, Digest::of(b"two"));

        let entry = Known { size: 3, modified: 5, changed: 6, inode: 7, digest: Digest::of(b"x") };
        stat.known.insert(PathBuf::from("/a b"), entry);
        stat.dirty = true;
        stat.save().unwrap();
        assert!(Stat::open(&table).known.get(Path::new("/a b")) == Some(&entry));
    }

    #[test]
    fn a_damaged_table_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let table = root.path().join("stat");
        fs::write(&table, b"\xff\xfe nonsense").unwrap();
        assert!(Stat::open(&table).known.is_empty());
    }
}
