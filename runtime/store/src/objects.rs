//! Contents by their blake3 hash: written to a temporary name, renamed, never changed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;

use super::hash::{hash_file, hash_open};
use super::write::{SYNC_FROM, TEMPORARY, move_object, write_object};
use super::{Entry, Manifest, Result, StoreError, at};

/// The objects of a store.
pub struct Objects {
    root: PathBuf,
}

impl Objects {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the object lies, or would lie.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (head, tail) = hex.split_at(2);
        self.root.join(head).join(tail)
    }

    /// Whether the object is there, with the given size.
    #[must_use]
    pub fn has(&self, digest: &Digest, size: u64) -> bool {
        fs::metadata(self.path(digest)).is_ok_and(|found| found.len() == size)
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        if !self.has(&digest, bytes.len() as u64) {
            write_object(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Moves a finished file into the store.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn take(&self, file: &Path) -> Result<Entry> {
        let opened = File::open(file).map_err(at("open", file))?;
        let entry = hash_open(&opened, file)?;
        let path = self.path(&entry.digest);
        // An object of this name that was damaged meanwhile is no reason to throw away a good one.
        if self.has(&entry.digest, entry.size) && self.check(&entry.digest).is_ok() {
            fs::remove_file(file).map_err(at("remove", file))?;
        } else {
            if entry.size >= SYNC_FROM {
                opened.sync_data().map_err(at("sync", file))?;
            }
            let read_only = fs::Permissions::from_mode(0o444);
            opened.set_permissions(read_only).map_err(at("make read-only", file))?;
            move_object(file, &path)?;
        }
        Ok(entry)
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

    /// Reads the manifest of an artifact.
    ///
    /// # Errors
    /// Where it is missing or damaged.
    pub fn manifest(&self, artifact: &Digest) -> Result<Manifest> {
        let path = self.path(artifact);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { digest: artifact.hex() });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(StoreError::Damaged { digest: artifact.hex(), what: "it is not text".into() });
            }
            Err(error) => return Err(at("read", &path)(error)),
        };
        if Digest::of(text.as_bytes()) != *artifact {
            let what = "its content is not what its name says".into();
            return Err(StoreError::Damaged { digest: artifact.hex(), what });
        }
        Manifest::parse(artifact, &text)
    }

    /// Reads an object and compares its content with its name. One that differs is set aside in `quarantine/`.
    ///
    /// # Errors
    /// Where it is missing, damaged or unreadable.
    pub fn check(&self, object: &Digest) -> Result<()> {
        let path = self.path(object);
        match hash_file(&path) {
            Ok(found) if found == *object => return Ok(()),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { digest: object.hex() });
            }
            // What the disk cannot give back is damaged, too.
            Ok(_) | Err(StoreError::Io { .. }) => {}
            Err(error) => return Err(error),
        }
        let folder = self.root.with_file_name("quarantine");
        let aside = folder.join(object.hex());
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(&path, &aside));
        if hash_file(&aside).is_ok_and(|found| found == *object) {
            // Another process had set the damaged one aside and put a good one there.
            return fs::rename(&aside, &path).map_err(at("move into the store", &aside));
        }
        let what = match moved {
            Ok(()) => "its content is not what its name says (set aside in `quarantine/`)",
            Err(_) => "its content is not what its name says, and it cannot be set aside",
        };
        Err(StoreError::Damaged { digest: object.hex(), what: what.into() })
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
        let source = self.path(object);
        match fs::hard_link(&source, target) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !source.exists() => {
                Err(StoreError::Missing { digest: object.hex() })
            }
            // No hard links here (another file system, too many links): a copy serves.
            Err(_) => fs::copy(&source, target).map(drop).map_err(at("copy to", target)),
        }
    }

    /// All objects with their paths and sizes, in order of digest.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn all(&self) -> Result<Vec<(Digest, PathBuf, u64)>> {
        let object = |(path, size): (PathBuf, u64)| {
            let head = path.parent()?.file_name()?.to_str()?;
            let digest = Digest::from_hex(&format!("{head}{}", path.file_name()?.to_str()?))?;
            Some((digest, path, size))
        };
        let mut all: Vec<_> = self.files()?.filter_map(object).collect();
        all.sort_unstable_by_key(|(digest, ..)| *digest);
        Ok(all)
    }

    /// Files that were being written when their process was killed, with their sizes. Only for one who has the store alone:
    /// otherwise they may be somebody's.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<(PathBuf, u64)>> {
        let is_leftover = |path: &Path| path.extension().is_some_and(|extension| extension == TEMPORARY);
        let mut all: Vec<_> = self.files()?.filter(|(path, _)| is_leftover(path)).collect();
        all.sort_unstable();
        Ok(all)
    }

    /// Whatever lies where objects do.
    fn files(&self) -> Result<impl Iterator<Item = (PathBuf, u64)>> {
        let heads = fs::read_dir(&self.root).map_err(at("read", &self.root))?.flatten();
        let tails = heads.flat_map(|head| fs::read_dir(head.path()).into_iter().flatten().flatten());
        Ok(tails.filter_map(|tail| Some((tail.path(), tail.metadata().ok()?.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_in_and_come_out() {
        let root = tempfile::tempdir().unwrap();
        let objects = Objects::new(root.path().join("objects"));
        let source = root.path().join("source");
        fs::create_dir_all(source.join("deep")).unwrap();
        fs::write(source.join("a"), "one").unwrap();
        fs::write(source.join("deep/b"), "two").unwrap();
        let manifest = objects.take_folder(&source).unwrap();
        let artifact = objects.put(manifest.text().as_bytes()).unwrap();
        assert!(objects.intact(&artifact));
        let target = root.path().join("target");
        objects.link(&objects.manifest(&artifact).unwrap(), &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("deep/b")).unwrap(), "two");
        fs::remove_file(objects.path(&Digest::of(b"one"))).unwrap();
        assert!(!objects.intact(&artifact));
    }

    #[test]
    fn damage_is_set_aside_and_healed_by_the_same_content() {
        let root = tempfile::tempdir().unwrap();
        let objects = Objects::new(root.path().join("objects"));
        let digest = objects.put(b"good").unwrap();
        let path = objects.path(&digest);
        let damage = || {
            fs::remove_file(&path).unwrap();
            fs::write(&path, "evil").unwrap();
        };
        objects.check(&digest).unwrap();
        damage();
        assert!(matches!(objects.check(&digest), Err(StoreError::Damaged { .. })));
        assert!(!path.exists() && root.path().join("quarantine").join(digest.hex()).exists());
        assert!(matches!(objects.check(&digest), Err(StoreError::Missing { .. })));
        fs::write(&path, "evil").unwrap();
        let fresh = root.path().join("fresh");
        fs::write(&fresh, "good").unwrap();
        objects.take(&fresh).unwrap();
        objects.check(&digest).unwrap();
        damage();
        assert!(matches!(objects.manifest(&digest), Err(StoreError::Damaged { .. })));
    }
}
