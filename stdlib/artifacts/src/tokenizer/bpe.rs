//! [`Tokenizer`]: byte pair encoding between text and token ids.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llmp_stage::{Error, Input, Result};
use serde_json::{Value, json};

use super::byte_level::ByteLevel;
use super::encoder::{Encoder, any_of};
use super::layout::Layout;
use super::packed::Published;
use super::table::Table;
use super::vocabulary::{Vocabulary, added_token, read_tiktoken, write_tiktoken};
use super::{Pattern, special};

/// The file that holds a tokenizer, in Hugging Face's form.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// The file beside it that holds the chat template and names the tokens with a role.
pub const CONFIG_FILE: &str = "tokenizer_config.json";

/// The largest tokenizer file that is read; published ones are below 40 MB.
const MAX_FILE_BYTES: u64 = 1 << 28;
/// The encoder takes less than 4 GiB at once, after normalization, which may triple a text.
const MAX_PIECE_BYTES: usize = 1 << 30;

/// The special tokens of OpenAI's `cl100k_base`, and llmp's search tokens at ids that it leaves unassigned.
const CL100K_SPECIALS: [(&str, u32); 12] = [
    (special::END_OF_TEXT, 100_257),
    ("<|fim_prefix|>", 100_258),
    ("<|fim_middle|>", 100_259),
    ("<|fim_suffix|>", 100_260),
    (special::IM_START, 100_264),
    (special::IM_END, 100_265),
    (special::IM_SEP, 100_266),
    (special::SEARCH_START, 100_267),
    (special::SEARCH_END, 100_268),
    (special::RESULT_START, 100_269),
    (special::RESULT_END, 100_270),
    ("<|endofprompt|>", 100_276),
];

/// The digest of the file that [`Tokenizer::cl100k`] writes: who finds it need not read it.
const CL100K_FILE: &str = "6088968d564dd4eeba2e1e7ad4e6f8fe7eb383f889e3d354e9eca08256aaf511";

/// The special tokens of OpenAI's `o200k_base`, and the others at cl100k's ids, 100,000 higher.
const O200K_SPECIALS: [(&str, u32); 9] = [
    (special::END_OF_TEXT, 199_999),
    ("<|endofprompt|>", 200_018),
    (special::IM_START, 200_264),
    (special::IM_END, 200_265),
    (special::IM_SEP, 200_266),
    (special::SEARCH_START, 200_267),
    (special::SEARCH_END, 200_268),
    (special::RESULT_START, 200_269),
    (special::RESULT_END, 200_270),
];

/// A BPE tokenizer of bytes, or of characters that falls back to bytes. Cloning is cheap; threads may share
/// one.
#[derive(Clone)]
pub struct Tokenizer(Arc<Inner>);

struct Inner {
    source: Source,
    encoder: Encoder,
    /// The bytes of all tokens, one after another.
    bytes: Vec<u8>,
    /// Token `id` is `bytes[starts[id]..starts[id + 1]]`, empty where `id` is unassigned.
    starts: Vec<u32>,
    strips_space: bool,
    specials: BTreeMap<String, u32>,
}

/// What everything else about a tokenizer follows from.
enum Source {
    /// What `tokenizer.json` holds.
    Document(Value),
    /// A vocabulary, and what `tokenizer.json` would hold, once that is asked for.
    Vocabulary(Box<Vocabulary>, OnceLock<Value>),
}

impl Tokenizer {
    /// Reads `tokenizer.json` in `folder`: any BPE in Hugging Face's form that is byte-level or falls back to
    /// bytes.
    ///
    /// # Errors
    /// Where the file is absent, too large, malformed, or of another kind.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::load_file(&folder.join(TOKENIZER_FILE))
    }

    /// As [`Tokenizer::load`], given the file itself.
    ///
    /// # Errors
    /// As there.
    pub fn load_file(path: &Path) -> Result<Self> {
        let text = read_bounded(path)?;
        let document = serde_json::from_str(&text)
            .map_err(|error| Error::new(format!("`{}` is not JSON", path.display())).because(error))?;
        Self::from_document(document).map_err(|error| {
            let help = error.help_text().map(str::to_owned);
            let error = Error::new(format!("cannot use the tokenizer `{}`", path.display())).because(error);
            match help {
                Some(help) => error.help(help),
                None => error,
            }
        })
    }

    /// Reads the tokenizer in the artifact `input`: a Tokenizer, or anything else that carries one along.
    ///
    /// # Errors
    /// As for [`Tokenizer::load`].
    pub fn open(input: &Input) -> Result<Self> {
        // Stages that run shard by shard open the same tokenizer again and again, which takes a part of a
        // second.
        static LAST: Mutex<Option<(String, Tokenizer)>> = Mutex::new(None);
        let file = input.file(TOKENIZER_FILE)?;
        if file.digest == CL100K_FILE {
            return Ok(Self::cl100k());
        }
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((digest, tokenizer)) if *digest == file.digest => Ok(tokenizer.clone()),
            _ => {
                let tokenizer = Self::load_file(&file.path)?;
                *last = Some((file.digest.clone(), tokenizer.clone()));
                Ok(tokenizer)
            }
        }
    }

    /// GPT-4's vocabulary `cl100k_base` with llmp's special tokens: 100,277 ids. Built in.
    ///
    /// # Panics
    /// Never: the vocabulary is part of the program, and tests cover it.
    #[must_use]
    pub fn cl100k() -> Self {
        static CL100K: OnceLock<Tokenizer> = OnceLock::new();
        CL100K.get_or_init(|| Self::published(Published::Cl100k, &CL100K_SPECIALS)).clone()
    }

    /// GPT-4o's vocabulary `o200k_base` with llmp's special tokens at ids that follow those of
    /// [`Tokenizer::cl100k`]: 200,271 ids. Built in.
    #[must_use]
    pub fn o200k() -> Self {
        static O200K: OnceLock<Tokenizer> = OnceLock::new();
        O200K.get_or_init(|| Self::published(Published::O200k, &O200K_SPECIALS)).clone()
    }

    /// GPT-2's vocabulary with llmp's special tokens behind it. Built in.
    #[must_use]
    pub fn gpt2() -> Self {
        static GPT2: OnceLock<Tokenizer> = OnceLock::new();
        GPT2.get_or_init(|| {
            let names = special::ALL.into_iter().filter(|name| *name != special::END_OF_TEXT);
            let specials: Vec<(&str, u32)> =
                std::iter::once(special::END_OF_TEXT).chain(names).zip(50_256..).collect();
            Self::published(Published::Gpt2, &specials)
        })
        .clone()
    }

    fn published(published: Published, specials: &[(&str, u32)]) -> Self {
        let mut vocabulary = published.vocabulary();
        vocabulary.specials = specials.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
        Self::from_vocabulary(vocabulary).expect("the built-in vocabulary is valid, and tests cover it")
    }

    /// A tokenizer from tiktoken's rank file and the pattern that goes with it. llmp's special tokens get the
    /// ids after the ranks; the ranks of `cl100k_base` give [`Tokenizer::cl100k`].
    ///
    /// # Errors
    /// Where the file is malformed or its ranks are not those of a byte pair encoding.
    pub fn from_tiktoken(ranks: &str, pattern: Pattern) -> Result<Self> {
        let tokens = read_tiktoken(ranks)?;
        for (known, published) in
            [(Pattern::Cl100k, Self::cl100k as fn() -> Self), (Pattern::O200k, Self::o200k)]
        {
            if pattern == known && published().vocabulary().is_some_and(|known| known.tokens == tokens) {
                return Ok(published());
            }
        }
        let first = u32::try_from(tokens.len()).map_err(|_| Error::new("the vocabulary is too large"))?;
        let specials = special::ALL.iter().map(|name| (*name).to_owned()).zip(first..).collect();
        Self::new(&Vocabulary::from_ranks(tokens, pattern, specials)?)
    }

    /// The tokenizer of a vocabulary, such as one that was learned.
    ///
    /// # Errors
    /// Where its merges make tokens that it lacks.
    pub fn new(vocabulary: &Vocabulary) -> Result<Self> {
        Self::from_vocabulary(vocabulary.clone())
    }

    fn from_vocabulary(vocabulary: Vocabulary) -> Result<Self> {
        let encoder = ByteLevel::of(&vocabulary)?;
        let encoder = Encoder::byte_level(encoder, &vocabulary.specials);
        let ordinary = vocabulary.tokens.iter().map(Vec::as_slice).zip(0..);
        let special = vocabulary.specials.iter().map(|(name, id)| (name.as_bytes(), *id));
        let (mut bytes, mut starts) = (Vec::new(), vec![0]);
        for (token, id) in ordinary.chain(special) {
            // Ids between are unassigned, and have no bytes.
            starts.resize(id as usize + 1, bytes.len() as u32);
            bytes.extend_from_slice(token);
            starts.push(bytes.len() as u32);
        }
        let specials = vocabulary.specials.iter().cloned().collect();
        let source = Source::Vocabulary(Box::new(vocabulary), OnceLock::new());
        Ok(Self(Arc::new(Inner { source, encoder, bytes, starts, strips_space: false, specials })))
    }

    /// What `tokenizer.json` holds.
    fn document(&self) -> &Value {
        match &self.0.source {
            Source::Document(document) => document,
            Source::Vocabulary(vocabulary, document) => document.get_or_init(|| vocabulary.to_json()),
        }
    }

    /// The vocabulary that it was made of, where no file was.
    fn vocabulary(&self) -> Option<&Vocabulary> {
        match &self.0.source {
            Source::Document(_) => None,
            Source::Vocabulary(vocabulary, _) => Some(vocabulary),
        }
    }

    /// This tokenizer with those of [`special::ALL`] that it lacks, at the ids after its own, and without
    /// tokens that Hugging Face would put around a text, which [`Tokenizer::encode`] does not either.
    ///
    /// # Errors
    /// Where the tokenizer's file cannot hold them.
    pub fn with_specials(&self) -> Result<Self> {
        let mut document = self.document().clone();
        document["post_processor"] = Value::Null;
        let mut listed: Vec<Value> = document["added_tokens"].as_array().cloned().unwrap_or_default();
        // One that the file lists for another purpose, or only in its vocabulary, keeps its id.
        for token in &mut listed {
            if special::ALL.iter().any(|name| token["content"] == *name) {
                token["special"] = true.into();
            }
        }
        let missing: Vec<&str> = special::ALL
            .into_iter()
            .filter(|name| !listed.iter().any(|token| token["content"] == *name))
            .collect();
        // Where other added tokens stand behind the vocabulary, these follow them; else the vocabulary names
        // their ids, which it can also where it has gaps.
        let vocab = &document["model"]["vocab"];
        let in_vocab =
            |token: &Value| token["content"].as_str().is_some_and(|name| vocab.get(name).is_some());
        let behind = !listed.iter().all(in_vocab);
        let mut expected = Vec::new();
        let mut next = self.vocab_size();
        for name in missing {
            let id = match vocab.get(name).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()) {
                Some(id) => id,
                None => {
                    next += 1;
                    next - 1
                }
            };
            listed.push(added_token(name, id));
            expected.push((name, id));
        }
        document["added_tokens"] = listed.into();
        if !behind {
            for (name, id) in &expected {
                document["model"]["vocab"][*name] = json!(id);
            }
        }
        let full = Self::from_document(document)?;
        match expected.iter().find(|(name, id)| full.special(name) != Some(*id)) {
            None => Ok(full),
            Some((name, id)) => Err(Error::new(format!("the special token `{name}` cannot get the id {id}"))
                .help("the tokenizer's file leaves gaps between its ids; list its added tokens in `model.vocab`")),
        }
    }

    fn from_document(mut document: Value) -> Result<Self> {
        let layout = Layout::of(&document)?;
        let encoder = Encoder::new(&document)?;
        // Some parts fail only in use.
        encoder.encode("Probe 1\n", &mut Vec::new())?;
        // `tokenizers` numbers added tokens that are not in the vocabulary in a row, whatever their file
        // says.
        for token in document["added_tokens"].as_array_mut().into_iter().flatten() {
            if let Some(id) = token["content"].as_str().and_then(|content| encoder.id(content)) {
                token["id"] = id.into();
            }
        }
        let table = Table::read(&document, &layout, |content| encoder.id(content))?;
        for (name, id) in &table.specials {
            let mut ids = Vec::new();
            encoder.encode(name, &mut ids)?;
            if ids.contains(id) {
                return Err(Error::new(format!(
                    "a text that holds `{name}` would become this special token"
                ))
                .help("remove it from the model's `vocab`, or set `ignore_merges` to false"));
            }
        }
        let (bytes, starts) = table.pack();
        let strips_space = layout.strips_space;
        let source = Source::Document(document);
        Ok(Self(Arc::new(Inner { source, encoder, bytes, starts, strips_space, specials: table.specials })))
    }

    /// The token ids of `text`. Never a special token: names of special tokens in `text` are text like any
    /// other.
    ///
    /// # Panics
    /// Never: that the encoder works was tried when the tokenizer was made.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4 + 1);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_PIECE_BYTES));
            self.0
                .encoder
                .encode(piece, &mut ids)
                .expect("the encoder was tried when the tokenizer was made");
            rest = after;
        }
        ids
    }

    /// As [`Tokenizer::encode`], with names of special tokens in `text` standing for these.
    ///
    /// # Errors
    /// Where there are too many to look for.
    pub fn encode_with_specials(&self, text: &str) -> Result<Vec<u32>> {
        let specials = self.specials();
        if specials.is_empty() {
            return Ok(self.encode(text));
        }
        let names = any_of(specials.keys().map(String::as_str).collect())
            .ok_or_else(|| Error::new("the tokenizer has too many special tokens to look for in a text"))?;
        let (mut ids, mut done) = (Vec::new(), 0);
        for found in names.find_iter(text) {
            ids.extend(self.encode(&text[done..found.start()]));
            ids.push(specials[found.as_str()]);
            done = found.end();
        }
        ids.extend(self.encode(&text[done..]));
        Ok(ids)
    }

    /// The text of `ids`, special tokens by their names; bytes that are no UTF-8 become U+FFFD. Where the
    /// tokenizer puts a space before every text, as Llama 2's does, the text begins behind it.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut text = self.decode_behind(ids);
        if self.0.strips_space && text.starts_with(' ') {
            text.remove(0);
        }
        text
    }

    /// As [`Tokenizer::decode`], for ids that stand behind others.
    #[must_use]
    pub fn decode_behind(&self, ids: &[u32]) -> String {
        match String::from_utf8(self.decode_bytes(ids)) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }

    /// The bytes of `ids`, special tokens by their names. Unassigned ids have none.
    #[must_use]
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for &id in ids {
            bytes.extend_from_slice(self.token_bytes(id).unwrap_or_default());
        }
        bytes
    }

    /// The bytes of one token, a special token's name; `None` where the id is unassigned.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let (start, end) = (*self.0.starts.get(id)?, *self.0.starts.get(id + 1)?);
        (start < end).then(|| &self.0.bytes[start as usize..end as usize])
    }

    /// The text of each token, in order. A character whose bytes lie in several tokens stands with the last
    /// of them; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn pieces(&self, ids: &[u32]) -> Vec<String> {
        let mut pending = Vec::new();
        let mut pieces: Vec<String> = Vec::with_capacity(ids.len());
        for &id in ids {
            pending.extend_from_slice(self.token_bytes(id).unwrap_or_default());
            let whole = whole(&pending);
            pieces.push(String::from_utf8_lossy(&pending[..whole]).into_owned());
            pending.drain(..whole);
        }
        if let Some(last) = pieces.last_mut().filter(|_| !pending.is_empty()) {
            last.push('\u{fffd}');
        }
        pieces
    }

    /// The id of the special token `name`, e.g. `<|im_end|>`.
    #[must_use]
    pub fn special(&self, name: &str) -> Option<u32> {
        self.0.specials.get(name).copied()
    }

    /// As [`Tokenizer::special`], for code that cannot go on without.
    ///
    /// # Errors
    /// Where the tokenizer does not hold it.
    pub fn require_special(&self, name: &str) -> Result<u32> {
        self.special(name).ok_or_else(|| {
            Error::new(format!("the tokenizer has no special token `{name}`"))
                .help("`tokenize.load` adds the special tokens that a tokenizer lacks")
        })
    }

    /// Special tokens by name.
    #[must_use]
    pub fn specials(&self) -> &BTreeMap<String, u32> {
        &self.0.specials
    }

    /// Whether `id` is a special token.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.0.specials.values().any(|special| *special == id)
    }

    /// One more than the largest id; unassigned ids count.
    ///
    /// # Panics
    /// Never: ids are far below 2³².
    #[must_use]
    pub fn vocab_size(&self) -> u32 {
        u32::try_from(self.0.starts.len() - 1).expect("ids are bounded when read")
    }

    /// The ordinary tokens as a tiktoken rank file, ranks being ids.
    ///
    /// # Errors
    /// Where the ids of ordinary tokens are not `0..n`, or normalization or added tokens have no place in
    /// such a file.
    pub fn to_tiktoken(&self) -> Result<String> {
        let ordinary = |id: &u32| self.token_bytes(*id).is_some() && !self.is_special(*id);
        let ids: Vec<u32> = (0..self.vocab_size()).filter(ordinary).collect();
        if ids.last().is_some_and(|last| *last as usize + 1 != ids.len()) {
            return Err(Error::new("the vocabulary has gaps, which a .tiktoken file cannot express"));
        }
        Ok(write_tiktoken(ids.into_iter().filter_map(|id| Some((id, self.token_bytes(id)?)))))
    }

    /// Writes `tokenizer.json` and `tokenizer_config.json` (chat template included) to `folder`, so that
    /// `transformers` loads the folder and gives the same ids.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(Error::io("cannot write", &path))
        };
        write(TOKENIZER_FILE, self.document().to_string())?;
        write(CONFIG_FILE, format!("{:#}\n", self.config()))
    }

    /// What `tokenizer_config.json` holds.
    fn config(&self) -> Value {
        let mut config = json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": false,
            "chat_template": special::CHAT_TEMPLATE.trim_end(),
        });
        if self.special(special::END_OF_TEXT).is_some() {
            config["eos_token"] = json!(special::END_OF_TEXT);
            config["pad_token"] = json!(special::END_OF_TEXT);
        }
        config
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("specials", &self.0.specials)
            .finish_non_exhaustive()
    }
}

/// A file's text, refused where it is unreasonably large.
pub fn read_bounded(path: &Path) -> Result<String> {
    let size = fs::metadata(path).map_err(Error::io("cannot read", path))?.len();
    if size > MAX_FILE_BYTES {
        return Err(Error::new(format!("`{}` has {size} bytes, too many for a tokenizer", path.display())));
    }
    fs::read_to_string(path).map_err(Error::io("cannot read", path))
}

/// How many of `bytes` end with a whole character: all but the beginning of one that the end cuts off.
#[must_use]
pub fn whole(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    for at in (tail..bytes.len()).rev() {
        let needs = match bytes[at] {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        return if bytes.len() - at < needs { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read as _;
    use std::path::PathBuf;

    /// Facts to compare with, where this checkout has them.
    fn shared(path: &str) -> Option<PathBuf> {
        let root = std::env::var_os("LLMP_SHARED")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
        Some(root.join(path)).filter(|path| path.exists())
    }

    #[test]
    fn cl100k_gives_openais_ids() {
        let tokenizer = Tokenizer::cl100k();
        assert_eq!(tokenizer.vocab_size(), 100_277);
        for (text, ids) in [("hello", &[15_339][..]), ("你", &[57_668]), ("韬", &[165, 253, 105]), ("", &[])]
        {
            assert_eq!(tokenizer.encode(text), ids);
            assert_eq!(tokenizer.decode(ids), text);
        }
        for (name, id) in CL100K_SPECIALS {
            assert_eq!(tokenizer.special(name), Some(id));
            assert_eq!(tokenizer.decode(&[id]), name);
        }
        assert_eq!(tokenizer.decode(&[165, 253]), "\u{fffd}");
        assert_eq!(tokenizer.decode_bytes(&[165, 100_256, u32::MAX]), [0xe9]);
    }

    #[test]
    fn cl100k_agrees_with_tiktoken() {
        let Some(path) = shared("data/tokenizer/cl100k-truth-small.jsonl.gz") else {
            eprintln!("skipped: shared/data is absent");
            return;
        };
        let mut rows = String::new();
        flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut rows).unwrap();
        let tokenizer = Tokenizer::cl100k();
        let mut compared = 0;
        for row in rows.lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            let ids: Vec<u32> = serde_json::from_value(row["ids"].clone()).unwrap();
            let text = row["text"].as_str().unwrap();
            assert_eq!(tokenizer.decode(&ids), text);
            // Rows where special tokens were allowed in the text are for decoding only.
            if row["allowed_special"] == json!([]) {
                assert_eq!(tokenizer.encode(text), ids, "{text:?}");
                compared += 1;
            }
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn text_never_becomes_a_special_token() {
        let tokenizer = Tokenizer::cl100k();
        for name in tokenizer.specials().keys() {
            for text in [name.clone(), format!("a{name}b"), format!(" {name}\n{name}")] {
                let ids = tokenizer.encode(&text);
                assert!(ids.iter().all(|id| !tokenizer.is_special(*id)), "{text}");
                assert_eq!(tokenizer.decode(&ids), text);
            }
        }
    }

    /// The library finds pieces by a regular expression, and merges by a queue.
    fn library(tokenizer: &Tokenizer) -> Encoder {
        let mut document = tokenizer.document().clone();
        // So that it is left to the library.
        document["normalizer"] = json!({"type": "Sequence", "normalizers": []});
        let library = Encoder::new(&document).unwrap();
        assert!(matches!(library, Encoder::Released(_)));
        library
    }

    fn by_library(library: &Encoder, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        library.encode(text, &mut ids).unwrap();
        ids
    }

    #[test]
    fn published_vocabularies_give_the_ids_of_the_library() {
        for tokenizer in [Tokenizer::gpt2(), Tokenizer::o200k(), Tokenizer::cl100k()] {
            let library = library(&tokenizer);
            for text in [
                "It's 12345 o'clock;\r\n\t naïve 你好，世界 🦀 <|im_end|> HelloWORLD'S",
                "  x\n\n y",
                &"ab ".repeat(999),
            ] {
                assert_eq!(tokenizer.encode(text), by_library(&library, text), "{tokenizer:?}");
            }
        }
    }

    #[test]
    fn the_file_of_cl100k_is_known_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        Tokenizer::cl100k().save(folder.path()).unwrap();
        let written = fs::read(folder.path().join(TOKENIZER_FILE)).unwrap();
        assert_eq!(blake3::hash(&written).to_hex().as_str(), CL100K_FILE);
    }

    /// Characters of no category in Unicode 16. Later versions, which regex engines know sooner or later,
    /// make letters of some.
    fn unassigned() -> regex::Regex {
        regex::Regex::new(r"\p{Cn}").unwrap()
    }

    #[test]
    fn every_character_is_cut_as_by_an_independent_encoder() {
        let (tokenizer, unassigned) = (Tokenizer::cl100k(), unassigned());
        let library = library(&tokenizer);
        for character in '\0'..=char::MAX {
            let text = format!(
                "{character}'r{character}1{character}  {character}\n{character}a {character}{character}"
            );
            if !unassigned.is_match(&text) {
                assert_eq!(tokenizer.encode(&text), by_library(&library, &text), "{character:?}");
            }
        }
    }

    #[test]
    fn any_text_encodes_as_with_the_library() {
        let tokenizer = Tokenizer::cl100k();
        let (library, unassigned) = (library(&tokenizer), unassigned());
        let texts =
            r"([ -~]{0,8}|\s{0,4}|\PC{0,6}|\p{Han}{0,9}|[0-9]{0,5}|[a-z]{0,40}|'[stre]+|(?s:.)){0,12}";
        proptest!(|(text in texts)| {
            let text = unassigned.replace_all(&text, "");
            let ids = tokenizer.encode(&text);
            prop_assert_eq!(&ids, &by_library(&library, &text));
            prop_assert_eq!(tokenizer.decode(&ids), text);
        });
    }

    #[test]
    fn saved_and_loaded_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = Tokenizer::cl100k();
        tokenizer.save(folder.path()).unwrap();
        let loaded = Tokenizer::load(folder.path()).unwrap();
        assert_eq!(loaded.specials(), tokenizer.specials());
        assert_eq!(loaded.vocab_size(), tokenizer.vocab_size());
        let text = "It's 12345 o'clock;\r\n\t naïve 你好 🦀 <|im_end|>";
        assert_eq!(loaded.encode(text), tokenizer.encode(text));
        let ranks = loaded.to_tiktoken().unwrap();
        assert_eq!(Tokenizer::from_tiktoken(&ranks, Pattern::Cl100k).unwrap().vocab_size(), 100_277);
    }

    #[test]
    fn missing_specials_are_added_behind() {
        let mut document = Tokenizer::from_tiktoken(&byte_ranks(), Pattern::Gpt2).unwrap().document().clone();
        document["added_tokens"] = json!([added_token("<|endoftext|>", 256)]);
        document["model"]["vocab"].as_object_mut().unwrap().retain(|_, id| id.as_u64() <= Some(256));
        let bare = Tokenizer::from_document(document).unwrap();
        assert_eq!(bare.vocab_size(), 257);
        let error = bare.require_special(special::IM_START).err().unwrap();
        assert!(error.to_string().contains("<|im_start|>"), "{error}");
        let full = bare.with_specials().unwrap();
        assert_eq!(full.special(special::END_OF_TEXT), Some(256));
        assert_eq!(full.special(special::IM_START), Some(257));
        assert_eq!(full.vocab_size(), 264);
        assert_eq!(full.encode("ab"), bare.encode("ab"));
    }

    fn byte_ranks() -> String {
        let bytes: Vec<u8> = (0..=255).collect();
        write_tiktoken((0..).zip(bytes.chunks(1)))
    }

    #[test]
    fn malformed_files_are_errors() {
        let good = Tokenizer::from_tiktoken(&byte_ranks(), Pattern::Gpt2).unwrap().document().clone();
        let broken = |path: &str, value: Value| {
            let mut document = good.clone();
            *document.pointer_mut(path).unwrap() = value;
            Tokenizer::from_document(document).err().map(|error| error.to_string())
        };
        for (path, value) in [
            ("/model", json!(3)),
            ("/model/type", json!("Unigram")),
            ("/model/vocab", json!([])),
            ("/model/vocab/a", json!(4_000_000_000_u64)),
            ("/model/vocab/a", json!(-1)),
            ("/model/vocab/a", json!(98)),
            ("/model/merges", json!([["a", "zz"]])),
            ("/model/merges", json!("a b")),
            ("/pre_tokenizer", json!({"type": "Metaspace"})),
            ("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!("[")),
            ("/added_tokens/0/content", json!("")),
        ] {
            assert!(broken(path, value.clone()).is_some(), "{path} = {value}");
        }
        assert_eq!(broken("/model/unk_token", Value::Null), None);
        // As in the library, the vocabulary decides.
        assert_eq!(broken("/added_tokens/0/id", json!(7)), None);
        for ranks in ["", "IQ==", "IQ== 1", "!! 0", " 0", "IQ== 0\nIQ== 1"] {
            assert!(Tokenizer::from_tiktoken(ranks, Pattern::Gpt2).is_err(), "{ranks:?}");
        }
        let unreachable = byte_ranks() + "YWJj 256\n";
        let error = Tokenizer::from_tiktoken(&unreachable, Pattern::Gpt2).err().unwrap();
        assert!(error.to_string().contains("abc"), "{error}");
    }
}
