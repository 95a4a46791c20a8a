//! Objects in a folder of the disk: written to a temporary name, renamed, never changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;

use super::hash::{hash_file, hash_open};
use super::objects::{ObjectStore, missing};
use super::write::{SYNC_FROM, TEMPORARY, move_object, write_object};
use super::{Entry, Result, StoreError, at};

/// A folder with one read-only file an object, `ab/cdef…` for the digest `abcdef…`. What is damaged is set
/// aside in `quarantine/` beside it.
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the object lies, or would lie.
    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (head, tail) = hex.split_at(2);
        self.root.join(head).join(tail)
    }

    /// Whatever lies where objects do.
    fn files(&self) -> Result<impl Iterator<Item = (PathBuf, u64)>> {
        let heads = fs::read_dir(&self.root).map_err(at("read", &self.root))?.flatten();
        let tails = heads.flat_map(|head| fs::read_dir(head.path()).into_iter().flatten().flatten());
        Ok(tails.filter_map(|tail| Some((tail.path(), tail.metadata().ok()?.len()))))
    }
}

/// For `map_err`: an object that is not there is missing; anything else is the system's.
fn of_object(object: &Digest, what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let (object, at) = (*object, at(what, path));
    move |error| match error.kind() {
        io::ErrorKind::NotFound => missing(&object),
        _ => at(error),
    }
}

impl ObjectStore for Disk {
    fn open(&self, object: &Digest) -> Result<Box<dyn Read + Send>> {
        let path = self.path(object);
        Ok(Box::new(File::open(&path).map_err(of_object(object, "read", &path))?))
    }

    fn size(&self, object: &Digest) -> Option<u64> {
        fs::metadata(self.path(object)).ok().map(|found| found.len())
    }

    fn localize(&self, object: &Digest) -> Result<PathBuf> {
        let path = self.path(object);
        match fs::metadata(&path) {
            Ok(_) => Ok(path),
            Err(error) => Err(of_object(object, "read", &path)(error)),
        }
    }

    fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if self.size(&digest) != Some(bytes.len() as u64) {
            write_object(&self.path(&digest), bytes)?;
        }
        Ok(digest)
    }

    fn take(&self, file: &Path) -> Result<Entry> {
        let opened = File::open(file).map_err(at("open", file))?;
        let entry = hash_open(&opened, file)?;
        // An object of this name that was damaged meanwhile is no reason to throw away a good one.
        if self.size(&entry.digest) == Some(entry.size) && self.check(&entry.digest).is_ok() {
            fs::remove_file(file).map_err(at("remove", file))?;
        } else {
            if entry.size >= SYNC_FROM {
                opened.sync_data().map_err(at("sync", file))?;
            }
            let read_only = fs::Permissions::from_mode(0o444);
            opened.set_permissions(read_only).map_err(at("make read-only", file))?;
            move_object(file, &self.path(&entry.digest))?;
        }
        Ok(entry)
    }

    fn check(&self, object: &Digest) -> Result<()> {
        let path = self.path(object);
        match hash_file(&path) {
            Ok(found) if found == *object => return Ok(()),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(missing(object));
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

    fn list(&self) -> Result<Vec<(Digest, u64)>> {
        let object = |(path, size): (PathBuf, u64)| {
            let head = path.parent()?.file_name()?.to_str()?;
            let digest = Digest::from_hex(&format!("{head}{}", path.file_name()?.to_str()?))?;
            Some((digest, size))
        };
        let mut all: Vec<_> = self.files()?.filter_map(object).collect();
        all.sort_unstable_by_key(|(digest, _)| *digest);
        Ok(all)
    }

    fn remove(&self, object: &Digest) -> Result<()> {
        let path = self.path(object);
        fs::remove_file(&path).map_err(of_object(object, "remove", &path))
    }

    fn leftovers(&self) -> Result<Vec<(PathBuf, u64)>> {
        let is_leftover = |path: &Path| path.extension().is_some_and(|extension| extension == TEMPORARY);
        let mut all: Vec<_> = self.files()?.filter(|(path, _)| is_leftover(path)).collect();
        all.sort_unstable();
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Objects;
    use super::*;

    #[test]
    fn damage_is_set_aside_and_healed_by_the_same_content() {
        let root = tempfile::tempdir().unwrap();
        let objects = Disk::new(root.path().join("objects"));
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
        assert!(matches!(Objects::new(objects).manifest(&digest), Err(StoreError::Damaged { .. })));
    }
}
