//! The user's files behind a path or pattern, with their digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llmp_compiler::key::{Digest, Hasher};
use llmp_store::{Entry, Stat};

use super::walk;

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

/// The files of one path or pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Sorted by digest, so that neither names nor order count; the same content under two names is one file.
    pub found: Vec<Found>,
}

impl Files {
    /// Finds the files: a file, all files below a folder, or those that match a pattern with `*`, `?`, `**`, `[…]`.
    ///
    /// # Errors
    /// A sentence for people: nothing there, or nothing readable.
    pub fn find(folder: &Path, pattern: &str, stat: &mut Stat) -> Result<Self, String> {
        let paths = walk::files(folder, pattern)?;
        let entries = stat.digests(&paths).map_err(|error| error.to_string())?;
        let mut by_digest = BTreeMap::new();
        for (path, entry) in paths.into_iter().zip(entries) {
            let Some(Entry { digest, size }) = entry else { continue };
            by_digest.entry(digest).or_insert_with(|| Found {
                label: walk::label(folder, &path),
                path: path.clone(),
                digest,
                size,
            });
        }
        Ok(Self { found: by_digest.into_values().collect() })
    }

    /// The digest of the whole set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("llmp files 1");
        for file in &self.found {
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
        let mut find = |folder: &Path, pattern: &str| Files::find(folder, pattern, &mut stat);
        assert_eq!(find(&a, "*.w").unwrap().digest(), find(&b, "*.w").unwrap().digest());
        assert_eq!(find(root.path(), "a").unwrap().found.len(), 2);
        assert_eq!(find(&a, "*.q").unwrap_err(), "no file matches `*.q`");
        assert_eq!(find(&a, "q").unwrap_err(), "there is no file `q`");
    }
}
