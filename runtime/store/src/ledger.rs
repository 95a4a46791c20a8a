//! The ledger: an append-only file of checksummed [frames](super::frame), one for each action (a stage, or a
//! shard of one).
//!
//! Appends are one write under a lock. A torn frame at the end (a crash, a full disk) is cut off by the next
//! append; a damaged one before the end is passed over. Looking up keys reads the frames' heads only, and of
//! a long ledger those alone that its [index](super::index) does not know.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;
use llmp_records::{Record, Remarked};

use super::frame::{Kind, Slot, encode, scan};
use super::index::Index;
use super::lock::{open_lock, wait};
use super::write::write_synced;
use super::{Result, StoreError, at};

const MAGIC: &[u8] = b"llmp ledger 1\n";

/// Frames outside the index at which it is written anew.
const INDEX_FROM: usize = 1_000;

/// An open ledger.
pub struct Ledger {
    path: PathBuf,
    file: Option<File>,
    /// Whether the file is open for appending, too.
    writable: bool,
    /// The file whose lock writers hold; it stays when the ledger is replaced.
    lock: Option<File>,
    index: Index,
    /// Frames that the index does not know.
    recent: HashMap<Digest, Slot>,
    /// Behind the last whole frame.
    end: u64,
}

impl Ledger {
    /// Reads the ledger at `path`; an absent one is empty.
    ///
    /// # Errors
    /// Where the file cannot be read or is no ledger.
    pub fn open(path: &Path) -> Result<Self> {
        let mut ledger = Self {
            path: path.to_owned(),
            file: None,
            writable: false,
            lock: None,
            index: Index::default(),
            recent: HashMap::new(),
            end: 0,
        };
        ledger.refresh()?;
        Ok(ledger)
    }

    fn index_path(&self) -> PathBuf {
        self.path.with_extension("index")
    }

    /// Reads what other processes have appended.
    ///
    /// # Errors
    /// Where the file cannot be read or is no ledger.
    pub fn refresh(&mut self) -> Result<()> {
        let meta = match fs::metadata(&self.path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.reset(None);
                return Ok(());
            }
            Err(error) => return Err(at("read", &self.path)(error)),
        };
        let open = self.file.as_ref().and_then(|file| file.metadata().ok());
        let same = open.is_some_and(|open| (open.dev(), open.ino()) == (meta.dev(), meta.ino()));
        if !same || meta.len() < self.end {
            // It is new, or was cut or replaced.
            let file = File::open(&self.path).map_err(at("open", &self.path))?;
            self.reset(Some(file));
        }
        self.read(meta.len())
    }

    fn reset(&mut self, file: Option<File>) {
        self.index = file.as_ref().map(|file| Index::open(&self.index_path(), file)).unwrap_or_default();
        self.end = self.index.covered;
        self.recent.clear();
        self.writable = false;
        self.file = file;
    }

    /// Reads the frames up to the file's `size`.
    fn read(&mut self, size: u64) -> Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| size > self.end) else { return Ok(()) };
        let mut bytes = vec![0; (size - self.end) as usize];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, self.end + filled as u64) {
                Ok(0) => break, // it is cut just now
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(at("read", &self.path)(error)),
            }
        }
        let mut frames = bytes.get(..filled).unwrap_or_default();
        if self.end == 0 {
            let Some(rest) = frames.strip_prefix(MAGIC) else {
                if MAGIC.starts_with(frames) {
                    return Ok(()); // torn while it was made
                }
                return Err(StoreError::Damaged {
                    digest: self.path.display().to_string(),
                    what: "it is no ledger of this version".into(),
                });
            };
            frames = rest;
            self.end = MAGIC.len() as u64;
        }
        let mut end = self.end;
        for (key, slot) in scan(frames, self.end) {
            end = slot.range().end;
            self.recent.insert(key, slot);
        }
        self.end = end;
        Ok(())
    }

    fn slot(&self, key: &Digest) -> Option<Slot> {
        self.recent.get(key).copied().or_else(|| self.index.get(key))
    }

    /// The artifact of the action with this key.
    #[must_use]
    pub fn artifact(&self, key: &Digest) -> Option<Digest> {
        self.slot(key).filter(|slot| slot.kind != Kind::Forgotten).map(|slot| slot.artifact)
    }

    /// Whether the action was done once and its result is not to be used any more.
    #[must_use]
    pub fn forgotten(&self, key: &Digest) -> bool {
        self.slot(key).is_some_and(|slot| slot.kind == Kind::Forgotten)
    }

    /// All keys with their kind and artifact, sorted by key.
    #[must_use]
    pub fn all(&self) -> Vec<(Digest, Kind, Digest)> {
        self.slots().into_iter().map(|(key, slot)| (key, slot.kind, slot.artifact)).collect()
    }

    fn slots(&self) -> BTreeMap<Digest, Slot> {
        let recent = self.recent.iter().map(|(key, slot)| (*key, *slot));
        self.index.iter().chain(recent).collect()
    }

    /// Everything kept about an action.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn record(&self, key: &Digest) -> Result<Option<Record>> {
        let Some(json) = self.json(key)? else { return Ok(None) };
        serde_json::from_slice(&json).map(Some).map_err(|error| StoreError::Damaged {
            digest: self.path.display().to_string(),
            what: format!("the record of {} is unreadable: {error}", key.short()),
        })
    }

    /// How many things the result of an action is to be looked at for; 0 where that cannot be read. Nothing
    /// else of the record is taken in.
    #[must_use]
    pub fn remarks(&self, key: &Digest) -> usize {
        let read = |json: Vec<u8>| serde_json::from_slice::<Remarked>(&json).ok();
        self.json(key).ok().flatten().and_then(read).map_or(0, |record| record.remarks.len())
    }

    /// A record as it is written.
    fn json(&self, key: &Digest) -> Result<Option<Vec<u8>>> {
        let (Some(slot), Some(file)) = (self.slot(key), &self.file) else { return Ok(None) };
        let mut bytes = vec![0; slot.length as usize];
        file.read_exact_at(&mut bytes, slot.record).map_err(at("read", &self.path))?;
        Ok(Some(bytes))
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// Where the disk refuses; then nothing was appended.
    pub fn append(&mut self, kind: Kind, key: &Digest, artifact: &Digest, record: &Record) -> Result<()> {
        let json = serde_json::to_vec(record).unwrap_or_default();
        let frame = encode(kind, key, artifact, &json);
        self.locked(|ledger| {
            ledger.refresh()?;
            let start = ledger.end.max(MAGIC.len() as u64);
            ledger.write(&frame).map_err(at("append to", &ledger.path))?;
            let slot = Slot::new(kind, *artifact, start, json.len());
            ledger.end = slot.range().end;
            ledger.recent.insert(*key, slot);
            Ok(())
        })
    }

    /// Writes behind the last whole frame.
    fn write(&mut self, frame: &[u8]) -> std::io::Result<()> {
        let file = match &self.file {
            Some(file) if self.writable => file,
            _ => {
                let mut options = OpenOptions::new();
                let file = options.create(true).truncate(false).read(true).write(true).open(&self.path)?;
                self.writable = true;
                self.file.insert(file)
            }
        };
        if file.metadata()?.len() > self.end {
            // What lies there is torn.
            file.set_len(self.end)?;
        }
        let written = match self.end {
            0 => file.write_all_at(&[MAGIC, frame].concat(), 0),
            end => file.write_all_at(frame, end),
        };
        if written.is_err() {
            let _ = file.set_len(self.end);
        }
        written
    }

    /// Does something that no other process may do at the same time.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => open_lock(&self.path.with_extension("lock"))?,
        };
        let held = wait(&lock, &self.path)?;
        let result = work(self);
        drop(held);
        self.lock = Some(lock);
        result
    }

    /// Waits until everything appended is on the disk, and writes the index where it has become short.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn sync(&mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.sync_data().map_err(at("sync", &self.path))?;
        if self.recent.len() >= INDEX_FROM {
            Index::write(&self.index_path(), file, self.end, self.slots().into_iter())?;
            self.index = Index::open(&self.index_path(), file);
            self.recent.clear();
            self.end = self.index.covered;
            self.refresh()?;
        }
        Ok(())
    }

    /// Leaves out what newer frames have replaced, where that is more than half of the file.
    ///
    /// # Errors
    /// Where the disk refuses; then the ledger is as it was.
    pub fn compact(&mut self) -> Result<()> {
        self.locked(|ledger| {
            ledger.refresh()?;
            let Some(file) = &ledger.file else { return Ok(()) };
            let mut slots: Vec<_> = ledger.slots().into_values().collect();
            let kept: u64 = slots.iter().map(|slot| slot.range().end - slot.range().start).sum();
            if kept >= ledger.end / 2 {
                return Ok(());
            }
            slots.sort_unstable_by_key(|slot| slot.record);
            let mut bytes = MAGIC.to_vec();
            for slot in slots {
                let range = slot.range();
                let start = bytes.len();
                bytes.resize(start + (range.end - range.start) as usize, 0);
                let frame = bytes.get_mut(start..).unwrap_or_default();
                file.read_exact_at(frame, range.start).map_err(at("read", &ledger.path))?;
            }
            write_synced(&ledger.path, &bytes)?;
            ledger.refresh()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn filled(path: &Path) -> Ledger {
        let mut ledger = Ledger::open(path).unwrap();
        for byte in 1..=3 {
            let record = Record { name: format!("stage {byte}"), ..Record::default() };
            ledger.append(Kind::Stage, &digest(byte), &digest(byte + 100), &record).unwrap();
        }
        ledger
    }

    #[test]
    fn frames_read_back() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        filled(&path);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.artifact(&digest(2)), Some(digest(102)));
        assert_eq!(ledger.record(&digest(3)).unwrap().unwrap().name, "stage 3");
        assert_eq!(ledger.artifact(&digest(9)), None);
        assert_eq!((ledger.remarks(&digest(3)), ledger.remarks(&digest(9))), (0, 0));
    }

    #[test]
    fn a_cut_at_any_byte_loses_only_the_last_frames() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        filled(&path);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut ledger = Ledger::open(&path).unwrap();
            let before = ledger.all().len();
            ledger.append(Kind::Stage, &digest(7), &digest(8), &Record::default()).unwrap();
            let again = Ledger::open(&path).unwrap();
            assert_eq!(again.all().len(), before + 1, "cut at {cut}");
            assert_eq!(again.artifact(&digest(7)), Some(digest(8)));
        }
    }

    #[test]
    fn a_flipped_bit_hides_no_earlier_frame() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        filled(&path);
        let whole = std::fs::read(&path).unwrap();
        let last = whole.len() - 20;
        let mut bytes = whole.clone();
        bytes[last] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Ledger::open(&path).unwrap().all().len(), 2);
    }

    #[test]
    fn processes_see_each_other() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        let mut one = Ledger::open(&path).unwrap();
        let mut two = Ledger::open(&path).unwrap();
        one.append(Kind::Stage, &digest(1), &digest(2), &Record::default()).unwrap();
        two.append(Kind::Shard, &digest(3), &digest(4), &Record::default()).unwrap();
        one.refresh().unwrap();
        assert_eq!((one.artifact(&digest(3)), two.artifact(&digest(1))), (Some(digest(4)), Some(digest(2))));
    }

    #[test]
    fn forgotten_results_are_not_offered() {
        let root = tempfile::tempdir().unwrap();
        let mut ledger = filled(&root.path().join("ledger"));
        ledger.append(Kind::Forgotten, &digest(1), &digest(101), &Record::default()).unwrap();
        assert!(ledger.forgotten(&digest(1)) && ledger.artifact(&digest(1)).is_none());
    }

    #[test]
    fn a_damaged_frame_hides_no_other() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        filled(&path);
        let whole = std::fs::read(&path).unwrap();
        let frame = (whole.len() - MAGIC.len()) / 3;
        for at in MAGIC.len() + frame..MAGIC.len() + 2 * frame {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let mut ledger = Ledger::open(&path).unwrap();
            assert_eq!(ledger.all().len(), 2, "byte {at}");
            ledger.append(Kind::Stage, &digest(9), &digest(8), &Record::default()).unwrap();
            assert_eq!(ledger.artifact(&digest(3)), Some(digest(103)), "byte {at}");
            assert_eq!(Ledger::open(&path).unwrap().all(), ledger.all());
        }
    }

    #[test]
    fn an_index_says_what_the_frames_say() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        let mut ledger = Ledger::open(&path).unwrap();
        let key = |number: usize| Digest::of(&number.to_le_bytes());
        for number in 0..INDEX_FROM {
            ledger.append(Kind::Shard, &key(number), &key(number + 1), &Record::default()).unwrap();
        }
        ledger.sync().unwrap();
        ledger.append(Kind::Stage, &key(3), &key(0), &Record { run: 7, ..Record::default() }).unwrap();
        let again = Ledger::open(&path).unwrap();
        assert_eq!((again.index.covered > 0, again.recent.len()), (true, 1));
        assert_eq!(again.all(), ledger.all());
        assert_eq!(again.record(&key(3)).unwrap().unwrap().run, 7);

        // Another ledger under the same name, and a damaged index: both are found out.
        let index = path.with_extension("index");
        let bytes = std::fs::read(&index).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        std::fs::write(&index, flipped).unwrap();
        let again = Ledger::open(&path).unwrap();
        assert_eq!((again.index.covered, again.all()), (0, ledger.all()));
        std::fs::write(&index, bytes).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(ledger.artifact(&key(3)).is_some());
        ledger.refresh().unwrap();
        assert!(ledger.all().is_empty());
        filled(&path);
        assert_eq!(Ledger::open(&path).unwrap().all().len(), 3);
    }

    #[test]
    fn compacting_leaves_what_counts() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ledger");
        let mut ledger = filled(&path);
        let mut other = Ledger::open(&path).unwrap();
        for run in 0..20 {
            ledger
                .append(Kind::Stage, &digest(1), &digest(50), &Record { run, ..Record::default() })
                .unwrap();
        }
        let (before, size) = (ledger.all(), std::fs::metadata(&path).unwrap().len());
        ledger.compact().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < size / 2);
        assert_eq!((ledger.all(), ledger.record(&digest(1)).unwrap().unwrap().run), (before, 19));
        // A process that has the old file open goes on with the new one.
        other.append(Kind::Stage, &digest(4), &digest(5), &Record::default()).unwrap();
        ledger.refresh().unwrap();
        assert_eq!((ledger.all().len(), other.all().len()), (4, 4));
    }
}
