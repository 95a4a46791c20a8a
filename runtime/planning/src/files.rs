//! The user's files behind a path or pattern, with their digests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llmp_compiler::key::{Digest, Hasher};
use llmp_store::{Entry, Stat};

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
        let mut paths = Vec::new();
        let plain = folder.join(pattern);
        if let Ok(meta) = std::fs::metadata(&plain) {
            if meta.is_dir() {
                collect(&plain, &mut paths).map_err(|error| format!("cannot read `{pattern}`: {error}"))?;
            } else {
                paths.push(plain);
            }
        } else if pattern.contains(['*', '?', '[']) {
            let escaped = glob::Pattern::escape(&folder.to_string_lossy());
            let whole = if Path::new(pattern).is_absolute() {
                pattern.to_owned()
            } else {
                format!("{escaped}/{pattern}")
            };
            let options =
                glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
            let matches = glob::glob_with(&whole, options)
                .map_err(|error| format!("`{pattern}` is no pattern: {}", error.msg))?;
            for path in matches {
                paths.push(path.map_err(|error| {
                    format!("cannot read `{}`: {}", error.path().display(), error.error())
                })?);
            }
        } else {
            return Err(format!("there is no file `{pattern}`"));
        }
        paths.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        let entries = stat.digests(&paths).map_err(|error| error.to_string())?;
        let mut by_digest = BTreeMap::new();
        for (path, entry) in paths.into_iter().zip(entries) {
            let Some(Entry { digest, size }) = entry else { continue };
            let label = || path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            by_digest.entry(digest).or_insert_with(|| Found {
                label: label(),
                path: path.clone(),
                digest,
                size,
            });
        }
        if by_digest.is_empty() {
            let plain = folder.join(pattern);
            return Err(match plain.exists() {
                true if plain.is_dir() => format!("the folder `{pattern}` is empty"),
                true => format!("`{pattern}` is neither a file nor a folder"),
                false => format!("no file matches `{pattern}`"),
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

/// All files below a folder.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Links inside a folder are not followed, so that a loop cannot trap the walk.
        match entry.file_type()? {
            kind if kind.is_dir() => collect(&entry.path(), paths)?,
            kind if kind.is_file() => paths.push(entry.path()),
            _ => {}
        }
    }
    Ok(())
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
