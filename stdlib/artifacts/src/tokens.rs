//! Token sets on disk: flat little-endian token ids with a document index, made for `numpy.memmap` and
//! positional reads.
//!
//! A shard is two files. `<shard>.tokens.bin` holds the ids of all documents, one after another, each
//! followed by `<|endoftext|>`. `<shard>.index.bin` holds the start of each document, in tokens, and the
//! total as its last entry, as `u64`. `tokens.json` says how wide ids are.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use llmp_stage::{Error, Fact, Form, Holds, Input, Result, TokenSpan, Tone, View, Views, shard_of};
use serde::{Deserialize, Serialize};

use crate::tokenizer::Tokenizer;

/// The file that describes a token set.
pub const TOKENS_FILE: &str = "tokens.json";
/// How the files of ids end.
const IDS: &str = ".tokens.bin";
/// How the files of document starts end.
const INDEX: &str = ".index.bin";
/// Bytes of an entry of the index.
const ENTRY: u64 = 8;
/// Ids are read and decoded in pieces of so many bytes.
const BUFFER: usize = 1 << 16;

/// How ids are stored, in numpy's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 2 bytes an id, for vocabularies up to 65,536.
    Uint16,
    /// 4 bytes an id.
    Uint32,
}

impl Dtype {
    /// The narrowest that holds ids below `vocab_size`.
    #[must_use]
    pub fn for_vocabulary(vocab_size: u32) -> Self {
        if vocab_size <= 1 << 16 { Self::Uint16 } else { Self::Uint32 }
    }

    fn width(self) -> usize {
        match self {
            Self::Uint16 => 2,
            Self::Uint32 => 4,
        }
    }

    fn put(self, ids: &[u32], bytes: &mut Vec<u8>) {
        match self {
            // `vocab_size` bounds ids, so none is cut off.
            Self::Uint16 => bytes.extend(ids.iter().flat_map(|id| (*id as u16).to_le_bytes())),
            Self::Uint32 => bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes())),
        }
    }

    fn take(self, bytes: &[u8], ids: &mut [u32]) {
        match self {
            Self::Uint16 => {
                for (id, bytes) in ids.iter_mut().zip(bytes.as_chunks().0) {
                    *id = u16::from_le_bytes(*bytes).into();
                }
            }
            Self::Uint32 => {
                for (id, bytes) in ids.iter_mut().zip(bytes.as_chunks().0) {
                    *id = u32::from_le_bytes(*bytes);
                }
            }
        }
    }
}

/// What `tokens.json` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensInfo {
    /// How ids are stored.
    pub dtype: Dtype,
    /// Ids are below this.
    pub vocab_size: u32,
    /// The id that follows each document.
    pub eot: u32,
}

impl TokensInfo {
    /// Writes `tokens.json` to `folder`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(TOKENS_FILE);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new("cannot describe the token set").because(error))?;
        fs::write(&path, text + "\n").map_err(Error::io("cannot write", &path))
    }
}

/// Writes one shard of a token set.
pub struct TokenWriter {
    info: TokensInfo,
    ids: BufWriter<File>,
    index: BufWriter<File>,
    path: PathBuf,
    buffer: Vec<u8>,
    tokens: u64,
}

impl TokenWriter {
    /// Starts the shard named `shard` in `folder`.
    ///
    /// # Errors
    /// Where its files cannot be made.
    pub fn create(folder: &Path, shard: &str, info: TokensInfo) -> Result<Self> {
        let make = |suffix: &str| {
            let path = folder.join(format!("{shard}{suffix}"));
            File::create(&path).map(BufWriter::new).map_err(Error::io("cannot make", &path))
        };
        let path = folder.join(format!("{shard}{IDS}"));
        Ok(Self { info, ids: make(IDS)?, index: make(INDEX)?, path, buffer: Vec::new(), tokens: 0 })
    }

    /// Adds a document, followed by the end-of-text token.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn document(&mut self, ids: &[u32]) -> Result<()> {
        self.buffer.clear();
        self.info.dtype.put(ids, &mut self.buffer);
        self.info.dtype.put(&[self.info.eot], &mut self.buffer);
        self.index
            .write_all(&self.tokens.to_le_bytes())
            .and_then(|()| self.ids.write_all(&self.buffer))
            .map_err(Error::io("cannot write", &self.path))?;
        self.tokens += ids.len() as u64 + 1;
        Ok(())
    }

    /// Ends the shard; returns how many tokens it holds.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn finish(mut self) -> Result<u64> {
        self.index
            .write_all(&self.tokens.to_le_bytes())
            .and_then(|()| self.index.flush())
            .and_then(|()| self.ids.flush())
            .map_err(Error::io("cannot write", &self.path))?;
        Ok(self.tokens)
    }
}

/// A token set opened for reading: its shards in order, seen as one sequence of tokens and of documents.
///
/// Only what is asked for is read, so a set may be larger than memory. Threads may share one.
pub struct TokenSet {
    info: TokensInfo,
    shards: Vec<Shard>,
}

struct Shard {
    name: String,
    ids: File,
    index: File,
    /// Documents and tokens in the shards up to and including this one.
    documents_end: u64,
    tokens_end: u64,
    documents: u64,
    tokens: u64,
}

impl TokenSet {
    /// Opens the Tokens artifact `input`.
    ///
    /// # Errors
    /// Where a file is absent, or the files contradict each other.
    pub fn open(input: &Input) -> Result<Self> {
        let path = &input.file(TOKENS_FILE)?.path;
        let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
        let info: TokensInfo = serde_json::from_str(&text).map_err(|error| {
            Error::new(format!("`{TOKENS_FILE}` of `{}` is malformed", input.label)).because(error)
        })?;
        let (mut documents_end, mut tokens_end) = (0, 0);
        let mut shards = Vec::new();
        for file in input.with_suffix(IDS) {
            let name = shard_of(&file.name).to_owned();
            let (ids, ids_size) = open(&file.path)?;
            let (index, index_size) = open(&input.file(&format!("{name}{INDEX}"))?.path)?;
            let damaged = || {
                Error::new(format!("the token shard `{name}` of `{}` is damaged", input.label))
                    .help("its index does not fit its tokens; `llmp verify` finds artifacts whose bytes have changed")
            };
            if index_size < ENTRY || index_size % ENTRY != 0 {
                return Err(damaged());
            }
            let documents = index_size / ENTRY - 1;
            let tokens = entries::<1>(&index, documents).map_err(|error| damaged().because(error))?[0];
            if tokens.checked_mul(info.dtype.width() as u64) != Some(ids_size) {
                return Err(damaged());
            }
            documents_end += documents;
            tokens_end += tokens;
            shards.push(Shard { name, ids, index, documents_end, tokens_end, documents, tokens });
        }
        Ok(Self { info, shards })
    }

    /// How ids are stored, and what the vocabulary is.
    #[must_use]
    pub fn info(&self) -> TokensInfo {
        self.info
    }

    /// How many documents the set holds.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.shards.last().map_or(0, |shard| shard.documents_end)
    }

    /// How many tokens the set holds, end-of-text tokens included.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.shards.last().map_or(0, |shard| shard.tokens_end)
    }

    /// The number of the document that stands at `row` of a shard, as it stood in the shard of documents;
    /// `None` where there is none.
    #[must_use]
    pub fn document_in(&self, shard: &str, row: u64) -> Option<u64> {
        let shard = self.shards.iter().find(|known| known.name == shard)?;
        (row < shard.documents).then(|| shard.documents_end - shard.documents + row)
    }

    /// Where a shard begins and ends in the sequence of all tokens.
    #[must_use]
    pub fn shard_span(&self, shard: &str) -> Option<std::ops::Range<u64>> {
        let shard = self.shards.iter().find(|known| known.name == shard)?;
        Some(shard.tokens_end - shard.tokens..shard.tokens_end)
    }

    /// Where document `document` begins and ends in the sequence of all tokens; its end-of-text token is its
    /// last.
    ///
    /// # Errors
    /// Where there is no such document, or the index cannot be read.
    pub fn span(&self, document: u64) -> Result<std::ops::Range<u64>> {
        let at = self.shards.partition_point(|shard| shard.documents_end <= document);
        let shard = self.shards.get(at).ok_or_else(|| {
            Error::new(format!("there is no document {document}, the set holds {}", self.documents()))
        })?;
        let row = document - (shard.documents_end - shard.documents);
        let [start, end] = entries::<2>(&shard.index, row).map_err(|error| {
            Error::new(format!("cannot read the index of `{}`", shard.name)).because(error)
        })?;
        if start > end || end > shard.tokens {
            return Err(Error::new(format!("the index of `{}` is damaged at document {row}", shard.name))
                .help("`llmp verify` finds artifacts whose bytes have changed"));
        }
        let first = shard.tokens_end - shard.tokens;
        Ok(first + start..first + end)
    }

    /// The ids of document `document`, its end-of-text token included.
    ///
    /// # Errors
    /// As for [`TokenSet::span`] and [`TokenSet::read`].
    pub fn doc(&self, document: u64) -> Result<Vec<u32>> {
        let span = self.span(document)?;
        let length = usize::try_from(span.end - span.start)
            .map_err(|_| Error::new(format!("document {document} does not fit in memory")))?;
        let mut ids = vec![0; length];
        self.read(span.start, &mut ids)?;
        Ok(ids)
    }

    /// Fills `ids` with the tokens from `start` on, across documents and shards.
    ///
    /// # Errors
    /// Where the set ends before, a file cannot be read, or an id lies outside the vocabulary.
    pub fn read(&self, start: u64, ids: &mut [u32]) -> Result<()> {
        let end = start.saturating_add(ids.len() as u64);
        if end > self.tokens() {
            return Err(Error::new(format!(
                "tokens {start} to {end} were asked for, the set holds {}",
                self.tokens()
            )));
        }
        let mut at = self.shards.partition_point(|shard| shard.tokens_end <= start);
        let (mut start, mut rest) = (start, ids);
        while !rest.is_empty() {
            let shard = &self.shards[at];
            let here = rest.len().min(usize::try_from(shard.tokens_end - start).unwrap_or(usize::MAX));
            let (now, after) = rest.split_at_mut(here);
            self.read_shard(shard, start - (shard.tokens_end - shard.tokens), now)?;
            start += here as u64;
            rest = after;
            at += 1;
        }
        Ok(())
    }

    fn read_shard(&self, shard: &Shard, start: u64, ids: &mut [u32]) -> Result<()> {
        let width = self.info.dtype.width();
        let mut buffer = vec![0; BUFFER.min(ids.len() * width)];
        let mut offset = start * width as u64;
        for ids in ids.chunks_mut(BUFFER / width) {
            let bytes = &mut buffer[..ids.len() * width];
            shard.ids.read_exact_at(bytes, offset).map_err(|error| {
                Error::new(format!("cannot read the tokens of `{}`", shard.name)).because(error)
            })?;
            self.info.dtype.take(bytes, ids);
            if let Some(id) = ids.iter().find(|id| **id >= self.info.vocab_size) {
                return Err(Error::new(format!(
                    "`{}` holds the token id {id}, expected one below {}",
                    shard.name, self.info.vocab_size
                ))
                .help("`llmp verify` finds artifacts whose bytes have changed"));
            }
            offset += bytes.len() as u64;
        }
        Ok(())
    }
}

/// What Tokens artifacts are on disk.
pub struct Tokens;

impl Form for Tokens {
    fn kind(&self) -> &'static str {
        "Tokens"
    }

    fn expected(&self) -> &'static str {
        "`SHARD.tokens.bin`, `SHARD.index.bin`, `tokens.json` and the tokenizer's files"
    }

    fn check(&self, written: &Input) -> Result<()> {
        if TokenSet::open(written)?.documents() == 0 {
            return Err(Error::new("it holds no tokens"));
        }
        Tokenizer::load(written.folder()).map(drop)
    }

    fn unit(&self) -> Option<&'static str> {
        Some("tokens")
    }

    fn items(&self) -> Option<&'static str> {
        Some("documents")
    }

    fn holds(&self) -> Holds {
        Holds::Tokens
    }

    fn tokens(&self, artifact: &Input, shard: &str, row: u64, letters: usize) -> Result<Option<TokenSpan>> {
        let set = TokenSet::open(artifact)?;
        let (Some(document), Some(whole)) = (set.document_in(shard, row), set.shard_span(shard)) else {
            return Ok(None);
        };
        let in_set = set.span(document)?;
        let ids = set.doc(document)?;
        // The last token says that the document ends; a letter takes a token at most.
        let text = ids.split_last().map_or(&[][..], |(_, ids)| ids);
        let text = Tokenizer::open(artifact)?.decode(text.get(..letters).unwrap_or(text));
        Ok(Some(TokenSpan {
            in_shard: in_set.start - whole.start..in_set.end - whole.start,
            in_set,
            begins: text.chars().take(letters).collect(),
        }))
    }

    fn views(&self, artifact: &Input) -> Result<Views> {
        let (set, tokenizer) = (TokenSet::open(artifact)?, Tokenizer::open(artifact)?);
        let mut document = 0;
        Ok(Box::new(std::iter::from_fn(move || {
            if document == set.documents() {
                return None;
            }
            document += 1;
            Some(view(&set, &tokenizer, document - 1))
        })))
    }

    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let set = TokenSet::open(artifact)?;
        let info = set.info();
        Ok(vec![
            ("tokens".to_owned(), set.tokens().to_string()),
            ("documents".to_owned(), set.documents().to_string()),
            ("vocabulary".to_owned(), info.vocab_size.to_string()),
            ("bytes a token".to_owned(), info.dtype.width().to_string()),
        ])
    }
}

/// Tokens of a document that are shown.
const SHOWN: usize = 256;

/// A document's first tokens, each with its id behind it.
fn view(set: &TokenSet, tokenizer: &Tokenizer, document: u64) -> Result<View> {
    let span = set.span(document)?;
    let length = span.end - span.start;
    let mut ids = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(SHOWN)];
    set.read(span.start, &mut ids)?;
    let json = serde_json::json!({"document": document, "from": span.start, "to": span.end, "ids": ids,
        "text": tokenizer.decode(&ids)});
    let view = View::new(format!("document {document}, tokens {} to {}", span.start, span.end), json);
    let view = tokenizer.pieces(&ids).into_iter().zip(&ids).fold(view, |view, (text, id)| {
        let tone = if tokenizer.is_special(*id) { Tone::Special } else { Tone::Plain };
        let view = view.piece(format!("{id}"), Tone::Aside);
        if text.is_empty() { view.text(" ") } else { view.text(" ").piece(text, tone).text(" ") }
    });
    let rest = length - ids.len() as u64;
    Ok(if rest > 0 { view.piece(format!("and {rest} more tokens"), Tone::Aside) } else { view })
}

fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).map_err(Error::io("cannot read", path))?;
    let size = file.metadata().map_err(Error::io("cannot read", path))?.len();
    Ok((file, size))
}

/// `N` entries of an index from `row` on.
fn entries<const N: usize>(index: &File, row: u64) -> std::io::Result<[u64; N]> {
    let mut bytes = vec![0; N * ENTRY as usize];
    index.read_exact_at(&mut bytes, row * ENTRY)?;
    let mut entries = [0; N];
    for (entry, bytes) in entries.iter_mut().zip(bytes.as_chunks().0) {
        *entry = u64::from_le_bytes(*bytes);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use llmp_stage::Context as _;
    use llmp_stage::testing::TestContext;

    const DOCS: [&[u32]; 4] = [&[1, 2, 3], &[], &[70_000], &[5, 6]];

    fn write(folder: &Path, vocab_size: u32) -> TokensInfo {
        let info = TokensInfo { dtype: Dtype::for_vocabulary(vocab_size), vocab_size, eot: 0 };
        info.save(folder).unwrap();
        for (shard, docs) in [("a", &DOCS[..2]), ("b", &[]), ("c", &DOCS[2..])] {
            let mut writer = TokenWriter::create(folder, shard, info).unwrap();
            for ids in docs {
                let ids: Vec<u32> = ids.iter().map(|id| id % vocab_size).collect();
                writer.document(&ids).unwrap();
            }
            writer.finish().unwrap();
        }
        info
    }

    #[test]
    fn shards_read_as_one_sequence() {
        for vocab_size in [60_000, 100_277] {
            let folder = tempfile::tempdir().unwrap();
            let written = folder.path().join("tokens");
            fs::create_dir(&written).unwrap();
            let info = write(&written, vocab_size);
            let ctx = TestContext::new(folder.path()).with_folder("tokens", &written);
            let set = TokenSet::open(ctx.input("tokens").unwrap()).unwrap();
            assert_eq!(set.info(), info);
            assert_eq!((set.documents(), set.tokens()), (4, 10));
            let large = 70_000 % vocab_size;
            let all = [1, 2, 3, 0, 0, large, 0, 5, 6, 0];
            for start in 0..=10 {
                for end in start..=10 {
                    let mut ids = vec![9; end - start];
                    set.read(start as u64, &mut ids).unwrap();
                    assert_eq!(ids, all[start..end]);
                }
            }
            assert_eq!(set.doc(0).unwrap(), [1, 2, 3, 0]);
            assert_eq!(set.doc(1).unwrap(), [0]);
            assert_eq!(set.doc(2).unwrap(), [large, 0]);
            assert_eq!(set.span(3).unwrap(), 7..10);
            assert!(set.doc(4).is_err());
            assert!(set.read(9, &mut [0; 2]).is_err());
            assert!(set.read(u64::MAX, &mut [0; 2]).is_err());
        }
    }

    #[test]
    fn damaged_sets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let written = folder.path().join("tokens");
        fs::create_dir(&written).unwrap();
        write(&written, 60_000);
        fs::write(written.join("a.tokens.bin"), [0; 3]).unwrap();
        let ctx = TestContext::new(folder.path()).with_folder("tokens", &written);
        let error = TokenSet::open(ctx.input("tokens").unwrap()).err().unwrap();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
