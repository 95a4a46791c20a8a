//! The user's files behind a path or pattern, with their digests.

use std::path::{Path, PathBuf};

use llmp_compiler::graph::{FileSet, Source};
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
    /// Sorted by digest, so that neither names nor order count; the same content under two names is one file. Where names
    /// count, sorted by name, and every file is one.
    pub found: Vec<Found>,
    /// Whether names count.
    pub names: bool,
}

impl Files {
    /// Finds the files of all paths and patterns: a file, all files below a folder, or those that match a pattern with `*`,
    /// `?`, `**`, `[…]`.
    ///
    /// # Errors
    /// A sentence for people: nothing there, or nothing readable.
    pub fn find(folder: &Path, set: &FileSet, stat: &mut Stat) -> Result<Self, String> {
        if let Source::Lock(_) = set.source {
            return Err("what this stage reads is fetched beforehand, which this llmp cannot do".to_owned());
        }
        let mut found = Vec::new();
        for pattern in set.patterns() {
            found.extend(of_pattern(folder, pattern, stat)?);
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
        let mut find = |folder: &Path, pattern: &str| Files::find(folder, &FileSet::of([pattern]), &mut stat);
        assert_eq!(find(&a, "*.w").unwrap().digest(), find(&b, "*.w").unwrap().digest());
        assert_eq!(find(root.path(), "a").unwrap().found.len(), 2);
        assert_eq!(find(&a, "*.q").unwrap_err(), "no file matches `*.q`");
        assert_eq!(find(&a, "q").unwrap_err(), "there is no file `q`");
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
            Files::find(root.path(), &set, &mut stat)
        };
        assert_eq!(find(&["*.w", "c.q"], false).unwrap(), find(&["b.w", "a.w"], false).unwrap());
        assert_eq!(find(&["a.w", "no"], false).unwrap_err(), "there is no file `no`");
        let (one, other) = (find(&["a.w"], true).unwrap(), find(&["c.q"], true).unwrap());
        assert_ne!(one.digest(), other.digest());
        assert_ne!(one.found[0].shard(true), other.found[0].shard(true));
        assert_eq!(find(&["*.w", "a.w", "c.q"], true).unwrap().found.len(), 3);
    }
}
