//! The ledger: an append-only file of checksummed frames, one for each action (a stage, or a shard of one).
//!
//! ```text
//! "llmp ledger 1\n"
//! frame := length: u32 LE   of what follows, without the checksum
//!          kind: u8         1 stage, 2 shard, 3 forgotten
//!          key: 32 bytes
//!          artifact: 32 bytes
//!          record: JSON
//!          checksum: 8 bytes, the start of the blake3 of kind … record
//! ```
//!
//! Appends are one write under a lock. A torn frame at the end (a crash, a full disk) is cut off by the next append;
//! everything before it stays. Looking up keys reads the frames' heads only.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llmp_compiler::key::{Component, Digest};
use serde::{Deserialize, Serialize};

use super::{Lock, Result, StoreError, at};

const MAGIC: &[u8] = b"llmp ledger 1\n";
const HEAD: usize = 1 + 32 + 32;
const CHECK: usize = 8;
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
    fn byte(self) -> u8 {
        match self {
            Self::Stage => 1,
            Self::Shard => 2,
            Self::Forgotten => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Stage,
            2 => Self::Shard,
            3 => Self::Forgotten,
            _ => return None,
        })
    }
}

/// Everything that is kept about an action.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The stage's name at the time.
    pub name: String,
    /// Its signature.
    pub kind: String,
    /// The run's number.
    pub run: u64,
    /// The table its key was made from; empty for shards.
    pub components: Vec<Component>,
    /// What it read.
    pub inputs: Vec<InputRecord>,
    /// What people call the source of each output file, where it has a name of its own.
    pub labels: BTreeMap<String, String>,
    /// Counts the stage reported.
    pub counts: BTreeMap<String, u64>,
    /// Curves the stage reported: points (x, y).
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// What the stage showed on the screen.
    pub shown: String,
    /// Objects with what it dropped, one JSON line a document.
    pub dropped: Vec<Digest>,
    /// The shard's files in the form of a manifest, for shards; a stage's is an object.
    pub manifest: Option<String>,
    /// Seconds since the Unix epoch at its start.
    pub started: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Peak resident memory of the process up to its end, in bytes.
    pub peak_memory: u64,
    /// Bytes of the result.
    pub bytes: u64,
    /// The device it ran on.
    pub device: String,
    /// The machine.
    pub host: String,
    /// The program's version.
    pub version: String,
    /// Shards that ran, and all shards.
    pub shards: Option<(usize, usize)>,
    /// Why it ran, as people read it.
    pub reasons: Vec<String>,
}

/// An input as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputRecord {
    /// The parameter of the signature.
    pub role: String,
    /// The stage's name, or the pattern.
    pub label: String,
    /// The artifact's digest.
    pub digest: Digest,
    /// The files, for inputs that are files; at most 10,000 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRecord>,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path, relative to the pipeline's folder.
    pub path: String,
    /// Its content.
    pub digest: Digest,
}

#[derive(Clone, Copy)]
struct Slot {
    artifact: Digest,
    kind: Kind,
    record: u64,
    length: u32,
}

/// An open ledger.
pub struct Ledger {
    path: PathBuf,
    slots: HashMap<Digest, Slot>,
    /// Where the next frame begins: everything before it is whole.
    end: u64,
}

impl Ledger {
    /// Reads the ledger at `path`; an absent one is empty.
    ///
    /// # Errors
    /// Where the file cannot be read or is no ledger.
    pub fn open(path: &Path) -> Result<Self> {
        let mut ledger = Self { path: path.to_owned(), slots: HashMap::new(), end: 0 };
        ledger.refresh()?;
        Ok(ledger)
    }

    /// Reads what other processes have appended.
    ///
    /// # Errors
    /// Where the file cannot be read or is no ledger.
    pub fn refresh(&mut self) -> Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.slots.clear();
                self.end = 0;
                return Ok(());
            }
            Err(error) => return Err(at("open", &self.path)(error)),
        };
        let size = file.metadata().map_err(at("read", &self.path))?.len();
        if size < self.end {
            // It was cut or replaced: read anew.
            self.slots.clear();
            self.end = 0;
        }
        if size == self.end {
            return Ok(());
        }
        file.seek(SeekFrom::Start(self.end)).map_err(at("read", &self.path))?;
        let mut bytes = Vec::with_capacity((size - self.end) as usize);
        file.read_to_end(&mut bytes).map_err(at("read", &self.path))?;
        let mut rest = bytes.as_slice();
        if self.end == 0 {
            let Some(frames) = rest.strip_prefix(MAGIC) else {
                if MAGIC.starts_with(rest) {
                    return Ok(()); // torn while it was made
                }
                return Err(StoreError::Damaged {
                    digest: self.path.display().to_string(),
                    what: "it is no ledger of this version".into(),
                });
            };
            rest = frames;
            self.end = MAGIC.len() as u64;
        }
        while let Some((slot, key, length)) = frame(rest, self.end) {
            self.slots.insert(key, slot);
            rest = rest.get(length..).unwrap_or_default();
            self.end += length as u64;
        }
        Ok(())
    }

    /// The artifact of the action with this key.
    #[must_use]
    pub fn artifact(&self, key: &Digest) -> Option<Digest> {
        self.slots.get(key).filter(|slot| slot.kind != Kind::Forgotten).map(|slot| slot.artifact)
    }

    /// Whether the action was done once and its result is not to be used any more.
    #[must_use]
    pub fn forgotten(&self, key: &Digest) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.kind == Kind::Forgotten)
    }

    /// All keys with their kind and artifact, sorted by key.
    #[must_use]
    pub fn all(&self) -> Vec<(Digest, Kind, Digest)> {
        let mut all: Vec<_> = self.slots.iter().map(|(key, slot)| (*key, slot.kind, slot.artifact)).collect();
        all.sort_unstable_by_key(|(key, ..)| *key);
        all
    }

    /// Everything kept about an action.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn record(&self, key: &Digest) -> Result<Option<Record>> {
        let Some(slot) = self.slots.get(key) else { return Ok(None) };
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(slot.record))?;
            let mut bytes = vec![0; slot.length as usize];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(at("read", &self.path))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError::Damaged {
            digest: self.path.display().to_string(),
            what: format!("the record of {} is unreadable: {error}", key.short()),
        })
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// Where the disk refuses; then nothing was appended.
    pub fn append(&mut self, kind: Kind, key: &Digest, artifact: &Digest, record: &Record) -> Result<()> {
        let json = serde_json::to_vec(record).unwrap_or_default();
        let mut bytes = Vec::with_capacity(4 + HEAD + json.len() + CHECK);
        bytes.extend_from_slice(&((HEAD + json.len()) as u32).to_le_bytes());
        bytes.push(kind.byte());
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&artifact.0);
        bytes.extend_from_slice(&json);
        let check = Digest::of(bytes.get(4..).unwrap_or_default());
        bytes.extend_from_slice(check.0.get(..CHECK).unwrap_or_default());

        let _lock = Lock::wait(&self.path.with_extension("lock"))?;
        self.refresh()?;
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.path)
            .map_err(at("open", &self.path))?;
        let write = |file: &mut File, end: u64| {
            // What lies behind the last whole frame is torn.
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            if end == 0 {
                file.write_all(MAGIC)?;
            }
            file.write_all(&bytes)
        };
        if let Err(error) = write(&mut file, self.end) {
            let _ = file.set_len(self.end);
            return Err(at("append to", &self.path)(error));
        }
        self.refresh()
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn sync(&self) -> Result<()> {
        match File::open(&self.path) {
            Ok(file) => file.sync_data().map_err(at("sync", &self.path)),
            Err(_) => Ok(()),
        }
    }
}

/// The frame at the start of `bytes`, which lies at `offset` in the file; `None` where it is torn.
fn frame(bytes: &[u8], offset: u64) -> Option<(Slot, Digest, usize)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    if !(HEAD..=MAX_FRAME).contains(&length) {
        return None;
    }
    let body = bytes.get(4..4 + length)?;
    let check = bytes.get(4 + length..4 + length + CHECK)?;
    if Digest::of(body).0.get(..CHECK)? != check {
        return None;
    }
    let kind = Kind::from_byte(*body.first()?)?;
    let key = Digest(body.get(1..33)?.try_into().ok()?);
    let artifact = Digest(body.get(33..65)?.try_into().ok()?);
    let slot = Slot { artifact, kind, record: offset + 4 + HEAD as u64, length: (length - HEAD) as u32 };
    Some((slot, key, 4 + length + CHECK))
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
}
