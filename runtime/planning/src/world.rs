//! The compiler's window on the file system: program texts, bounded, UTF-8, below one folder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use llmp_compiler::key::Digest;
use llmp_compiler::source::{ReadError, World};
use llmp_compiler::syntax;

/// Largest program text that is read.
const MAX_BYTES: u64 = syntax::MAX_BYTES as u64;

/// The folder of a file; `.` where its path has none.
#[must_use]
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Files below a folder.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The world whose paths are relative to `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl World for Folder {
    fn read(&self, path: &str) -> Result<Arc<str>, ReadError> {
        let relative = Path::new(path);
        if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(ReadError::Outside);
        }
        let file = File::open(self.root.join(relative)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::Other(error.to_string()),
        })?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ReadError::Other(error.to_string()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ReadError::TooLarge { limit: MAX_BYTES });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(ReadError::NotUtf8 { at: error.utf8_error().valid_up_to() }),
        }
    }
}

/// Another world that remembers what it was asked for, found or not.
pub struct Remembering<W> {
    world: W,
    asked: RefCell<BTreeMap<String, Option<Digest>>>,
}

impl<W: World> Remembering<W> {
    /// The world `world`, asked for nothing yet.
    #[must_use]
    pub fn new(world: W) -> Self {
        Self { world, asked: RefCell::default() }
    }

    /// All paths that were asked for, with the digest of the text that was read; `None` where none was.
    #[must_use]
    pub fn asked(self) -> BTreeMap<String, Option<Digest>> {
        self.asked.into_inner()
    }
}

impl<W: World> World for Remembering<W> {
    fn read(&self, path: &str) -> Result<Arc<str>, ReadError> {
        let read = self.world.read(path);
        let digest = read.as_ref().ok().map(|text| Digest::of(text.as_bytes()));
        self.asked.borrow_mut().insert(path.to_owned(), digest);
        read
    }
}
