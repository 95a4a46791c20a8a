//! Contents by their blake3 hash: written to a temporary name, renamed, never changed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use llmp_compiler::key::Digest;

use super::{Entry, Manifest, Result, StoreError, at};

/// Files from this size on are synced one by one; smaller ones with the run's end.
const SYNC_FROM: u64 = 1 << 20;

/// Files from this size on are hashed by all cores.
const PARALLEL_FROM: u64 = 8 << 20;

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
            self.make_parent(&path)?;
            write_atomically(&path, bytes)?;
            make_read_only(&path)?;
        }
        Ok(digest)
    }

    /// Moves a finished file into the store.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn take(&self, file: &Path) -> Result<Entry> {
        let size = fs::metadata(file).map_err(at("read", file))?.len();
        let digest = hash_file(file)?;
        let path = self.path(&digest);
        if self.has(&digest, size) {
            fs::remove_file(file).map_err(at("remove", file))?;
        } else {
            self.make_parent(&path)?;
            if size >= SYNC_FROM {
                let opened = File::open(file).map_err(at("open", file))?;
                opened.sync_data().map_err(at("sync", file))?;
            }
            make_read_only(file)?;
            fs::rename(file, &path).map_err(at("move into the store", file))?;
        }
        Ok(Entry { digest, size })
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
        Manifest::parse(artifact, &text)
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
            let source = self.path(&entry.digest);
            match fs::hard_link(&source, &target) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(StoreError::Missing { digest: entry.digest.hex() });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // No hard links here (another file system, too many links): a copy serves.
                Err(_) => {
                    fs::copy(&source, &target).map_err(at("copy to", &target))?;
                }
            }
        }
        Ok(())
    }

    fn make_parent(&self, path: &Path) -> Result<()> {
        let parent = path.parent().unwrap_or(&self.root);
        match fs::create_dir(parent) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(_) => fs::create_dir_all(parent).map_err(at("make the folder", parent)),
        }
    }

    /// All objects with their paths and sizes, in order of digest.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn all(&self) -> Result<Vec<(Digest, PathBuf, u64)>> {
        let mut all = Vec::new();
        for head in fs::read_dir(&self.root).map_err(at("read", &self.root))?.flatten() {
            for tail in fs::read_dir(head.path()).into_iter().flatten().flatten() {
                let (Some(a), Some(b)) = (
                    head.file_name().to_str().map(str::to_owned),
                    tail.file_name().to_str().map(str::to_owned),
                ) else {
                    continue;
                };
                if let (Some(digest), Ok(meta)) = (Digest::from_hex(&format!("{a}{b}")), tail.metadata()) {
                    all.push((digest, tail.path(), meta.len()));
                }
            }
        }
        all.sort_unstable_by_key(|(digest, ..)| *digest);
        Ok(all)
    }
}

/// The blake3 hash of a file's content.
///
/// # Errors
/// Where it cannot be read.
pub fn hash_file(path: &Path) -> Result<Digest> {
    let mut file = File::open(path).map_err(at("open", path))?;
    let size = file.metadata().map_err(at("read", path))?.len();
    let mut hasher = blake3::Hasher::new();
    let mut buffer =
        vec![0; if size >= PARALLEL_FROM { 4 << 20 } else { (size as usize + 1).min(256 << 10) }];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(at("read", path)(error)),
        };
        let chunk = buffer.get(..read).unwrap_or_default();
        if size >= PARALLEL_FROM {
            hasher.update_rayon(chunk);
        } else {
            hasher.update(chunk);
        }
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn make_read_only(path: &Path) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o444)).map_err(at("make read-only", path))
}

/// Writes a file so that it is either absent (or as it was) or whole.
///
/// # Errors
/// Where the disk refuses.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        if bytes.len() as u64 >= SYNC_FROM { file.sync_data() } else { Ok(()) }
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(&temporary);
        return Err(at("write", &temporary)(error));
    }
    fs::rename(&temporary, path).map_err(at("write", path))
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
    fn large_and_small_files_hash_alike() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        let bytes: Vec<u8> =
            (0..(9 << 20)).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_file(&path).unwrap(), Digest::of(&bytes));
    }
}
