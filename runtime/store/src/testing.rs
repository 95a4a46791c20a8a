//! A store without a disk, for tests of what is built on one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llmp_compiler::key::Digest;

use super::objects::{ObjectStore, missing};
use super::{Entry, Result, StoreError, at, write_cache};

/// Objects in memory. Like a store on another machine, it has to fetch an object before it can be read as a
/// file. Clones are the same store.
#[derive(Clone)]
pub struct Memory {
    objects: Arc<Mutex<BTreeMap<Digest, Vec<u8>>>>,
    fetched: PathBuf,
}

impl Memory {
    /// An empty one, which puts copies of what is read as files into the folder `fetched`.
    #[must_use]
    pub fn new(fetched: PathBuf) -> Self {
        Self { objects: Arc::default(), fetched }
    }

    /// Puts other bytes in the place of an object's content.
    pub fn damage(&self, object: &Digest, bytes: &[u8]) {
        self.objects().insert(*object, bytes.to_vec());
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore for Memory {
    fn open(&self, object: &Digest) -> Result<Box<dyn Read + Send>> {
        let bytes = self.objects().get(object).cloned().ok_or_else(|| missing(object))?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn size(&self, object: &Digest) -> Option<u64> {
        self.objects().get(object).map(|bytes| bytes.len() as u64)
    }

    fn localize(&self, object: &Digest) -> Result<PathBuf> {
        let objects = self.objects();
        let bytes = objects.get(object).ok_or_else(|| missing(object))?;
        fs::create_dir_all(&self.fetched).map_err(at("make the folder", &self.fetched))?;
        let path = self.fetched.join(object.hex());
        write_cache(&path, bytes)?;
        Ok(path)
    }

    fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        self.objects().entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn take(&self, file: &Path) -> Result<Entry> {
        let bytes = fs::read(file).map_err(at("read", file))?;
        let entry = Entry { digest: Digest::of(&bytes), size: bytes.len() as u64 };
        // As on the disk: what was damaged meanwhile does not win over a good one.
        self.objects().insert(entry.digest, bytes);
        fs::remove_file(file).map_err(at("remove", file))?;
        Ok(entry)
    }

    fn check(&self, object: &Digest) -> Result<()> {
        let mut objects = self.objects();
        let found = objects.get(object).map(|bytes| Digest::of(bytes)).ok_or_else(|| missing(object))?;
        if found != *object {
            objects.remove(object);
            let what = "its content is not what its name says".into();
            return Err(StoreError::Damaged { digest: object.hex(), what });
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<(Digest, u64)>> {
        Ok(self.objects().iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect())
    }

    fn remove(&self, object: &Digest) -> Result<()> {
        self.objects().remove(object).map(drop).ok_or_else(|| missing(object))
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Disk;
    use super::super::{Manifest, Objects};
    use super::*;

    /// What every place that keeps objects does. `damage` puts other bytes in the place of an object's.
    fn conforms(objects: &Objects, scratch: &Path, damage: &dyn Fn(&Digest, &[u8])) {
        let read = |object: &Digest| String::from_utf8(objects.read(object).unwrap()).unwrap();
        let is_missing = |object: &Digest| {
            assert!(!objects.contains(object));
            for found in
                [objects.read(object).err(), objects.localize(object).err(), objects.check(object).err()]
            {
                assert!(matches!(found, Some(StoreError::Missing { .. })), "{found:?}");
            }
        };
        let absent = Digest::of(b"absent");
        is_missing(&absent);
        assert!(matches!(objects.manifest(&absent), Err(StoreError::Missing { .. })));
        assert!(matches!(objects.remove(&absent), Err(StoreError::Missing { .. })));
        assert!(matches!(objects.link_file(&absent, &scratch.join("no")), Err(StoreError::Missing { .. })));

        // Bytes go in once.
        let one = objects.put(b"one").unwrap();
        assert_eq!((one, objects.put(b"one").unwrap()), (Digest::of(b"one"), one));
        assert!(objects.has(&one, 3) && !objects.has(&one, 4));
        assert_eq!(read(&one), "one");
        assert_eq!(fs::read_to_string(objects.localize(&one).unwrap()).unwrap(), "one");
        objects.check(&one).unwrap();

        // Folders go in and come out; what was there stays.
        let source = scratch.join("source");
        fs::create_dir_all(source.join("deep")).unwrap();
        fs::write(source.join("a"), "one").unwrap();
        fs::write(source.join("deep/b"), "two").unwrap();
        let manifest = objects.take_folder(&source).unwrap();
        assert!(!source.join("a").exists() && !source.join("deep/b").exists(), "they were moved");
        assert_eq!(manifest.files["a"], Entry { digest: one, size: 3 });
        let artifact = objects.put_manifest(&manifest).unwrap();
        assert_eq!((artifact, objects.manifest(&artifact).unwrap()), (manifest.digest(), manifest.clone()));
        assert!(objects.intact(&artifact));
        let target = scratch.join("target");
        objects.link(&manifest, &target).unwrap();
        objects.link(&manifest, &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("deep/b")).unwrap(), "two");

        // The list is whole, in order, and without what was removed.
        let two = Digest::of(b"two");
        let mut all = vec![(one, 3), (two, 3), (artifact, manifest.text().len() as u64)];
        all.sort_unstable_by_key(|(digest, _)| *digest);
        assert_eq!(objects.list().unwrap(), all);
        assert!(objects.leftovers().unwrap().is_empty());
        objects.remove(&one).unwrap();
        is_missing(&one);
        assert!(!objects.intact(&artifact));
        assert_eq!(objects.list().unwrap().len(), 2);

        // Damage is found once, and healed by the same content.
        damage(&two, b"owt");
        assert!(matches!(objects.check(&two), Err(StoreError::Damaged { .. })));
        is_missing(&two);
        damage(&two, b"owt");
        fs::write(scratch.join("fresh"), "two").unwrap();
        assert_eq!(objects.take(&scratch.join("fresh")).unwrap(), Entry { digest: two, size: 3 });
        objects.check(&two).unwrap();
        for bytes in [&b"nonsense"[..], &[0xff]] {
            damage(&artifact, bytes);
            assert!(matches!(objects.manifest(&artifact), Err(StoreError::Damaged { .. })));
        }
        assert!(matches!(
            objects.manifest(&objects.put(b"no list").unwrap()),
            Err(StoreError::Damaged { .. })
        ));
        assert_eq!(objects.manifest(&objects.put(b"").unwrap()).unwrap(), Manifest::default());

        // Many publish the same at once; each finds it whole.
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..50_u32 {
                        let digest = objects.put(&number.to_le_bytes()).unwrap();
                        assert_eq!(objects.read(&digest).unwrap(), number.to_le_bytes());
                    }
                });
            }
        });
    }

    #[test]
    fn the_disk_conforms() {
        let root = tempfile::tempdir().unwrap();
        let objects = root.path().join("objects");
        fs::create_dir(&objects).unwrap();
        let damage = |object: &Digest, bytes: &[u8]| {
            let hex = object.hex();
            let path = objects.join(&hex[..2]).join(&hex[2..]);
            let _ = fs::remove_file(&path);
            fs::write(path, bytes).unwrap();
        };
        conforms(&Objects::new(Disk::new(objects.clone())), root.path(), &damage);
    }

    #[test]
    fn the_memory_conforms() {
        let root = tempfile::tempdir().unwrap();
        let memory = Memory::new(root.path().join("fetched"));
        let damage = |object: &Digest, bytes: &[u8]| memory.damage(object, bytes);
        conforms(&Objects::new(memory.clone()), root.path(), &damage);
    }
}
