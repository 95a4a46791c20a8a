//! The user's files behind a path or pattern, with their digests.

use std::path::{Path, PathBuf};

use llmp_compiler::graph::FileSet;
use llmp_compiler::key::{Digest, Hasher};
use llmp_compiler::place::fetched_address;
use llmp_compiler::plan::Absent;
use llmp_store::{Downloads, Entry, Stat};

use super::lockfile::{LockFile, Locked, request};
use super::{folder_of, walk};

/// Where files are looked for: the pipeline's folder, its lock file, and the download cache.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The folder of the main file.
    pub folder: PathBuf,
    /// The lock file, or what is wrong with it.
    pub lock: Result<LockFile, String>,
    /// What was fetched.
    pub downloads: Downloads,
}

impl Surroundings {
    /// Those of the pipeline with this main file.
    #[must_use]
    pub fn of(main: &Path) -> Self {
        let lock = LockFile::open(&LockFile::path(main));
        Self { folder: folder_of(main), lock, downloads: Downloads::of_user() }
    }

    /// The lock file.
    ///
    /// # Errors
    /// A sentence for people: where it cannot be read.
    pub fn lock(&self) -> Result<&LockFile, Absent> {
        self.lock.as_ref().map_err(|error| Absent::Missing(error.clone()))
    }

    /// A fetched file. It lies in the download cache once somebody needs it; what it is stands in the lock
    /// file.
    fn found(&self, locked: &Locked) -> Found {
        let Entry { digest, size } = locked.entry;
        Found { label: locked.address.clone(), path: self.downloads.file(&digest), digest, size }
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path as people know it: relative to the pipeline's folder where it lies below.
    pub label: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

impl Found {
    /// What its shard is called after: its content, and its name where that counts.
    #[must_use]
    pub fn shard(&self, names: bool) -> Digest {
        match names {
            true => Hasher::new("llmp named file 1").text(&self.label).digest(&self.digest).finish(),
            false => self.digest,
        }
    }
}

/// The files of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Sorted by digest, so that neither names nor order count; the same content under two names is one file.
    /// Where names count, sorted by name, and every file is one.
    pub found: Vec<Found>,
    /// Whether names count.
    pub names: bool,
}

impl Files {
    /// Finds the files of all paths and patterns: a file, all files below a folder, or those that match a
    /// pattern with `*`, `?`, `**`, `[…]`.
    ///
    /// Addresses, and what stages have fetched, are as the lock file says.
    ///
    /// # Errors
    /// A sentence for people: nothing there, or nothing readable; or that it is to be fetched first.
    pub fn find(at: &Surroundings, set: &FileSet, stat: &mut Stat) -> Result<Self, Absent> {
        let mut found = Vec::new();
        if let Some(request) = request(set) {
            let files = at.lock()?.files(&request).ok_or(Absent::Unfetched)?;
            found.extend(files.into_iter().map(|locked| at.found(locked)));
        }
        for pattern in set.patterns() {
            match fetched_address(pattern) {
                Some(address) => found.push(at.found(at.lock()?.address(address).ok_or(Absent::Unfetched)?)),
                None => found.extend(of_pattern(&at.folder, pattern, stat)?),
            }
        }
        match set.names {
            // Two patterns may name one file.
            true => {
                found.sort_by(|a, b| (&a.label, a.digest).cmp(&(&b.label, b.digest)));
                found.dedup_by(|a, b| a.label == b.label);
            }
            false => {
                found.sort_by_key(|file| file.digest);
                found.dedup_by_key(|file| file.digest);
            }
        }
        Ok(Self { found, names: set.names })
    }

    /// The digest of the whole set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(if self.names { "llmp named files 1" } else { "llmp files 1" });
        for file in &self.found {
            if self.names {
                hasher.text(&file.label);
            }
            hasher.digest(&file.digest);
        }
        hasher.finish()
    }

    /// `8 files`, or the path of a single one.
    #[must_use]
    pub fn label(&self) -> String {
        match self.found.as_slice() {
            [one] => format!("{} ({})", one.label, one.digest.short()),
            many => format!("{} files ({})", many.len(), self.digest().short()),
        }
    }
}

/// The files of one path or pattern, by path.
fn of_pattern(folder: &Path, pattern: &str, stat: &mut Stat) -> Result<Vec<Found>, String> {
    let paths = walk::files(folder, pattern)?;
    let entries = stat.digests(&paths).map_err(|error| error.to_string())?;
    let found = paths.into_iter().zip(entries).filter_map(|(path, entry)| {
        let Entry { digest, size } = entry?;
        Some(Found { label: walk::label(folder, &path), path, digest, size })
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        for folder in [&a, &b] {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::write(a.join("1.w"), "x").unwrap();
        std::fs::write(a.join("2.w"), "y").unwrap();
        std::fs::write(b.join("z.w"), "x").unwrap();
        std::fs::write(b.join("k.w"), "y").unwrap();
        std::fs::write(b.join("twice.w"), "y").unwrap();
        let mut stat = Stat::open(&root.path().join("stat"));
        let mut find = |folder: &Path, pattern: &str| {
            Files::find(&Surroundings::of(&folder.join("main.llmp")), &FileSet::of([pattern]), &mut stat)
        };
        assert_eq!(find(&a, "*.w").unwrap().digest(), find(&b, "*.w").unwrap().digest());
        assert_eq!(find(root.path(), "a").unwrap().found.len(), 2);
        assert_eq!(find(&a, "*.q").unwrap_err().to_string(), "no file matches `*.q`");
        assert_eq!(find(&a, "q").unwrap_err().to_string(), "there is no file `q`");
    }

    #[test]
    fn several_sources_are_one_set() {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("a.w", "x"), ("b.w", "y"), ("c.q", "x")] {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        let mut stat = Stat::open(&root.path().join("stat"));
        let mut find = |patterns: &[&str], names| {
            let set = FileSet { names, ..FileSet::of(patterns.iter().copied()) };
            Files::find(&Surroundings::of(&root.path().join("main.llmp")), &set, &mut stat)
        };
        assert_eq!(find(&["*.w", "c.q"], false).unwrap(), find(&["b.w", "a.w"], false).unwrap());
        assert_eq!(find(&["a.w", "no"], false).unwrap_err().to_string(), "there is no file `no`");
        let (one, other) = (find(&["a.w"], true).unwrap(), find(&["c.q"], true).unwrap());
        assert_ne!(one.digest(), other.digest());
        assert_ne!(one.found[0].shard(true), other.found[0].shard(true));
        assert_eq!(find(&["*.w", "a.w", "c.q"], true).unwrap().found.len(), 3);
    }
}
