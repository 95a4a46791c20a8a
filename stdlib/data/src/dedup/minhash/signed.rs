//! The file of a shard's signatures, `SHARD.minhash`: for each document its hashes, then what ranks it, then
//! its id, each kind one after another; then the numbers of documents and hashes. All numbers are
//! little-endian.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llmp_artifacts::docs::Doc;
use llmp_stage::{Error, Result};

/// How the name of a file of signatures ends.
pub(super) const SUFFIX: &str = ".minhash";

/// Bytes that rank a document.
const RANK: usize = 20;
/// Bytes at the end of the file.
const END: u64 = 16;

/// What ranks a document: the longer comes first, then a hash of id and text. The order of fields is the
/// order of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    shorter: std::cmp::Reverse<u32>,
    digest: [u8; 16],
}

impl Rank {
    pub(super) fn of(doc: &Doc) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&(doc.id.len() as u64).to_le_bytes())
            .update(doc.id.as_bytes())
            .update(doc.text.as_bytes());
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        Self { shorter: std::cmp::Reverse(u32::try_from(doc.text.len()).unwrap_or(u32::MAX)), digest }
    }

    fn bytes(self) -> [u8; RANK] {
        let mut bytes = [0; RANK];
        bytes[..4].copy_from_slice(&self.shorter.0.to_le_bytes());
        bytes[4..].copy_from_slice(&self.digest);
        bytes
    }

    fn read(bytes: &[u8; RANK]) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&bytes[4..]);
        let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Self { shorter: std::cmp::Reverse(length), digest }
    }
}

/// Writes the signatures of a shard. Ranks and ids are held until the end, about 100 bytes a document.
pub(super) struct Writer {
    path: PathBuf,
    output: BufWriter<File>,
    ranks: Vec<u8>,
    ids: Vec<u8>,
    documents: u64,
    hashes: u64,
}

impl Writer {
    pub(super) fn create(path: PathBuf, hashes: usize) -> Result<Self> {
        let file = File::create(&path).map_err(Error::io("cannot make", &path))?;
        let output = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, output, ranks: Vec::new(), ids: Vec::new(), documents: 0, hashes: hashes as u64 })
    }

    pub(super) fn write(&mut self, signature: &[u32], rank: Rank, id: &str) -> Result<()> {
        for value in signature {
            self.output.write_all(&value.to_le_bytes()).map_err(Error::io("cannot write", &self.path))?;
        }
        self.ranks.extend(rank.bytes());
        self.ids.extend((id.len() as u64).to_le_bytes());
        self.ids.extend(id.as_bytes());
        self.documents += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        let end = [self.documents.to_le_bytes(), self.hashes.to_le_bytes()].concat();
        for part in [&self.ranks, &self.ids, &end] {
            self.output.write_all(part).map_err(Error::io("cannot write", &self.path))?;
        }
        self.output.flush().map_err(Error::io("cannot write", &self.path))
    }
}

/// The signatures of a shard.
pub(super) struct Signed {
    path: PathBuf,
    file: File,
    documents: u64,
    hashes: usize,
}

impl Signed {
    /// Opens the file at `path`, which holds so many hashes of each document.
    pub(super) fn open(path: &Path, hashes: usize) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io("cannot read", path))?;
        let length = file.metadata().map_err(Error::io("cannot read", path))?.len();
        let mut end = [0; END as usize];
        let at = length.checked_sub(END).ok_or_else(|| damaged(path))?;
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut end));
        read.map_err(Error::io("cannot read", path))?;
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (documents, found) = (number(&end[..8]), number(&end[8..]));
        let least = documents.checked_mul(hashes as u64 * 4 + RANK as u64);
        if found != hashes as u64 || least.is_none_or(|least| least > at) {
            return Err(damaged(path));
        }
        Ok(Self { path: path.to_owned(), file, documents, hashes })
    }

    /// How many documents there are.
    pub(super) fn documents(&self) -> u64 {
        self.documents
    }

    /// What ranks the documents.
    pub(super) fn ranks(&mut self, mut each: impl FnMut(Rank)) -> Result<()> {
        let mut bytes = [0; RANK];
        let mut input = self.at(self.documents * self.hashes as u64 * 4)?;
        for _ in 0..self.documents {
            input.read_exact(&mut bytes).map_err(Error::io("cannot read", &self.path))?;
            each(Rank::read(&bytes));
        }
        Ok(())
    }

    /// The ids of the documents.
    pub(super) fn ids(&mut self, mut each: impl FnMut(u64, &str)) -> Result<()> {
        let mut input = self.at(self.documents * (self.hashes as u64 * 4 + RANK as u64))?;
        let mut id = Vec::new();
        for document in 0..self.documents {
            let mut length = [0; 8];
            input.read_exact(&mut length).map_err(Error::io("cannot read", &self.path))?;
            id.clear();
            let length = u64::from_le_bytes(length);
            let read = (&mut input).take(length).read_to_end(&mut id);
            read.map_err(Error::io("cannot read", &self.path))?;
            each(document, std::str::from_utf8(&id).map_err(|_| damaged(&self.path))?);
        }
        Ok(())
    }

    /// All signatures, in order.
    pub(super) fn each(&mut self, mut each: impl FnMut(&[u32]) -> Result<()>) -> Result<()> {
        let mut bytes = vec![0; self.hashes * 4];
        let mut signature = vec![0; self.hashes];
        let mut input = self.at(0)?;
        for _ in 0..self.documents {
            input.read_exact(&mut bytes).map_err(Error::io("cannot read", &self.path))?;
            numbers(&bytes, &mut signature);
            each(&signature)?;
        }
        Ok(())
    }

    /// One signature.
    pub(super) fn read(&mut self, document: u64) -> Result<Vec<u32>> {
        let mut bytes = vec![0; self.hashes * 4];
        let at = SeekFrom::Start(document * bytes.len() as u64);
        let read = self.file.seek(at).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(Error::io("cannot read", &self.path))?;
        let mut signature = vec![0; self.hashes];
        numbers(&bytes, &mut signature);
        Ok(signature)
    }

    fn at(&self, at: u64) -> Result<BufReader<&File>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).map_err(Error::io("cannot read", &self.path))?;
        Ok(BufReader::with_capacity(1 << 20, file))
    }
}

fn numbers(bytes: &[u8], numbers: &mut [u32]) {
    for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
        *number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
}

fn damaged(path: &Path) -> Error {
    Error::new(format!("`{}` is no file of signatures, or of other ones", path.display()))
        .help("steps of `dedup.minhash` follow each other with the same settings")
}
