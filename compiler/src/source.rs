//! Source text: files, byte spans, line and column, and the only way the compiler reads anything.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// A file that takes part in a compilation; an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A half-open range of bytes in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Of the program, of a signature, or a value from outside.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `file`.
    #[must_use]
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that covers both; `self` where the files differ.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether all of `other` lies in it.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// Whether the byte `offset` lies inside, or at the end.
    #[must_use]
    pub fn touches(self, offset: u32) -> bool {
        self.start <= offset && offset <= self.end
    }
}

/// Line and column as people count them: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One file's path and text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as given or as imported, `/`-separated; of a value from outside what gave it: `--set
    /// base.lr`.
    pub path: String,
    /// Whether it is one value that no file holds, so that lines and columns tell nobody anything.
    pub given: bool,
    /// UTF-8, with line ends as they are in the file.
    pub text: Arc<str>,
    /// Where each line starts; found when it is first asked for.
    lines: OnceLock<Vec<u32>>,
}

impl Source {
    fn new(path: String, text: Arc<str>, given: bool) -> Self {
        Self { path, given, text, lines: OnceLock::new() }
    }

    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let newlines = self.text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
            std::iter::once(0).chain(newlines.map(|(at, _)| at as u32 + 1)).collect()
        })
    }

    /// Where the byte `offset` stands.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.lines().partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.lines().get(line).copied().unwrap_or(0) as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(end.saturating_sub(start), |text| text.chars().count());
        Position { line: line as u32 + 1, column: column as u32 + 1 }
    }

    /// The text of the 1-based `line`, without its line end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let start = self.lines().get(line.saturating_sub(1) as usize).copied().unwrap_or(0) as usize;
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("")
    }
}

/// All files of a compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.push(Source::new(path.into(), text.into(), false))
    }

    /// Adds a value from outside of all files; `giver` is what its place is called.
    pub fn add_given(&mut self, giver: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.push(Source::new(giver.into(), text.into(), true))
    }

    fn push(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId(self.files.len() as u32 - 1)
    }

    /// The file, where `id` came from this collection.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The text below a span; empty where the span lies outside.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// `path:line:column` of a span's start; of a value from outside what gave it, `--set base.lr`.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        self.get(span.file).map_or_else(String::new, |source| {
            if source.given {
                return source.path.clone();
            }
            let at = source.position(span.start);
            format!("{}:{}:{}", source.path, at.line, at.column)
        })
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, source)| (FileId(index as u32), source))
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The path leaves the pipeline's folder.
    #[error("the path leaves the pipeline's folder")]
    Outside,
    /// The file is too large to be a program.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// Bytes that a program may have.
        limit: u64,
    },
    /// The bytes are not UTF-8.
    #[error("the file is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// First offending byte.
        at: usize,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// All input of the compiler.
pub trait World {
    /// The text of the file at `path`, which is relative to the main file's folder and normalised.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn read(&self, path: &str) -> Result<Arc<str>, ReadError>;
}

/// Files in memory, for tests and for editors' unsaved buffers.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld {
    /// Text by path.
    pub files: BTreeMap<String, Arc<str>>,
}

impl World for MemoryWorld {
    fn read(&self, path: &str) -> Result<Arc<str>, ReadError> {
        self.files.get(path).cloned().ok_or(ReadError::Missing)
    }
}

/// A name and its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Where the name is used.
    pub at: Span,
    /// Where what it means is defined; the name in the definition.
    pub to: Span,
}
