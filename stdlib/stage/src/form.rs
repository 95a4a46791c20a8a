//! What a kind of artifact is on disk.

use std::ops::Range;
use std::path::Path;

use crate::{Context, Error, Fact, Input, Result, View, Views};

/// How the artifacts of one kind lie on disk: how they are checked, counted, and read by whoever follows
/// documents through a run. There is one for each kind of the compiler's, in the registry's table.
pub trait Form: Send + Sync {
    /// The kind's name in programs, e.g. `Docs`.
    fn kind(&self) -> &'static str;

    /// What its files are, as the end of the sentence `Docs is …`.
    fn expected(&self) -> &'static str;

    /// Compares what a user's own program wrote with what artifacts of this kind are. Files in another
    /// notation that the kind allows, such as JSONL where Parquet is due, are replaced by the kind's own.
    ///
    /// # Errors
    /// Names the file, what was found and what was expected.
    fn check(&self, written: &Input) -> Result<()>;

    /// As [`Form::check`], for what a running stage wrote: says how much it is, and may leave out what is an
    /// accident, with a count.
    ///
    /// # Errors
    /// As there.
    fn accept(&self, written: &Input, ctx: &dyn Context) -> Result<()> {
        let _ = ctx;
        self.check(written)
    }

    /// Writes one of its files, `name` within the artifact and `path` on this machine, as JSON lines below
    /// `folder`: the new file's name and its rows; `None` where it is written in no other way than it is.
    ///
    /// # Errors
    /// Where the file cannot be read or the other cannot be written.
    fn as_lines(&self, name: &str, path: &Path, folder: &Path) -> Result<Option<(String, u64)>> {
        let _ = (name, path, folder);
        Ok(None)
    }

    /// The count under which stages that make it report its size, e.g. `documents`.
    fn unit(&self) -> Option<&'static str> {
        None
    }

    /// The count that says how many rows it holds.
    fn items(&self) -> Option<&'static str> {
        self.unit()
    }

    /// What of documents it holds.
    fn holds(&self) -> Holds {
        Holds::Nothing
    }

    /// The documents in one of its files, `name` within the artifact, `path` on this machine; none in files
    /// of other kinds.
    ///
    /// # Errors
    /// Where the file cannot be read.
    fn entries(&self, name: &str, path: &Path, detail: Detail) -> Result<Entries> {
        let _ = (name, path, detail);
        Ok(Box::new(std::iter::empty()))
    }

    /// The tokens that the document at `row` of `shard` became, with `letters` of its decoded text; `None`
    /// where there is no such row.
    ///
    /// # Errors
    /// Where the artifact cannot be read.
    fn tokens(&self, artifact: &Input, shard: &str, row: u64, letters: usize) -> Result<Option<TokenSpan>> {
        let _ = (artifact, shard, row, letters);
        Ok(None)
    }

    /// Its rows as people read them, from the first on; each is read when it is asked for, so that what is
    /// shown bounds the memory. None for what has no rows.
    ///
    /// # Errors
    /// Where the artifact cannot be opened.
    fn views(&self, artifact: &Input) -> Result<Views> {
        let _ = artifact;
        Ok(Box::new(std::iter::empty()))
    }

    /// What is to be known of the whole of it, in a few lines: a model's shape, a vocabulary's size, a
    /// table's columns.
    ///
    /// # Errors
    /// Where the artifact cannot be read.
    fn facts(&self, artifact: &Input) -> Result<Vec<Fact>> {
        let _ = artifact;
        Ok(Vec::new())
    }
}

/// What of documents an artifact holds, for following one of them through a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What documents are made from, under the same names.
    Pages,
    /// Documents with their text.
    Documents,
    /// Tokens of documents, in the documents' order and under the same shards.
    Tokens,
    /// Nothing that can be followed.
    Nothing,
}

/// How much of each document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What names it: id and URL.
    Names,
    /// Everything.
    Whole,
}

/// A document as it is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The id that follows it through a pipeline, `<urn:uuid:…>`.
    pub id: String,
    /// Where it was found.
    pub url: String,
    /// Its text; empty where names only were asked for.
    pub text: String,
    /// Words of the text as `filter.quality` counts them (UAX 29, punctuation not counted); 0 where names
    /// only were asked for.
    pub words: u64,
    /// Its language, an ISO 639-1 code, once known.
    pub language: Option<String>,
    /// The file it came from, as people call it.
    pub source: Option<String>,
}

/// Documents, one after the other.
pub type Entries = Box<dyn Iterator<Item = Result<Entry>>>;

/// Where the tokens of a document stand, its end-of-text token included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpan {
    /// Places in the document's shard.
    pub in_shard: Range<u64>,
    /// Places in the whole set.
    pub in_set: Range<u64>,
    /// How the text begins, decoded from the tokens.
    pub begins: String,
}

/// `Files`: whatever the user has.
pub struct Files;

impl Form for Files {
    fn kind(&self) -> &'static str {
        "Files"
    }
    fn expected(&self) -> &'static str {
        "some files"
    }
    fn check(&self, _: &Input) -> Result<()> {
        Ok(())
    }
    fn views(&self, artifact: &Input) -> Result<Views> {
        let files = artifact.files.clone();
        Ok(Box::new(files.into_iter().map(|file| {
            let size = std::fs::metadata(&file.path).map_err(Error::io("cannot read", &file.path))?.len();
            let json = serde_json::json!({"name": file.name, "bytes": size, "digest": file.digest});
            Ok(View::new(file.name, json).line("bytes", &size.to_string()))
        })))
    }
}
