//! Digests of the user's files by size, times and inode, so that unchanged files are not read again.
//!
//! Times have a grain: a file that is written twice within it looks the same after both. So an entry is
//! trusted only if the file had rested when it was read, by the system's clock and, since that of the files'
//! device may differ, by the time at which the table itself was written (git's "racily clean" rule).
//!
//! ```text
//! "llmp stat 2\n"
//! entry := size: u64, modified: i64, changed: i64 (ns since the Unix epoch), inode: u64, digest: 32 bytes,
//!          length: u32, path: bytes; sorted by path; integers LE
//! checksum: 8 bytes, the start of the blake3 of everything before
//! ```

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use llmp_compiler::key::Digest;
use rayon::prelude::*;

use super::frame::{CHECK, check_of};
use super::hash::hash_open;
use super::write::write_cache;
use super::{Entry, Result, at};

/// Nanoseconds within which two writes may share a time stamp on the coarsest usual file systems.
const RACY: i64 = 2_000_000_000;

const MAGIC: &[u8] = b"llmp stat 2\n";
const FIXED: usize = 4 * 8 + 32 + 4;

/// Files to be read at which all cores read.
const PARALLEL_FROM: usize = 16;

/// What tells a file from the same file with another content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
}

impl Stamp {
    /// What the file at `path` is now; `None` where there is none.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Identifies it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let Self { size, modified, changed, inode } = *self;
        let numbers = [size, modified as u64, changed as u64, inode];
        Digest::of(numbers.map(u64::to_le_bytes).as_flattened())
    }

    /// Whether a write from now on cannot go unseen.
    #[must_use]
    pub fn rested(&self) -> bool {
        self.rested_at(now())
    }

    /// Whether a write since `other` was written cannot go unseen, by the clock of the files' device.
    #[must_use]
    pub fn rested_before(&self, other: &Self) -> bool {
        self.rested_at(other.modified)
    }

    fn of(meta: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: meta.len(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }

    /// Whether a write after `moment` cannot go unseen. Programs can set the time of modification, not that
    /// of change.
    fn rested_at(&self, moment: i64) -> bool {
        moment.saturating_sub(self.modified.max(self.changed)) > RACY
    }
}

type Known = (Stamp, Digest);

/// A file that has to be read.
struct Unknown<'a> {
    index: usize,
    file: &'a Path,
    stamp: Stamp,
}

/// The table of known files.
pub struct Stat {
    path: PathBuf,
    known: HashMap<OsString, Known>,
    dirty: bool,
}

impl Stat {
    /// Reads the table; a missing or damaged one is empty, since it can be made again.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), known: read(path).unwrap_or_default(), dirty: false }
    }

    /// Digests and sizes of files, which are read only where the table does not know them; `None` for what is
    /// no file.
    ///
    /// # Errors
    /// Names the first file that cannot be read.
    pub fn digests(&mut self, files: &[PathBuf]) -> Result<Vec<Option<Entry>>> {
        let mut entries = Vec::with_capacity(files.len());
        let mut unknown = Vec::new();
        for file in files {
            let meta = fs::metadata(file).map_err(at("read", file))?;
            let stamp = Stamp::of(&meta);
            let known = self.known.get(file.as_os_str()).filter(|(known, _)| *known == stamp);
            if known.is_none() && meta.is_file() {
                unknown.push(Unknown { index: entries.len(), file, stamp });
            }
            entries.push(known.map(|(_, digest)| Entry { digest: *digest, size: stamp.size }));
        }
        let before = now();
        let hash = |unknown: &Unknown<'_>| {
            let open = File::open(unknown.file).map_err(at("open", unknown.file))?;
            hash_open(&open, unknown.file)
        };
        let found: Vec<_> = if unknown.len() < PARALLEL_FROM {
            unknown.iter().map(hash).collect::<Result<_>>()?
        } else {
            unknown.par_iter().map(hash).collect::<Result<_>>()?
        };
        for (Unknown { index, file, stamp }, entry) in unknown.into_iter().zip(found) {
            if stamp.size == entry.size && stamp.rested_at(before) {
                self.known.insert(file.as_os_str().to_owned(), (stamp, entry.digest));
                self.dirty = true;
            }
            if let Some(slot) = entries.get_mut(index) {
                *slot = Some(entry);
            }
        }
        Ok(entries)
    }

    /// Writes the table where it changed.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn save(&mut self) -> Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort_unstable_by_key(|&(path, _)| path);
        let mut bytes = Vec::with_capacity(known.len() * (FIXED + 64));
        bytes.extend_from_slice(MAGIC);
        for (path, (stamp, digest)) in known {
            bytes.extend_from_slice(&stamp.size.to_le_bytes());
            bytes.extend_from_slice(&stamp.modified.to_le_bytes());
            bytes.extend_from_slice(&stamp.changed.to_le_bytes());
            bytes.extend_from_slice(&stamp.inode.to_le_bytes());
            bytes.extend_from_slice(&digest.0);
            bytes.extend_from_slice(&(path.len() as u32).to_le_bytes());
            bytes.extend_from_slice(path.as_bytes());
        }
        bytes.extend_from_slice(&check_of(&bytes));
        write_cache(&self.path, &bytes)?;
        self.dirty = false;
        Ok(())
    }
}

fn read(path: &Path) -> Option<HashMap<OsString, Known>> {
    let written = Stamp::of(&fs::metadata(path).ok()?).modified;
    let bytes = fs::read(path).ok()?;
    let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
    let mut rest = body.strip_prefix(MAGIC).filter(|_| check_of(body) == check)?;
    let mut known = HashMap::with_capacity(rest.len() / (FIXED + 32));
    while !rest.is_empty() {
        let (fixed, tail) = rest.split_first_chunk::<FIXED>()?;
        let number =
            |index: usize| -> Option<[u8; 8]> { fixed.get(index * 8..index * 8 + 8)?.try_into().ok() };
        let stamp = Stamp {
            size: u64::from_le_bytes(number(0)?),
            modified: i64::from_le_bytes(number(1)?),
            changed: i64::from_le_bytes(number(2)?),
            inode: u64::from_le_bytes(number(3)?),
        };
        let digest = Digest(fixed.get(32..64)?.try_into().ok()?);
        let length = u32::from_le_bytes(fixed.get(64..)?.try_into().ok()?) as usize;
        let (path, tail) = tail.split_at_checked(length)?;
        if stamp.rested_at(written) {
            known.insert(OsStr::from_bytes(path).to_owned(), (stamp, digest));
        }
        rest = tail;
    }
    Some(known)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as i64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Fixture {
        root: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            Self { root: tempfile::tempdir().unwrap() }
        }

        fn table(&self) -> PathBuf {
            self.root.path().join("stat")
        }

        fn file(&self) -> PathBuf {
            self.root.path().join("f")
        }

        /// The digest as a process that starts now finds it.
        fn digest(&self) -> Digest {
            let mut stat = Stat::open(&self.table());
            let entry = stat.digests(&[self.file()]).unwrap().remove(0).unwrap();
            stat.save().unwrap();
            entry.digest
        }

        /// A table that knows the file as it is now, under a digest that tells that it was not read.
        fn pretend(&self, adjust: impl Fn(Stamp) -> Stamp) {
            let stamp = adjust(Stamp::of(&fs::metadata(self.file()).unwrap()));
            let known = HashMap::from([(self.file().into_os_string(), (stamp, Digest([7; 32])))]);
            Stat { path: self.table(), known, dirty: true }.save().unwrap();
        }

        /// Sets when the table was written, in seconds from now.
        fn written(&self, seconds: i64) {
            let time = match seconds {
                0.. => SystemTime::now() + Duration::from_secs(seconds as u64),
                _ => SystemTime::now() - Duration::from_secs(seconds.unsigned_abs()),
            };
            File::options().write(true).open(self.table()).unwrap().set_modified(time).unwrap();
        }
    }

    #[test]
    fn a_file_that_has_rested_is_not_read() {
        let fixture = Fixture::new();
        fs::write(fixture.file(), "one").unwrap();
        fixture.pretend(|stamp| stamp);
        fixture.written(10);
        assert_eq!(fixture.digest(), Digest([7; 32]));
    }

    #[test]
    fn a_file_as_young_as_the_table_is_read_again() {
        let fixture = Fixture::new();
        fs::write(fixture.file(), "one").unwrap();
        for seconds in [0, -10] {
            fixture.pretend(|stamp| stamp);
            fixture.written(seconds);
            assert_eq!(fixture.digest(), Digest::of(b"one"), "{seconds}");
        }
    }

    #[test]
    fn a_young_file_is_not_kept() {
        let fixture = Fixture::new();
        // Same size, same grain of time: only reading tells.
        for text in ["one", "two"] {
            fs::write(fixture.file(), text).unwrap();
            assert_eq!(fixture.digest(), Digest::of(text.as_bytes()));
        }
        assert!(!fixture.table().exists());
        // A program can set the time of modification back, not that of change.
        let file = File::options().write(true).open(fixture.file()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(1000)).unwrap();
        fixture.digest();
        assert!(!fixture.table().exists());
    }

    #[test]
    fn every_part_of_the_stamp_counts() {
        let fixture = Fixture::new();
        fs::write(fixture.file(), "one").unwrap();
        let changes: [fn(Stamp) -> Stamp; 4] = [
            |stamp| Stamp { size: 4, ..stamp },
            |stamp| Stamp { modified: stamp.modified - 1, ..stamp },
            |stamp| Stamp { changed: stamp.changed - 1, ..stamp },
            |stamp| Stamp { inode: stamp.inode + 1, ..stamp },
        ];
        for change in changes {
            fixture.pretend(change);
            fixture.written(10);
            assert_eq!(fixture.digest(), Digest::of(b"one"));
        }
    }

    #[test]
    fn many_files_keep_their_order_and_folders_are_none() {
        let root = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..40).map(|number| root.path().join(number.to_string())).collect();
        for (number, file) in files.iter().enumerate().skip(1) {
            fs::write(file, number.to_string()).unwrap();
        }
        fs::create_dir(&files[0]).unwrap();
        let found = Stat::open(&root.path().join("stat")).digests(&files).unwrap();
        assert!(found[0].is_none());
        for (number, entry) in found.iter().enumerate().skip(1) {
            assert_eq!(entry.as_ref().unwrap().digest, Digest::of(number.to_string().as_bytes()));
        }
        assert!(Stat::open(&root.path().join("stat")).digests(&[root.path().join("absent")]).is_err());
    }

    #[test]
    fn a_damaged_table_is_empty() {
        let fixture = Fixture::new();
        fs::write(fixture.file(), "one").unwrap();
        fixture.pretend(|stamp| stamp);
        let whole = fs::read(fixture.table()).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(fixture.table(), &bytes).unwrap();
            fixture.written(10);
            assert!(Stat::open(&fixture.table()).known.is_empty(), "byte {at}");
            fs::write(fixture.table(), &whole[..at]).unwrap();
            assert!(Stat::open(&fixture.table()).known.is_empty(), "cut at {at}");
        }
    }
}
