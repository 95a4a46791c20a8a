//! Contents by their blake3 hash: where they are kept, and what is made of them.
//!
//! [`ObjectStore`] is what a place that keeps objects must do; [`Objects`] is such a place with what is the
//! same for all of them: artifacts as lists of files, folders that go in and come out.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;

use super::{Entry, Manifest, Result, StoreError, at};

/// A place that keeps objects. An object is named by the digest of its content, is there whole or not at all,
/// and never changes: whoever publishes what is there already changes nothing.
pub trait ObjectStore: Send + Sync {
    /// Reads an object from its beginning. Its content is not compared with its name.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where it is not there.
    fn open(&self, object: &Digest) -> Result<Box<dyn Read + Send>>;

    /// Bytes of an object; `None` where it is not there.
    fn size(&self, object: &Digest) -> Option<u64>;

    /// A file of this machine with the object's content, to be read and never written; fetched where need be.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where it is not there.
    fn localize(&self, object: &Digest) -> Result<PathBuf>;

    /// Publishes bytes, unless they are there.
    ///
    /// # Errors
    /// Where the place refuses.
    fn put(&self, bytes: &[u8]) -> Result<Digest>;

    /// Publishes a finished file, unless its content is there. The file is gone then.
    ///
    /// # Errors
    /// Where the file cannot be read, or the place refuses.
    fn take(&self, file: &Path) -> Result<Entry>;

    /// Reads an object and compares its content with its name. One that differs is not there afterwards.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where it is not there, [`StoreError::Damaged`] where it differs or cannot be
    /// read.
    fn check(&self, object: &Digest) -> Result<()>;

    /// All objects with their sizes in bytes, in order of digest.
    ///
    /// # Errors
    /// Where the place cannot be read.
    fn list(&self) -> Result<Vec<(Digest, u64)>>;

    /// Removes an object that nobody needs. Only for one who has the store alone.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where it is not there.
    fn remove(&self, object: &Digest) -> Result<()>;

    /// Files that were being written when their process was killed, with their sizes in bytes. Only for one
    /// who has the store alone: otherwise they may be somebody's.
    ///
    /// # Errors
    /// Where the place cannot be read.
    fn leftovers(&self) -> Result<Vec<(PathBuf, u64)>> {
        Ok(Vec::new())
    }
}

/// The objects of a store.
pub struct Objects(Box<dyn ObjectStore>);

impl Objects {
    /// The objects that are kept in `place`.
    pub fn new(place: impl ObjectStore + 'static) -> Self {
        Self(Box::new(place))
    }

    /// As [`ObjectStore::open`].
    ///
    /// # Errors
    /// Where it is missing or unreadable.
    pub fn open(&self, object: &Digest) -> Result<Box<dyn Read + Send>> {
        self.0.open(object)
    }

    /// The whole content of a small object, as [`ObjectStore::open`] reads it.
    ///
    /// # Errors
    /// Where it is missing or unreadable.
    pub fn read(&self, object: &Digest) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(object)?.read_to_end(&mut bytes).map_err(at("read", Path::new(&object.hex())))?;
        Ok(bytes)
    }

    /// As [`ObjectStore::localize`].
    ///
    /// # Errors
    /// Where it is missing or cannot be fetched.
    pub fn localize(&self, object: &Digest) -> Result<PathBuf> {
        self.0.localize(object)
    }

    /// Whether the object is there, with the given size in bytes.
    #[must_use]
    pub fn has(&self, object: &Digest, size: u64) -> bool {
        self.0.size(object) == Some(size)
    }

    /// Whether the object is there, whatever its size.
    #[must_use]
    pub fn contains(&self, object: &Digest) -> bool {
        self.0.size(object).is_some()
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        self.0.put(bytes)
    }

    /// Moves a finished file into the store.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn take(&self, file: &Path) -> Result<Entry> {
        self.0.take(file)
    }

    /// Moves all files below `folder` into the store and keeps the list.
    ///
    /// # Errors
    /// Where the disk refuses or the folder holds something that is no file.
    pub fn take_folder(&self, folder: &Path) -> Result<Manifest> {
        let mut manifest = Manifest::default();
        self.collect(folder, "", &mut manifest)?;
        Ok(manifest)
    }

    fn collect(&self, folder: &Path, prefix: &str, manifest: &mut Manifest) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(at("read", folder))? {
            let entry = entry.map_err(at("read", folder))?;
            let path = entry.path();
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                return Err(StoreError::Output(format!("`{}` has a name that is not UTF-8", path.display())));
            };
            if name.contains('\n') {
                return Err(StoreError::Output(format!("the file name {name:?} holds a line break")));
            }
            let kind = entry.file_type().map_err(at("read", &path))?;
            if kind.is_dir() {
                self.collect(&path, &format!("{name}/"), manifest)?;
            } else if kind.is_file() {
                manifest.files.insert(name, self.take(&path)?);
            } else {
                return Err(StoreError::Output(format!("`{name}` is neither a file nor a folder")));
            }
        }
        Ok(())
    }

    /// Publishes an artifact's list, whose files are there. Its digest is the artifact's.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put_manifest(&self, manifest: &Manifest) -> Result<Digest> {
        self.put(manifest.text().as_bytes())
    }

    /// Reads the manifest of an artifact.
    ///
    /// # Errors
    /// Where it is missing or damaged.
    pub fn manifest(&self, artifact: &Digest) -> Result<Manifest> {
        let damaged = |what: &str| StoreError::Damaged { digest: artifact.hex(), what: what.into() };
        let text = String::from_utf8(self.read(artifact)?).map_err(|_| damaged("it is not text"))?;
        if Digest::of(text.as_bytes()) != *artifact {
            return Err(damaged("its content is not what its name says"));
        }
        Manifest::parse(artifact, &text)
    }

    /// Reads an object and compares its content with its name. One that differs is set aside in
    /// `quarantine/`.
    ///
    /// # Errors
    /// Where it is missing, damaged or unreadable.
    pub fn check(&self, object: &Digest) -> Result<()> {
        self.0.check(object)
    }

    /// Whether the artifact's list and all its files are there, by name and size.
    #[must_use]
    pub fn intact(&self, artifact: &Digest) -> bool {
        self.manifest(artifact)
            .is_ok_and(|manifest| manifest.files.values().all(|entry| self.has(&entry.digest, entry.size)))
    }

    /// Links an artifact's files into `folder` under their names.
    ///
    /// # Errors
    /// Where an object is missing or the disk refuses.
    pub fn link(&self, manifest: &Manifest, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(at("make the folder", folder))?;
        for (name, entry) in &manifest.files {
            let target = folder.join(name);
            if name.contains('/')
                && let Some(parent) = target.parent()
            {
                fs::create_dir_all(parent).map_err(at("make the folder", parent))?;
            }
            self.link_file(&entry.digest, &target)?;
        }
        Ok(())
    }

    /// Links an object to `target`, whose folder is there.
    ///
    /// # Errors
    /// Where the object is missing or the disk refuses.
    pub fn link_file(&self, object: &Digest, target: &Path) -> Result<()> {
        let source = self.localize(object)?;
        match fs::hard_link(&source, target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !source.exists() => Err(missing(object)),
            // No hard links here (another file system, too many links): a copy serves.
            Err(_) => fs::copy(&source, target).map(drop).map_err(at("copy to", target)),
        }
    }

    /// All objects with their sizes in bytes, in order of digest.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> Result<Vec<(Digest, u64)>> {
        self.0.list()
    }

    /// Removes an object that nobody needs. Only for one who has the store alone.
    ///
    /// # Errors
    /// Where it is missing or the disk refuses.
    pub fn remove(&self, object: &Digest) -> Result<()> {
        self.0.remove(object)
    }

    /// Files that were being written when their process was killed, with their sizes in bytes. Only for one
    /// who has the store alone: otherwise they may be somebody's.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<(PathBuf, u64)>> {
        self.0.leftovers()
    }
}

pub(super) fn missing(object: &Digest) -> StoreError {
    StoreError::Missing { digest: object.hex() }
}
