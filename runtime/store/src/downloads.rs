//! The download cache: whole files that were fetched, by content, shared by all stores and pipelines of a
//! user.
//!
//! ```text
//! ~/.cache/llmp/downloads/
//!   files/DIGEST      a whole file, read-only, under its blake3
//!   known/NAME        what a file at an address was when it was fetched last; NAME is the blake3 of the address
//!   coming/NAME.*     a file on its way: its beginning, and the lock of the process that fetches it
//! ```
//!
//! A file appears under `files/` once it is whole and checked. All of it can be fetched again, so `llmp gc
//! --downloads` removes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use llmp_compiler::key::Digest;

use super::{Entry, Result, at, write_cache};

/// Names another folder for the cache.
pub const VARIABLE: &str = "LLMP_DOWNLOADS";

/// The cache; nothing of it needs to exist.
#[derive(Clone, Debug)]
pub struct Downloads {
    root: PathBuf,
}

impl Downloads {
    /// In this folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The user's: `LLMP_DOWNLOADS`, else `llmp/downloads` in `XDG_CACHE_HOME`, else in `~/.cache`, else in
    /// the system's folder for temporary files.
    #[must_use]
    pub fn of_user() -> Self {
        let folder = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let root = folder(VARIABLE).unwrap_or_else(|| {
            let cache = folder("XDG_CACHE_HOME").filter(|it| it.is_absolute());
            let cache = cache.or_else(|| folder("HOME").map(|home| home.join(".cache")));
            cache.unwrap_or_else(std::env::temp_dir).join("llmp/downloads")
        });
        Self { root: std::path::absolute(&root).unwrap_or(root) }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file of this content lies, if it is there.
    #[must_use]
    pub fn file(&self, digest: &Digest) -> PathBuf {
        self.root.join("files").join(digest.hex())
    }

    /// Whether the file is there with all its bytes. Its content is not read.
    #[must_use]
    pub fn has(&self, entry: &Entry) -> bool {
        fs::metadata(self.file(&entry.digest)).is_ok_and(|meta| meta.is_file() && meta.len() == entry.size)
    }

    /// The name below which a file at an address is on its way: ends are added to it.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn coming(&self, address: &str) -> Result<PathBuf> {
        let folder = self.root.join("coming");
        fs::create_dir_all(&folder).map_err(at("make the folder", &folder))?;
        Ok(folder.join(name_of(address)))
    }

    /// What the file at an address was when it was fetched last, where it is still there.
    #[must_use]
    pub fn known(&self, address: &str) -> Option<Entry> {
        let text = fs::read_to_string(self.root.join("known").join(name_of(address))).ok()?;
        let mut lines = text.lines();
        let (of, entry) = (lines.next()?, lines.next()?);
        let (size, digest) = entry.split_once(' ')?;
        let entry = Entry { size: size.parse().ok()?, digest: Digest::from_hex(digest)? };
        (of == address && self.has(&entry)).then_some(entry)
    }

    /// Takes in a whole file that was checked, and remembers what lies at its address.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn keep(&self, whole: &Path, address: &str, entry: Entry) -> Result<()> {
        let (files, known) = (self.root.join("files"), self.root.join("known"));
        for folder in [&files, &known] {
            fs::create_dir_all(folder).map_err(at("make the folder", folder))?;
        }
        fs::set_permissions(whole, fs::Permissions::from_mode(0o444)).map_err(at("change", whole))?;
        // First: it counts only once the file is there, which else would be fetched again after a cut between
        // the two.
        let text = format!("{address}\n{} {}\n", entry.size, entry.digest.hex());
        write_cache(&known.join(name_of(address)), text.as_bytes())?;
        let file = self.file(&entry.digest);
        fs::rename(whole, &file).map_err(at("move to", &file))
    }

    /// How many files there are, whole or on their way, and their bytes.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        let all = ["files", "coming"].into_iter().flat_map(|folder| fs::read_dir(self.root.join(folder)));
        let sizes = all.flatten().flatten().filter_map(|entry| Some(entry.metadata().ok()?.len()));
        sizes.filter(|size| *size > 0).fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }

    /// Removes all of it.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn clear(&self) -> Result<()> {
        for folder in ["files", "known", "coming"] {
            let folder = self.root.join(folder);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(at("remove", &folder)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn name_of(address: &str) -> String {
    Digest::of(address.as_bytes()).hex().get(..32).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_content_and_address() {
        let root = tempfile::tempdir().unwrap();
        let downloads = Downloads::at(root.path());
        let entry = Entry { digest: Digest::of(b"one"), size: 3 };
        assert!(downloads.known("https://a.example/1").is_none() && !downloads.has(&entry));
        let coming = downloads.coming("https://a.example/1").unwrap();
        fs::write(&coming, "one").unwrap();
        assert_eq!(downloads.size(), (1, 3));
        downloads.keep(&coming, "https://a.example/1", entry.clone()).unwrap();
        assert!(downloads.has(&entry) && !coming.exists());
        assert_eq!(downloads.known("https://a.example/1"), Some(entry));
        assert_eq!(downloads.known("https://a.example/2"), None);
        assert_eq!(downloads.size(), (1, 3));
        downloads.clear().unwrap();
        assert_eq!((downloads.known("https://a.example/1"), downloads.size()), (None, (0, 0)));
    }
}
